# SPDX-License-Identifier: Apache-2.0
"""Card and code of one ticket at one gate, on a real journal: they share its usage."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_bench import ISSUER, claim, running_gate, ski_card, usage_of, wait_for
from journal_reading import admissions, outcomes, refusals
from passage_bench import PROFILE, UID, files_of, judge, later, told

from pistegate_edge.clock import Clock
from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.owed import OwedBook, UnsettledBook
from pistegate_edge.core.passage import Passage
from pistegate_edge.journal import journal as journal_module
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.claims import Claim
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.elsewhere import merged
from pistegate_protocol.signing import sign_claim
from pistegate_protocol.usage import Usage, decode_usage, encode_usage
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner.scanner import SimulatedScanner


class Card:
    """A card of the bench's ticket; `usage` is what is on it."""

    def __init__(self, what: Claim, uid: bytes = UID, **usage: Any) -> None:
        self.uid = uid
        self.claim_file, self.usage_file = files_of(what, uid, **usage)

    @property
    def usage(self) -> Usage:
        return decode_usage(self.usage_file)

    def used_elsewhere(self, **changes: Any) -> None:
        """At a gate that this one never hears of."""
        self.usage_file = encode_usage(replace(self.usage, **changes))


class Lane:
    """A gate's passage protocol and its journal; each presentation comes ten seconds after the one before."""

    def __init__(self, directory: Path, at: float = 0.0) -> None:
        self.journal = Journal(directory, PROFILE.site, PROFILE.gate, 65_536, Clock(), 1, "test")
        self.machine = Passage(judge(memory=self.journal), OwedBook(), UnsettledBook())  # type: ignore[arg-type]
        self.seconds = at
        self.token = 0
        self.actions: list[a.Action] = []
        self.tell(i.ReaderReady())
        self.tell(i.FaultChanged(i.Fault.STARTING, False))

    def tell(self, what: i.Input) -> list[a.Action]:
        """Do what the protocol asks of the journal, and tell it so."""
        actions = self.machine.handle(what, later(self.seconds))
        self.actions += actions
        for action in actions:
            if isinstance(action, a.RecordAdmission):
                seq, name = self.journal.admit(action)
                self.tell(i.AdmissionRecorded(self.journal.epoch, seq, name))
            elif isinstance(action, a.RecordOutcome):
                self.journal.outcome(action)
        return actions

    def taps(self, card: Card, *, passed: int | None = None, written: i.WriteResult = i.WriteResult.OK) -> int:
        """A card; how many it let in. `written`: how its transaction ends."""
        self._begins()
        self.token += 1
        self.tell(i.CardSeen(self.token, card.uid))
        self.tell(i.CardRead(self.token, card.uid, card.usage_file, card.claim_file))
        for write in told(self.actions, a.Write):
            if written is not i.WriteResult.VOID:
                card.usage_file = write.usage
            self.tell(i.CardWritten(self.token, written))
        return self._ends(passed)

    def shows(self, text: str, *, passed: int | None = None) -> int:
        """A code; how many it let in."""
        self._begins()
        self.tell(i.CodeSeen(text))
        return self._ends(passed)

    def refused(self) -> list[str]:
        """Reasons of the last presentation."""
        return [note.event.reason for note in told(self.actions, a.RecordNote)]  # type: ignore[union-attr]

    def shown(self) -> a.Show:
        """What the last presentation showed first."""
        return told(self.actions, a.Show)[0]

    def restarted(self) -> "Lane":
        """The next run of the same gate."""
        self.journal.close()
        return Lane(self.journal._files.directory, self.seconds)

    def _begins(self) -> None:
        self.seconds += 10
        self.actions = []
        self.tell(i.FieldSeen((), frozenset()))
        self.seconds += 1
        self.actions = []

    def _ends(self, passed: int | None) -> int:
        openings = [opening.persons for opening in told(self.actions, a.OpenLane)]
        for persons in openings:
            self.tell(i.LaneClosed(persons if passed is None else passed))
        return sum(openings)


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    lane = Lane(tmp_path)
    yield lane
    lane.journal.close()


def code(what: Claim) -> str:
    """The ticket's static code."""
    return ticket_text(sign_claim(what, BEARER, ISSUER))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"entries_total": 1}, "used_up"),
        ({"entries_per_day": 1}, "used_up_today"),
        ({"reentry_s": 600}, "passback"),
        ({"tracked": True}, "already_inside"),
    ],
    ids=lambda each: str(each),
)
@pytest.mark.parametrize("first", ["card", "code"])
def test_second_medium_of_a_ticket_is_refused_as_the_first_would_be(
    lane: Lane, first: str, terms: dict[str, Any], reason: str
) -> None:
    """Card then code and code then card: the words are those of the ticket, whatever it is on."""
    what = claim(**terms)
    card, text = Card(what), code(what)
    used, other = (
        (lane.taps(card), lambda: lane.shows(text)) if first == "card" else (lane.shows(text), lambda: lane.taps(card))
    )
    assert (used, other()) == (1, 0)
    assert lane.refused() == [reason]
    assert lane.shown().key == f"reason.{reason}"


