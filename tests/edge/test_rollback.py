# SPDX-License-Identifier: Apache-2.0
"""Card images written back, and contents moved from card to card: refused, each with its reason, or flagged."""

from dataclasses import replace
from pathlib import Path

import pytest
from gate_bench import ISSUER, claim
from hypothesis import given
from hypothesis import strategies as st
from passage_bench import NOW, PROFILE, UID, Remembered, card_read, files_of, judge, later, passage, told

from pistegate_edge.clock import Clock
from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core import memory
from pistegate_edge.core.memory import Confirmed, KnownClaims
from pistegate_edge.core.owed import OwedBook, UnsettledBook
from pistegate_edge.core.passage import Passage
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.claim_terms import Bank
from pistegate_protocol.claims import Claim
from pistegate_protocol.events import Incident
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import Usage, decode_usage, encode_usage

MEDIUM = b"\x01" + UID


def note_of(actions: list[a.Action]) -> list[str]:
    """Incidents by code, refusals by reason."""
    notes = [note.event for note in told(actions, a.RecordNote)]
    return [note.code if isinstance(note, Incident) else note.reason for note in notes]


class Lane:
    """A lane and what its journal remembers of cards."""

    def __init__(self, memory: Remembered | None = None, known: KnownClaims | None = None, **profile: object) -> None:
        self.memory = memory or Remembered()
        gate = replace(PROFILE, **profile)  # type: ignore[arg-type]
        self.machine: Passage = passage(memory=self.memory, gate=gate, known=known)
        self.seconds = 0.0
        self.token = 0

    def tell(self, what: i.Input) -> list[a.Action]:
        actions = self.machine.handle(what, later(self.seconds))
        self.memory.take(actions)
        return actions

    def tap(self, read: i.CardRead, result: i.WriteResult = i.WriteResult.OK) -> tuple[bytes | None, list[str]]:
        """One presentation to its end; the usage that is on the card then (None: refused), and what was noted."""
        self.seconds += 1000.0
        self.tell(i.FieldSeen())
        self.seconds += 1.0
        self.token += 1
        self.tell(i.CardSeen(self.token, read.uid))
        actions = self.tell(replace(read, token=self.token))
        if not told(actions, a.RecordAdmission):
            return None, note_of(actions)
        (write,) = told(self.tell(i.AdmissionRecorded(1, self.token + 1, self.token.to_bytes(8, "big"))), a.Write)
        actions += self.tell(i.CardWritten(self.token, result))
        if result is i.WriteResult.OK:
            actions += self.tell(i.LaneClosed(told(actions, a.OpenLane)[0].persons))
        return write.usage, note_of(actions)


def with_usage(read: i.CardRead, usage: bytes) -> i.CardRead:
    """The same card, its usage file rewritten."""
    return replace(read, usage_file=usage)


def test_card_image_older_than_what_it_confirmed_here_is_refused_and_flagged() -> None:
    """Attack: the card's memory is saved before a ride and written back after it."""
    lane = Lane()
    fresh = card_read(1, claim(entries_total=5))
    used, notes = lane.tap(fresh)
    assert used is not None
    assert notes == []
    assert lane.tap(fresh) == (None, ["card_rolled_back", "card_rolled_back"])  # the incident, then the refusal
    assert lane.tap(with_usage(fresh, used))[0] is not None


def test_usage_rewritten_with_a_stolen_gates_key_is_refused_where_it_is_lower() -> None:
    """Attack: entries are taken off the card by who can write it; every gate that saw it knows better."""
    lane = Lane()
    read = card_read(1, claim(entries_total=5), used_total=3)
    used, _ = lane.tap(read)
    assert used is not None
    forged = encode_usage(replace(decode_usage(used), used_total=1))
    assert lane.tap(with_usage(read, forged))[1] == ["card_rolled_back", "card_rolled_back"]


