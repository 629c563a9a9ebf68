# SPDX-License-Identifier: Apache-2.0
"""The operator's socket: what is no request is told and limited; who may connect; who hangs up."""

import contextlib
import grp
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from gate_bench import ski_card, wait_for
from hypothesis import given
from hypothesis import strategies as st
from till_running import Operator, TillBench, running_till, till_tree

from pistegate_edge.config import check_config, load_config
from pistegate_edge.errors import ConfigError
from pistegate_edge.till.core.codes import EVENT_OF, Code, Event
from pistegate_edge.till.core.requests import (
    LINE_MAX,
    BadRequest,
    Cancel,
    Debit,
    RentalOut,
    Request,
    digest,
    parse_request,
)
from pistegate_edge.till.server import BAD_LINES_MAX, CLIENTS_MAX, SocketUnusable, listen
from pistegate_protocol.card_layout import VALUE_MAX, CardKey, KeySet
from pistegate_protocol.texts import LOCALES, catalogue
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.reader.pocket import LAB_MASTERS
from pistegate_simulators.stock import purse

GOOD: dict[str, Any] = {"do": "debit", "id": "r1", "amount": 1, "currency": "CNY"}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def bench(tmp_path: Path, reader: SimulatedReader) -> Iterator[TillBench]:
    """A running till."""
    with running_till(tmp_path / "till", reader) as bench:
        yield bench


# Requests


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": VALUE_MAX + 1},
        {"amount": 1.5},
        {"amount": "1"},
        {"amount": None},
        {"currency": "cny"},
        {"currency": "CNYX"},
        {"id": ""},
        {"id": "a b"},
        {"id": 65 * "x"},
        {"item": 65 * "x"},
        {"item": "a\nb"},
        {"operator": "\x1b[2J"},
        {"wait_s": 0},
        {"wait_s": 301},
        {"locale": "fr"},
        {"do": "credit"},
        {"extra": 1},
    ],
)
def test_value_out_of_its_limits_is_refused(change: dict[str, Any]) -> None:
    """Nothing of it reaches a card; the id comes back where it is one, so that the program knows which."""
    with pytest.raises(BadRequest) as refused:
        parse_request(json.dumps(GOOD | change).encode())
    assert refused.value.id == ("" if "id" in change else "r1")


@pytest.mark.parametrize("kinds", [[], ["sledge"], ["skis", "skis"], ["skis=" + 30 * "x"], 17 * ["skis"], "skis"])
def test_equipment_that_there_is_not_is_refused(kinds: object) -> None:
    """An empty list too, where something is to be taken."""
    with pytest.raises(BadRequest):
        parse_request(json.dumps({"do": "rental_out", "id": "r", "kinds": kinds}).encode())


@given(st.binary(max_size=300))
def test_garbage_never_raises_but_as_a_bad_request(line: bytes) -> None:
    """Whatever bytes come."""
    with contextlib.suppress(BadRequest):
        parse_request(line)


def test_repeat_is_told_from_another_request_by_what_matters() -> None:
    """How long to wait and in which language is no part of a request; amount, item and equipment are."""
    first = parse_request(json.dumps(GOOD).encode())
    same = parse_request(json.dumps(GOOD | {"wait_s": 5, "locale": "en"}).encode())
    assert isinstance(first, Debit)
    assert isinstance(same, Debit)
    assert digest(first) == digest(same)
    for change in ({"amount": 2}, {"item": "tea"}, {"operator": "Li"}):
        other = parse_request(json.dumps(GOOD | change).encode())
        assert isinstance(other, Debit)
        assert digest(other) != digest(first)
    out = parse_request(b'{"do":"rental_out","id":"r1","kinds":["skis"]}')
    assert isinstance(out, RentalOut)
    assert digest(out) != digest(first)


def test_cancel_names_the_request_that_it_ends() -> None:
    """And nothing else."""
    assert parse_request(b'{"do":"cancel","id":"r1"}') == Cancel(id="r1")


