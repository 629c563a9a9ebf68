# SPDX-License-Identifier: Apache-2.0
"""A pocket full of cards, as the passage protocol sees it: at most one ticket is used, and the guest is told."""

from datetime import date

import pytest
from gate_bench import claim
from passage_bench import UID, card_read, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.now import Now
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.core.presentation import JOIN_S, LEFT_S, Presentations

OTHER = bytes.fromhex("04998877665544")
EXPIRED = claim(ticket=9, valid_until=date(2020, 1, 2))


class Pocket:
    """A lane and what is held to its reader; `seconds` since the bench's zero."""

    def __init__(self, machine: Passage) -> None:
        self.machine = machine
        self.seconds = 0.0
        self.token = 0
        self.actions: list[a.Action] = []

    @property
    def now(self) -> Now:
        return later(self.seconds)

    def tell(self, what: i.Input) -> list[a.Action]:
        actions = self.machine.handle(what, self.now)
        self.actions += actions
        return actions

    def look(self, *uids: bytes, strangers: frozenset[i.Stranger] = frozenset(), after: float = 0.04) -> None:
        """One look at the whole field."""
        self.seconds += after
        self.tell(i.FieldSeen(uids, strangers))

    def offer(self, uid: bytes, what: object = None, after: float = 0.0) -> bool:
        """A card is offered to the loop; whether it was read. An admission goes through to the open lane."""
        self.seconds += after
        self.token += 1
        if not told(self.tell(i.CardSeen(self.token, uid)), a.Read):
            return False
        actions = self.tell(card_read(self.token, what, uid))  # type: ignore[arg-type]
        if told(actions, a.RecordAdmission):
            self.tell(i.AdmissionRecorded(1, 2, b"admitted"))
            self.tell(i.CardWritten(self.token, i.WriteResult.OK))
        return True

    def passes(self) -> None:
        """The guest goes through."""
        self.tell(i.LanePassed(1))
        self.tell(i.LaneClosed(1))

    def shown(self) -> list[str]:
        """Keys of everything shown."""
        return [show.key for show in told(self.actions, a.Show)]

    def refusals(self) -> list[str]:
        """Reasons noted."""
        notes = [note.event for note in told(self.actions, a.RecordNote)]
        return [note.reason for note in notes if hasattr(note, "reason")]

    def admissions(self) -> int:
        """How many tickets were used."""
        return len(told(self.actions, a.RecordAdmission))


@pytest.fixture
def pocket() -> Pocket:
    return Pocket(passage())


def test_second_ski_card_in_the_pocket_is_not_used_after_the_first_one_passed(pocket: Pocket) -> None:
    """Both lie on the reader all the time: one ticket is used, the guest is told, and nothing more comes of it."""
    pocket.offer(UID)
    pocket.look(OTHER, UID)
    assert not pocket.offer(OTHER)
    pocket.passes()
    for _ in range(50):
        pocket.look(OTHER, UID, after=0.1)
        assert not pocket.offer(OTHER)
        assert not pocket.offer(UID)
    assert pocket.admissions() == 1
    assert pocket.shown().count("prompt.two_cards") == 1


def test_second_card_seen_a_moment_later_is_not_used_while_the_first_is_still_held(pocket: Pocket) -> None:
    """It comes into the field when the lane is shut again, and the admitted one is still there."""
    pocket.offer(UID)
    pocket.look(UID)
    pocket.passes()
    pocket.look(UID, OTHER, after=3.0)
    assert not pocket.offer(OTHER)
    assert pocket.admissions() == 1


def test_cards_that_hide_each_other_are_still_one_pocket(pocket: Pocket) -> None:
    """Only the second one answers for a while: it is not used, though the first was not seen beside it."""
    pocket.offer(UID)
    pocket.look(OTHER)
    assert not pocket.offer(OTHER)
    pocket.passes()
    pocket.look(OTHER, after=2.0)
    assert not pocket.offer(OTHER)
    assert "prompt.again" in pocket.shown()


def test_second_card_is_used_once_it_has_left_the_field_for_half_a_second(pocket: Pocket) -> None:
    """The other guest's own card, taken out and held alone."""
    pocket.offer(UID)
    pocket.look(UID, OTHER)
    pocket.passes()
    pocket.look()
    assert not pocket.offer(OTHER, after=LEFT_S - 0.1)
    pocket.look()
    assert pocket.offer(OTHER, after=LEFT_S + 0.01)
    assert pocket.admissions() == 2


def test_next_guest_is_not_taken_for_the_same_pocket(pocket: Pocket) -> None:
    """A card that comes when the admitted one has been away for a moment is read when the lane is free."""
    pocket.offer(UID)
    pocket.look()
    assert not pocket.offer(OTHER, after=JOIN_S + 0.01)  # busy: wait
    assert pocket.shown()[-1] == "prompt.wait"
    pocket.passes()
    assert pocket.offer(OTHER, after=0.1)
    assert pocket.admissions() == 2


def test_last_years_card_in_the_pocket_does_not_keep_the_valid_one_out(pocket: Pocket) -> None:
    """The first one is expired, the second one is used."""
    pocket.offer(OTHER, EXPIRED)
    pocket.look(OTHER, UID)
    assert pocket.offer(UID)
    assert pocket.admissions() == 1
    assert pocket.refusals() == ["expired"]


