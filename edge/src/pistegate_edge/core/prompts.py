# SPDX-License-Identifier: Apache-2.0
"""What the guest is shown when admitted or refused: keys of the texts, and the values in them."""

from datetime import datetime, tzinfo

from pistegate_edge.core.actions import Lamp, Show
from pistegate_edge.core.inputs import Stranger
from pistegate_protocol.decide import Admit, Prompt, Refuse

DETAILS_MAX = 2  # lines after the first; more cannot be read in passing
STRANGERS = {
    Stranger.OTHER: "reason.foreign_medium",
    Stranger.PHONE: "prompt.phone",
    Stranger.RESIDENT_ID: "prompt.resident_id",
}


def admitted(admit: Admit, zone: tzinfo) -> Show:
    """Come in (or goodbye), for how many, and what is left of the ticket."""
    prompt = admit.prompt
    key = "prompt.admit" if admit.n == 1 else "prompt.admit_party"
    if admit.exit:
        key = "prompt.exit" if admit.n == 1 else "prompt.exit_party"
    values = {
        "n": admit.n,
        "left_today": prompt.left_today,
        "left_total": prompt.left_total,
        "left_days": prompt.left_days,
        "left_minutes": prompt.left_minutes,
        "ends": _time(prompt.ends, zone),
    }
    return Show(Lamp.ADMIT, key, values, _details(admit, prompt)[:DETAILS_MAX], prompt.holder)


def _details(admit: Admit, prompt: Prompt) -> tuple[str, ...]:
    """What matters most comes first."""
    given = [
        ("prompt.overtime", admit.overtime),
        ("prompt.ends", prompt.ends is not None and not admit.overtime),
        ("prompt.left_minutes", prompt.left_minutes is not None),
        ("prompt.left_days", prompt.left_days is not None),
        ("prompt.left_total", prompt.left_total is not None),
        ("prompt.left_today", prompt.left_today is not None),
    ]
    return tuple(key for key, holds in given if holds)


def refused(refuse: Refuse, zone: tzinfo) -> dict[str, object]:
    """The values in a refusal's words."""
    return {"until": _time(refuse.until, zone), "gate": refuse.gate or 0}


def strangers(found: frozenset[Stranger]) -> str:
    """The words for what is in the field and no ski card; a phone or an ID is told by name when it is alone."""
    return STRANGERS[next(iter(found))] if len(found) == 1 else STRANGERS[Stranger.OTHER]


def _time(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%H:%M") if at else ""
