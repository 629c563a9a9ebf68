# SPDX-License-Identifier: Apache-2.0
"""What the cloud sends down: amendments, suspensions, calendars, lost cards; each by its own document and version."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from document_kinds import ENTRIES, TICKET, TODAY, amended, document, sent
from gate_bench import DOCUMENTS, ISSUER, claim, public
from passage_bench import NOW, PROFILE, UID, WALL, files_of, passage, told

from pistegate_edge.clock import Clock
from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.facts import Facts
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.card_layout import AMENDMENT_FILE, padded
from pistegate_protocol.documents import (
    DOCUMENT_NAMES,
    AmendmentList,
    DenyList,
    Document,
    DocumentRefused,
    FingerList,
    LoadList,
    LostCards,
    SuspensionList,
    TakeoverList,
)
from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.suspensions import Suspension
from pistegate_protocol.usage import decode_usage


def tap(facts: Facts, amendment_file: bytes | None = None, **usage: object) -> tuple[list[a.Action], str | None]:
    """One card at a lane that knows `facts`: the actions of the decision, and the reason of a refusal."""
    machine = passage(facts=facts)
    actions = machine.handle(i.CardSeen(1, UID), NOW)
    if told(actions, a.Read):
        claim_file, usage_file = files_of(claim(blackout=7), amended=amendment_file is not None, **usage)
        actions = machine.handle(i.CardRead(1, UID, usage_file, claim_file, amendment_file), NOW)
    reasons = [note.event.reason for note in told(actions, a.RecordNote)]  # type: ignore[union-attr]
    return actions, reasons[0] if reasons else None


OPEN = Facts(calendars={7: frozenset()})


def on_card(signed: bytes) -> bytes:
    """The amendment file."""
    return padded(signed, AMENDMENT_FILE)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (OPEN, None),
        (Facts(calendars={7: frozenset({TODAY})}), "blacked_out"),
        (Facts(), "rules_missing"),
        (Facts(calendars=OPEN.calendars, deny={TICKET: 1}), "revoked"),
        (Facts(calendars=OPEN.calendars, lost=frozenset({UID})), "card_lost"),
        (Facts(calendars=OPEN.calendars, lost=frozenset({b"\x04else!!"})), None),
        (Facts(calendars=OPEN.calendars, suspensions=(Suspension(0, WALL - timedelta(hours=1)),)), "suspended"),
        (Facts(calendars=OPEN.calendars, suspensions=(Suspension(1, WALL - timedelta(hours=1)),)), None),
        (Facts(calendars=OPEN.calendars, amendments={TICKET: amended(hold=True)}), "on_hold"),
        (Facts(calendars=OPEN.calendars, amendments={TICKET: amended(areas=frozenset({5}))}), "wrong_area"),
        (Facts(calendars=OPEN.calendars, amendments={1: amended(ticket=1, hold=True)}), None),
    ],
)
def test_every_fact_reaches_the_decision(facts: Facts, reason: str | None) -> None:
    """Or a ticket that was changed this morning would still be as it was sold."""
    assert tap(facts)[1] == reason


def test_lost_card_is_refused_before_it_is_read() -> None:
    """It gets no chance to answer; and whoever holds it is sent to the office."""
    actions, reason = tap(Facts(lost=frozenset({UID})))
    assert reason == "card_lost"
    assert not told(actions, a.Read)
    assert [show.key for show in told(actions, a.Show)] == ["reason.card_lost"]


def test_amendment_on_the_card_holds_where_the_gate_knows_none() -> None:
    """A gate that was alone for a week believes what another one wrote onto the card."""
    assert tap(OPEN, on_card(amended(hold=True)))[1] == "on_hold"


@pytest.mark.parametrize(("card", "gate", "holds"), [(1, 2, "gate"), (2, 1, "card"), (2, 2, "card")])
def test_amendment_of_the_higher_number_alone_holds(card: int, gate: int, holds: str) -> None:
    """On the card or here; the card is written only where it has the older one."""
    from_card, from_gate = amended(card, areas=frozenset({0, 1})), amended(gate, areas=frozenset({0, 2}))
    facts = Facts(calendars=OPEN.calendars, amendments={TICKET: from_gate})
    actions, reason = tap(facts, on_card(from_card))
    assert reason is None
    (record,) = told(actions, a.RecordAdmission)
    assert record.event.amendment == (from_gate if holds == "gate" else b"")
    assert record.event.reads == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (on_card(amended(key=DOCUMENTS, areas=frozenset({0}))), "signature_invalid"),
        (on_card(amended(ticket=8, areas=frozenset({0}))), "usage_invalid"),
        (on_card(b"\x09" + amended()[1:]), "version_unknown"),
        (on_card(amended()[:20]), "signature_invalid"),
        (bytes(AMENDMENT_FILE.size), "usage_invalid"),
    ],
    ids=["forged", "of another ticket", "newer", "cut short", "erased"],
)
def test_amendment_that_is_not_genuine_is_not_ignored(content: bytes, reason: str) -> None:
    """Attack: with a stolen gate's key an amendment (a hold, say) is replaced or erased; the card needs a look."""
    assert tap(OPEN, content)[1] == reason


