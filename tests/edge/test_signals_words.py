# SPDX-License-Identifier: Apache-2.0
"""Words on a small display, and that no key of the texts is without lamp, sound and words that fit."""

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.inputs import Fault
from pistegate_edge.lane.board import codes as board
from pistegate_edge.lane.core import pattern
from pistegate_edge.lane.core import words as lane_words
from pistegate_edge.lane.core.messages import CRASHED
from pistegate_edge.power.told import PowerCode
from pistegate_edge.signals import Screen
from pistegate_edge.signals.display import rows
from pistegate_edge.signals.fit import cells, cut, wrap
from pistegate_edge.signals.table import read_table, table
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.reasons import Reason
from pistegate_protocol.texts import LOCALES, catalogue, text

SMALL = Screen(16, 2)
SECTIONS = ("reason", "prompt", "gate", "incident", "lane")
KEYS = sorted(table().prompts)
# The longest there are: a party, a bank of hours, a season.
VALUES: dict[str, object] = {
    "n": 255,
    "ends": "16:30",
    "until": "16:30",
    "gate": 65535,
    "left_minutes": 1440,
    "left_days": 31,
    "left_total": 999,
    "left_today": 255,
}
ADMISSIONS = ("prompt.admit", "prompt.admit_party", "prompt.exit", "prompt.exit_party")
ENDS_AND_DAYS = "Ends 16:30 31 more days"
MODES = (lane_words.GROUP, lane_words.FREE, lane_words.OUT)


def shown(key: str, locale: str, screen: Screen = SMALL, also: tuple[str, ...] = (), mark: str = "") -> list[str]:
    """Rows of a display."""
    return rows(key, VALUES, also, locale, screen, mark)


def squeezed(words: str) -> str:
    """Without spaces and full stops."""
    return "".join(words.split()).rstrip(".。")


def test_every_key_of_the_texts_has_its_line_and_every_line_its_text() -> None:
    """A new reason cannot be forgotten, a gone one not stay."""
    for locale in LOCALES:
        spoken = {key for key in catalogue(locale) if key.partition(".")[0] in SECTIONS}
        assert spoken == set(table().prompts)
    assert set(table().holders) == set(HolderClass)
    assert {f"holder.{holder.name.lower()}" for holder in HolderClass} <= set(catalogue("en"))


def test_every_code_that_a_gate_or_lane_can_tell_has_its_line() -> None:
    """Reasons, faults, incidents of gate, lane and power, states of the lane; and no line is there for nothing."""
    told = {f"reason.{reason.value}" for reason in Reason} | {f"gate.{fault.value}" for fault in Fault}
    told |= {f"incident.{code.value}" for code in IncidentCode} | {f"incident.{code}" for code in lane_words.INCIDENTS}
    told |= {f"incident.{code}" for code in (board.REBOOTED, board.LATE_COUNT, board.EVENTS_LOST)}
    faults = (*lane_words.LATCHED, *lane_words.PASSING, *board.LINK_FAULTS, CRASHED)
    told |= {f"lane.{code}" for code in (*faults, *MODES)}
    told |= {f"incident.{code.value}" for code in PowerCode}
    assert {key for key in table().prompts if not key.startswith("prompt.")} == told


def test_no_refusal_is_green_and_no_admission_red() -> None:
    """And every one of them is heard."""
    for key, prompt in table().prompts.items():
        bits = {level for level, _ in prompt.lamp or ()} - {0}
        if key.startswith("reason."):
            assert bits <= {pattern.RED, pattern.AMBER}
        if key.startswith("gate."):
            assert bits == {pattern.RED}
        if key.startswith(("prompt.admit", "prompt.exit")):
            assert bits == {pattern.GREEN}
        if key.startswith(("reason.", "prompt.admit", "prompt.exit")):
            assert prompt.sound
            assert prompt.lamp
            assert prompt.lamp[0][0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('ready = { lamp = "dark" }', 'ready = { lamp = "blue" }', "blue"),
        ('ready = { lamp = "dark" }', 'ready = { lamp = "red", blink = "nervous" }', "nervous"),
        ("[reason]", '[reason]\nnew = { lamp = "red", tune = "x" }', "tune"),
        ("steady = [1000]", "steady = [0]", "0 ms"),
        ("[lane]", "[lane_of_old]", "lane_of_old"),
        ("child = { sound", "kid = { sound", "KID"),
    ],
)
def test_wrong_line_of_the_data_is_named(old: str, new: str, words: str) -> None:
    """Whoever edits it reads what is wrong."""
    source = (files("pistegate_edge.signals") / "prompts.toml").read_text("utf-8")
    assert old in source
    with pytest.raises((ValueError, KeyError), match=words):
        read_table(source.replace(old, new))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_fits_a_display_of_two_rows(locale: str) -> None:
    """Whole, in full or in its short form, with the attendant's letter beside it; nothing is cut."""
    for key in KEYS:
        section, _, name = key.partition(".")
        short = f"{section}_short.{name}"
        full = text(key, locale, **VALUES)
        forms = {squeezed(full), squeezed(text(short, locale, **VALUES)) if short in catalogue(locale) else ""}
        for mark in ("", text("holder.child", locale)) if key in ADMISSIONS else ("",):
            found = shown(key, locale, mark=mark)
            assert len(found) <= 2, key
            assert all(cells(row) <= 16 for row in found), key
            if mark:
                assert found[0].endswith(mark)
                found[0] = found[0].removesuffix(mark)
            assert squeezed("".join(found)) in forms, key