def test_each_medium_keeps_what_it_used_itself(lane: Lane) -> None:
    """Nobody adds the code's counters to the card's: another gate would count them again."""
    what = claim(entries_total=5)
    card, text = Card(what), code(what)
    assert [lane.taps(card), lane.shows(text), lane.shows(text), lane.taps(card)] == [1, 1, 1, 1]
    known = lane.journal.ticket_usage(what.ticket)
    assert known.card == card.usage
    assert known.others is not None
    assert (card.usage.used_total, known.others.used_total) == (2, 2)
    assert [lane.shows(text), lane.taps(card), lane.shows(text)] == [1, 0, 0]
    assert lane.refused() == ["used_up"]


def test_usage_is_shared_over_a_restart(lane: Lane) -> None:
    """It is in the commit of the admission: a gate that is killed after it forgets nothing."""
    what = claim(entries_total=1)
    card, text = Card(what), code(what)
    assert lane.taps(card) == 1
    again = lane.restarted()
    assert (again.shows(text), again.refused()) == (0, ["used_up"])
    again.journal.close()


def test_what_a_card_used_at_other_gates_counts_for_the_code_as_soon_as_it_was_read(lane: Lane) -> None:
    """Read and refused: no commit was made for it, and with the next admission it is durable."""
    what = claim(entries_total=3, reentry_s=600)
    card, text = Card(what), code(what)
    assert lane.taps(card) == 1
    entry = later(lane.seconds + 5).wall
    card.used_elsewhere(used_total=3, last_entry=entry.replace(microsecond=0), admission=b"far away")
    commits = lane.journal._commits
    assert (lane.taps(card), lane.refused()) == (0, ["used_up"])
    assert lane.journal._commits == commits
    assert (lane.shows(text), lane.refused()) == (0, ["used_up"])
    other = claim(ticket=4712)
    assert lane.shows(code(other)) == 1
    again = lane.restarted()
    assert (again.shows(text), again.refused()) == (0, ["used_up"])
    again.journal.close()


def test_card_that_did_not_take_its_admission_used_nothing(lane: Lane) -> None:
    """Void: the ticket is as good as before. Unconfirmed: it may have been charged, until the card tells."""
    what = claim(entries_total=1)
    card, text = Card(what), code(what)
    assert lane.taps(card, written=i.WriteResult.VOID) == 0
    assert lane.shows(text) == 1
    what = claim(entries_total=1, ticket=4712)
    card, text = Card(what, b"\x04other4"), code(what)
    assert lane.taps(card, written=i.WriteResult.UNCONFIRMED) == 0
    assert (lane.shows(text), lane.refused()) == (0, ["used_up"])


def test_old_card_of_a_ticket_that_was_put_on_another_hides_nothing(lane: Lane) -> None:
    """The new card used both entries; the lost one, found again before the gate is told of it, shows none."""
    what = claim(entries_total=2)
    found, text = Card(what), code(what)
    new = Card(claim(entries_total=2, revision=1), b"\x04new-6b", used_total=1)
    assert lane.taps(new) == 1
    assert lane.taps(found) == 1
    assert (lane.shows(text), lane.refused()) == (0, ["used_up"])


def test_party_comes_on_both_media_and_the_rest_is_shown(lane: Lane) -> None:
    """Five persons, two at a time: card, code, card; at each step the words say how many may still come."""
    what = claim(party=5, batch=2, entries_total=1, reentry_s=600)
    card, text = Card(what), code(what)
    steps = []
    for come in (lambda: lane.taps(card), lambda: lane.shows(text), lambda: lane.taps(card), lambda: lane.shows(text)):
        admitted = come()
        shown = lane.shown()
        steps.append((admitted, shown.key, shown.values.get("left_total")))
    assert steps[:3] == [(2, "prompt.admit_party", 3), (2, "prompt.admit_party", 1), (1, "prompt.admit", 0)]
    assert steps[3][:2] == (0, "reason.used_up")


def test_party_that_comes_at_once_is_let_in_at_once_by_either_medium(lane: Lane) -> None:
    """All four on the card, the next day's four on the code."""
    what = claim(party=4, entries_total=2)
    assert lane.taps(Card(what)) == 4
    assert lane.shows(code(what)) == 4
    assert lane.shown().values["left_total"] == 0


def test_whom_the_code_owes_is_let_in_by_the_code_uncharged(lane: Lane) -> None:
    """Nobody passed: the same code again, although the ticket was used up by it."""
    what = claim(entries_total=1)
    text = code(what)
    assert lane.shows(text, passed=0) == 1
    assert lane.shows(text) == 1
    assert lane.taps(Card(what)) == 0


