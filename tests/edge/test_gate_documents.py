# SPDX-License-Identifier: Apache-2.0
"""A whole gate with a reader of resident IDs, its tables fetched over HTTP: who comes in, what is left of numbers."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from binding_cases import HANDLES, ISSUER, ISSUER_ID, NUMBER, SITE, denial_file, denials, table_file
from document_bench import bound_to, document_sections, medium_of_number
from gate_bench import claim, running_gate, ski_card, wait_for
from journal_reading import admissions, incidents, outcomes, refusals
from table_cloud import TableCloud

from pistegate_edge.bindings.store import FILE_NAME
from pistegate_edge.bindings.tables import CURRENT
from pistegate_edge.core.presentation import CODE_LEFT_S
from pistegate_protocol.claims import Scope
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.identity import DocumentKind, check_character
from pistegate_simulators.card import ResidentIdCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner import SimulatedIdReader, SimulatedScanner

OTHER = "99999919850101123" + check_character("99999919850101123")
MISREAD = NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "3")
DAY_MS = 86_400_000


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in card reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def ids(tmp_path: Path) -> Iterator[SimulatedIdReader]:
    """A plugged-in reader of resident IDs behind a stable link."""
    with SimulatedIdReader(tmp_path / "ids") as ids:
        yield ids


@pytest.fixture
def cloud() -> Iterator[TableCloud]:
    """A cloud with ticket 21 bound to NUMBER and 22 to OTHER."""
    with TableCloud() as cloud:
        cloud.put(table_file(sorted([bound_to(NUMBER, 21), bound_to(OTHER, 22)])))
        yield cloud


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def with_ids(tmp_path: Path) -> dict[str, object]:
    """The section of the reader of resident IDs."""
    return {"path": str(tmp_path / "ids"), "profile": "resident-id-sdt"}


def present_until(ids: SimulatedIdReader, number: str, what: Callable[[], object], timeout_s: float = 40) -> None:
    """Put a card on the reader again and again: it ends a presentation to be away for 3 s."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ids.lift()
        with contextlib.suppress(AssertionError):
            wait_for(what, CODE_LEFT_S + 0.2)
            return
        ids.put(number)
        with contextlib.suppress(AssertionError):
            wait_for(what, 2)
            return
    raise AssertionError(f"not within {timeout_s} s")


def has_tables(journal: Path) -> bool:
    """Whether everything came (written after the first round)."""
    return (journal / CURRENT).exists()


