# SPDX-License-Identifier: Apache-2.0
"""Shapes of what was seen on a card, over HTTP."""

from datetime import date, datetime

from pydantic import BaseModel

from pistegate_cloud.cards.reading import Seen
from pistegate_cloud.cards.replacing import Replaced
from pistegate_cloud.cards.schemas import CardAnswer, card_answer
from pistegate_protocol.claims import Claim
from pistegate_protocol.records import CardRecord
from pistegate_protocol.usage import Usage


class ClaimSeen(BaseModel):
    """The ticket on a card, its signature checked."""

    ticket: int
    revision: int
    product: int
    party: int
    valid_from: date
    valid_until: date


class UsageSeen(BaseModel):
    """What is used of it, by the card: persons in total and on the day of the last entry."""

    used_total: int
    used_on_day: int
    days_used: int
    last_entry: datetime | None


class RecordSeen(BaseModel):
    """One thing that the card remembers; `reported`: some device has told the cloud of it."""

    at: datetime
    kind: str
    device: int
    value: int
    reported: bool


class SeenAnswer(BaseModel):
    """A card and what it holds. `balance` = `purse` + what is left of signed loads, in minor units.

    `outstanding`: kinds of equipment still out. `unreported`: how many of the records no device has told yet.
    """

    card: CardAnswer
    claim: ClaimSeen | None
    usage: UsageSeen | None
    balance: int
    purse: int
    outstanding: list[str]
    records: list[RecordSeen]
    unreported: int


class ReplacedAnswer(BaseModel):
    """The old card and the new one; `ticket`: what is on the new one; `money`: minor units in its wallet's account."""

    old: CardAnswer
    new: CardAnswer
    ticket: int | None
    revision: int | None
    money: int
    round_trips: int


def seen_answer(seen: Seen) -> SeenAnswer:
    """As JSON."""
    return SeenAnswer(
        card=card_answer(seen.card),
        claim=_claim(seen.claim) if seen.claim else None,
        usage=_usage(seen.usage) if seen.usage else None,
        balance=seen.wallet.balance,
        purse=seen.wallet.purse,
        outstanding=sorted(kind.name.lower() for kind in seen.rental.outstanding),
        records=[_record(record, reported=record not in seen.unreported) for record in seen.records],
        unreported=len(seen.unreported),
    )


def replaced_answer(done: Replaced) -> ReplacedAnswer:
    """As JSON."""
    return ReplacedAnswer(
        old=card_answer(done.old),
        new=card_answer(done.new),
        ticket=done.new.ticket_id,
        revision=done.new.revision,
        money=done.money,
        round_trips=done.round_trips,
    )


def _claim(claim: Claim) -> ClaimSeen:
    return ClaimSeen(
        ticket=claim.ticket,
        revision=claim.revision,
        product=claim.product,
        party=claim.party,
        valid_from=claim.valid_from,
        valid_until=claim.valid_until,
    )


def _usage(usage: Usage) -> UsageSeen:
    return UsageSeen(
        used_total=usage.used_total,
        used_on_day=usage.used_on_day,
        days_used=usage.days_used,
        last_entry=usage.last_entry,
    )


def _record(record: CardRecord, *, reported: bool) -> RecordSeen:
    return RecordSeen(
        at=record.at,
        kind=record.kind.name.lower(),
        device=record.device,
        value=record.value,
        reported=reported,
    )
