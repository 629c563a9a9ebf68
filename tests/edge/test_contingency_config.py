# SPDX-License-Identifier: Apache-2.0
"""[contingency] of an encoder: checked like every section; without an identity there is no box."""

from pathlib import Path
from typing import Any

import pytest

from pistegate_edge.cli import main
from pistegate_edge.clock import Clock
from pistegate_edge.config import check_config
from pistegate_edge.contingency.opening import open_box
from pistegate_edge.contingency.store import open_store
from pistegate_edge.errors import ConfigError, IdentityError


def tree(folder: Path, **contingency: Any) -> dict[str, Any]:
    """An encoder.toml as parsed."""
    return {
        "role": "encoder",
        "device": {"site": 1, "group": 1, "number": 1},
        "reader": {"path": str(folder / "reader")},
        "broker": {"host": "127.0.0.1"},
        "identity": {"directory": str(folder / "identity")},
        "contingency": {"directory": str(folder / "box")} | contingency,
    }


def test_defaults_and_limits(tmp_path: Path) -> None:
    """The page is this computer's own unless it is said otherwise; what is wrong is told with its remedy."""
    config = check_config(tree(tmp_path))
    assert config.contingency is not None
    assert (config.contingency.host, config.contingency.port, config.contingency.locale) == ("127.0.0.1", 8080, "zh-CN")
    for wrong in ({"port": 70000}, {"every_s": 0}, {"locale": "fr"}, {"pin": "123456"}):
        with pytest.raises(ConfigError, match=f"contingency.{next(iter(wrong))}"):
            check_config(tree(tmp_path, **wrong))


def test_an_encoder_without_it_is_as_before_and_no_other_role_has_it(tmp_path: Path) -> None:
    """A gate's directory holds no tickets that open it."""
    plain = {name: section for name, section in tree(tmp_path).items() if name != "contingency"}
    assert open_box(check_config(plain), Clock()) is None
    with pytest.raises(ConfigError, match="contingency is unknown"):
        check_config(tree(tmp_path) | {"role": "gate"})


def test_a_box_that_is_not_enrolled_does_not_start(tmp_path: Path) -> None:
    """It could tell the cloud nothing."""
    with pytest.raises(IdentityError, match="pistegate-gate enrol"):
        open_box(check_config(tree(tmp_path)), Clock())


def test_status_says_what_to_do_where_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Never run; run, and nothing has come."""
    config = tmp_path / "encoder.toml"
    sections = [(name, values) for name, values in tree(tmp_path).items() if isinstance(values, dict)]
    lines = ['role = "encoder"']
    for name, values in sections:
        lines += [f"[{name}]", *(f"{key} = {value!r}".replace("'", '"') for key, value in values.items())]
    config.write_text("\n".join(lines))
    assert main(["contingency", "status", "--config", str(config)]) == 2
    assert "start it" in capsys.readouterr().err
    open_store(tmp_path / "box", "1/encoder/1").close()
    assert main(["contingency", "status", "--config", str(config)]) == 0
    assert "no contingency tickets have come yet" in capsys.readouterr().out
    assert main(["contingency", "status", "--config", str(config), "--json"]) == 0
    assert capsys.readouterr().out == '{"batches": []}\n'
