# SPDX-License-Identifier: Apache-2.0
"""What is sent when: whatever is lost, doubled or reordered, all is acknowledged in the end and nothing forgotten."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pistegate_edge.uplink.core import HELLO_S, RESEND_S, WINDOW, AckResult, Send, UplinkCore
from pistegate_edge.uplink.identity import FLAPS, FlapDetector, RateLimit
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import Ack

LEDGER, NOTES = Stream.LEDGER, Stream.NOTES


def head(seq: int) -> bytes:
    """A head by its seq."""
    return seq.to_bytes(32, "big")


def ack(epoch: int, seq: int, stream: Stream = LEDGER) -> Ack:
    """A cloud's acknowledgement of our own chain."""
    return Ack(stream, epoch, seq, head(seq), 1)


def core(*pending: tuple[Stream, int, int, int], batch: int = 10) -> UplinkCore:
    """Connected; the last of `pending` is the current epoch."""
    uplink = UplinkCore(pending[-1][1], pending, batch)
    uplink.online()
    return uplink


def test_nothing_is_sent_without_a_connection() -> None:
    """Nothing waits in a library's memory."""
    uplink = UplinkCore(1, [(LEDGER, 1, 5, 0)])
    assert uplink.sends(0.0) == []
    assert not uplink.hello_due(0.0)


def test_window_is_filled_and_moves_with_acknowledgements() -> None:
    """At most WINDOW batches are on their way; each acknowledgement lets the next one go."""
    uplink = core((LEDGER, 1, 100, 0))
    first = uplink.sends(0.0)
    assert [(s.first, s.last) for s in first] == [(1, 10), (11, 20), (21, 30), (31, 40)]
    assert len(first) == WINDOW
    assert uplink.sends(1.0) == []
    assert uplink.acknowledged(ack(1, 10), head(10)) is AckResult.ADVANCED
    assert [(s.first, s.last) for s in uplink.sends(1.0)] == [(41, 50)]


def test_oldest_epoch_goes_first() -> None:
    """Epochs go in order, and a finished one is forgotten."""
    uplink = core((LEDGER, 1, 12, 2), (LEDGER, 2, 3, 0))
    assert [(s.epoch, s.first, s.last) for s in uplink.sends(0.0)] == [(1, 3, 12), (2, 1, 3)]
    assert uplink.acknowledged(ack(1, 12), head(12)) is AckResult.ADVANCED
    assert uplink.acknowledged(ack(1, 12), head(12)) is AckResult.OLD
    assert uplink.backlog() == 3


def test_unacknowledged_batches_are_sent_again_ever_more_slowly() -> None:
    """Resent after 5, 10, 20 ... seconds; an acknowledgement makes it quick again."""
    uplink = core((LEDGER, 1, 5, 0))
    uplink.sends(0.0)
    assert uplink.sends(RESEND_S - 0.1) == []
    assert uplink.sends(RESEND_S) == [Send(LEDGER, 1, 1, 5)]
    assert uplink.sends(2 * RESEND_S) == []
    assert uplink.sends(3 * RESEND_S) == [Send(LEDGER, 1, 1, 5)]


def test_reconnecting_sends_again_at_once() -> None:
    """Nothing sent on the old connection counts."""
    uplink = core((LEDGER, 1, 5, 0))
    uplink.sends(0.0)
    uplink.offline()
    uplink.online()
    assert uplink.sends(0.1) == [Send(LEDGER, 1, 1, 5)]


def test_acknowledgement_of_another_chain_forgets_nothing() -> None:
    """Another head, or an epoch that we never had, is somebody else's."""
    uplink = core((LEDGER, 1, 5, 0))
    assert uplink.acknowledged(Ack(LEDGER, 1, 5, bytes(32), 1), head(5)) is AckResult.FOREIGN
    assert uplink.acknowledged(ack(9, 5), None) is AckResult.FOREIGN
    assert uplink.backlog() == 5


def test_hello_at_once_then_every_30_seconds_and_when_something_changed() -> None:
    """Saying that it is due counts as sending it."""
    uplink = core((LEDGER, 1, 0, 0))
    assert uplink.hello_due(0.0)
    assert not uplink.hello_due(HELLO_S - 1)
    assert uplink.hello_due(HELLO_S)
    uplink.hello_soon()
    assert uplink.hello_due(HELLO_S + 1)


@dataclass
class Cloud:
    """Stores contiguous prefixes, as ingestion does."""

    stored: dict[int, int] = field(default_factory=dict)

    def take(self, send: Send) -> Ack:
        prefix = self.stored.get(send.epoch, 0)
        if send.first <= prefix + 1:
            prefix = max(prefix, send.last)
        self.stored[send.epoch] = prefix
        return ack(send.epoch, prefix)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_loss_doubling_and_order_ends_with_everything_stored(data: st.DataObject) -> None:
    """Nothing is taken as acknowledged before the cloud stored it, and everything is in the end."""
    lengths = data.draw(st.lists(st.integers(0, 30), min_size=1, max_size=4))
    uplink = core(*[(LEDGER, number, length, 0) for number, length in enumerate(lengths, 1)], batch=7)
    cloud = Cloud()
    up: list[Send] = []
    down: list[Ack] = []
    now = 0.0
    for _ in range(data.draw(st.integers(0, 40))):
        now += data.draw(st.sampled_from([0.1, 3.0, 20.0]))
        up += uplink.sends(now)
        step = data.draw(st.sampled_from(["deliver", "lose", "double", "answer", "forget", "reconnect", "grow"]))
        if up and step in {"deliver", "lose", "double"}:
            index = data.draw(st.integers(0, len(up) - 1))
            send = up[index] if step == "double" else up.pop(index)
            if step != "lose":
                down.append(cloud.take(send))
        elif down and step in {"answer", "forget"}:
            one = down.pop(data.draw(st.integers(0, len(down) - 1)))
            if step == "answer":
                uplink.acknowledged(one, head(one.seq))
        elif step == "reconnect":
            uplink.offline()
            uplink.online()
        elif step == "grow":
            lengths[-1] += 1
            uplink.grown(LEDGER, lengths[-1])
        assert uplink.backlog() >= sum(lengths) - sum(cloud.stored.values())
    for _ in range(200):
        now += 61.0
        for send in uplink.sends(now):
            one = cloud.take(send)
            uplink.acknowledged(one, head(one.seq))
    assert uplink.backlog() == 0
    assert sum(cloud.stored.values()) == sum(lengths)


def test_two_clients_of_one_identity_are_noticed_by_their_short_connections() -> None:
    """Several short connections in a row are a conflict; a broker's restart, or a long one between, is not."""
    flaps = FlapDetector()
    now, verdicts = 0.0, []
    for _ in range(FLAPS):
        flaps.connected(now)
        verdicts.append(flaps.disconnected(now + 2))
        now += 4
    assert verdicts == [False] * (FLAPS - 1) + [True]
    flaps.connected(now)
    assert not flaps.disconnected(now + 100)
    flaps.connected(now + 101)
    assert not flaps.disconnected(now + 102)


def test_reports_are_rate_limited() -> None:
    """Once per ten minutes is enough."""
    limit = RateLimit()
    assert [limit.allows(now) for now in (1.0, 2.0, 599.0, 601.0, 602.0)] == [True, False, False, True, False]