def test_amendment_sent_down_by_nobody_we_know_refuses() -> None:
    """It may be a hold: what cannot be read is not passed over."""
    facts = Facts(calendars=OPEN.calendars, amendments={TICKET: amended(key=DOCUMENTS, areas=frozenset({0}))})
    assert tap(facts)[1] == "signature_invalid"


def test_usage_written_with_an_amendment_says_so() -> None:
    """So that the next gate reads the file."""
    facts = Facts(calendars=OPEN.calendars, amendments={TICKET: amended(areas=frozenset({0, 3}))})
    machine = passage(facts=facts)
    machine.handle(i.CardSeen(1, UID), NOW)
    claim_file, usage_file = files_of(claim(blackout=7))
    machine.handle(i.CardRead(1, UID, usage_file, claim_file), NOW)
    (write,) = told(machine.handle(i.AdmissionRecorded(1, 2, b"admitted"), NOW), a.Write)
    assert decode_usage(write.usage).amended
    assert write.amendment == facts.amendments[TICKET]


# Documents


def store(directory: Path, run: int = 1) -> tuple[Journal, DocumentStore]:
    """The store of gate 3 of site 1."""
    journal = Journal(directory, 1, 3, 65_536, Clock(), run, "test")
    return journal, DocumentStore(journal, KeyRing({1: public(DOCUMENTS)}), PROFILE.site)


TOLD_ELSEWHERE = {LoadList, FingerList, TakeoverList}  # kept, and no matter of decisions
MEANT = Facts(
    deny={TICKET: 1},
    amendments={TICKET: amended(2)},
    suspensions=(Suspension(0, datetime.fromisoformat("1970-01-01T00:00:01+00:00"), None, True),),
    calendars={7: frozenset({TODAY})},
    lost=frozenset({UID}),
)


def test_all_documents_are_kept_each_with_its_own_version(tmp_path: Path) -> None:
    """Also those this device has no use for: what it does not tell, it would be sent at every hello."""
    journal, documents = store(tmp_path)
    with journal:
        for version, kind in enumerate(DOCUMENT_NAMES, 5):
            assert documents.apply(sent(document(kind, version))) == document(kind, version)
        told_versions = {name: version for version, name in enumerate(DOCUMENT_NAMES.values(), 5)}
        assert documents.versions() == told_versions
        assert documents.facts == MEANT
    journal, documents = store(tmp_path, 2)
    with journal:
        assert documents.facts == MEANT
        assert documents.versions() == told_versions
        found = documents.get(LoadList)
        assert found is not None
        assert found.entries == ENTRIES[LoadList]


@pytest.mark.parametrize("kind", list(DOCUMENT_NAMES))
def test_newer_document_replaces_the_older_one_of_its_kind_alone(tmp_path: Path, kind: type[Document]) -> None:
    """An empty deny list lifts denials and nothing else; an older one is refused and changes nothing."""
    journal, documents = store(tmp_path)
    with journal:
        for each in DOCUMENT_NAMES:
            documents.apply(sent(document(each, 5)))  # type: ignore[arg-type]
        with pytest.raises(DocumentRefused, match="not newer"):
            documents.apply(sent(document(kind, 4, [])))  # type: ignore[arg-type]
        assert documents.facts == MEANT
        assert documents.apply(sent(document(kind, 5))) is None  # type: ignore[arg-type]
        documents.apply(sent(document(kind, 6, [])))  # type: ignore[arg-type]
        assert (documents.facts == MEANT) == (kind in TOLD_ELSEWHERE)
        assert documents.versions() == {name: 6 if each is kind else 5 for each, name in DOCUMENT_NAMES.items()}


@pytest.mark.parametrize(
    ("signed", "told_problem"),
    [
        (sent(document(LostCards), ISSUER), "signature is wrong"),
        (sent(document(LostCards, site=2)), "this is site 1"),
        (sent(document(AmendmentList, entries=[b"\x01" * 20])), "cut short"),
    ],
)
def test_document_that_must_not_be_applied_changes_nothing(tmp_path: Path, signed: object, told_problem: str) -> None:
    """Bad input: forged, of another site, or with entries that cannot be read."""
    journal, documents = store(tmp_path)
    with journal:
        with pytest.raises((DocumentRefused, CodecError), match=told_problem):
            documents.apply(signed)  # type: ignore[arg-type]
        assert documents.facts == Facts()
        assert documents.versions() == {}
        assert journal.document("lost_cards") is None
        assert journal.document("amendments") is None


def test_stored_document_that_is_believed_no_more_is_told_and_asked_for_again(tmp_path: Path) -> None:
    """Attack: a document on the SD card was replaced by one of another kind or another key; the others stay."""
    journal, documents = store(tmp_path)
    with journal:
        documents.apply(sent(document(DenyList)))  # type: ignore[arg-type]
        journal.store_document("lost_cards", 9, sent(document(DenyList, 9, [])))  # type: ignore[arg-type]
        journal.store_document("suspensions", 9, sent(document(SuspensionList, 9), ISSUER))  # type: ignore[arg-type]
    journal, documents = store(tmp_path, 2)
    with journal:
        assert [name for name, _ in documents.problems] == ["suspensions", "lost_cards"]
        assert documents.versions() == {"deny_list": 1}
        assert documents.facts.deny == {TICKET: 1}
