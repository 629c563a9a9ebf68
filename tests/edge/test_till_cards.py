# SPDX-License-Identifier: Apache-2.0
"""A whole till on a simulated reader with real drivers: what is asked at its socket is on the card, once."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from gate_bench import DOCUMENTS, ISSUER, MASTERS, gate_keys, key_file, ski_card, wait_for
from journal_reading import incidents, refusals
from till_running import TILL_NUMBER, TillBench, running_till, till_tree

from pistegate_edge.clock import Clock
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.card_layout import KeySet
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.documents import DOCUMENT_NAMES, Document, LoadList, LostCards, sign_document
from pistegate_protocol.events import UseKind, UseResult
from pistegate_protocol.proofs import card_use_input
from pistegate_protocol.records import RecordKind, decode_record
from pistegate_protocol.rental import RentalKind, decode_rental
from pistegate_protocol.wallet import LoadStatement, load_in_file, sign_load
from pistegate_simulators.card import (
    ClassicCard,
    DesfireCard,
    Phone,
    PlainIsoCard,
    RadioCard,
    ResidentIdCard,
    other_operators_card,
)
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import (
    APPLICATION,
    CardMasters,
    loads_content,
    personalised_card,
    proof,
    purse,
    recent_records,
    rental_content,
    spent,
)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def store(directory: Path, *documents: Document) -> None:
    """What the cloud sent this till before."""
    directory.mkdir(exist_ok=True)
    with Journal(directory, 1, TILL_NUMBER, 131_072, Clock(), 1, "test") as journal:
        for document in documents:
            signed = sign_document(document, 1, DOCUMENTS)
            journal.store_document(DOCUMENT_NAMES[type(document)], document.version, signed)


def debit(bench: TillBench, id: str = "r1", amount: int = 1800) -> dict[str, Any]:
    """A whole debit of whatever card lies on the reader."""
    return bench.operator.ask(do="debit", id=id, amount=amount, currency="CNY", item="coffee")


def test_debit_is_on_the_card_in_the_journal_and_told(tmp_path: Path, reader: SimulatedReader) -> None:
    """Loads first, then the purse; the card's proof is what the cloud will expect of the event."""
    card = ski_card(purse=1000, loaded=3000, spent=1700)
    with running_till(tmp_path / "till", reader) as bench:
        bench.operator.send(do="debit", id="r1", amount=1800, currency="CNY", item="coffee")
        bench.operator.told("hold_card")
        reader.present(card)
        done = bench.operator.end("r1")
        assert (done["event"], done["amount"], done["balance"]) == ("done", 1800, 500)
        assert done["words"] == "Paid 18.00 CNY. Balance 5.00 CNY."
        (use,) = bench.uses()
        assert bench.results() == [UseResult.DONE]
    assert (purse(card), spent(card)) == (500, -3000)
    assert (use.kind, use.purse, use.loads, use.ticket) == (UseKind.DEBIT, 500, 1300, 4711)
    record = decode_record(recent_records(card)[-1])
    assert (record.kind, record.value, record.device) == (RecordKind.DEBIT, 1800, TILL_NUMBER)
    counter, value = proof(card)
    name = bytes.fromhex(done["use"]["name"])
    expected = transaction_mac(
        MASTERS.transaction_key(card.uid), card.uid, counter, card_use_input(use, TILL_NUMBER, name)
    )
    assert value == expected


def test_card_in_the_tray_is_charged_once_for_each_request(tmp_path: Path, reader: SimulatedReader) -> None:
    """It lies there all the time; between requests the reader does nothing to it."""
    card = ski_card(purse=5000)
    reader.present(card)
    with running_till(tmp_path / "till", reader) as bench:
        assert debit(bench, "r1")["balance"] == 3200
        assert debit(bench, "r2")["balance"] == 1400
        assert debit(bench, "r3")["code"] == "balance_too_small"
        assert debit(bench, "r2")["repeated"]
    assert purse(card) == 1400


def test_load_that_the_cloud_signed_is_written(tmp_path: Path, reader: SimulatedReader) -> None:
    """A signed total, from the document that the cloud sent; the guest pays with it at once."""
    card = ski_card(purse=100)
    statement = LoadStatement(key_id=1, uid=card.uid, number=7, loaded=5000, currency="CNY")
    signed = sign_load(statement, ISSUER)
    store(tmp_path / "till", LoadList(1, 1, 0, [signed]))
    reader.present(card)
    with running_till(tmp_path / "till", reader) as bench:
        assert debit(bench, "r1")["code"] == "balance_too_small_load"
        done = bench.operator.ask(do="load", id="r2")
        assert (done["event"], done["amount"], done["balance"]) == ("done", 5000, 5100)
        assert bench.operator.ask(do="load", id="r3")["code"] == "no_load"
        assert debit(bench, "r4")["balance"] == 3300
    assert load_in_file(loads_content(card)) == signed


