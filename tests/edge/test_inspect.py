# SPDX-License-Identifier: Apache-2.0
"""The attendant's handheld: tells what any card is worth here and now, and leaves every card as it was."""

import contextlib
import io
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from gate_bench import DOCUMENTS, gate_keys, gate_tree, key_file, ski_card, toml_of, wait_for
from gate_bench import claim as claim_of
from journal_reading import refusals

from pistegate_edge.cli import main
from pistegate_edge.clock import Clock
from pistegate_edge.config import check_config
from pistegate_edge.inspect.process import Inspect
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.amendments import Amendment
from pistegate_protocol.card_layout import KeySet
from pistegate_protocol.documents import DOCUMENT_NAMES, Document, LostCards, sign_document
from pistegate_simulators.card import ClassicCard, DesfireCard, Phone, RadioCard, ResidentIdCard, other_operators_card
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import (
    APPLICATION,
    CardMasters,
    blank_stock,
    personalised_card,
    proof,
    put_claim,
    put_recent,
)

NUMBER = 31


def tree_of(directory: Path, reader: str, /, **changes: Any) -> dict[str, Any]:
    """A handheld's gate.toml as parsed."""
    keys = {name: changes[name] for name in ("key_store",) if name in changes}
    tree = gate_tree(directory, reader, **keys)
    del tree["lane"], tree["signals"]
    return tree | {"role": "inspect", "device": {"site": 1, "group": 1, "number": NUMBER}} | changes


def store(directory: Path, *documents: Document) -> None:
    """What the cloud sent this handheld before."""
    directory.mkdir(exist_ok=True)
    with Journal(directory, 1, NUMBER, 131_072, Clock(), 1, "test") as journal:
        for document in documents:
            signed = sign_document(document, 1, DOCUMENTS)
            journal.store_document(DOCUMENT_NAMES[type(document)], document.version, signed)


@contextmanager
def handheld(directory: Path, reader: SimulatedReader, /, **changes: Any) -> Iterator[io.StringIO]:
    """A running handheld and its screen."""
    directory.mkdir(exist_ok=True)
    config = check_config(tree_of(directory, str(reader.link), **changes))
    screen = io.StringIO()
    started: queue.SimpleQueue[Inspect | BaseException] = queue.SimpleQueue()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with ExitStack() as parts:
                inspect = Inspect(config, Clock(), parts, screen)
                started.put(inspect)
                inspect.run()
        except BaseException as error:  # noqa: BLE001 - shown by the test that owns the bench
            failed.append(error)
            started.put(error)

    thread = threading.Thread(target=run, name="handheld", daemon=True)
    thread.start()
    inspect = started.get(timeout=10)
    if isinstance(inspect, BaseException):
        raise inspect
    try:
        yield screen
    finally:
        inspect.stop()
        thread.join(10)
        assert not thread.is_alive()
        if failed:
            raise failed[0]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def told(screen: io.StringIO, words: str) -> bool:
    """Whether the attendant has seen these words."""
    return words in screen.getvalue()


def rode(days: int = 0) -> dict[str, Any]:
    """Usage of a card that entered at this post's lane 4, so many days and a minute ago."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days, minutes=1)
    return {
        "used_total": 1,
        "used_on_day": 1,
        "day": (at.date() - date(2020, 1, 1)).days,
        "last_entry": at,
        "last_gate": 4,
        "in_round": 1,
    }


CASES: list[tuple[str, DesfireCard, str]] = [
    ("valid", ski_card(), "May enter (1)."),
    ("party", ski_card(1, claim_of(party=4)), "May enter (4)."),
    ("expired", ski_card(1, claim_of(valid_until=date(2021, 1, 1))), "This ticket has expired."),
    ("other area", ski_card(1, claim_of(areas=frozenset({5}))), "This ticket is not valid for this entrance."),
    ("used up", ski_card(1, claim_of(entries_total=1), **rode(3)), "All entries of this ticket are used."),
    ("just entered", ski_card(1, claim_of(reentry_s=3600), **rode()), "This ticket has just entered."),
    (
        "on hold",
        ski_card(1, amendment=Amendment(key_id=1, ticket=4711, number=1, hold=True)),
        "on hold",
    ),
]


@pytest.mark.parametrize(("name", "card", "words"), CASES, ids=[name for name, _, _ in CASES])
def test_card_is_told_as_a_lane_would_decide_and_is_left_as_it_was(
    tmp_path: Path, reader: SimulatedReader, name: str, card: DesfireCard, words: str
) -> None:
    """The reason included; the card's image is the same before and after, and so is its transaction counter."""
    before, counter = card.image(), proof(card)
    with handheld(tmp_path / "held", reader) as screen:
        reader.present(card)
        wait_for(lambda: told(screen, words))
        time.sleep(0.2)
    assert card.image() == before
    assert proof(card) == counter


@pytest.mark.parametrize(
    ("stranger", "words"),
    [
        (ClassicCard(), "This is not a ski ticket."),
        (other_operators_card(Random(9)), "This is not a ski ticket."),
        (Phone(), "phone"),
        (ResidentIdCard(), "ID"),
        (blank_stock(Random(3)), "This is not a ski ticket."),
        (personalised_card(Random(5), CardMasters.drawn(Random(6))), "This card was not issued here."),
    ],
)
def test_what_is_no_ski_card_of_ours_is_told(
    tmp_path: Path, reader: SimulatedReader, stranger: RadioCard, words: str
) -> None:
    """Each in its words."""
    with handheld(tmp_path / "held", reader) as screen:
        reader.present(stranger)
        wait_for(lambda: told(screen, words))


