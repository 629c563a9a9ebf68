# SPDX-License-Identifier: Apache-2.0
"""Bad input: a missing or wrong config value is named with its TOML path and a remedy, all of them at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from gate_bench import gate_tree, toml_of

from pistegate_edge import config as c
from pistegate_edge.cli import main
from pistegate_edge.errors import ConfigError
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.texts import LOCALES
from pistegate_protocol.topics import Role


def problems(tree: dict[str, Any]) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as error:
        c.check_config(tree)
    return error.value.problems


def changed(tmp_path: Path, section: str, **values: Any) -> dict[str, Any]:
    """A good tree with a section's values changed; None removes one."""
    tree = gate_tree(tmp_path)
    tree[section] = {name: value for name, value in (tree.get(section, {}) | values).items() if value is not None}
    return tree


def test_good_configuration_is_taken_as_written(tmp_path: Path) -> None:
    """Sections become structs, keys become bytes."""
    config = c.load_config(written(tmp_path, gate_tree(tmp_path)))
    assert (config.role, config.device.number) == (Role.GATE, 3)
    assert config.lane is not None
    assert config.lane.profile["pulse_ms"] == 100
    assert config.key_store is not None
    assert config.key_store.path == str(tmp_path) + ".keys"
    assert [len(key) for key in config.issuer_keys.values()] == [32]


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ("device", {"number": None}, "device.number is missing: add it under [device], a whole number from 1 to 65535"),
        ("device", {"number": 0}, "device.number = 0:"),
        ("device", {"numbr": 3}, "device.numbr is unknown: did you mean device.number?"),
        ("device", {"site": "one"}, "device.site = 'one':"),
        ("place", {"post_gates": [4]}, "place.post_gates must hold this gate's own number 3"),
        ("place", {"zone": "Asia/Shangai"}, 'place.zone = "Asia/Shangai" is unknown'),
        ("place", {"holders": ["dog"]}, "place.holders = ['dog']:"),
        ("storage", {"reserve_kib": 1}, "storage.reserve_kib = 1:"),
        ("reader", {"baud": 9600}, "reader.baud = 9600:"),
        ("key_store", {"path": None}, "key_store.path is missing: add it under [key_store], a text in quotes"),
        ("key_store", {"unlock": 7}, "key_store.unlock = 7:"),
        ("key_store", {"gate": "00"}, "key_store.gate is unknown"),
        ("issuer_keys", {"x": "00"}, "issuer_keys.x: a key id is a whole number"),
        ("issuer_keys", {"1": "00"}, "issuer_keys.1 is not a key of 32 bytes"),
        ("lane", {"kind": "flap"}, "lane.kind = 'flap':"),
        ("lane", {"unlock_pin": 22}, "signals.green_pin = 22: lane.unlock_pin uses this pin already"),
        ("lane", {"pulse_ms": 50}, "lane.pulse_ms = 50:"),
        ("lane", {"pulse_ms": 300, "timeout_ms": 200}, "lane.pulse_ms must be shorter than timeout_ms"),
        ("broker", {"port": 0}, "broker.port = 0:"),
        ("signals", {"red_pin": None}, "signals.red_pin is missing: add it under [signals], a whole number"),
        ("signals", {"at": "board", "green_pin": None, "red_pin": None, "buzzer_pin": None}, 'signals.at = "board":'),
        ("signals", {"amber_pin": 23}, "signals.amber_pin = 23: signals.red_pin uses this pin already"),
        ("power", {"source": "gpio", "battery_minutes": 9}, "power.mains_lost_pin is missing:"),
        (
            "power",
            {"source": "gpio", "mains_lost_pin": 24, "battery_minutes": 9},
            "power.mains_lost_pin = 24: signals.",
        ),
        ("scanner", {"path": "/dev/ttyACM1", "profile": "gm56"}, "scanner.profile: scanner profile 'gm56' is unknown"),
        ("scanner", {"path": "/dev/x", "profile": "resident-id-lines"}, "scanner.profile = 'resident-id-lines' reads"),
        ("scanner", {"path": "/dev/x", "passports": True}, "scanner.passports = true: add"),
        ("scanner", {"path": "/dev/x", "rate": 9600}, "scanner.rate is unknown"),
        ("finger", {"path": "/dev/x", "keys": "/k", "ask": "never"}, 'finger.ask = "never" and finger.watch = false'),
        ("finger", {"path": "/dev/x", "keys": "/k", "ask": "always"}, "finger.ask = 'always'"),
        ("finger", {"path": "/dev/x"}, "finger.keys is missing"),
        ("cloud", {"url": "http://cloud.example", "token": "/t"}, "cloud.url = 'http://cloud.example': only https"),
        ("cloud", {"url": "cloud.example", "token": "/t"}, "cloud.url = 'cloud.example' is no address"),
        ("cloud", {"url": "https://cloud.example"}, "[cloud] has url and token, both,"),
        ("override", {"staff_reason": ""}, "override.staff_reason = '':"),
        ("display", {"locale": "de"}, "display.locale = 'de':"),
    ],
)
def test_wrong_value_is_named_with_its_path_and_remedy(
    tmp_path: Path, section: str, values: dict[str, Any], told: str
) -> None:
    """One problem, one line, and nothing else is complained of."""
    (problem,) = problems(changed(tmp_path, section, **values))
    assert problem.startswith(told)


