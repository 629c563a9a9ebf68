# SPDX-License-Identifier: Apache-2.0
"""Tests of the day itself: with a bug planted in a copy of the product, the day ends red and says what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloud_template import empty_cloud

ROOT = Path(__file__).parents[2]
SIM = str(Path(sys.executable).parent / "pistegate-sim")
DAY = ["--skiers", "14", "--gates", "1", "--seed", "3", "--no-kill", "--cut", "0"]

PASSAGES_COUNTED_TWICE = (
    "edge/src/pistegate_edge/core/handlers/lane.py",
    "event = current.outcome(kind, told.passed, now)",
    "event = current.outcome(kind, 2 * told.passed, now)",
)
PASSAGES_LOST = (
    "cloud/src/pistegate_cloud/ingest/effects/admissions.py",
    "row.passed, row.unknown, row.ended_ms = event.passed, event.unknown, event.at",
    "row.passed, row.unknown, row.ended_ms = 0, event.unknown, event.at",
)
DENY_LIST_IGNORED = (
    "protocol/src/pistegate_protocol/refusals.py",
    "claim.revision < knowledge.deny.get(claim.ticket, 0)",
    "False",
)
LOST_CARDS_IGNORED = (
    "edge/src/pistegate_edge/core/handlers/cards.py",
    "if told.uid in p.judge.facts.lost and not p.gate.exit:",
    "if not told.uid:",
)
# Migrating takes as long as the rest of such a day, and is tested elsewhere: the copies begin with what it makes.
MIGRATED = """

async def migrate(settings, target="__latest__"):
    import shutil
    shutil.copyfile({template!r}, settings.sqlite_path)
    return []
"""


def planted_day(folder: Path, plant: tuple[str, str, str]) -> tuple[int, dict[str, Any]]:
    """Exit status and last line of a day on a copy of the product with `plant` (file, code, bug) in it."""
    name, code, bug = plant
    half_written = shutil.ignore_patterns("*.pyc.*")  # compiled files come along: they hold until their source changes
    for part in ("protocol", "edge", "cloud"):
        shutil.copytree(ROOT / part / "src", folder / part / "src", ignore=half_written)
    shutil.copytree(ROOT / "hardware", folder / "hardware")
    empty_cloud(folder / "migrated.sqlite3")
    with (folder / "cloud/src/pistegate_cloud/migrate.py").open("a") as migrating:
        migrating.write(MIGRATED.format(template=str(folder / "migrated.sqlite3")))
    file = folder / name
    text = file.read_text("utf-8")
    assert text.count(code) == 1, f"the planted bug has lost its place in {name}"
    file.write_text(text.replace(code, bug), "utf-8")
    path = os.pathsep.join(str(folder / part / "src") for part in ("protocol", "edge", "cloud"))
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [SIM, "day", "--json", *DAY], capture_output=True, text=True, timeout=150, env=env, check=False
    )
    assert done.stdout, done.stderr[-2000:]
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.timeout(180)
def test_passages_counted_twice_turn_the_day_red(tmp_path: Path) -> None:
    """The arms turned once, whatever the gate says."""
    code, line = planted_day(tmp_path, PASSAGES_COUNTED_TWICE)
    assert code == 1
    assert line["duplicated"] == line["arms_turned"] > 0


@pytest.mark.timeout(180)
def test_passages_lost_in_the_cloud_turn_the_day_red(tmp_path: Path) -> None:
    """Gates and arms agree, the cloud does not."""
    code, line = planted_day(tmp_path, PASSAGES_LOST)
    assert code == 1
    assert line["lost"] == line["passages_at_gates"] == line["arms_turned"] > 0


@pytest.mark.timeout(180)
def test_a_revoked_ticket_that_passes_turns_the_day_red(tmp_path: Path) -> None:
    """Nothing is lost or doubled, but a guest saw green who should not have."""
    code, line = planted_day(tmp_path, DENY_LIST_IGNORED)
    assert code == 1
    assert (line["lost"], line["duplicated"]) == (0, 0)
    assert any("revoked" in sentence for sentence in line["wrong"])


@pytest.mark.timeout(180)
def test_a_lost_card_that_is_not_known_as_one_turns_the_day_red(tmp_path: Path) -> None:
    """Its ticket is denied all the same, so that nobody gets in; but the guest is told the wrong thing."""
    code, line = planted_day(tmp_path, LOST_CARDS_IGNORED)
    assert code == 1
    assert "card_lost" not in line["refused"]
    assert any("refusals" in sentence for sentence in line["wrong"])
