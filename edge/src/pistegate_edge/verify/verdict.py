# SPDX-License-Identifier: Apache-2.0
"""What a gate that knows nothing but its keys would decide about a code, and why; as one JSON object. Pure."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from pistegate_protocol.codes import NotOurs, Opened, PickUpCode, TicketCode, open_code, parse
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import ReadAt, Rotating
from pistegate_protocol.signing import ClaimRefused, KeyRing, claim_digest
from pistegate_protocol.texts import LOCALES, text
from pistegate_protocol.usage import Usage

ASSUMED = "nothing used, nothing denied, changed or suspended, no calendars known"


def verdict(code: str, keys: KeyRing, gate: GateProfile, read: ReadAt) -> dict[str, Any]:
    """`kind`: ticket, rotating, pick_up or unknown; `admit`; `reason` and `words` of a refusal; what the code holds."""
    parsed = parse(code)
    told: dict[str, Any] = {
        "kind": _kind(parsed),
        "at": read.now.isoformat(),
        "gate": {"site": gate.site, "group": gate.group, "area": gate.area, "gate": gate.gate},
        "characters": len(code),
    }
    if isinstance(parsed, NotOurs):
        return told | _refused(Refuse(parsed.reason), gate)
    if isinstance(parsed, PickUpCode):
        return told | {"number": parsed.number} | _refused(Refuse(Reason.PICK_UP_CODE), gate)
    if parsed.rotating is not None:
        told["rotating"] = _rotating(parsed.rotating, read)
    try:
        opened = open_code(parsed, keys, read)
    except ClaimRefused as error:
        return told | _refused(Refuse(error.reason), gate) | {"detail": str(error)}
    return (
        told
        | {"claim_digest": claim_digest(opened.signed).hex(), "claim": _plain(opened.claim)}
        | _judged(opened, gate, read)
    )


def _kind(parsed: object) -> str:
    if isinstance(parsed, TicketCode):
        return "ticket" if parsed.rotating is None else "rotating"
    return "pick_up" if isinstance(parsed, PickUpCode) else "unknown"


def _rotating(code: Rotating, read: ReadAt) -> dict[str, Any]:
    age = (read.now - code.shown_from).total_seconds()
    return {"shown_from": code.shown_from.isoformat(), "age_s": age, "tick": code.tick, "clock_trusted": read.trusted}


def _judged(opened: Opened, gate: GateProfile, read: ReadAt) -> dict[str, Any]:
    usage = Usage(claim=claim_digest(opened.signed))
    decision: Decision = decide(opened.claim, usage, gate, read.now, Knowledge())
    if isinstance(decision, Refuse):
        return {"assumed": ASSUMED} | _refused(decision, gate)
    return {"assumed": ASSUMED, "admit": True, "reason": None} | _admitted(decision)


def _admitted(decision: Admit) -> dict[str, Any]:
    key = "prompt.admit" if decision.n == 1 else "prompt.admit_party"
    words = {locale: text(key, locale, n=decision.n) for locale in LOCALES}
    return {"n": decision.n, "charged": decision.charged, "overtime": decision.overtime, "words": words}


def _refused(decision: Refuse, gate: GateProfile) -> dict[str, Any]:
    until = decision.until.astimezone(gate.zone) if decision.until else None
    values = {"until": f"{until:%H:%M}" if until else "", "gate": decision.gate or 0}
    words = {locale: text(f"reason.{decision.reason.value}", locale, **values) for locale in LOCALES}
    reason = {"admit": False, "reason": decision.reason.value, "words": words}
    return reason | ({"until": until.isoformat()} if until else {})


def _plain(value: Any) -> Any:
    """A claim as JSON holds it; terms that it does not have are left out."""
    if is_dataclass(value):
        named = {each.name: getattr(value, each.name) for each in fields(value)}
        return {name: _plain(held) for name, held in named.items() if held is not None and held != ()}
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (frozenset, tuple)):
        return (
            [_plain(each) for each in sorted(value)]
            if isinstance(value, frozenset)
            else [_plain(each) for each in value]
        )
    return value


def lines(told: dict[str, Any], locale: str) -> list[str]:
    """For a terminal: the decision in a guest's words, then what it rests on."""
    word = "admit" if told["admit"] else f"refuse ({told['reason']})"
    found = [
        f"{word}: {told['words'][locale]}",
        f"kind {told['kind']}, {told['characters']} characters, at {told['at']}",
    ]
    if "rotating" in told:
        found.append(f"shown from {told['rotating']['shown_from']}, {told['rotating']['age_s']:g} s before")
    if "claim" in told:
        found.append(", ".join(f"{name} {value}" for name, value in told["claim"].items()))
    return found + ([f"assumed: {told['assumed']}"] if "assumed" in told else [])
