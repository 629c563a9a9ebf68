# SPDX-License-Identifier: Apache-2.0
"""What all effects share: where a device stands, what was found, decoding."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from pistegate_cloud.gates.models import Gate
from pistegate_cloud.sites import queries as sites
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import EVENTS, Event
from pistegate_protocol.topics import Role

Ref = tuple[int, int]
Read = list[tuple[int, Event]]
NO_POST = 0  # of a till or a handheld, which stand at none; posts are numbered from 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands; post NO_POST and area 0 for one that stands at no post."""

    site: int
    gate: int
    post: int
    area: int
    zone: ZoneInfo
    group: int = 0
    role: Role = Role.GATE

    @classmethod
    async def of(cls, gate: Gate) -> "Place":
        """From a gate with its post and area."""
        site = await sites.site(gate.site_id)
        post, area = (gate.post.number, gate.post.area.number) if gate.post else (NO_POST, 0)
        zone = ZoneInfo(site.zone)
        return cls(gate.site_id, gate.number, post, area, zone, site.group_number, Role(gate.role))


@dataclass(frozen=True, slots=True)
class Found:
    """An exception found at an event; `key` where it is about something else than the event."""

    kind: str
    seq: int
    values: dict[str, Any] = field(default_factory=dict)
    ticket: int | None = None
    key: str | None = None


def inapplicable(seq: int, problem: str) -> Found:
    """An event that cannot be applied, and why."""
    return Found("inapplicable", seq, {"problem": problem})


def decode(payloads: Iterable[tuple[int, bytes]], found: list[Found]) -> Read:
    """The events; those that cannot be read are found inapplicable."""
    events: Read = []
    for seq, payload in payloads:
        try:
            events.append((seq, EVENTS.decode(payload)))
        except CodecError as error:
            found.append(inapplicable(seq, str(error)[:100].replace("\x00", "")))
    return events


def clean(text: str) -> str:
    """Without NUL, which PostgreSQL's text cannot hold."""
    return text.replace("\x00", "\ufffd")