def test_card_and_code_held_up_together_use_the_ticket_once(lane: Lane) -> None:
    """The code comes while the card of its ticket is admitted: it waits, and afterwards is refused."""
    what = claim(entries_per_day=1)
    card, text = Card(what), code(what)
    lane.tell(i.CardSeen(1, card.uid))
    waits = lane.tell(i.CodeSeen(text))
    assert [shown.key for shown in told(waits, a.Show)] == ["prompt.wait"]
    lane.tell(i.CardRead(1, card.uid, card.usage_file, card.claim_file))
    lane.tell(i.CodeSeen(text))
    lane.tell(i.CardWritten(1, i.WriteResult.OK))
    lane.tell(i.LaneClosed(1))
    assert len(told(lane.actions, a.RecordAdmission)) == 1
    lane.actions = []
    assert (lane.shows(text), lane.refused()) == (0, ["used_up_today"])


def test_two_cards_of_one_ticket_in_a_pocket_burn_one_entry(lane: Lane) -> None:
    """The second one counts as the same presentation, and is told so."""
    what = claim(entries_total=2)
    first, second = Card(what), Card(what, b"\x04second")
    lane.tell(i.CardSeen(1, first.uid))
    lane.tell(i.CardRead(1, first.uid, first.usage_file, first.claim_file))
    lane.tell(i.CardWritten(1, i.WriteResult.OK))
    lane.tell(i.FieldSeen((first.uid, second.uid), frozenset()))
    lane.tell(i.LaneClosed(1))
    lane.seconds += 5
    lane.tell(i.FieldSeen((first.uid, second.uid), frozenset()))
    assert not told(lane.tell(i.CardSeen(2, second.uid)), a.Read)
    assert len(told(lane.actions, a.RecordAdmission)) == 1
    assert [shown.key for shown in told(lane.actions, a.Show)].count("prompt.two_cards") == 1


def test_only_so_many_tickets_are_remembered_and_the_newest_stay(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A season's tickets must not fill the disk."""
    monkeypatch.setattr(journal_module, "TICKETS_MAX", 2)
    for ticket in (1, 2, 3):
        assert lane.shows(code(claim(ticket=ticket))) == 1
    lane.journal.forget_old()
    assert [ticket for ticket in (1, 2, 3) if lane.journal.ticket_usage(ticket).others] == [2, 3]


def test_gate_that_forgot_to_look_at_the_other_medium_is_found(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of these tests: without what is known elsewhere, the ticket is used twice."""
    monkeypatch.setattr("pistegate_edge.core.judge.merged", lambda *_: merged())
    what = claim(entries_total=1)
    assert (lane.taps(Card(what)), lane.shows(code(what))) == (1, 1)


# The whole gate


@pytest.mark.parametrize("first", ["card", "code"])
def test_whole_gate_refuses_the_second_medium(tmp_path: Path, first: str) -> None:
    """On a simulated reader and scanner, through the real process's loop and journal."""
    what, journal = claim(entries_total=1), tmp_path / "journal"
    section = {"path": str(tmp_path / "scanner"), "profile": "lines-9600"}
    card = ski_card(1, what)
    with SimulatedReader(tmp_path / "reader") as reader, SimulatedScanner(link=tmp_path / "scanner") as scanner:
        presents = [lambda: reader.present(card), lambda: scanner.show(code(what))]
        with running_gate(journal, reader, scanner=section) as bench:
            for present in presents if first == "card" else reversed(presents):
                present()
                wait_for(lambda: bench.unlocks() == 1)
                if not outcomes(journal):
                    bench.turn()
                    wait_for(lambda: outcomes(journal))
            wait_for(lambda: refusals(journal))
    assert refusals(journal) == ["used_up"]
    assert len(admissions(journal)) == 1
    assert usage_of(card).used_total == (1 if first == "card" else 0)


def test_whole_gate_shows_two_people_how_many_may_still_come(tmp_path: Path) -> None:
    """A party of two, one at a time: the first on the card, the second on the code, and then nobody."""
    what, journal = claim(party=2, batch=1, entries_total=1), tmp_path / "journal"
    section = {"path": str(tmp_path / "scanner"), "profile": "lines-9600"}
    display = tmp_path / "display"
    with SimulatedReader(tmp_path / "reader") as reader, SimulatedScanner(link=tmp_path / "scanner") as scanner:
        sections = {"scanner": section, "display": {"locale": "en", "path": str(display)}}
        with running_gate(journal, reader, **sections) as bench:
            reader.present(ski_card(1, what))
            wait_for(lambda: bench.unlocks() == 1)
            bench.turn()
            wait_for(lambda: len(outcomes(journal)) == 1)
            scanner.show(code(what))
            wait_for(lambda: bench.unlocks() == 2)
            bench.turn()
            wait_for(lambda: len(outcomes(journal)) == 2)
            scanner.show(code(replace(what, revision=1)))  # another text: a presentation of its own
            wait_for(lambda: refusals(journal))
    shown = [line for line in display.read_text().splitlines() if "left" in line]
    assert [line.split(" [")[0] for line in shown] == ["Please pass 1 entries left.", "Please pass 0 entries left."]
    assert refusals(journal) == ["used_up"]