def test_bank_of_hours_written_back_is_refused() -> None:
    """Attack: minutes are given back to the card, with as many entries."""
    lane = Lane()
    read = card_read(1, claim(bank=Bank(600, 30)))
    used, _ = lane.tap(read)
    assert used is not None
    lower = replace(decode_usage(used), bank_used=decode_usage(used).bank_used - 1)
    assert lane.tap(with_usage(read, encode_usage(lower)))[1] == ["card_rolled_back", "card_rolled_back"]


@pytest.mark.parametrize("result", [i.WriteResult.VOID, i.WriteResult.UNCONFIRMED])
def test_card_that_never_confirmed_is_not_taken_for_rolled_back(result: i.WriteResult) -> None:
    """Only confirmed counters count: a torn card comes back as it was, and that is true."""
    lane = Lane()
    fresh = card_read(1, claim(entries_total=5))
    lane.tap(fresh, result)
    assert lane.tap(fresh)[0] is not None


def test_returned_persons_are_no_rollback() -> None:
    """A return lowers what was used and counts as returned: together they never go down."""
    lane = Lane()
    read = card_read(1, claim(entries_total=5), used_total=3)
    used, _ = lane.tap(read)
    assert used is not None
    returned = replace(decode_usage(used), used_total=2, returns=2)
    assert lane.tap(with_usage(read, encode_usage(returned)))[0] is not None
    assert lane.tap(with_usage(read, used))[1] == ["card_rolled_back", "card_rolled_back"]


counters = st.builds(Confirmed, st.integers(0, 60_000), st.integers(0, 255), st.integers(0, 3000))


@given(counters, st.integers(0, 100), st.integers(0, 100), st.integers(0, 300))
def test_no_honest_card_is_ever_taken_for_rolled_back(seen: Confirmed, more: int, back: int, minutes: int) -> None:
    """Whatever is used, returned (also over the wrap of its byte) and drawn after what was confirmed."""
    back = min(back, seen.used_total + more)
    after = Usage(
        claim=bytes(8),
        used_total=seen.used_total + more - back,
        returns=(seen.returns + back) % 256,
        bank=True,
        bank_used=seen.bank_used + minutes,
    )
    assert not seen.is_newer_than(after)


@given(counters, st.integers(1, 100))
def test_every_lower_counter_is_rolled_back(seen: Confirmed, fewer: int) -> None:
    """By one person already."""
    if seen.used_total >= fewer:
        lower = Usage(claim=bytes(8), used_total=seen.used_total - fewer, returns=seen.returns)
        assert Confirmed(seen.used_total, seen.returns, 0).is_newer_than(lower)


def test_what_a_card_confirmed_is_known_after_a_restart(tmp_path: Path) -> None:
    """Attack: the image is written back while the gate restarts."""
    fresh = card_read(1, claim(entries_total=5))
    for run, expected in ((1, True), (2, False)):
        with Journal(tmp_path, 1, 3, 65_536, Clock(), run, "test") as journal:
            machine = Passage(judge(memory=journal), OwedBook(), UnsettledBook())  # type: ignore[arg-type]
            machine.handle(i.ReaderReady(), NOW)
            machine.handle(i.FaultChanged(i.Fault.STARTING, False), NOW)
            machine.handle(i.CardSeen(1, UID), NOW)
            actions = machine.handle(fresh, NOW)
            assert bool(told(actions, a.RecordAdmission)) == expected
            if expected:
                (admission,) = told(actions, a.RecordAdmission)
                seq, name = journal.admit(admission)
                machine.handle(i.AdmissionRecorded(journal.epoch, seq, name), NOW)
                machine.handle(i.CardWritten(1, i.WriteResult.OK), NOW)
                for record in told(machine.handle(i.LaneClosed(1), NOW), a.RecordOutcome):
                    journal.outcome(record)


def test_lane_that_leads_out_lets_a_rolled_back_card_pass_but_flags_it() -> None:
    """Nobody is kept inside; and its lower counters do not replace what is known."""
    lane = Lane()
    fresh = card_read(1, claim(entries_total=5))
    lane.tap(fresh)
    out = Lane(lane.memory, exit=True)
    usage, notes = out.tap(fresh)
    assert usage is not None
    assert notes == ["card_rolled_back"]
    assert lane.tap(fresh)[1] == ["card_rolled_back", "card_rolled_back"]


