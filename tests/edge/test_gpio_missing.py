# SPDX-License-Identifier: Apache-2.0
"""A gate on a machine whose pins cannot be driven."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "hardware" / "gate.example.toml"
GATE = str(Path(sys.executable).parent / "pistegate-gate")


def gate(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    whole = {**os.environ, **env}
    return subprocess.run([GATE, *arguments], capture_output=True, text=True, timeout=60, env=whole, check=False)


def test_example_configuration_has_no_problem() -> None:
    """What technicians copy is accepted as it stands."""
    done = gate("check", "--config", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")


def test_gate_without_pins_says_what_to_install(tmp_path: Path) -> None:
    """No GPIO: exit status 1, the cause and the remedy in one line, no traceback."""
    config = tmp_path / "gate.toml"
    config.write_text(EXAMPLE.read_text("utf-8").replace("/var/lib/pistegate", str(tmp_path / "state")), "utf-8")
    done = gate("run", "--config", str(config), GPIOZERO_PIN_FACTORY="no-such-factory")
    assert done.returncode == 1
    assert "lgpio" in done.stderr
    assert "Traceback" not in done.stderr