def test_each_card_is_told_once_while_it_is_held(tmp_path: Path, reader: SimulatedReader) -> None:
    """And again when it comes back."""
    card = ski_card()
    with handheld(tmp_path / "held", reader) as screen:
        reader.present(card)
        wait_for(lambda: told(screen, "May enter"))
        time.sleep(0.5)
        assert screen.getvalue().count("May enter") == 1
        reader.remove(card)
        time.sleep(0.5)
        reader.present(card)
        wait_for(lambda: screen.getvalue().count("May enter") == 2)


def test_two_cards_of_one_pocket_are_both_told(tmp_path: Path, reader: SimulatedReader) -> None:
    """Looking burns nothing, so that nobody has to take one away."""
    with handheld(tmp_path / "held", reader) as screen:
        reader.present(ski_card(1, claim_of(ticket=1001)))
        reader.present(ski_card(2, claim_of(ticket=1002)))
        wait_for(lambda: told(screen, "1001") and told(screen, "1002"))


def test_lost_and_refused_cards_are_noted_and_others_are_not(tmp_path: Path, reader: SimulatedReader) -> None:
    """The cloud hears where a lost card is; nobody is followed who has a good ticket."""
    lost, expired, good = ski_card(1), ski_card(2, claim_of(valid_until=date(2021, 1, 1))), ski_card(3)
    store(tmp_path / "held", LostCards(1, 1, 0, [lost.uid]))
    with handheld(tmp_path / "held", reader) as screen:
        for card, words in ((good, "May enter"), (expired, "expired"), (lost, "reported lost")):
            reader.present(card)
            wait_for(lambda: told(screen, words))  # noqa: B023
            reader.remove(card)
            time.sleep(0.3)
        wait_for(lambda: refusals(tmp_path / "held") == ["expired", "card_lost"])


def test_forged_claim_is_told_as_not_genuine(tmp_path: Path, reader: SimulatedReader) -> None:
    """Attack: one bit of the claim changed."""
    card = ski_card()
    content = bytearray(card.file_bytes(APPLICATION, 1))
    content[10] ^= 1
    put_claim(card, bytes(content))
    with handheld(tmp_path / "held", reader) as screen:
        reader.present(card)
        wait_for(lambda: told(screen, "not genuine"))


def test_handheld_with_the_roll_key_leaves_a_cards_key_set_alone(tmp_path: Path, reader: SimulatedReader) -> None:
    """Gates and tills switch old cards after a theft; whoever only looks changes nothing."""
    card = ski_card()
    keys = key_file(tmp_path / "held", gate_keys(KeySet.SECOND, roll=True))
    with handheld(tmp_path / "held", reader, key_store={"path": str(keys)}) as screen:
        reader.present(card)
        wait_for(lambda: told(screen, "May enter"))
    assert card.active_key_set(APPLICATION) == KeySet.FIRST


def test_card_with_broken_records_is_still_told(tmp_path: Path, reader: SimulatedReader) -> None:
    """Records of a newer release are left out; the ticket is what matters."""
    card = ski_card()
    put_recent(card, [b"\xff" * 16])
    with handheld(tmp_path / "held", reader) as screen:
        reader.present(card)
        wait_for(lambda: told(screen, "May enter"))


# One look, as a command


def look(tmp_path: Path, reader: SimulatedReader, *options: str) -> tuple[int, str, str]:
    """`pistegate-gate inspect`: status, output, messages."""
    path = tmp_path / "gate.toml"
    path.write_text(toml_of(tree_of(tmp_path / "held", str(reader.link))))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["inspect", "--config", str(path), "--wait", "2", *options])
    return status, out.getvalue(), err.getvalue()


def test_one_look_tells_and_ends(tmp_path: Path, reader: SimulatedReader) -> None:
    """Status 0 for a card that may enter, 4 for one that may not or is none, 5 for none in time."""
    card = ski_card()
    reader.present(card)
    before = card.image()
    status, out, _ = look(tmp_path, reader)
    assert (status, "May enter (1)." in out) == (0, True)
    assert card.image() == before
    status, out, _ = look(tmp_path, reader, "--json")
    (found,) = json.loads(out)["cards"]
    assert (status, found["here"]) == (0, {"admit": True, "n": 1, "overtime": False})
    reader.remove(card)
    reader.present(ski_card(2, claim_of(valid_until=date(2021, 1, 1))))
    assert look(tmp_path, reader)[0] == 4
    reader.remove()
    reader.present(ClassicCard())
    assert look(tmp_path, reader)[0] == 4
    reader.remove()
    assert look(tmp_path, reader, "--wait", "0.1")[0] == 5


def test_one_look_notes_a_lost_card_for_later(tmp_path: Path, reader: SimulatedReader) -> None:
    """It goes up when the handheld next runs; a good card leaves no trace, not even a journal."""
    card = ski_card()
    reader.present(card)
    assert look(tmp_path, reader)[0] == 0
    assert not (tmp_path / "held").exists()
    store(tmp_path / "held", LostCards(1, 1, 0, [card.uid]))
    status, out, _ = look(tmp_path, reader)
    assert (status, "reported lost" in out) == (4, True)
    assert refusals(tmp_path / "held") == ["card_lost"]


def test_one_look_keeps_off_a_reader_that_is_in_use(tmp_path: Path, reader: SimulatedReader) -> None:
    """Two on one line would break both."""
    with handheld(tmp_path / "held", reader):
        status, _, err = look(tmp_path, reader)
    assert status == 1
    assert "is running on this reader" in err


def test_one_look_without_a_reader_says_what_to_check(tmp_path: Path, reader: SimulatedReader) -> None:
    """Not a traceback."""
    reader.unplug()
    status, _, err = look(tmp_path, reader)
    assert status == 1
    assert "check [reader] path, cable and power" in err
