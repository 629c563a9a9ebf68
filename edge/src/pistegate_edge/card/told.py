# SPDX-License-Identifier: Apache-2.0
"""A card as one JSON object, for programs and for the view: nothing in it is in words, money is in minor units."""

from datetime import datetime, tzinfo
from typing import Any

from pistegate_edge.card.assess import Assessed
from pistegate_edge.card.facts import CardFacts
from pistegate_edge.core.judge import Believed
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.claim_terms import DAY_MINUTES, Window
from pistegate_protocol.decide import Admit, Decision, GateProfile, Prompt
from pistegate_protocol.errors import UnknownVersion
from pistegate_protocol.records import CardRecord, RecordKind
from pistegate_protocol.rental import Rental, RentalKind, bits_to_kinds

_PASSAGES = (RecordKind.ENTRY, RecordKind.EXIT)
_RENTALS = (RecordKind.RENTAL_OUT, RecordKind.RENTAL_BACK)


def card_told(
    facts: CardFacts,
    assessed: Assessed,
    profile: GateProfile,
    *,
    currency: str | None = None,
    lost: bool = False,
    waiting: int | None = None,
    here: bool = False,
) -> dict[str, Any]:
    """Everything of a card. `currency`: of the purse, where it is known; `waiting`: a load to be written to it.

    `here`: tell what a lane at the profile's place would say now.
    """
    zone, ticket = profile.zone, assessed.ticket
    told: dict[str, Any] = {
        "uid": facts.uid.hex(),
        "key_set": int(facts.files.key_set),
        "transactions": facts.counter,
        "lost": lost,
        "ticket": _ticket(ticket, assessed.left, profile) if isinstance(ticket, Believed) else None,
        "problem": {"reason": ticket.reason.value, "ticket": ticket.ticket} if isinstance(ticket, Unusable) else None,
        "wallet": _wallet(facts, currency, waiting),
        "rental": _rental(facts.rental, zone) if facts.rental else {"problem": facts.rental_problem},
        "recent": [_record(record, profile) for record in facts.records],
    }
    if here:
        told["here"] = _here(assessed.decision, zone) if assessed.decision else {"admit": False, "reason": None}
    return told


def _ticket(believed: Believed, left: Prompt | None, profile: GateProfile) -> dict[str, Any]:
    claim, usage, amendment = believed.ticket.claim, believed.ticket.usage, believed.amendment
    areas = claim.areas if amendment is None or amendment.areas is None else amendment.areas
    until = claim.valid_until if amendment is None else amendment.valid_until or claim.valid_until
    codes = profile.post_codes(group=claim.scope.group)
    return {
        "number": claim.ticket,
        "revision": claim.revision,
        "product": claim.product,
        "holder": claim.holder.name.lower(),
        "party": claim.party,
        "scope": {"group" if claim.scope.group else "site": claim.scope.number},
        "areas": sorted(areas),
        "valid_from": claim.valid_from.isoformat(),
        "valid_until": until.isoformat(),
        "windows": [_window(window) for window in claim.windows],
        "blackout": claim.blackout,
        "entries_per_day": claim.entries_per_day,
        "entries_total": claim.entries_total,
        "days": claim.days,
        "bank_minutes": claim.bank.minutes if claim.bank else None,
        "clock_minutes": claim.clock.minutes if claim.clock else None,
        "tracked": claim.tracked,
        "used_total": usage.used_total,
        "last_entry": _time(usage.last_entry, profile.zone),
        "last_gate": codes.get(usage.last_gate, usage.last_gate) if usage.last_entry else None,
        "inside": usage.in_round if claim.tracked else None,
        "left": {} if left is None else _left(left, profile.zone),
        "amendment": None if amendment is None else {
            "number": amendment.number,
            "hold": amendment.hold,
            "extra_minutes": amendment.extra_minutes,
            "returns": amendment.returns,
        },
    }  # fmt: skip


def _left(left: Prompt, zone: tzinfo) -> dict[str, Any]:
    return {
        "today": left.left_today,
        "total": left.left_total,
        "days": left.left_days,
        "minutes": left.left_minutes,
        "ends": _time(left.ends, zone),
    }


def _wallet(facts: CardFacts, currency: str | None, waiting: int | None) -> dict[str, Any]:
    wallet, statement = facts.money.wallet, facts.money.statement
    return {
        "currency": statement.currency if statement else currency,
        "balance": wallet.balance,
        "purse": wallet.purse,
        "loaded": wallet.loaded,
        "spent": wallet.spent,
        "waiting": waiting,
        "problem": facts.money.problem or None,
    }


def _rental(rental: Rental, zone: tzinfo) -> dict[str, Any]:
    return {
        "outstanding": _names(rental.outstanding),
        "returned": _names(rental.taken - rental.outstanding),
        "since": _time(rental.since, zone),
        "last_returned": _time(rental.returned, zone),
        "settled": not rental.outstanding,
    }


def _record(record: CardRecord, profile: GateProfile) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": record.kind.name.lower(),
        "at": _time(record.at, profile.zone),
        "device": _lane(record.device, profile) if record.kind in _PASSAGES else record.device,
    }
    if record.kind in _PASSAGES:
        return told | {"persons": record.value}
    if record.kind in _RENTALS:
        try:
            return told | {"kinds": _names(bits_to_kinds(record.value))}
        except UnknownVersion:
            return told | {"kinds": ["other"]}
    return told | {"amount": record.value}


def _lane(code: int, profile: GateProfile) -> int:
    """The gate's number, for lanes of this post also where a ticket of the group names them by code."""
    return profile.post_codes(group=True).get(code, code)


def _here(decision: Decision, zone: tzinfo) -> dict[str, Any]:
    if isinstance(decision, Admit):
        return {"admit": True, "n": decision.n, "overtime": decision.overtime}
    return {
        "admit": False,
        "reason": decision.reason.value,
        "until": _time(decision.until, zone),
        "gate": decision.gate,
    }


def _names(kinds: frozenset[RentalKind]) -> list[str]:
    return [kind.name.lower() for kind in sorted(kinds)]


def _window(window: Window) -> str:
    """One into the night ends with the next day's time."""
    end = window.end if window.end <= DAY_MINUTES else window.end - DAY_MINUTES
    return f"{_clock(window.start)}-{_clock(end)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _time(at: datetime | None, zone: tzinfo) -> str | None:
    """Site time with its offset, to the second."""
    return None if at is None else at.astimezone(zone).isoformat(timespec="seconds")