def test_rental_goes_out_and_comes_back(tmp_path: Path, reader: SimulatedReader) -> None:
    """What is out is on the card; a kind goes out once."""
    card = ski_card()
    reader.present(card)
    with running_till(tmp_path / "till", reader) as bench:
        out = bench.operator.ask(do="rental_out", id="r1", kinds=["boots", "skis=K2-0815"], operator="Li")
        assert out["outstanding"] == ["boots", "skis"]
        assert out["words"] == "Taken: boots, skis K2-0815. Out now: boots, skis."
        assert decode_rental(rental_content(card)).outstanding == {RentalKind.BOOTS, RentalKind.SKIS}
        back = bench.operator.ask(do="rental_back", id="r2")
        assert (back["outstanding"], back["settled"]) == ([], True)
        again = bench.operator.ask(do="rental_out", id="r3", kinds=["skis"])
        assert again["words"].startswith("Rented on this card before: skis")
        assert [use.operator for use in bench.uses()] == ["Li", ""]


def test_show_tells_the_whole_card_and_changes_nothing(tmp_path: Path, reader: SimulatedReader) -> None:
    """The image of the card is the same before and after, its proof too."""
    card = ski_card(purse=1200, loaded=300)
    reader.present(card)
    before = card.image()
    with running_till(tmp_path / "till", reader) as bench:
        shown = bench.operator.ask(do="show", id="look")["card"]
        assert bench.uses() == []
    assert shown["wallet"]["balance"] == 1500
    assert shown["ticket"]["number"] == 4711
    assert shown["recent"] == []
    assert card.image() == before


@pytest.mark.parametrize(
    ("stranger", "code"),
    [
        (ClassicCard(), "foreign"),
        (PlainIsoCard(bytes.fromhex("04a1b2c3d4e5f6")), "foreign"),
        (other_operators_card(Random(9)), "foreign"),
        (Phone(), "phone"),
        (ResidentIdCard(), "resident_id"),
        (personalised_card(Random(5), CardMasters.drawn(Random(6))), "key_refused"),
    ],
)
def test_what_is_no_ski_card_is_told_and_the_ski_card_still_served(
    tmp_path: Path, reader: SimulatedReader, stranger: RadioCard, code: str
) -> None:
    """A hotel card, another operator's, a phone, an ID, a card of another system: each is told once, in its words."""
    card = ski_card(purse=5000)
    with running_till(tmp_path / "till", reader) as bench:
        bench.operator.send(do="debit", id="r1", amount=1800, currency="CNY")
        bench.operator.told("hold_card")
        reader.present(stranger)
        bench.operator.told(code)
        time.sleep(0.3)
        assert bench.operator.codes().count(code) == 1
        reader.remove(stranger)
        reader.present(card)
        assert bench.operator.end("r1")["event"] == "done"


def test_other_cards_of_the_pocket_are_ignored(tmp_path: Path, reader: SimulatedReader) -> None:
    """A hotel card and a bus company's beside the ski card."""
    card = ski_card(purse=5000)
    for one in (ClassicCard(), other_operators_card(Random(9)), card):
        reader.present(one)
    with running_till(tmp_path / "till", reader) as bench:
        assert debit(bench)["event"] == "done"
    assert purse(card) == 3200


def test_of_two_ski_cards_neither_is_charged(tmp_path: Path, reader: SimulatedReader) -> None:
    """The operator is asked for one alone; then that one is charged."""
    first, second = ski_card(1, purse=5000), ski_card(2, purse=5000)
    reader.present(first)
    reader.present(second)
    with running_till(tmp_path / "till", reader) as bench:
        bench.operator.send(do="debit", id="r1", amount=1800, currency="CNY")
        bench.operator.told("two_cards")
        assert (purse(first), purse(second)) == (5000, 5000)
        reader.remove(first)
        assert bench.operator.end("r1")["event"] == "done"
    assert (purse(first), purse(second)) == (5000, 3200)