# Words


@pytest.mark.parametrize("locale", LOCALES)
def test_every_code_has_words(locale: str) -> None:
    """In every language; rules of rental have theirs among the rental's."""
    words = catalogue(locale)
    special = {Code.DONE, Code.SETTLED}
    for code in set(Code) - special:
        assert f"till.{code.value}" in words or f"rental.{code.value}" in words, code
    for kind in ("show", "debit", "load", "rental_out", "rental_back"):
        assert f"till.done_{kind}" in words


def test_every_line_that_ends_a_request_says_whether_a_card_was_changed() -> None:
    """Done, refused and ended without a change, or not known: nothing else ends one."""
    assert set(EVENT_OF.values()) == set(Event)


# The socket


def test_lines_that_are_no_requests_are_told_and_at_last_cut_off(bench: TillBench) -> None:
    """Each gets an answer with what is wrong; whoever goes on is hung up on, and the till serves others."""
    operator = Operator(bench.directory / "till.sock")
    operator.write(b"hello\n\xff\xfe\n[1]\n\n")
    wait_for(lambda: operator.codes() == ["bad_request"] * 3)
    assert operator.lines[0]["words"].startswith("The request cannot be understood: ")
    operator.write(b"{}\n" * BAD_LINES_MAX)
    wait_for(lambda: operator.closed)
    assert bench.operator.ask(do="last", id="l")["event"] == "done"
    operator.close()


def test_line_without_an_end_is_cut_off(bench: TillBench) -> None:
    """No program can fill the till's memory."""
    operator = Operator(bench.directory / "till.sock")
    operator.write(b"x" * (LINE_MAX + 1))
    wait_for(lambda: operator.closed)
    operator.close()


def test_program_that_does_not_read_is_cut_off(bench: TillBench) -> None:
    """Its answers pile up to a limit; the till goes on meanwhile."""
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    deaf.connect(str(bench.directory / "till.sock"))
    deaf.settimeout(60)
    line = json.dumps({"do": "cancel", "id": 64 * "x"}).encode() + b"\n"
    with pytest.raises((BrokenPipeError, ConnectionResetError)):  # as the kernel likes
        deaf.sendall(50_000 * line)
    deaf.close()
    assert bench.operator.ask(do="last", id="l")["event"] == "done"


def test_more_programs_than_a_counter_has_are_turned_away(bench: TillBench) -> None:
    """And let in again when others have gone."""
    others = [Operator(bench.directory / "till.sock") for _ in range(CLIENTS_MAX - 1)]
    others[-1].ask(do="last", id="l")
    extra = Operator(bench.directory / "till.sock")
    wait_for(lambda: extra.closed)
    extra.close()
    for one in others:
        one.close()
    time.sleep(0.1)
    again = Operator(bench.directory / "till.sock")
    assert again.ask(do="last", id="l")["event"] == "done"
    again.close()


def test_program_that_hangs_up_gives_up_its_request(bench: TillBench, reader: SimulatedReader) -> None:
    """A card that comes afterwards is not charged: nobody would see it."""
    operator = Operator(bench.directory / "till.sock")
    operator.send(**GOOD | {"amount": 1800})
    operator.told("hold_card")
    operator.close()
    card = ski_card(purse=5000)
    time.sleep(0.1)
    reader.present(card)
    time.sleep(0.4)
    assert purse(card) == 5000
    assert bench.operator.ask(do="show", id="look")["card"]["wallet"]["balance"] == 5000


def test_two_programs_take_turns(bench: TillBench, reader: SimulatedReader) -> None:
    """The second is told to wait; it does not see the first one's answers."""
    other = Operator(bench.directory / "till.sock")
    bench.operator.send(**GOOD)
    bench.operator.told("hold_card")
    assert other.ask(**GOOD | {"id": "r2"})["code"] == "busy"
    reader.present(ski_card(purse=5000))
    assert bench.operator.end("r1")["event"] == "done"
    assert other.codes() == ["busy"]
    assert other.ask(**GOOD | {"id": "r2"})["event"] == "done"
    other.close()