def test_scanners_are_one_section_or_several(tmp_path: Path) -> None:
    """[scanner] of older files is one of [[scanner]]; one device stands once, and there are four at most."""
    one = {"path": "/dev/a"}
    assert [each.path for each in c.check_config(gate_tree(tmp_path, scanner=one)).scanners] == ["/dev/a"]
    ids = {"path": "/dev/b", "profile": "resident-id-sdt"}
    documents = {"documents": {"keys": "/k"}, "cloud": {"url": "https://cloud.example", "token": "/t"}}
    config = c.check_config(gate_tree(tmp_path, scanner=[one, ids], **documents))
    assert [(each.path, each.reads_ids) for each in config.scanners] == [("/dev/a", False), ("/dev/b", True)]
    assert c.check_config(gate_tree(tmp_path)).scanners == ()
    (twice,) = problems(gate_tree(tmp_path, scanner=[one, one]))
    assert twice.startswith("scanner.path = '/dev/a' stands twice")
    (many,) = problems(gate_tree(tmp_path, scanner=[{"path": f"/dev/{n}"} for n in range(5)]))
    assert many.startswith("[[scanner]] stands 5 times: a gate has 4 at most")


@pytest.mark.parametrize("section", ["device", "place", "storage", "key_store", "reader", "broker", "lane", "signals"])
def test_missing_section_is_named(tmp_path: Path, section: str) -> None:
    """With the fields that it wants."""
    tree = gate_tree(tmp_path)
    del tree[section]
    assert [p for p in problems(tree) if p.startswith(f"[{section}] is missing: add the section with")]


@pytest.mark.parametrize("section", ["issuer_keys", "document_keys", "key_store"])
def test_missing_keys_are_named(tmp_path: Path, section: str) -> None:
    """A gate without keys could admit nobody."""
    tree = gate_tree(tmp_path)
    del tree[section]
    assert any(section in problem for problem in problems(tree))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """A technician on a ladder corrects a file once."""
    tree = gate_tree(tmp_path, extra={"x": 1})
    del tree["device"]["number"]
    tree["lane"]["pulse_ms"] = 5
    assert len(problems(tree)) == 3


def test_encoder_needs_no_lane_and_may_hold_no_key(tmp_path: Path) -> None:
    """A stolen encoder must not be a gate."""
    tree = {name: gate_tree(tmp_path)[name] for name in ("device", "reader", "broker")}
    assert c.check_config({"role": "encoder"} | tree).role is Role.ENCODER
    for keys in ({"card_keys": {"gate": "00" * 16}}, {"key_store": {"path": "keys"}}, {"issuer_keys": {}}):
        told = problems({"role": "encoder"} | keys | tree)
        assert any('role = "encoder" holds no key' in problem for problem in told)


def test_keys_written_as_for_the_last_release_are_told_their_new_place(tmp_path: Path) -> None:
    """An update in the field: the old section is named with what to do, and its key is not taken."""
    told = problems(gate_tree(tmp_path, card_keys={"gate": "00" * 16}))
    assert [
        problem for problem in told if problem.startswith("card_keys is of an older release") and "key_store" in problem
    ]


def test_wrong_role_is_told(tmp_path: Path) -> None:
    """By its remedy."""
    assert any('write role = "gate"' in problem for problem in problems(gate_tree(tmp_path, role="door")))


def test_words_of_the_configuration_follow_the_protocol() -> None:
    """Languages and holder classes are written down twice: they must be alike."""
    assert set(get_args(get_type_hints(c.DisplayText)["locale"])) == set(LOCALES)
    holders = c.holder_classes(c.Place(0, [1], "UTC", [name.lower() for name in HolderClass.__members__]))  # type: ignore[arg-type]
    assert holders == frozenset(HolderClass)


def written(tmp_path: Path, tree: dict[str, Any]) -> Path:
    """The tree as a file."""
    path = tmp_path / "gate.toml"
    path.write_text(toml_of(tree))
    return path


def test_check_says_every_problem_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, a line per problem on stderr."""
    tree = gate_tree(tmp_path)
    tree["lane"]["pulse_ms"] = 5
    assert main(["check", "--config", str(written(tmp_path, tree))]) == 2
    assert "configuration: lane.pulse_ms = 5:" in capsys.readouterr().err
    assert main(["check", "--config", str(tmp_path / "none.toml")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert main(["check", "--config", str(written(tmp_path, gate_tree(tmp_path)))]) == 0


def test_run_with_a_wrong_configuration_ends_at_once_and_says_why(tmp_path: Path) -> None:
    """No crash loop that hides the reason, no lane touched."""
    tree = gate_tree(tmp_path)
    tree["reader"] = {"baud": 115200}
    command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(written(tmp_path, tree))]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"GPIOZERO_PIN_FACTORY": "none"})
    assert done.returncode == 2
    assert "reader.path is missing: add it under [reader]" in done.stderr


def test_help_works_without_hardware_and_with_an_example() -> None:
    """Every command tells how it is used, and imports neither reader nor pins for it."""
    program = "import sys; from pistegate_edge.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    program += "assert not {'nfc', 'gpiozero', 'paho', 'cryptography'} & set(sys.modules), sys.modules"
    for command in (
        [],
        ["run"],
        ["check"],
        ["journal", "show"],
        ["journal", "verify"],
        ["journal", "salvage"],
        ["journal", "set-aside"],
        ["keys", "seal"],
        ["keys", "check"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *command, "--help"], capture_output=True, text=True, check=True
        )
        assert "example" in done.stdout


def test_locale_of_every_text_that_the_gate_shows() -> None:
    """Each fault and incident has its words."""
    from pistegate_edge.core.actions import IncidentCode
    from pistegate_edge.core.inputs import Fault
    from pistegate_protocol.texts import catalogue

    for locale in LOCALES:
        words = catalogue(locale)
        assert {f"gate.{fault.value}" for fault in Fault} <= set(words)
        assert {f"incident.{code.value}" for code in IncidentCode} <= set(words)