@pytest.mark.parametrize("key", KEYS)
def test_no_chinese_row_ends_within_a_clause(key: str) -> None:
    """Characters can be parted anywhere, words cannot: 请到 | 售票处 is read twice."""
    section, _, name = key.partition(".")
    short = catalogue("zh-CN").get(f"{section}_short.{name}", "")
    first, *second = shown(key, "zh-CN")
    assert not second or first[-1] in "，：。" or [first, *second] == short.format(**VALUES).split("\n")


def test_there_is_no_short_form_that_nobody_needs() -> None:
    """Two ways to say a thing are one too many where the first fits. A detail shares its row: shorter is better."""
    for key in catalogue("en"):
        section, _, name = key.partition(".")
        if not section.endswith("_short"):
            continue
        long = f"{section.removesuffix('_short')}.{name}"
        assert long in table().prompts, key
        needed = [len(wrap(text(long, locale, **VALUES).rstrip("。."), 16, 16)) > 2 for locale in LOCALES]
        assert any(needed) or long.startswith("prompt."), key


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("screen", [Screen(16, 1), Screen(20, 2), Screen(20, 4), Screen(8, 2), Screen(40, 2)], ids=str)
def test_other_displays_are_never_overrun_and_no_word_is_torn(locale: str, screen: Screen) -> None:
    """What does not fit is cut after a sentence, or after a word with two dots."""
    for key in KEYS:
        section, _, name = key.partition(".")
        short = f"{section}_short.{name}"
        said = text(key, locale, **VALUES) + " " + text(short if short in catalogue(locale) else key, locale, **VALUES)
        found = shown(key, locale, screen)
        assert 1 <= len(found) <= screen.rows, key
        assert all(cells(row) <= screen.columns for row in found), key
        if locale == "en" and screen.columns > 8:
            words = {word.rstrip(".") for word in said.split()}
            assert {word.rstrip(".") for row in found for word in row.split()} <= words, key


@pytest.mark.parametrize(
    ("key", "also", "locale", "screen", "expected"),
    [
        ("prompt.admit", (), "en", SMALL, ["Please pass"]),
        ("prompt.admit", ("prompt.ends",), "en", SMALL, ["Please pass", "Ends 16:30"]),
        ("prompt.admit", ("prompt.ends", "prompt.left_total"), "en", SMALL, ["Please pass", "Ends 16:30"]),
        (
            "prompt.admit",
            ("prompt.ends", "prompt.left_total"),
            "en",
            Screen(20, 2),
            ["Please pass", "Ends 16:30 999 left"],
        ),
        ("prompt.admit", ("prompt.ends", "prompt.left_total"), "zh-CN", SMALL, ["请通行", "至16:30 余999次"]),
        ("prompt.admit_party", ("prompt.overtime",), "zh-CN", SMALL, ["请通行：255 人", "已超时请补票"]),
        ("prompt.admit", ("prompt.ends",), "zh-CN", Screen(16, 1), ["请通行 至16:30"]),
        ("prompt.admit", ("prompt.ends",), "en", Screen(16, 1), ["Please pass"]),
        ("prompt.admit", ("prompt.ends",), "en", Screen(20, 4), ["Please pass", "Your ticket ends at", "16:30"]),
        ("reason.used_up", (), "zh-CN", SMALL, ["次数已用完", "未过请回原通道"]),
        ("reason.used_up", (), "en", Screen(16, 1), ["Not in? 1st lane"]),
        ("reason.expired", (), "en", Screen(16, 1), ["This ticket.."]),
        ("reason.suspended", (), "zh-CN", Screen(8, 1), ["暂停开放"]),
    ],
)
def test_what_to_do_comes_first_then_the_end_then_what_is_left(
    key: str, also: tuple[str, ...], locale: str, screen: Screen, expected: list[str]
) -> None:
    """As many details as there is room for."""
    assert shown(key, locale, screen, also) == expected


def test_letter_of_the_class_stands_at_the_right() -> None:
    """And words keep away from it."""
    assert shown("prompt.admit", "zh-CN", mark="童") == ["请通行        童"]
    assert shown("prompt.admit", "en", also=("prompt.left_days",), mark="C") == ["Please pass    C", "31 more days"]
    assert shown("prompt.admit_party", "en", mark="C") == ["Please pass:   C", "255 persons"]


@pytest.mark.parametrize(
    ("words", "width", "count", "expected"),
    [
        ("One. Two and three four", 10, 1, ["One"]),
        ("Two and three four", 10, 1, ["Two and.."]),
        ("一二三。四五六七", 10, 1, ["一二三"]),
        ("一二三四五六七", 10, 1, ["一二三四.."]),
        ("abcdefghijkl", 5, 1, [".."]),
        ("abcdefghij kl", 5, 2, ["abcde", ".."]),
        ("Full stop.", 9, 1, ["Full stop"]),
    ],
)
def test_cut_is_made_where_sense_ends(words: str, width: int, count: int, expected: list[str]) -> None:
    """After a sentence without a sign, else after a word with two dots."""
    assert cut(words, width, count, width) == expected


@given(st.text(st.sampled_from("ab 1.。，请通"), max_size=60), st.integers(4, 20), st.integers(4, 20))
def test_wrapping_loses_nothing_and_overruns_nothing(words: str, width: int, first: int) -> None:
    """Whatever the words."""
    first = min(width, first)
    found = wrap(words, width, first)
    assert "".join("".join(found).split()) == "".join(words.split())
    assert all(cells(row) <= (width if place else first) for place, row in enumerate(found))
    assert all(found)


def test_data_is_one_line_per_key() -> None:
    """So that a person finds it."""
    source = (files("pistegate_edge.signals") / "prompts.toml").read_text("utf-8")
    assert sum(len(tomllib.loads(source)[section]) for section in SECTIONS) == len(KEYS)