def test_only_the_tills_user_may_connect(bench: TillBench) -> None:
    """Unless a group is named, which may too."""
    assert stat.S_IMODE((bench.directory / "till.sock").stat().st_mode) == 0o600


def test_group_that_is_named_may_connect(tmp_path: Path) -> None:
    """As the cashiers' programs run under another user."""
    group = grp.getgrgid(os.getgid()).gr_name
    listen(tmp_path / "till.sock", group).close()
    assert stat.S_IMODE((tmp_path / "till.sock").stat().st_mode) == 0o660


def test_socket_of_a_killed_till_is_taken_over_and_nothing_else(tmp_path: Path) -> None:
    """Neither a file that happens to lie there nor the socket of a till that runs; each with what to do."""
    path = tmp_path / "till.sock"
    listen(path, None).close()
    with listen(path, None), pytest.raises(SocketUnusable, match="another till listens"):
        listen(path, None)
    path.unlink()
    path.write_text("cash book")
    with pytest.raises(SocketUnusable, match="no socket"):
        listen(path, None)
    assert path.read_text() == "cash book"


@pytest.mark.parametrize(("path", "group"), [("nowhere/till.sock", None), (120 * "x", None), ("s", "no-such-group")])
def test_socket_that_cannot_be_says_what_to_do(tmp_path: Path, path: str, group: str | None) -> None:
    """A folder that is not there, a path that is too long, a group that is none."""
    with pytest.raises(SocketUnusable, match=r"\[till\]"):
        listen(tmp_path / path, group)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"currency": "yuan"}, "till.currency"),
        ({"zone": "Mars/Olympus"}, "till.zone"),
        ({"sockets": "/x"}, "till.sockets is unknown"),
        ({"socket": ""}, "till.socket"),
    ],
)
def test_tills_configuration_is_checked(tmp_path: Path, change: dict[str, str], words: str) -> None:
    """Each problem with its place."""
    tree = till_tree(tmp_path / "till")
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        check_config(tree | {"till": tree["till"] | change})


def test_till_needs_no_lane_and_no_place(tmp_path: Path) -> None:
    """And says so when one is given."""
    tree = till_tree(tmp_path / "till")
    assert check_config(tree).place is None
    with pytest.raises(ConfigError, match="lane is unknown"):
        check_config(tree | {"lane": {}})


@pytest.mark.parametrize("role", ["till", "inspect"])
def test_example_configuration_is_valid(role: str) -> None:
    """Whoever copies it has only numbers and places to put in."""
    config = load_config(Path(__file__).parents[2] / "hardware" / f"{role}.example.toml")
    assert config.role == role


def test_keys_in_the_walk_at_a_desk_are_those_of_the_simulated_cards() -> None:
    """docs/till.md prints them."""
    page = (Path(__file__).parents[2] / "docs" / "till.md").read_text("utf-8")
    assert f'system = "{LAB_MASTERS.system.hex()}"' in page
    assert f'0 = "{LAB_MASTERS.sets[KeySet.FIRST][CardKey.GATE].hex()}"' in page


def test_page_for_programs_names_every_code_and_every_request() -> None:
    """What a program may be told or ask is in docs/till.md, and nothing else is."""
    page = (Path(__file__).parents[2] / "docs" / "till.md").read_text("utf-8")
    prompts = {code for code, event in EVENT_OF.items() if event is Event.WAITING}
    for code in set(Code) - prompts - {Code.DONE, Code.SETTLED, Code.LAST}:
        assert f"`{code.value}`" in page, code
    for request in get_args(Request):
        assert f"`{request.__struct_config__.tag}`" in page
