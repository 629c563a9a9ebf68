# SPDX-License-Identifier: Apache-2.0
"""All queries of gates' clocks."""

from collections.abc import Iterable, Sequence

from tortoise.expressions import Q

from pistegate_cloud.clocks.models import ClockState
from pistegate_protocol.events import Stream

Chain = tuple[int, int, int]
"""Site, gate, epoch of a ledger."""


async def save(rows: Sequence[ClockState]) -> None:
    """Store new ones."""
    await ClockState.bulk_create(rows)


async def before(site: int, gate: int, stream: int, epoch: int, seq: int) -> list[ClockState]:
    """Those of a chain before an event, in order."""
    chain = ClockState.filter(site_id=site, gate=gate, stream=stream, epoch=epoch, seq__lt=seq)
    return await chain.order_by("seq")


async def last_before(site: int, gate: int, stream: int, epoch: int, seq: int) -> ClockState | None:
    """The one that holds at an event of a chain."""
    chain = ClockState.filter(site_id=site, gate=gate, stream=stream, epoch=epoch, seq__lt=seq)
    return await chain.order_by("-seq").first()


async def newest(ledgers: Iterable[Chain]) -> dict[Chain, ClockState]:
    """How the clock stands at the end of each ledger, as far as it has told."""
    return {(row.site_id, row.gate, row.epoch): row for row in await _of_ledgers(set(ledgers))}


async def doubted(places: Iterable[tuple[Chain, int]]) -> set[tuple[Chain, int]]:
    """Which of these ledger events, each a chain and seq, happened while the gate's time was in doubt."""
    wanted = set(places)
    states: dict[Chain, list[tuple[int, bool]]] = {}
    for row in await _of_ledgers({chain for chain, _ in wanted}):
        states.setdefault((row.site_id, row.gate, row.epoch), []).append((row.seq, row.trusted))
    return {(chain, seq) for chain, seq in wanted if not _trusted_at(states.get(chain, []), seq)}


async def _of_ledgers(ledgers: set[Chain]) -> list[ClockState]:
    """All of these, in order of seq."""
    if not ledgers:
        return []
    which = Q(*(Q(site_id=site, gate=gate, epoch=epoch) for site, gate, epoch in ledgers), join_type="OR")
    return await ClockState.filter(which, stream=Stream.LEDGER).order_by("seq")


def _trusted_at(states: list[tuple[int, bool]], seq: int) -> bool:
    """A chain that told nothing of its clock is of a release that did not."""
    return next((trusted for at, trusted in reversed(states) if at < seq), True)