def test_document_opens_the_lane_and_the_next_one_on_it_is_told_to_wait(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """Passed once; held there again by the next person: passback."""
    sections = document_sections(journal, cloud.url)
    with running_gate(journal, reader, scanner=[with_ids(tmp_path)], **sections) as bench:
        wait_for(lambda: has_tables(journal))
        ids.put(NUMBER)
        wait_for(lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        present_until(ids, NUMBER, lambda: refusals(journal))
    (outcome,) = outcomes(journal)
    assert (outcome.kind, outcome.passed) == (OutcomeKind.PASSED, 1)
    (admission,) = admissions(journal)
    assert (admission.ticket, admission.medium) == (21, medium_of_number(NUMBER).to_bytes())
    assert refusals(journal) == ["passback"]


def test_number_is_in_no_log_no_journal_and_no_file(
    tmp_path: Path,
    reader: SimulatedReader,
    ids: SimulatedIdReader,
    cloud: TableCloud,
    journal: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Admitted, refused, misread: nothing of the number is left, not even its end or the birth date in it."""
    caplog.set_level(logging.DEBUG)
    sections = document_sections(journal, cloud.url)
    with running_gate(journal, reader, scanner=[with_ids(tmp_path)], **sections) as bench:
        wait_for(lambda: has_tables(journal))
        ids.put(NUMBER)
        wait_for(lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        for number, reason in ((MISREAD, "document_unread"), ("99999919900307011X", "document_unread")):
            ids.put(number)
            wait_for(lambda reason=reason: reason in refusals(journal), 20)
            ids.lift()
    written = b"".join(path.read_bytes() for path in journal.iterdir() if path.is_file())
    told = caplog.text + "".join(capfd.readouterr())
    assert "admitted" in told or "admission" in told  # the log was seen at all
    for secret in (NUMBER, MISREAD, NUMBER[:14], NUMBER[6:14], NUMBER[-6:]):
        assert secret not in told
        for encoding in ("ascii", "utf-16-le"):
            assert secret.encode(encoding) not in written


def test_stranger_and_misread_number_are_told_apart(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """Nothing booked: the window; a wrong digit: once more."""
    cloud.put(table_file([bound_to(OTHER, 22)], 2))
    sections = document_sections(journal, cloud.url)
    with running_gate(journal, reader, scanner=[with_ids(tmp_path)], **sections) as bench:
        wait_for(lambda: has_tables(journal))
        ids.put(NUMBER)
        wait_for(lambda: refusals(journal) == ["not_booked"])
        ids.put(MISREAD)
        wait_for(lambda: refusals(journal) == ["not_booked", "document_unread"])
        assert bench.unlocks() == 0


def test_ticket_of_the_denials_table_is_refused_as_soon_as_it_came(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """Revoked at the window while the gate runs: the table's word is the deny list's word."""
    cloud.put(denial_file(denials([21])))
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **document_sections(journal, cloud.url)) as bench:
        wait_for(lambda: has_tables(journal))
        ids.put(NUMBER)
        wait_for(lambda: refusals(journal) == ["revoked"])
        ids.put(OTHER)
        wait_for(lambda: bench.unlocks() == 1)


def test_gate_without_tables_says_so_and_takes_cards_and_documents_later(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """The cloud is away when the gate starts: the window, and an incident; then the tables come by themselves."""
    cloud.refuse = [503] * 3
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **document_sections(journal, cloud.url)) as bench:
        ids.put(NUMBER)
        wait_for(lambda: refusals(journal) == ["documents_unknown"])
        assert "tables_missing" in incidents(journal)
        assert bench.in_service()
        wait_for(lambda: has_tables(journal), 60)
        present_until(ids, NUMBER, lambda: bench.unlocks() == 1)


def test_tables_that_came_serve_a_gate_that_is_alone(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """The next run finds no cloud at all, and opens; without the operator's leave it would ask old tables nothing."""
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **document_sections(journal, cloud.url)):
        wait_for(lambda: has_tables(journal))
    alone = document_sections(journal, "http://127.0.0.1:1")
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **alone) as bench:
        ids.put(NUMBER)
        wait_for(lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
    (journal / CURRENT).write_text(str(int((journal / CURRENT).read_text()) - 4 * DAY_MS))
    strict = document_sections(journal, "http://127.0.0.1:1", stale_days=3, when_stale="refuse")
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **strict) as bench:
        wait_for(lambda: "tables_stale" in incidents(journal))
        assert "tables 4 days old" in bench.gate._state()
        ids.put(OTHER)
        wait_for(lambda: refusals(journal) == ["documents_unknown"])
        assert bench.unlocks() == 0
    shown = document_sections(journal, "http://127.0.0.1:1", stale_days=3)
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **shown) as bench:
        wait_for(lambda: incidents(journal).count("tables_stale") == 2)
        ids.put(OTHER)
        wait_for(lambda: bench.unlocks() == 1)


def test_damaged_tables_come_again_while_cards_go_on(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """Rubbish on the disk: told, thrown away, fetched; the gate never stops."""
    journal.mkdir()
    (journal / FILE_NAME).write_bytes(b"rubbish" * 4096)
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **document_sections(journal, cloud.url)) as bench:
        wait_for(lambda: has_tables(journal))
        ids.put(NUMBER)
        wait_for(lambda: bench.unlocks() == 1)
        assert "tables_damaged" in incidents(journal)


def test_forged_table_is_an_incident_and_opens_nothing(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """Who holds the line but no key lets nobody in."""
    cloud.put(table_file([bound_to(NUMBER, 21)], 2, signer=ISSUER), name="bindings", version=2, since=0)
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **document_sections(journal, cloud.url)) as bench:
        wait_for(lambda: "tables_refused" in incidents(journal))
        ids.put(NUMBER)
        wait_for(lambda: refusals(journal) == ["documents_unknown"])
        assert bench.unlocks() == 0


