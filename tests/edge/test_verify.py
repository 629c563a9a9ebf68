# SPDX-License-Identifier: Apache-2.0
"""`pistegate-gate verify`: what an integrator is told of a code is what a gate would decide, and why."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from code_cases import STRANGERS, a_sheet, rotating_code, static_text
from gate_bench import gate_tree, toml_of
from protocol_cases import ISSUER, KEYS, NOW, a_claim, a_gate, a_usage

from pistegate_edge.cli import main
from pistegate_edge.verify.verdict import verdict
from pistegate_protocol.claims import Scope, Window
from pistegate_protocol.codes import code_text, pick_up_text
from pistegate_protocol.decide import Admit, Knowledge, decide
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import ReadAt
from pistegate_protocol.texts import LOCALES, text

TEN = "2026-12-24T10:00"  # NOW, as the site's clocks show it
PLACE = ["--site", "3", "--group", "30", "--area", "1", "--zone", "Asia/Shanghai"]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The issuer's public key alone, as an integrator is given it."""
    path = tmp_path / "keys.toml"
    path.write_text(f'[issuer_keys]\n7 = "{ISSUER.public_key().public_bytes_raw().hex()}"\n')
    return path


def run(capsys: pytest.CaptureFixture[str], code: str, keys: Path, *more: str) -> tuple[int, str, str]:
    status = main(["verify", "--text", code, "--keys", str(keys), *more])
    told = capsys.readouterr()
    return status, told.out, told.err


def asked(capsys: pytest.CaptureFixture[str], code: str, keys: Path, *more: str) -> tuple[int, dict[str, Any]]:
    status, out, _ = run(capsys, code, keys, *PLACE, "--json", *more)
    return status, json.loads(out)


