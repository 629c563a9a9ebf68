# SPDX-License-Identifier: Apache-2.0
"""Shapes of reports."""

from datetime import date

from pydantic import BaseModel, Field


class PassagesRow(BaseModel):
    """One post in one hour of the day in site zone."""

    post: int
    name: str
    hour: int
    rides: int = Field(description="Persons passed, each time they did.")
    persons: int = Field(description="Different persons (visitors 人次).")


class PassagesReport(BaseModel):
    """Passages of a day; `persons` of the day is not the sum of the hours."""

    site: int
    day: date
    rows: list[PassagesRow]
    rides: int
    persons: int


class SalesRow(BaseModel):
    """One product in one channel; money in minor units."""

    product: str
    channel: str
    currency: str
    tickets: int
    amount: int


class SalesReport(BaseModel):
    """Sales of a day."""

    site: int
    day: date
    rows: list[SalesRow]
    tickets: int
    amount: int


class Reconciliation(BaseModel):
    """Gates and books side by side; `day` null: since the beginning."""

    site: int
    day: date | None
    admissions: int
    open: int = Field(description="Admissions without an outcome yet.")
    passed: int = Field(description="Persons passed, over all outcomes.")
    not_passed: int = Field(description="Admissions of which nobody passed.")
    card_void: int
    card_unconfirmed: int
    interrupted: int
    unknown: int = Field(description="Persons who may have passed or not.")
    settled: int = Field(description="Admissions whose card later told whether it was charged.")
    refused: dict[str, int] = Field(description="Refused presentations by reason.")
    reoffers: int
    overridden: int = Field(description="Persons counted through on an attendant's word, in and out.")
    ledger_imbalance: int
    orders: int
    tickets: int
    sold_amount: int


class Exposure(BaseModel):
    """Persons of today's tickets at most: of each, allowance x (isolated groups + separately carried media)."""

    site: int
    day: date
    gates: int = Field(description="Gates in touch.")
    silent: int = Field(description="Gates not heard of for two minutes.")
    groups: int = Field(description="Groups of gates that do not hear each other.")
    tickets: int = Field(description="Tickets sold by the site, valid today and on a medium.")
    allowance: int = Field(description="Persons that were paid for today, of tickets that limit them.")
    most: int = Field(description="Persons whom these tickets let in at most today.")
    unlimited: int = Field(description="Media of tickets that limit no persons, counted once each.")


class SoldRow(BaseModel):
    """What was sold and posted on a business day, gross; `product`: its code, or the kind of a charge without one."""

    product: str
    kind: str
    department: str
    channel: str
    currency: str
    pieces: int
    amount: int
    tax: int


class EarnedRow(BaseModel):
    """Revenue of a department, net of tax: of what was used, has expired, or is earned at once."""

    department: str
    currency: str
    amount: int


class TenderRow(BaseModel):
    """Money by way of paying: what came, and what went (below zero)."""

    tender: str
    currency: str
    came: int
    went: int


class RevenueReport(BaseModel):
    """A business day as the books have it; persons are of the operating day, by the site's cut-over."""

    site: int
    day: date
    sold: list[SoldRow]
    earned: list[EarnedRow]
    tenders: list[TenderRow]
    visitors: int = Field(description="Different persons 人次.")
    rides: int = Field(description="Persons passed, each time they did.")