def test_gate_holds_old_and_new_handle_keys_during_a_change(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """Whichever the table is made with is used; nobody has to hurry from gate to gate."""
    following = replace(HANDLES, number=2, key=bytes(range(1, 33)))
    sections = document_sections(journal, cloud.url, HANDLES, following)
    with running_gate(journal, reader, scanner=with_ids(tmp_path), **sections) as bench:
        wait_for(lambda: has_tables(journal))
        ids.put(NUMBER)
        wait_for(lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
    (admission,) = admissions(journal)
    assert admission.medium == medium_of_number(NUMBER).to_bytes()


def test_reader_of_documents_pulled_out_is_told_and_read_again_when_it_is_back(
    tmp_path: Path, reader: SimulatedReader, ids: SimulatedIdReader, cloud: TableCloud, journal: Path
) -> None:
    """A code scanner beside it goes on meanwhile."""
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        both = [{"path": str(tmp_path / "scanner")}, with_ids(tmp_path)]
        with running_gate(journal, reader, scanner=both, **document_sections(journal, cloud.url)) as bench:
            wait_for(lambda: has_tables(journal))
            ids.device.unplug()
            wait_for(lambda: "document_reader_lost" in incidents(journal))
            assert bench.in_service()
            scanner.show("https://example.org/menu")
            wait_for(lambda: refusals(journal) == ["code_link"])
            ids.device.plug()
            ids.put(NUMBER)
            wait_for(lambda: bench.unlocks() == 1, 20)


PASSPORT = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\rL898902C36UTO7408122F1204159ZE184226B<<<<<10"


def test_passport_scanned_at_the_gate_opens_the_lane(
    tmp_path: Path, reader: SimulatedReader, cloud: TableCloud, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both lines of its zone, as a scanner gives them (the specimen of ICAO 9303); a code goes on being one."""
    caplog.set_level(logging.DEBUG)
    zone = PASSPORT.replace("\r", "")
    cloud.put(table_file([bound_to(zone, 23, DocumentKind.PASSPORT)], 2))
    sections = document_sections(journal, cloud.url, kinds=["resident_id", "passport"])
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        section = {"path": str(tmp_path / "scanner"), "passports": True}
        with running_gate(journal, reader, scanner=section, **sections) as bench:
            wait_for(lambda: has_tables(journal))
            wait_for(lambda: scanner.show(PASSPORT) and bench.unlocks() == 1, 20)
            bench.turn()
            wait_for(lambda: outcomes(journal))
            scanner.show("https://example.org/menu")
            wait_for(lambda: "code_link" in refusals(journal))
    assert [admission.ticket for admission in admissions(journal)] == [23]
    written = b"".join(path.read_bytes() for path in journal.iterdir() if path.is_file())
    assert b"L898902C3" not in written
    assert "L898902C3" not in caplog.text


CHIP = bytes.fromhex("1122334455667788")


def test_chip_of_a_resident_id_at_the_card_reader_opens_where_it_is_taken(
    tmp_path: Path,
    reader: SimulatedReader,
    cloud: TableCloud,
    journal: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Read by the PN532 itself; lying there it is one presentation; its id is left nowhere."""
    caplog.set_level(logging.DEBUG)
    cloud.put(table_file([bound_to(CHIP.hex(), 24, DocumentKind.CHIP)], 2))
    sections = document_sections(journal, cloud.url, kinds=["resident_id", "chip"])
    card = ResidentIdCard(CHIP)
    with running_gate(journal, reader, **sections) as bench:
        wait_for(lambda: has_tables(journal))
        reader.present(card)
        wait_for(lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        time.sleep(CODE_LEFT_S + 1)  # it lies there still: no second presentation, whatever the time
        assert refusals(journal) == []
        reader.remove(card)
        reader.present(ski_card(what=claim(key_id=ISSUER_ID, scope=Scope(SITE))))
        wait_for(lambda: bench.unlocks() == 2)
    assert admissions(journal)[0].ticket == 24
    written = b"".join(path.read_bytes() for path in journal.iterdir() if path.is_file())
    assert CHIP not in written
    assert CHIP.hex() not in caplog.text.lower()


def test_chip_is_sent_to_the_reader_of_documents_where_it_is_not_taken(
    tmp_path: Path, reader: SimulatedReader, cloud: TableCloud, journal: Path
) -> None:
    """As ever: the display says where to put it, and nothing is asked of the chip."""
    cloud.put(table_file([bound_to(CHIP.hex(), 24, DocumentKind.CHIP)], 2))
    with running_gate(journal, reader, **document_sections(journal, cloud.url)) as bench:
        wait_for(lambda: has_tables(journal))
        reader.present(ResidentIdCard(CHIP))
        wait_for(lambda: "foreign_medium" in refusals(journal) or bench.unlocks())
        assert bench.unlocks() == 0