def test_lost_card_is_refused_and_noted(tmp_path: Path, reader: SimulatedReader) -> None:
    """From the cloud's list; the operator knows what to do, the cloud where it was tried."""
    card = ski_card(purse=5000)
    store(tmp_path / "till", LostCards(1, 1, 0, [card.uid]))
    reader.present(card)
    with running_till(tmp_path / "till", reader) as bench:
        refused = debit(bench)
        assert refused["code"] == "card_lost"
        assert "ticket office" in refused["words"]
        assert bench.operator.ask(do="show", id="look")["card"]["lost"]
        wait_for(lambda: refusals(tmp_path / "till") == ["card_lost"])
    assert purse(card) == 5000


def test_card_image_written_back_is_refused(tmp_path: Path, reader: SimulatedReader) -> None:
    """Attack: the card's state of before the debit is put back; its transaction counter gives it away."""
    card = ski_card(purse=5000)
    image = card.image()
    reader.present(card)
    with running_till(tmp_path / "till", reader) as bench:
        assert debit(bench, "r1")["event"] == "done"
        reader.remove(card)
        reader.present(DesfireCard.from_image(image))
        assert debit(bench, "r2")["code"] == "card_rolled_back"


def test_reader_unplugged_while_a_request_waits(tmp_path: Path, reader: SimulatedReader) -> None:
    """It is told, the request goes on when the reader is back, and the cloud hears of it."""
    card = ski_card(purse=5000)
    with running_till(tmp_path / "till", reader) as bench:
        bench.operator.send(do="debit", id="r1", amount=1800, currency="CNY")
        bench.operator.told("hold_card")
        reader.unplug()
        bench.operator.told("reader_lost")
        reader.replug()
        bench.operator.told("hold_card", 2)
        reader.present(card)
        assert bench.operator.end("r1")["event"] == "done"
    assert incidents(tmp_path / "till").count("reader_lost") == 1


def test_request_without_a_card_ends_in_time_and_can_be_cancelled(tmp_path: Path, reader: SimulatedReader) -> None:
    """Its own time, not the till's."""
    with running_till(tmp_path / "till", reader) as bench:
        ended = bench.operator.ask(do="debit", id="r1", amount=1, currency="CNY", wait_s=0.2)
        assert (ended["event"], ended["code"]) == ("ended", "no_card")
        bench.operator.send(do="debit", id="r2", amount=1, currency="CNY")
        bench.operator.told("hold_card", 2)
        bench.operator.send(do="cancel", id="r2")
        assert bench.operator.end("r2")["code"] == "cancelled"


def test_till_after_a_theft_switches_cards_to_the_second_keys(tmp_path: Path, reader: SimulatedReader) -> None:
    """As gates do: an old card is switched and debited in one go, a switched one is served by any till with both."""
    card = ski_card(purse=5000)
    keys = key_file(tmp_path / "till", gate_keys(KeySet.SECOND, roll=True))
    reader.present(card)
    with running_till(tmp_path / "till", reader, key_store={"path": str(keys)}) as bench:
        assert debit(bench)["event"] == "done"
    assert card.active_key_set(APPLICATION) == KeySet.SECOND
    assert purse(card) == 3200


def test_till_remembers_over_a_restart_what_it_has_done(tmp_path: Path, reader: SimulatedReader) -> None:
    """A program that repeats its request to the next run is answered, the card is not charged again."""
    card = ski_card(purse=5000)
    reader.present(card)
    with running_till(tmp_path / "till", reader) as bench:
        first = debit(bench)
    with running_till(tmp_path / "till", reader) as bench:
        again = debit(bench)
        last = bench.operator.ask(do="last", id="l1", count=5)
        other = bench.operator.ask(do="debit", id="r1", amount=1, currency="CNY")
    assert again == first | {"repeated": True, "words": again["words"]}
    assert again["words"].endswith("Done before; not done again.")
    assert [one["id"] for one in last["requests"]] == ["r1"]
    assert other["code"] == "id_reused"
    assert purse(card) == 3200


def test_words_come_in_the_language_asked_for(tmp_path: Path, reader: SimulatedReader) -> None:
    """The till's own unless the request names another."""
    reader.present(ski_card(purse=5000))
    tree = till_tree(tmp_path / "till")
    with running_till(tmp_path / "till", reader, display=tree["display"] | {"locale": "zh-CN"}) as bench:
        assert debit(bench, "r1")["words"] == "已付 18.00 CNY。余额 32.00 CNY。"
        english = bench.operator.ask(do="debit", id="r2", amount=100, currency="CNY", locale="en")
        assert english["words"] == "Paid 1.00 CNY. Balance 31.00 CNY."
