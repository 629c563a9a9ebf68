# SPDX-License-Identifier: Apache-2.0
"""The page of prompts is what the gate plays."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "prompt_page.py"


def run(tool: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The tool, as a person runs it."""
    return subprocess.run([sys.executable, tool, *words], capture_output=True, text=True, check=False)


def test_page_of_prompts_is_fresh() -> None:
    """Whoever changes a prompt or a text makes the page anew."""
    done = run(TOOL, "--check")
    assert done.returncode == 0, done.stderr


def test_stale_page_is_found_and_made_anew(tmp_path: Path) -> None:
    """With what to run."""
    tool = tmp_path / "tools" / TOOL.name
    tool.parent.mkdir()
    (tmp_path / "docs").mkdir()
    shutil.copy(TOOL, tool)
    stale = run(tool, "--check")
    assert stale.returncode == 1
    assert "run tools/prompt_page.py" in stale.stderr
    assert run(tool).returncode == 0
    assert run(tool, "--check").returncode == 0
    page = tmp_path / "docs" / "prompts.md"
    page.write_text(page.read_text("utf-8").replace("child", "kid"), "utf-8")
    assert run(tool, "--check").returncode == 1
