# SPDX-License-Identifier: Apache-2.0
"""The pure ingest core: whatever order, split, repetition and loss batches suffer, the same chain comes out."""

from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.ingest.core import (
    Accepted,
    Chain,
    ChainKey,
    Refused,
    acknowledgements,
    add_batches,
    observe_epoch,
    open_message,
    start_of,
)
from pistegate_protocol.events import Stream, next_head
from pistegate_protocol.messages import UP, Batch, RelayResponse

KEY = ChainKey(1, 7, Stream.LEDGER, 5 << 32)
PAYLOADS = [f"event {number}".encode() for number in range(1, 31)]


def heads(payloads: list[bytes]) -> list[bytes]:
    found = [start_of(KEY).head]
    for payload in payloads:
        found.append(next_head(found[-1], payload))
    return found


def batch(first: int, last: int, payloads: list[bytes] = PAYLOADS) -> Batch:
    return Batch(KEY.gate, Stream.LEDGER, KEY.epoch, first, heads(payloads)[first - 1], payloads[first - 1 : last])


class Database:
    """What a database keeps between groups of batches: the end, and heads that must be asked for."""

    def __init__(self) -> None:
        self.position = start_of(KEY)
        self.events: dict[int, bytes] = {}
        self.heads: dict[int, bytes] = {}
        self.forks: set[tuple[int, bytes]] = set()

    def take(self, group: list[Batch]) -> None:
        chain = Chain(KEY, self.position)
        for item in group:
            missing = chain.missing_heads(item)
            chain.heads |= {seq: self.heads[seq] for seq in missing}
        add_batches({KEY: chain}, [(KEY, item) for item in group])
        for event in chain.fresh:
            assert event.seq not in self.events
            self.events[event.seq] = event.payload
            self.heads[event.seq] = event.head
        self.forks |= {(event.seq, event.payload) for event in chain.forks}
        self.position = chain.position


ranges = st.integers(1, 30).flatmap(lambda first: st.tuples(st.just(first), st.integers(first, 30)))


@given(st.lists(st.lists(ranges, max_size=5), max_size=12))
def test_any_order_split_and_repetition_ends_with_the_same_chain(groups: list[list[tuple[int, int]]]) -> None:
    """After a last complete pass, the stored chain is the gate's, and no batch was ever called a fork."""
    database = Database()
    for group in groups:
        database.take([batch(first, last) for first, last in group])
        prefix = database.position.seq
        assert [database.events[seq] for seq in range(1, prefix + 1)] == PAYLOADS[:prefix]
        assert len(database.events) == prefix
        assert database.position.head == heads(PAYLOADS)[prefix]
    for first in range(1, 31, 7):
        database.take([batch(first, min(first + 6, 30))])
    assert [database.events[seq] for seq in range(1, 31)] == PAYLOADS
    assert not database.forks


@given(st.integers(1, 29), st.lists(st.lists(ranges, max_size=4), max_size=6), st.data())
def test_a_fork_is_kept_beside_and_never_replaces(
    at: int, groups: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    """A second history from `at` on is kept; the stored one stays as it was."""
    other = PAYLOADS[: at - 1] + [payload + b" otherwise" for payload in PAYLOADS[at - 1 :]]
    database = Database()
    database.take([batch(1, 30)])
    for group in groups:
        mixed = [batch(first, last, data.draw(st.sampled_from([PAYLOADS, other]))) for first, last in group]
        database.take(mixed)
    database.take([batch(at, 30, other)])
    assert [database.events[seq] for seq in range(1, 31)] == PAYLOADS
    assert {(seq, other[seq - 1]) for seq in range(at, 31)} == database.forks


def test_a_repetition_is_acknowledged_to_its_own_end() -> None:
    """A gate restored from an old image has nothing after event 5: acknowledged only to 9, it would never drain."""
    database = Database()
    database.take([batch(1, 9)])
    chain = Chain(KEY, database.position, dict(database.heads))
    add_batches({KEY: chain}, [(KEY, batch(4, 5)), (KEY, batch(8, 10))])
    told = acknowledgements(chain, 1)
    assert [(ack.seq, ack.head) for ack in told] == [(seq, heads(PAYLOADS)[seq]) for seq in (5, 10)]


def test_a_gap_is_waited_for() -> None:
    """A batch beyond what is stored changes nothing: the acknowledgement names the end of the prefix."""
    database = Database()
    database.take([batch(1, 5)])
    database.take([batch(8, 10)])
    assert database.position.seq == 5
    database.take([batch(8, 10), batch(6, 7)])
    assert database.position.seq == 10


def test_a_batch_that_continues_another_head_is_a_fork() -> None:
    """Right seq, wrong previous head: kept beside, not appended."""
    other = [b"other"] * 30
    database = Database()
    database.take([batch(1, 5)])
    database.take([batch(6, 8, other)])
    assert database.position.seq == 5
    assert database.forks == {(6, b"other"), (7, b"other"), (8, b"other")}


def test_topic_and_payload_must_name_the_same_device() -> None:
    """A gate under another's topic, an encoder that sends events, garbage and newer versions go to quarantine."""
    good = UP.encode(batch(1, 2))
    assert isinstance(open_message("pistegate/1/1/gate/7/up", good), Accepted)
    for topic, payload, reason in [
        ("pistegate/1/1/gate/8/up", good, "identity_mismatch"),
        ("pistegate/1/1/encoder/7/up", good, "wrong_role"),
        ("pistegate/1/1/gate/7/up", b"\x01garbage", "unreadable"),
        ("pistegate/1/1/gate/7/up", b"", "unreadable"),
        ("pistegate/1/1/gate/7/up", b"\x02" + good[1:], "unknown_version"),
        ("pistegate/1/99999999999/gate/7/up", good, "bad_topic"),
        ("pistegate/1/" + "9" * 5000 + "/gate/7/up", good, "bad_topic"),
        ("elsewhere", good, "bad_topic"),
    ]:
        opened = open_message(topic, payload)
        assert isinstance(opened, Refused), topic
        assert opened.reason == reason
    relay = UP.encode(RelayResponse(7, 1, 1, b"", []))
    assert isinstance(open_message("pistegate/1/1/encoder/7/up", relay), Accepted)


def test_alternating_epochs_are_two_devices() -> None:
    """A, B is a restart; A, B, A is two devices with one identity."""
    recent: list[int] = []
    seen = []
    for epoch in (1, 1, 2, 2, 3, 2):
        recent, conflict = observe_epoch(recent, epoch)
        seen.append(conflict)
    assert seen == [False, False, False, False, False, True]
