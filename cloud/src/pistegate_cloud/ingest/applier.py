# SPDX-License-Identifier: Apache-2.0
"""Applies stored events, in order, once each: position and effects move in one transaction.

Chains of a gate are applied epoch by epoch. An epoch waits until the one it names as its predecessor is applied, for
at most PREDECESSOR_S; then it goes on and the hole is shown. An event that cannot be applied is shown and passed over.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from tortoise.expressions import F
from tortoise.transactions import in_transaction

from pistegate_cloud.authority import takeovers
from pistegate_cloud.clock import Clock
from pistegate_cloud.database import TRANSIENT
from pistegate_cloud.errors import CloudError
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.ingest.effects.base import Found, Place, decode
from pistegate_cloud.ingest.effects.ledger import LedgerEffects
from pistegate_cloud.ingest.effects.notes import NoteEffects
from pistegate_cloud.ingest.effects.places import OPENING_MAX, opening
from pistegate_cloud.ingest.models import EventChain, RawEvent
from pistegate_cloud.ingest.precedence import Precedence
from pistegate_cloud.proofs import waiting
from pistegate_cloud.proofs.service import Checker
from pistegate_cloud.settings import CardKeySettings
from pistegate_protocol.events import Stream

CHUNK = 500  # events per transaction
PREDECESSOR_S = 60.0  # batches in flight arrive within seconds; a lost epoch must not hold up the next for longer
_log = logging.getLogger(__name__)


class AppliedMeanwhile(CloudError):
    """Another process applied this chunk: roll back and look again."""


class Applier:
    """One at work per process; on PostgreSQL, several processes exclude each other by the chains' positions."""

    def __init__(self, clock: Clock, card_keys: CardKeySettings | None, precedence: Precedence) -> None:
        self._clock = clock
        self._precedence = precedence
        self._checker = Checker(card_keys)
        self._waiting_since: dict[int, float] = {}
        self._to_weigh: dict[tuple[int, int], set[str]] = {}

    async def apply_pending(self) -> int:
        """Apply everything that can be applied now; the number of events."""
        applied = 0
        chains = await EventChain.filter(applied_seq__lt=F("seq")).order_by("site", "gate", "stream", "epoch")
        for chain in chains:
            if chain.applied_seq == 0 and not await self._may_open(chain):
                continue
            try:
                applied += await self._apply_chain(chain)
            except AppliedMeanwhile:
                _log.info("chain %d was applied by another process", chain.id)
        await self._weigh()
        await waiting.look(self._checker, self._clock.wall_ms())
        return applied

    async def _weigh(self) -> None:
        """Cards that could wait until the backlog was through; whatever fails here, their next proof weighs them."""
        while self._to_weigh:
            (site, group), uids = self._to_weigh.popitem()
            await waiting.weigh(uids, site, group, self._checker, self._clock.wall_ms())

    async def _apply_chain(self, chain: EventChain) -> int:
        place = await _place(chain)
        applied = 0
        while chain.applied_seq < chain.seq:
            opens = await _opening(chain) if chain.applied_seq < OPENING_MAX else 0
            in_opening = chain.applied_seq < opens
            events = await _events(chain, opens - chain.applied_seq if in_opening else CHUNK)
            if not events:  # the last of them were forgotten before they came
                await self._advance(chain, chain.seq, [])
                break
            began = asyncio.get_running_loop().time()
            try:
                await self._apply(chain, place, events, opens)
            except (AppliedMeanwhile, *TRANSIENT):
                raise
            except Exception:  # noqa: BLE001 - whatever is wrong with one event must not hold up the others
                _log.exception("applying %d events of chain %d failed: one by one now", len(events), chain.id)
                await self._one_by_one(chain, place, events, opens)
            applied += len(events)
            if in_opening:
                place = await _place(chain)  # a spare has told by now at whose place it stands
            await self._precedence.give_way(asyncio.get_running_loop().time() - began)
        return applied

    async def _one_by_one(self, chain: EventChain, place: Place, events: list[RawEvent], opens: int) -> None:
        """Apply each event by itself, so that the one that fails is shown and the others are not held up."""
        for event in events:
            try:
                await self._apply(chain, place, [event], opens)
            except (AppliedMeanwhile, *TRANSIENT):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                _log.exception("event %d of chain %d cannot be applied", event.seq, chain.id)
                found = Found("inapplicable", event.seq, {"problem": type(error).__name__})
                await self._advance(chain, event.seq, [found])

    async def _apply(self, chain: EventChain, place: Place, events: list[RawEvent], opens: int) -> None:
        payloads = [(event.seq, bytes(event.payload)) for event in events]
        effects: LedgerEffects | NoteEffects
        if chain.stream == Stream.LEDGER:
            effects = LedgerEffects(place, chain.epoch, self._checker, self._clock.wall_ms(), opens)
        else:
            effects = NoteEffects(place, chain.epoch)
        await effects.read(payloads)
        await self._advance(chain, events[-1].seq, effects.found, effects.save)
        if isinstance(effects, LedgerEffects) and effects.to_weigh:
            self._to_weigh.setdefault((place.site, place.group), set()).update(effects.to_weigh)

    async def _advance(
        self,
        chain: EventChain,
        seq: int,
        found: list[Found],
        save: Callable[[], Coroutine[Any, Any, list[Found]]] | None = None,
    ) -> None:
        """Move the chain's position and store the effects, together or not at all."""
        async with in_transaction():
            rows = EventChain.filter(id=chain.id, applied_seq=chain.applied_seq)
            if not await rows.update(applied_seq=seq):
                raise AppliedMeanwhile
            more = await save() if save else []
            await self._show(chain, *found, *more)
        chain.applied_seq = seq

    async def _show(self, chain: EventChain, *found: Found) -> None:
        await exceptions.record([_case(chain, item) for item in found], self._clock.wall_ms())

    async def _may_open(self, chain: EventChain) -> bool:
        """Whether an epoch's predecessor is through, or has been waited for long enough; shows what is odd."""
        if chain.previous_epoch is None:
            return True
        before = {"site": chain.site, "gate": chain.gate, "stream": chain.stream}
        rivals = EventChain.filter(**before, previous_epoch=chain.previous_epoch, id__not=chain.id)
        if rival := await rivals.order_by("id").first():
            values = {"previous": chain.previous_epoch, "other": rival.epoch}
            pair = sorted((chain.epoch, rival.epoch))
            key = f"{chain.site}/{chain.gate}/{chain.stream}/{pair[0]}/{pair[1]}"
            await self._show(chain, Found("fork_epochs", 1, values, key=key))
        if chain.previous_epoch == 0:
            return True
        previous = await EventChain.get_or_none(**before, epoch=chain.previous_epoch)
        head = bytes(chain.previous_head or b"")
        if previous and bytes(previous.head) == head:
            return bool(previous.applied_seq == previous.seq)
        if previous and await RawEvent.filter(**before, epoch=chain.previous_epoch, head=head).exists():
            await self._show(chain, Found("rewound", 1, {"previous": chain.previous_epoch}))
            return True
        return await self._waited(chain)

    async def _waited(self, chain: EventChain) -> bool:
        since = self._waiting_since.setdefault(chain.id, self._clock.monotonic())
        if self._clock.monotonic() - since < PREDECESSOR_S:
            return False
        del self._waiting_since[chain.id]
        await self._show(chain, Found("predecessor_missing", 1, {"previous": chain.previous_epoch}))
        return True


