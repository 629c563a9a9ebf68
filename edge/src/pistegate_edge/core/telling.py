# SPDX-License-Identifier: Apache-2.0
"""How refusals and incidents are told: shown at the lane, noted for the cloud, written to the log. Pure."""

from collections.abc import Mapping

from pistegate_edge.core.actions import Action, Lamp, Log, RecordNote, Release, Show
from pistegate_edge.core.now import Now
from pistegate_protocol.events import Incident, Refused, short_text
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium


def refuse(
    token: int | None,
    medium: Medium | None,
    reason: Reason,
    now: Now,
    detail: str = "",
    ticket: int | None = None,
    *,
    lamp: Lamp = Lamp.REFUSE,
    key: str = "",
    shown: Mapping[str, object] | None = None,
) -> list[Action]:
    """A medium is refused, a card let go if it is held; `key`: other words than the reason's, `shown`: their values."""
    actions: list[Action] = [] if token is None else [Release(token)]
    actions.append(Show(lamp, key or f"reason.{reason.value}", shown or {}))
    return actions + told_refusal(reason, medium, now, detail, ticket)


def told_refusal(
    reason: Reason, medium: Medium | None, now: Now, detail: str = "", ticket: int | None = None
) -> list[Action]:
    """A refusal that is shown already; `medium` None: of something that is none of ours."""
    who = "" if medium is None else f" {medium.kind.name.lower()} {medium.id.hex()}".rstrip()
    line = f"refused {reason.value}{who}" + (f": {detail}" if detail else "")
    record = Refused(now.wall_ms, reason.value, None if medium is None else medium.to_bytes(), ticket)
    return [RecordNote(record), Log(line)]


def incident(now: Now, code: str, detail: str) -> RecordNote:
    """Something an operator should know; `code`: an IncidentCode, or a word of the lane."""
    return RecordNote(Incident(now.wall_ms, str(code), short_text(detail)))
