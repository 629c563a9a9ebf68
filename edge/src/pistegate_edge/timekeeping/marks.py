# SPDX-License-Identifier: Apache-2.0
"""What the journal of earlier runs tells of the time: the high-water mark costs no commit of its own. Pure."""

from collections.abc import Iterable

from pistegate_edge.timekeeping.told import Anchor, Before
from pistegate_protocol.events import ClockState, EpochOpened, Event

MARK_EVENTS = 400  # the newest events of each stream; times rise, but for notes that waited for their repeats


def before(streams: Iterable[Iterable[Event]], boot: bytes, stored_ms: int | None = None) -> Before:
    """From the newest events of each stream, in order; `boot`: this one; `stored_ms`: of a time mark kept.

    Only times that were trusted count, and what the cloud corrected downwards counts no more. Epochs of a release that
    told nothing of its clock are trusted.
    """
    found = [_of_stream(events, boot) for events in streams]
    marks = [mark for mark, _ in found if mark is not None] + ([] if stored_ms is None else [stored_ms])
    anchors = [anchor for _, anchor in found if anchor is not None]
    return Before(max(marks, default=None), max(anchors, key=lambda each: each.steady_ms, default=None))


def _of_stream(events: Iterable[Event], boot: bytes) -> tuple[int | None, Anchor | None]:
    mark: int | None = None
    anchor: Anchor | None = None
    opened: int | None = None
    trusted: bool | None = None
    for event in events:
        if isinstance(event, EpochOpened):
            opened, trusted = event.at, None
            continue
        if isinstance(event, ClockState):
            trusted = event.trusted
            if trusted and event.moved < 0:
                mark = event.at
            if boot and event.boot == boot:
                anchor = Anchor(event.up, event.at, event.error)
        if trusted is not False:
            mark = max(event.at, *(each for each in (mark, opened) if each is not None), event.at)
            opened = None
    return mark, anchor
