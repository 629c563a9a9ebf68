# SPDX-License-Identifier: Apache-2.0
"""A gate in somebody's hands: it says whatever it likes to the cloud, under its own number and under others'."""

from collections.abc import Callable, Sequence
from random import Random

from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    EpochOpened,
    Event,
    Outcome,
    OutcomeKind,
    Stream,
    first_head,
    next_head,
)
from pistegate_protocol.messages import UP, Batch, HeldDocument, Hello
from pistegate_simulators.storm.tickets import KEY_ID

LIAR = 66


class Liar:
    """`say`: to the cloud, on the liar's own topic."""

    def __init__(self, rng: Random, wall_ms: Callable[[], int], say: Callable[[bytes], None], others: Sequence[int]):
        self._rng = rng
        self._wall_ms = wall_ms
        self._say = say
        self._others = others
        self._epoch = 1 << 32 | rng.getrandbits(32)
        self._payloads = [self._encoded(EpochOpened(wall_ms(), 0, b"", "liar"))]
        self.forked = False

    def lie(self) -> None:
        """One more lie."""
        self._rng.choice((self._noise, self._chain, self._fork, self._gap, self._other, self._boast, self._document))()

    def insist(self) -> None:
        """Say once more what must be kept side by side."""
        if self.forked:
            self._fork()

    def _noise(self) -> None:
        self._say(self._rng.randbytes(self._rng.randrange(1, 200)))

    def _chain(self) -> None:
        """Admissions that nobody saw, in a chain that holds."""
        at = self._wall_ms()
        admitted = Admitted(at, self._rng.randint(1, 20), b"\x00", bytes(8), 200, 200, bytes(16), bytes(8))
        seq = len(self._payloads) + 1
        self._payloads += [
            self._encoded(admitted),
            self._encoded(Outcome(at, self._epoch, seq, OutcomeKind.PASSED, 255, 255)),
        ]
        self._send(1, self._payloads)

    def _fork(self) -> None:
        """Another story of the same events."""
        if len(self._payloads) < 3:
            return
        other = self._encoded(EpochOpened(self._wall_ms() + 1, 7, bytes(32), "another"))
        self._send(1, self._payloads)
        self._send(2, [other, *self._payloads[2:]])
        self.forked = True

    def _gap(self) -> None:
        self._say(self._batch(LIAR, 5000, bytes(32), [b"nothing"]))

    def _other(self) -> None:
        """In another gate's name."""
        self._say(self._batch(self._rng.choice(self._others), 1, bytes(32), self._payloads))

    def _boast(self) -> None:
        epoch = self._rng.getrandbits(62)
        self._say(
            UP.encode(Hello(LIAR, epoch, self._wall_ms(), "liar", {"deny_list": 2**32 - 1}, "?" * 200, 2**32 - 1))
        )

    def _document(self) -> None:
        self._say(UP.encode(HeldDocument(LIAR, KEY_ID, self._rng.randbytes(60), self._rng.randbytes(64))))

    def _send(self, first: int, payloads: Sequence[bytes]) -> None:
        head = first_head(LIAR, Stream.LEDGER, self._epoch)
        for payload in self._payloads[: first - 1]:
            head = next_head(head, payload)
        self._say(self._batch(LIAR, first, head, payloads[:200]))

    def _batch(self, device: int, first: int, previous: bytes, payloads: Sequence[bytes]) -> bytes:
        return UP.encode(Batch(device, Stream.LEDGER, self._epoch, first, previous, list(payloads)))

    def _encoded(self, event: Event) -> bytes:
        return EVENTS.encode(event)
