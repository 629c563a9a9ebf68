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
