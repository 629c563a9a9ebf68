# SPDX-License-Identifier: Apache-2.0
"""Messages in, acknowledgements out after the commit: what the broker's side and a benchmark call."""

import logging
from collections.abc import Callable, Sequence

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock
from pistegate_cloud.encoders import queries as encoders
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.gates.service import hello
from pistegate_cloud.ingest import store
from pistegate_cloud.ingest.applier import Applier
from pistegate_cloud.ingest.core import (
    TELLERS,
    Accepted,
    Chain,
    ChainKey,
    Refused,
    acknowledgement,
    add_batches,
    key_of,
    open_message,
)
from pistegate_cloud.settings import CardKeySettings
from pistegate_protocol.messages import DOWN, Batch, Hello, RelayResponse
from pistegate_protocol.topics import Device, Role

KNOWN_S = 1.0  # a device taken out of use may be heard for so long
_log = logging.getLogger(__name__)
Outgoing = tuple[str, bytes]
OnRelay = Callable[[Device, RelayResponse], None]


class Ingest:
    """Stores what devices send and answers it; `apply_pending` turns stored events into passages."""

    def __init__(
        self,
        connection: BaseDBAsyncClient,
        clock: Clock,
        on_relay: OnRelay,
        card_keys: CardKeySettings | None = None,
    ) -> None:
        """`card_keys`: without them no card's proof can be checked."""
        self._connection = connection
        self._clock = clock
        self._on_relay = on_relay
        self._applier = Applier(clock, card_keys)
        self._generation: int | None = None
        self._in_use: dict[tuple[int, int], Role] = {}
        self._known_since = clock.monotonic()

    async def receive(self, messages: Sequence[tuple[str, bytes]]) -> list[Outgoing]:
        """Take (topic, payload) messages in one transaction; what to publish, in order, now that it is committed."""
        return await self.take([open_message(topic, payload) for topic, payload in messages])

    async def take(self, opened: Sequence[Accepted | Refused]) -> list[Outgoing]:
        """As `receive`, for messages that are opened already."""
        now_ms = self._clock.wall_ms()
        refused = [item for item in opened if isinstance(item, Refused)]
        batches: list[tuple[Accepted, Batch]] = []
        outgoing: list[Outgoing] = []
        for item in opened:
            match item:
                case Accepted(device, RelayResponse() as response):
                    self._on_relay(device, response)
                case Accepted(device, Hello() as message):
                    answers = await self._hello(device, message, now_ms)
                    if isinstance(answers, str):
                        refused.append(Refused(device.up, b"", answers, device))
                    else:
                        outgoing += [(device.down, answer) for answer in answers]
                case Accepted(_, Batch() as batch):
                    batches.append((item, batch))
        outgoing += await self._batches(batches, refused, now_ms)
        return outgoing

    async def apply_pending(self) -> int:
        """Apply what is stored and not yet applied; the number of events applied."""
        return await self._applier.apply_pending()

    async def _hello(self, device: Device, message: Hello, now_ms: int) -> list[bytes] | str:
        if device.role in TELLERS:
            return await hello(device, message, await self._current_generation(), now_ms)
        software, state = message.software.replace("\x00", ""), message.state.replace("\x00", "")
        known = await encoders.seen(device.site, device.number, now_ms, software, state)
        return [] if known else "unknown_device"

    async def _batches(
        self, batches: list[tuple[Accepted, Batch]], refused: list[Refused], now_ms: int
    ) -> list[Outgoing]:
        if not batches and not refused:
            return []
        generation = await self._current_generation()
        async with in_transaction() as connection:
            devices, keyed = await self._admit(batches, refused)
            chains = await store.lock_chains(sorted(devices), now_ms) if keyed else {}
            await self._store(connection, chains, keyed, now_ms)
            await self._show_refused(refused, now_ms)
        return [
            (devices[key].down, DOWN.encode(acknowledgement(key, chain.position, generation)))
            for key, chain in chains.items()
        ]

    async def _admit(
        self, batches: list[tuple[Accepted, Batch]], refused: list[Refused]
    ) -> tuple[dict[ChainKey, Device], list[tuple[ChainKey, Batch]]]:
        """The chains of batches whose senders are registered as what they say, each with its device; others refused."""
        known = await self._known({(item.device.site, item.device.number) for item, _ in batches})
        devices: dict[ChainKey, Device] = {}
        keyed = []
        for item, batch in batches:
            device = item.device
            role, retired = known.get((device.site, device.number), (None, False))
            if role is device.role and not retired:
                key = key_of(device, batch)
                devices[key] = device
                keyed.append((key, batch))
                continue
            reason = "unknown_device" if role is None else "retired_device" if retired else "wrong_role"
            refused.append(Refused(device.up, _summary(batch), reason, device))
        return devices, keyed

    async def _known(self, addresses: set[tuple[int, int]]) -> dict[tuple[int, int], tuple[Role, bool]]:
        """Roles of registered devices; those in use are kept for KNOWN_S: asking is a tenth of storing (measured)."""
        now = self._clock.monotonic()
        if now - self._known_since > KNOWN_S:
            self._in_use, self._known_since = {}, now
        if unknown := addresses - self._in_use.keys():
            found = await gates.registered(unknown)
            self._in_use |= {address: role for address, (role, retired) in found.items() if not retired}
            return {address: (role, False) for address, role in self._in_use.items()} | found
        return {address: (role, False) for address, role in self._in_use.items()}

    async def _store(
        self,
        connection: BaseDBAsyncClient,
        chains: dict[ChainKey, Chain],
        work: list[tuple[ChainKey, Batch]],
        now_ms: int,
    ) -> None:
        for key, batch in work:
            missing = chains[key].missing_heads(batch)
            if missing:
                chains[key].heads |= await store.load_heads(key, missing)
        add_batches(chains, work)
        await store.save_events(connection, [event for chain in chains.values() for event in chain.fresh], now_ms)
        if grown := [chain for chain in chains.values() if chain.fresh]:
            await store.save_chains(connection, grown)
        for chain in chains.values():
            if chain.forks:
                await store.save_forks(chain.forks, now_ms)
                await self._show_fork(chain, now_ms)

    async def _show_fork(self, chain: Chain, now_ms: int) -> None:
        key, seq = chain.key, chain.forks[0].seq
        _log.error(
            "fork: gate %d of site %d told seq %d of epoch %d twice, differently", key.gate, key.site, seq, key.epoch
        )
        case = exceptions.Case(
            kind="fork",
            key=f"{key.site}/{key.gate}/{key.stream}/{key.epoch}/{seq}",
            site=key.site,
            gate=key.gate,
            values={"gate": key.gate, "epoch": key.epoch, "seq": seq},
        )
        await exceptions.record([case], now_ms)

    async def _show_refused(self, refused: list[Refused], now_ms: int) -> None:
        if not refused:
            return
        await store.save_quarantined(refused, now_ms)
        await exceptions.record([_case(item) for item in refused], now_ms)

    async def _current_generation(self) -> int:
        if self._generation is None:
            self._generation = await store.generation()
        return self._generation


def _summary(batch: Batch) -> bytes:
    """What quarantine keeps of a batch: its place; the device keeps and resends the rest."""
    return f"stream {batch.stream} epoch {batch.epoch} from {batch.first_seq}".encode()


def _case(refused: Refused) -> exceptions.Case:
    device = refused.device
    where = f"{device.role} {device.number}" if device else refused.topic[:100].replace("\x00", "")
    return exceptions.Case(
        kind=f"quarantined_{refused.reason}",
        key=device.up if device else where,
        site=device.site if device else None,
        gate=device.number if device and device.role in TELLERS else None,
        values={"device": where},
    )
