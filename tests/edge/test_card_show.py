# SPDX-License-Identifier: Apache-2.0
"""`pistegate-gate card show`: everything of a card, in two languages and as JSON, and nothing changed on it."""

import contextlib
import io
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gate_bench import claim as claim_of
from gate_bench import gate_tree, running_gate, ski_card, toml_of
from till_bench import KEYS, NOW, WALL, ModelCard, rental_file, statement, uid_of
from till_running import running_till, till_tree

from pistegate_edge.card.assess import Assessor
from pistegate_edge.card.facts import understand
from pistegate_edge.card.told import card_told
from pistegate_edge.card.view import card_lines, columns
from pistegate_edge.cli import main
from pistegate_edge.core.facts import Facts
from pistegate_edge.money import minor_units, money
from pistegate_protocol.claim_terms import ClockTerm, Window
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.decide import GateProfile
from pistegate_protocol.records import CardRecord, RecordKind, encode_record
from pistegate_protocol.rental import RentalKind
from pistegate_simulators.card import ClassicCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import proof

PROFILE = GateProfile(site=1, group=1, gate=3, post_gates=frozenset({3, 4}), area=0, zone=ZoneInfo("Asia/Shanghai"))
CLAIM = claim_of(
    product=7,
    holder=HolderClass.YOUTH,
    party=2,
    areas=frozenset({0, 1}),
    valid_from=date(2026, 1, 1),
    valid_until=date(2026, 3, 31),
    entries_per_day=4,
    windows=(Window(510, 990),),
    clock=ClockTerm(240),
)
RECORDS = [
    (RecordKind.ENTRY, 3, 2),
    (RecordKind.RENTAL_OUT, 21, 0b1011),
    (RecordKind.LOAD, 21, 5000),
    (RecordKind.DEBIT, 22, 1800),
    (RecordKind.RENTAL_BACK, 21, 0b1000),
    (RecordKind.EXIT, 4, 1),
]
ENGLISH = """\
Ski card 04 01 04 01 04 01 00   6 transactions, key set 0

Here and now
  May enter (2).

Ticket
  number      4711, product 7
  holder      youth, 2 persons
  valid       2026-01-01 to 2026-03-31
  where       site 1, areas 0, 1
  daily       08:30-16:30
  left        8 today
  time        240 minutes, not started

Wallet
  balance     45.00 CNY
              purse 20.00 CNY, loaded 50.00 CNY, spent of it 25.00 CNY
  waiting     30.00 CNY to be loaded at a till

Rental
  out         boots, skis  since 2026-01-15 10:00
  returned    poles  2026-01-15 10:00

Last passages and consumptions
  2026-01-15 10:05  gate 4   exit           1 person
  2026-01-15 10:04  till 21  back           poles
  2026-01-15 10:03  till 22  paid           18.00 CNY
  2026-01-15 10:02  till 21  loaded in all  50.00 CNY
  2026-01-15 10:01  till 21  taken          boots, skis, poles
  2026-01-15 10:00  gate 3   entry          2 persons"""