def test_reissued_card_begins_anew() -> None:
    """Another claim on the same card: other counters."""
    lane = Lane()
    assert lane.tap(card_read(1, claim(ticket=1), used_total=9))[0] is not None
    assert lane.tap(card_read(1, claim(ticket=2)))[0] is not None


# Contents moved from card to card, and what a known digest is worth.


def known_claims(*claims: bytes) -> KnownClaims:
    """Claims of an earlier run."""
    return KnownClaims([(claim_digest(signed), signed) for signed in claims])


def signed(what: Claim, uid: bytes = UID) -> bytes:
    """As the issuer signs it for a card."""
    return sign_claim(what, Medium(MediumKind.CARD, uid), ISSUER)


def known_read(what: Claim, uid: bytes = UID, on: bytes = UID) -> i.CardRead:
    """A card `on` whose usage names the claim of card `uid`, which was not read because it is known."""
    return i.CardRead(1, on, files_of(what, uid)[1], None)


def test_known_claim_is_believed_without_being_read() -> None:
    """The digest names it; its signature is verified at its first use in a run."""
    lane = Lane(known=known_claims(signed(claim())))
    assert lane.tap(known_read(claim()))[0] is not None


def test_usage_of_another_card_does_not_bring_its_known_claim_along() -> None:
    """Attack: a stolen gate's key writes a stranger's usage; the known claim is bound to the stranger's UID."""
    lane = Lane(known=known_claims(signed(claim(), b"\x04strang")))
    assert lane.tap(known_read(claim(), b"\x04strang"))[1] == ["wrong_medium"]
    assert lane.tap(known_read(claim(), b"\x04strang", b"\x04strang"))[0] is None  # read anew the next time


def test_usage_of_another_card_does_not_bring_a_claim_along_that_was_verified_today() -> None:
    """The same, after the stranger's own card passed here: verified once does not mean verified for every card."""
    known = known_claims(signed(claim(), b"\x04strang"))
    lane = Lane(known=known)
    assert lane.tap(known_read(claim(), b"\x04strang", b"\x04strang"))[0] is not None
    assert known.is_verified(claim_digest(signed(claim(), b"\x04strang")))
    assert lane.tap(known_read(claim(), b"\x04strang"))[1] == ["wrong_medium"]


def test_claim_of_another_card_is_refused_when_it_is_read() -> None:
    """Attack: one card's files copied whole to another one."""
    claim_file, usage_file = files_of(claim(), b"\x04strang")
    assert Lane().tap(i.CardRead(1, UID, usage_file, claim_file))[1] == ["wrong_medium"]


def test_claims_planted_on_the_gates_disk_are_not_believed() -> None:
    """Attack: whoever had the SD card put a claim of his own into the journal; it is verified before its first use."""
    forged = bytearray(signed(claim()))
    forged[-1] ^= 1
    digest = claim_digest(bytes(forged))
    lane = Lane(known=KnownClaims([(digest, bytes(forged))]))
    usage = encode_usage(Usage(claim=digest))
    assert lane.tap(i.CardRead(1, UID, usage, None))[1] == ["signature_invalid"]


def test_planted_claim_under_a_known_digest_is_not_believed() -> None:
    """Attack: the digest stays, the claim behind it is another genuine one of the same card, with more on it."""
    poor, rich = signed(claim(entries_total=1)), signed(claim(ticket=8))
    lane = Lane(known=KnownClaims([(claim_digest(poor), rich)]))
    assert lane.tap(known_read(claim(entries_total=1)))[1] == ["usage_invalid"]


def test_known_claims_are_bounded_and_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A season's cards must not fill the gate's memory."""
    monkeypatch.setattr(memory, "KNOWN_CLAIMS_MAX", 2)
    known = known_claims(*(signed(claim(ticket=number)) for number in (1, 2, 3)))
    known.prune()
    assert len(known) == 2
    assert not known.knows(claim_digest(signed(claim(ticket=1))))