def test_a_good_code_is_admitted_as_decide_admits_it(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Persons, terms and words; status 0."""
    status, told = asked(capsys, static_text(party=3, windows=(Window(480, 1020),)), keys, "--at", TEN)
    assert (status, told["kind"], told["admit"], told["reason"], told["n"]) == (0, "ticket", True, None, 3)
    assert told["words"] == {locale: text("prompt.admit_party", locale, n=3) for locale in LOCALES}
    claim = told["claim"]
    assert (claim["ticket"], claim["scope"], claim["areas"]) == (
        a_claim().ticket,
        {"number": 3, "group": False},
        [1, 4],
    )
    assert (claim["windows"], claim["holder"], claim["valid_until"]) == (
        [{"start": 480, "end": 1020}],
        "adult",
        "2026-12-24",
    )
    expected = decide(a_claim(party=3), a_usage(), a_gate(), NOW, Knowledge())
    assert isinstance(expected, Admit)
    assert (told["n"], told["charged"]) == (expected.n, expected.charged)
    assert "nothing used" in told["assumed"]


@pytest.mark.parametrize(
    ("changes", "more", "reason"),
    [
        ({}, ["--at", "2026-12-25T10:00"], "expired"),
        ({}, ["--at", "2026-12-24T15:59:59Z"], None),
        ({}, ["--at", "2026-12-24T16:00Z"], "expired"),
        ({}, ["--at", TEN, "--area", "2"], "wrong_area"),
        ({"scope": Scope(4)}, ["--at", TEN], "wrong_site"),
        ({"scope": Scope(30, True)}, ["--at", TEN], None),
        ({"windows": (Window(480, 540),)}, ["--at", TEN], "outside_window"),
        ({"blackout": 2}, ["--at", TEN], "rules_missing"),
        ({"key_id": 8}, ["--at", TEN], "key_unknown"),
    ],
)
def test_a_refusal_says_why(
    keys: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], more: list[str], reason: str | None
) -> None:
    """By the rules at that time and place; status 4. A time without zone is the site's."""
    status, told = asked(capsys, static_text(**changes), keys, *more)
    assert (status, told["reason"]) == (4 if reason else 0, reason)
    if reason:
        assert told["words"]["zh-CN"] == text(f"reason.{reason}", "zh-CN", until="", gate=0)


@pytest.mark.parametrize(
    ("offset_s", "more", "reason"),
    [
        (0, [], None),
        (30, [], "code_old"),
        (-60, [], "code_ahead"),
        (60, ["--clock-doubted"], None),
        (700, ["--clock-doubted"], "clock_doubt"),
    ],
)
def test_a_rotating_code_is_judged_at_its_time(
    keys: Path, capsys: pytest.CaptureFixture[str], offset_s: int, more: list[str], reason: str | None
) -> None:
    """How old it is is told too."""
    at = (NOW + timedelta(seconds=offset_s)).isoformat()
    status, told = asked(capsys, code_text(rotating_code()), keys, "--at", at, *more)
    assert (status, told["kind"], told["reason"]) == (4 if reason else 0, "rotating", reason)
    assert told["rotating"]["age_s"] == offset_s


def test_strangers_and_pick_up_codes_are_told(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a guest's words, in both languages."""
    for code, reason in STRANGERS:
        if code.isprintable() and not code.startswith("-"):
            status, told = asked(capsys, code, keys, "--at", TEN)
            assert (status, told["kind"], told["reason"]) == (4, "unknown", reason.value)
            assert set(told["words"]) == set(LOCALES)
    status, told = asked(capsys, pick_up_text(5), keys, "--at", TEN)
    assert (status, told["kind"], told["reason"], told["number"]) == (4, "pick_up", Reason.PICK_UP_CODE.value, 5)


def test_the_configuration_of_a_gate_tells_place_and_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing more is asked for; what the command says goes before what the file says."""
    tree = gate_tree(tmp_path)
    tree["issuer_keys"] = {"7": ISSUER.public_key().public_bytes_raw().hex()}
    path = tmp_path / "gate.toml"
    path.write_text(toml_of(tree))
    site, area = tree["device"]["site"], tree["place"]["area"]
    code = static_text(scope=Scope(site), areas=frozenset({area}))
    status, out, _ = run(capsys, code, path, "--at", TEN)
    assert (status, out.split("\n")[0]) == (0, "admit: Please pass")
    status, out, _ = run(capsys, code, path, "--at", TEN, "--site", str(site + 1), "--locale", "zh-CN")
    assert (status, out.split("\n")[0]) == (4, f"refuse (wrong_site): {text('reason.wrong_site', 'zh-CN')}")


def test_the_code_may_come_on_standard_input(
    keys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a scanner types it: its line end is not part of it, a blank is."""
    for line, reason in ((static_text() + "\n", None), (static_text() + " \n", "code_foreign")):
        monkeypatch.setattr("sys.stdin", io.StringIO(line))
        assert asked(capsys, "-", keys, "--at", TEN)[1]["reason"] == reason


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (PLACE[2:], "say --site"),
        ([*PLACE[:6], "--zone", "Mars/Olympus"], "such as Asia/Shanghai"),
        ([*PLACE, "--at", "noon"], "write a time such as"),
    ],
)
def test_what_is_missing_is_named(keys: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str) -> None:
    """Status 2, and what to write."""
    status, out, error = run(capsys, static_text(), keys, *more)
    assert (status, out) == (2, "")
    assert words in error


@pytest.mark.parametrize("content", ["", "[issuer_keys]", '[issuer_keys]\n1 = "abcd"', '[issuer_keys]\nx = "00"', "[["])
def test_a_file_without_keys_is_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the line that it should have."""
    path = tmp_path / "keys.toml"
    path.write_text(content)
    status, out, error = run(capsys, static_text(), path, *PLACE)
    assert (status, out) == (2, "")
    assert "64 hex digits" in error or "not TOML" in error
    assert run(capsys, static_text(), tmp_path / "none", *PLACE)[0] == 2


def test_now_is_the_clock_of_this_computer(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --at."""
    season = static_text(valid_until=NOW.date() + timedelta(days=20_000), valid_from=NOW.date() - timedelta(days=2000))
    assert asked(capsys, season, keys)[0] == 0


def test_a_verdict_needs_no_files() -> None:
    """The same question from another program, with a gate in mind."""
    told = verdict(code_text(a_sheet().code_at(NOW)), KEYS, a_gate(), ReadAt(NOW))
    assert told["admit"] is True
    assert json.dumps(told)


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """As every command."""
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    assert "verify --text 1234... --keys gate.toml" in capsys.readouterr().out.replace("\n", " ")