CHINESE = """\
雪卡 04 01 04 01 04 01 00   6 次交易，密钥组 0

此时此地
  可以入场（2）。

门票
  票号        4711，产品 7
  持票人      青少年，2 人
  有效期      2026-01-01 至 2026-03-31
  范围        雪场 1，区域 0、1
  每日        08:30-16:30
  剩余        今日 8 次
  时间        240 分钟，未开始

储值
  余额        45.00 CNY
              钱包 20.00 CNY，累计充值 50.00 CNY，其中已用 25.00 CNY
  待写入      30.00 CNY，请在消费点写入

租赁
  在租        雪鞋、双板  自 2026-01-15 10:00
  已还        雪杖  2026-01-15 10:00

最近的过闸与消费
  2026-01-15 10:05  闸机 4     离场      1 人
  2026-01-15 10:04  消费点 21  归还      雪杖
  2026-01-15 10:03  消费点 22  付款      18.00 CNY
  2026-01-15 10:02  消费点 21  累计充值  50.00 CNY
  2026-01-15 10:01  消费点 21  取走      雪鞋、双板、雪杖
  2026-01-15 10:00  闸机 3     入场      2 人"""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def full_card() -> ModelCard:
    """A card with something of everything."""
    out = frozenset({RentalKind.BOOTS, RentalKind.SKIS})
    rental = rental_file(outstanding=out, taken=out | {RentalKind.POLES}, since=WALL, returned=WALL)
    card = ModelCard(purse=2000, loads=statement(uid_of(1), 1, 5000), spent=2500, claim=CLAIM, rental=rental)
    for minute, (kind, device, value) in enumerate(RECORDS):
        card.record(encode_record(CardRecord(kind, WALL + timedelta(minutes=minute), device, value, b"12345")))
    return card


def told(card: ModelCard, **options: Any) -> dict[str, Any]:
    """The card as JSON."""
    facts = understand(card.files(), KEYS)
    return card_told(facts, Assessor(PROFILE, KEYS).assess(facts, Facts(), NOW), PROFILE, currency="CNY", **options)


# The view


@pytest.mark.parametrize(("locale", "expected"), [("en", ENGLISH), ("zh-CN", CHINESE)])
def test_card_in_a_terminal(locale: str, expected: str) -> None:
    """As people see it; columns stand below each other though Chinese letters take two."""
    assert "\n".join(card_lines(told(full_card(), here=True, waiting=3000), locale)) == expected


def test_what_a_terminal_shows_is_all_in_the_json() -> None:
    """The view is made of the JSON after it has been sent and read again, as a till's answer is."""
    sent = json.loads(json.dumps(told(full_card(), here=True)))
    assert card_lines(sent, "en") == card_lines(told(full_card(), here=True), "en")


def test_blank_card_says_that_nothing_is_on_it() -> None:
    """No ticket, no money, nothing out."""
    shown = "\n".join(card_lines(told(ModelCard()), "en"))
    assert "There is no ticket on this card." in shown
    assert "balance     0.00 CNY" in shown
    assert shown.endswith("Last passages and consumptions\n  none")


def test_what_is_not_believed_is_told_as_such() -> None:
    """A load of another card's counts nothing; a rental of a newer release cannot be read; a lost card is lost."""
    card = ModelCard(purse=100, loads=statement(uid_of(2), 1, 90_000), rental=b"\x07" + bytes(15))
    shown = "\n".join(card_lines(told(card, lost=True), "en"))
    assert "! This card was reported lost." in shown
    assert "balance     1.00 CNY" in shown
    assert "! A load on this card is not believed" in shown
    assert "! The rental on this card cannot be read" in shown


@pytest.mark.parametrize(("words", "width"), [("", 0), ("gate 3", 6), ("闸机 3", 6), ("（", 2)])
def test_columns_of_words(words: str, width: int) -> None:
    """Wide letters take two."""
    assert columns(words) == width


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (4500, "CNY", "45.00 CNY"),
        (5, "EUR", "0.05 EUR"),
        (-180, "CNY", "-1.80 CNY"),
        (1500, "JPY", "1500 JPY"),
        (1, "KWD", "0.001 KWD"),
    ],
)
def test_money_as_people_read_it(amount: int, currency: str, shown: str) -> None:
    """With the decimals of its currency."""
    assert money(amount, currency) == shown


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("18", "CNY", 1800), ("18.5", "CNY", 1850), ("18.05", "CNY", 1805), ("1500", "JPY", 1500), ("0", "CNY", None),
        ("18.005", "CNY", None), ("15.5", "JPY", None), ("-18", "CNY", None), ("1e3", "CNY", None), ("١", "CNY", None),
        ("", "CNY", None), ("18,00", "CNY", None),
    ],
)  # fmt: skip
def test_money_as_people_write_it(written: str, currency: str, amount: int | None) -> None:
    """Nothing is rounded or guessed."""
    assert minor_units(written, currency) == amount