def _case(chain: EventChain, item: Found) -> exceptions.Case:
    return exceptions.Case(
        kind=item.kind,
        key=item.key or f"{chain.site}/{chain.gate}/{chain.stream}/{chain.epoch}/{item.seq}",
        site=chain.site,
        gate=chain.gate,
        ticket=item.ticket,
        values={"gate": chain.gate, "epoch": chain.epoch, "seq": item.seq} | item.values,
    )


async def _place(chain: EventChain) -> Place:
    """Where this epoch of a device was: at its own post, or, of a spare, at that of the gate it stood for."""
    gate = await gates.gate(chain.site, chain.gate)
    if gate is None:  # it was registered when its events came; whoever removed it since did so by hand
        raise CloudError(f"gate {chain.gate} of site {chain.site} is not registered any more")
    place = await Place.of(gate)
    of = await takeovers.stood_at(chain.site, chain.gate, chain.epoch)
    other = None if of is None else await gates.gate(chain.site, of)
    if other is None or other.post is None:
        return place
    return replace(place, post=other.post.number, area=other.post.area.number)


async def _opening(chain: EventChain) -> int:
    """How many events open an epoch, as far as they have come, applied or not."""
    first = RawEvent.filter(
        site=chain.site, gate=chain.gate, stream=chain.stream, epoch=chain.epoch, seq__lte=min(OPENING_MAX, chain.seq)
    )
    payloads = [(event.seq, bytes(event.payload)) for event in await first.order_by("seq").only("id", "seq", "payload")]
    return opening(event for _, event in decode(payloads, []))


async def _events(chain: EventChain, limit: int) -> list[RawEvent]:
    query = RawEvent.filter(
        site=chain.site,
        gate=chain.gate,
        stream=chain.stream,
        epoch=chain.epoch,
        seq__gt=chain.applied_seq,
        seq__lte=chain.seq,
    )
    return await query.order_by("seq").limit(limit).only("id", "seq", "payload")
