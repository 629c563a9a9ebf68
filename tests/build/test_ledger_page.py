# SPDX-License-Identifier: Apache-2.0
"""The page of the ledger is what the ledger posts."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import ledger_page  # noqa: E402 - a tool, not a package


def test_page_of_the_ledger_is_fresh() -> None:
    """Whoever changes an event or an account makes the page anew."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "ledger_page.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_changed_event_makes_the_page_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sign of one row is enough."""
    fresh = ledger_page.page()
    debit, credit = ledger_page.EVENTS["cash_to_safe"]
    monkeypatch.setitem(ledger_page.EVENTS, "cash_to_safe", (debit._replace(sign=-1), credit._replace(sign=1)))
    assert ledger_page.page() != fresh