def test_two_cards_that_cannot_be_used_are_told_to_come_one_by_one(pocket: Pocket) -> None:
    """Each has its reason on record; the words say what helps."""
    pocket.offer(OTHER, EXPIRED)
    pocket.look(OTHER, UID)
    pocket.offer(UID, EXPIRED)
    assert pocket.refusals() == ["expired", "expired"]
    assert pocket.shown() == ["reason.expired", "reason.two_cards"]


def test_two_expired_cards_one_after_the_other_are_told_each_for_itself(pocket: Pocket) -> None:
    """The first is out of the field: no pocket."""
    pocket.offer(OTHER, EXPIRED)
    pocket.look()
    pocket.offer(UID, EXPIRED, after=0.1)
    assert pocket.shown() == ["reason.expired", "reason.expired"]


@pytest.mark.parametrize("torn", [i.WriteResult.VOID, i.WriteResult.UNCONFIRMED])
def test_second_card_is_not_used_when_the_first_was_torn(pocket: Pocket, torn: i.WriteResult) -> None:
    """It may have been charged: its guest is asked to hold it again, not robbed of another ticket."""
    pocket.tell(i.CardSeen(1, UID))
    pocket.tell(card_read(1))
    pocket.tell(i.AdmissionRecorded(1, 2, b"admitted"))
    pocket.tell(i.CardWritten(1, torn))
    pocket.token = 1
    pocket.look(UID, OTHER)
    assert not pocket.offer(OTHER)
    assert pocket.admissions() == 1


STRANGERS = {
    i.Stranger.OTHER: "reason.foreign_medium",
    i.Stranger.PHONE: "prompt.phone",
    i.Stranger.RESIDENT_ID: "prompt.resident_id",
}


@pytest.mark.parametrize(("stranger", "words"), STRANGERS.items())
def test_stranger_alone_is_told_what_to_do_once(pocket: Pocket, stranger: i.Stranger, words: str) -> None:
    """However long it is held there."""
    for _ in range(20):
        pocket.look(strangers=frozenset({stranger}), after=0.3)
    assert pocket.shown() == [words]
    assert pocket.refusals() == ["foreign_medium"]


def test_strangers_beside_a_ski_card_are_not_told_anything(pocket: Pocket) -> None:
    """Before it is read, after it passed, and when the hotel card is lifted last."""
    both = frozenset({i.Stranger.OTHER, i.Stranger.PHONE})
    pocket.look(UID, strangers=both)
    pocket.offer(UID)
    pocket.look(UID, strangers=both)
    pocket.passes()
    pocket.look(UID, strangers=both, after=1.0)
    pocket.look(strangers=both, after=1.0)
    assert pocket.refusals() == []
    assert pocket.admissions() == 1


def test_stranger_that_was_beside_an_admitted_card_stays_untold_when_the_lane_is_free(pocket: Pocket) -> None:
    """The guest took the ski card out and walks; the wallet with the hotel card is still at the reader."""
    hotel = frozenset({i.Stranger.OTHER})
    pocket.offer(UID)
    pocket.look(UID, strangers=hotel)
    for _ in range(10):
        pocket.look(strangers=hotel, after=0.3)
    pocket.passes()
    pocket.look(strangers=hotel)
    assert pocket.refusals() == []


def test_strangers_beside_a_refused_ski_card_leave_it_its_own_words(pocket: Pocket) -> None:
    """The guest must read why the ticket was refused, not that the hotel card is none."""
    pocket.look(UID, strangers=frozenset({i.Stranger.OTHER}))
    pocket.offer(UID, EXPIRED)
    pocket.look(UID, strangers=frozenset({i.Stranger.OTHER}))
    assert pocket.shown() == ["reason.expired"]


def test_stranger_that_looked_like_a_ski_card_is_told_when_it_is_known(pocket: Pocket) -> None:
    """A bus card: read once, without our application; then the look that knows tells."""
    pocket.token += 1
    pocket.tell(i.CardSeen(1, UID))
    pocket.tell(i.CardUnread(1, UID, i.ReadProblem.FOREIGN))
    assert pocket.refusals() == []
    pocket.look(strangers=frozenset({i.Stranger.OTHER}))
    assert pocket.refusals() == ["foreign_medium"]
    assert pocket.machine.state is State.IDLE


def test_stranger_in_front_of_a_busy_lane_is_told_when_it_is_free(pocket: Pocket) -> None:
    """The lamps belong to the guest under way."""
    pocket.offer(UID)
    pocket.look()
    pocket.look(strangers=frozenset({i.Stranger.PHONE}), after=1.0)
    assert pocket.refusals() == []
    pocket.passes()
    pocket.look(strangers=frozenset({i.Stranger.PHONE}))
    assert pocket.refusals() == ["foreign_medium"]


def test_card_that_hides_the_admitted_one_holds_the_pocket_together() -> None:
    """Three in one pocket: the second hides the first for long, then the third comes into sight. It is not used."""
    pocket = Presentations()
    pocket.seen(b"first", 0.0).admitted = True
    assert [one.uid for one in pocket.looked([b"second"], 0.1)] == [b"second"]
    pocket.looked([b"second"], 0.7)  # the first has been out of sight for longer than a presentation lasts
    assert pocket.seen(b"third", 0.75).joined
    pocket.looked([], 0.8)
    assert not pocket.seen(b"next guest", 1.4).joined
