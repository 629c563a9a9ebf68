# SPDX-License-Identifier: Apache-2.0
"""Messages in, acknowledgements out after the commit: what the broker's side and a benchmark call."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock
from pistegate_cloud.clocks import service as clocks
from pistegate_cloud.documents.asking import Asking, wanted
from pistegate_cloud.encoders import queries as encoders
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates.service import hello
from pistegate_cloud.ingest import store
from pistegate_cloud.ingest.applier import Applier
from pistegate_cloud.ingest.core import (
    TELLERS,
    Accepted,
    Chain,
    ChainKey,
    Heads,
    Position,
    Refused,
    acknowledgement,
    acknowledgements,
    add_batches,
    key_of,
    open_message,
)
from pistegate_cloud.ingest.precedence import Precedence
from pistegate_cloud.ingest.senders import Senders
from pistegate_cloud.settings import CardKeySettings, SigningKey
from pistegate_protocol.messages import (
    BATCH_EVENTS_MAX,
    DOWN,
    UP,
    Batch,
    Forgotten,
    HeldDocument,
    Hello,
    RelayResponse,
    TimeAsked,
)
from pistegate_protocol.topics import Device

_log = logging.getLogger(__name__)
RETURNED_MAX = 100  # documents sent back and not looked at; a site has seven
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
        *,
        unsigned: bool = False,
        time_key: SigningKey | None = None,
    ) -> None:
        """`card_keys`: without them no card's proof can be checked. `unsigned`: heard from who was never enrolled.

        `time_key`: the documents' key, to tell devices the time with.
        """
        self._connection = connection
        self._clock = clock
        self._on_relay = on_relay
        self._precedence = Precedence()
        self._applier = Applier(clock, card_keys, self._precedence)
        self._unsigned = unsigned
        self._time_key = time_key
        self._senders = Senders()
        self._asking = Asking()
        self.returned: asyncio.Queue[tuple[Device, HeldDocument]] = asyncio.Queue(RETURNED_MAX)
        """Documents that devices sent back (documents.recovery); those beyond are asked for again."""

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
                case Accepted(device, TimeAsked() as asked):
                    outgoing += await self._time(device, asked)
                case Accepted(device, HeldDocument() as held) if not self.returned.full():
                    self.returned.put_nowait((device, held))
                case Accepted(device, Forgotten() as forgotten):
                    outgoing += await self._skip(device, forgotten, now_ms)
        more = any(len(batch.payloads) == BATCH_EVENTS_MAX for _, batch in batches)
        with self._precedence.storing(more=more):
            outgoing += await self._batches(batches, refused, now_ms)
        return outgoing

    async def accept(self, device: Device, actor: str) -> tuple[int, int, int]:
        """Take in what lies in quarantine because its sender was doubted, on a person's word.

        Batches taken, events stored, batches that stay because what comes before them is missing. They become part of
        the device's books like any other; what contradicts those is kept as a fork.
        """
        now_ms = self._clock.wall_ms()
        async with in_transaction() as connection:
            rows = await store.doubted(device.up)
            opened = [(row.id, open_message(row.topic, bytes(row.payload))) for row in rows]
            batches = [
                (number, key_of(item.device, item.message), item.message)
                for number, item in opened
                if isinstance(item, Accepted) and isinstance(item.message, Batch)
            ]
            chains = await store.lock_chains(sorted({key for _, key, _ in batches}), now_ms) if batches else {}
            await self._store(connection, chains, [(key, batch) for _, key, batch in batches], now_ms, Heads())
            taken = [number for number, key, batch in batches if batch.first_seq <= chains[key].position.seq + 1]
            hellos = {number for number, _ in opened} - {number for number, _, _ in batches}
            await store.accept([*taken, *hellos], actor, now_ms)
        stored = sum(len(chain.fresh) for chain in chains.values())
        return len(taken), stored, len(batches) - len(taken)

    async def apply_pending(self) -> int:
        """Apply what is stored and not yet applied; the number of events applied."""
        return await self._applier.apply_pending()

    async def _hello(self, device: Device, message: Hello, now_ms: int) -> list[bytes] | str:
        generation, change = await store.state()
        address = (device.site, device.number)
        if device.role in TELLERS:
            sender = (await self._senders.of([address], change))[address]
            if reason := sender.refuses(device) or sender.doubts_hello(device, message, unsigned=self._unsigned):
                return reason
            asked = await wanted(device, message.documents, self._asking, self._clock.monotonic())
            return await hello(device, message, generation, now_ms, asked)
        software, state = message.software.replace("\x00", ""), message.state.replace("\x00", "")
        known = await encoders.seen(device.site, device.number, now_ms, software, state)
        return [] if known else "unknown_device"

    async def _time(self, device: Device, asked: TimeAsked) -> list[Outgoing]:
        """The time now, for a device in use; nobody else needs an answer."""
        address = (device.site, device.number)
        _, change = await store.state()
        sender = (await self._senders.of([address], change))[address]
        if self._time_key is None or sender.refuses(device):
            return []
        return [(device.down, clocks.answer(device, asked, self._time_key, self._clock.wall_ms()))]

    async def _skip(self, device: Device, message: Forgotten, now_ms: int) -> list[Outgoing]:
        """Events that neither this database nor the device has any more are passed over, and a person is told."""
        async with in_transaction():
            generation, change = await store.state()
            address = (device.site, device.number)
            sender = (await self._senders.of([address], change))[address]
            if sender.refuses(device) or sender.doubts_forgotten(device, message, unsigned=self._unsigned):
                return []
            key = ChainKey(device.site, device.number, message.stream, message.epoch)
            chain = (await store.lock_chains([key], now_ms))[key]
            missing = range(chain.position.seq + 1, message.first_seq)
            if not missing:
                return []  # told before, or about an acknowledgement that came late
            chain.position = Position(message.first_seq - 1, message.head)
            await store.move_chain(key, chain.position)
            values = {"gate": device.number, "epoch": message.epoch, "first": missing.start, "last": missing.stop - 1}
            case = exceptions.Case(
                kind="events_forgotten",
                key=f"{key.site}/{key.gate}/{key.stream}/{key.epoch}/{missing.start}",
                site=key.site,
                gate=key.gate,
                values=values,
            )
            await exceptions.record([case], now_ms)
        return [(device.down, DOWN.encode(acknowledgement(key, chain.position, generation)))]

    async def _batches(
        self, batches: list[tuple[Accepted, Batch]], refused: list[Refused], now_ms: int
    ) -> list[Outgoing]:
        if not batches and not refused:
            return []
        heads = Heads()
        async with in_transaction() as connection:
            generation, change = await store.state()
            devices, keyed = await self._admit(batches, refused, change, heads)
            chains = await store.lock_chains(sorted(devices), now_ms) if keyed else {}
            await self._store(connection, chains, keyed, now_ms, heads)
            await self._show_refused(refused, now_ms)
        return [
            (devices[key].down, DOWN.encode(ack))
            for key, chain in chains.items()
            for ack in acknowledgements(chain, generation)
        ]

    async def _admit(
        self, batches: list[tuple[Accepted, Batch]], refused: list[Refused], change: int, heads: Heads
    ) -> tuple[dict[ChainKey, Device], list[tuple[ChainKey, Batch]]]:
        """The chains of batches whose senders are believed, each with its device; others are refused."""
        senders = await self._senders.of({(item.device.site, item.device.number) for item, _ in batches}, change)
        devices: dict[ChainKey, Device] = {}
        keyed = []
        for item, batch in batches:
            device = item.device
            key = key_of(device, batch)
            sender = senders[device.site, device.number]
            reason = sender.refuses(device)
            if reason in _NOBODY:
                refused.append(Refused(device.up, _summary(batch), reason or "", device))
                continue
            # Whoever is refused in any case is still told from somebody who only uses the number.
            head = heads.of(batch)[-1]
            reason = sender.doubts(device, batch, head, unsigned=self._unsigned) or reason
            if reason is None:
                devices[key] = device
                keyed.append((key, batch))
            else:
                refused.append(_doubted(device, batch, head, reason))
        return devices, keyed

    async def _store(
        self,
        connection: BaseDBAsyncClient,
        chains: dict[ChainKey, Chain],
        work: list[tuple[ChainKey, Batch]],
        now_ms: int,
        heads: Heads,
    ) -> None:
        for key, batch in work:
            missing = chains[key].missing_heads(batch, heads.of)
            if missing:
                chains[key].heads |= await store.load_heads(key, missing)
        add_batches(chains, work, heads.of)
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


# Of devices that are not registered as what they say, nothing is kept: they keep and resend it themselves.
_NOBODY = frozenset({"unknown_device", "wrong_role", "retired_device"})


def _doubted(device: Device, batch: Batch, head: bytes, reason: str) -> Refused:
    """A batch kept whole, so that a person may accept it; once, though each sending is signed anew."""
    place = f"{reason} {batch.stream} {batch.epoch} {batch.first_seq} "
    return Refused(device.up, UP.encode(batch), reason, device, place.encode() + head)


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