# The command


def show(path: Path, *options: str) -> tuple[int, str, str]:
    """`pistegate-gate card show`: status, output, messages."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["card", "show", "--config", str(path), "--wait", "2", "--locale", "en", *options])
    return status, out.getvalue(), err.getvalue()


def config(tmp_path: Path, tree: dict[str, Any]) -> Path:
    """Written to a file."""
    path = tmp_path / "gate.toml"
    path.write_text(toml_of(tree))
    return path


def test_guest_sees_the_card_with_a_tills_configuration(tmp_path: Path, reader: SimulatedReader) -> None:
    """The reader is opened by the command itself; the card is the same before and after, its proof too."""
    card = ski_card(purse=1200, loaded=300)
    reader.present(card)
    before, counter = card.image(), proof(card)
    path = config(tmp_path, till_tree(tmp_path / "till", str(reader.link)))
    status, out, err = show(path)
    assert status == 0
    assert "balance     15.00 CNY" in out
    assert "number      4711" in out
    assert "Hold the card to the reader." in err
    assert (card.image(), proof(card)) == (before, counter)
    assert not (tmp_path / "till").exists()


def test_desk_reads_it_as_json_with_a_gates_configuration(tmp_path: Path, reader: SimulatedReader) -> None:
    """Check-out reads the card first: what is out is on it, whatever the tills have not reported yet."""
    rental = rental_file(outstanding=frozenset({RentalKind.SKIS}), taken=frozenset({RentalKind.SKIS}), since=WALL)
    reader.present(ski_card(rental=rental))
    status, out, _ = show(config(tmp_path, gate_tree(tmp_path / "gate", str(reader.link))), "--json")
    (card,) = json.loads(out)["cards"]
    assert status == 0
    assert (card["rental"]["outstanding"], card["rental"]["settled"]) == (["skis"], False)
    assert "here" not in card


def test_no_card_and_foreign_cards_have_their_status(tmp_path: Path, reader: SimulatedReader) -> None:
    """5 and 4."""
    path = config(tmp_path, till_tree(tmp_path / "till", str(reader.link)))
    assert show(path, "--wait", "0.1")[0] == 5
    reader.present(ClassicCard())
    status, out, _ = show(path)
    assert (status, out.strip()) == (4, "This is not a ski ticket. Take other cards away and hold the ski card alone.")


def test_running_till_is_asked_through_its_socket(tmp_path: Path, reader: SimulatedReader) -> None:
    """The reader is the till's; the guest sees the same, and what waits to be loaded besides."""
    reader.present(ski_card(purse=1200))
    path = config(tmp_path, till_tree(tmp_path / "till", str(reader.link)))
    with running_till(tmp_path / "till", reader):
        status, out, _ = show(path)
    assert status == 0
    assert "balance     12.00 CNY" in out


def test_running_gate_keeps_its_reader(tmp_path: Path, reader: SimulatedReader) -> None:
    """The command says who has it, and leaves the gate alone."""
    path = config(tmp_path, gate_tree(tmp_path, str(reader.link)))
    with running_gate(tmp_path, reader) as bench:
        status, _, err = show(path)
        assert bench.in_service()
    assert status == 1
    assert "A gate is running on this reader" in err


def test_device_without_card_keys_cannot_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An encoder relays and knows no key; a till stands at no lane."""
    tree = gate_tree(tmp_path)
    encoder = {name: tree[name] for name in ("device", "reader", "broker")} | {"role": "encoder"}
    assert main(["card", "show", "--config", str(config(tmp_path, encoder))]) == 2
    assert "holds no card keys" in capsys.readouterr().err
    assert main(["inspect", "--config", str(config(tmp_path, till_tree(tmp_path / "till")))]) == 2
    assert "stands at no lane" in capsys.readouterr().err
