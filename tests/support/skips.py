# SPDX-License-Identifier: Apache-2.0
"""Skips are loud and counted: a summary by reason, and failures where a complete machine is promised.

A test that cannot run without a system tool calls `require_tools("mosquitto")`. It is skipped where the
tool is missing; with PISTEGATE_REQUIRE_SYSTEM=1 (continuous integration) it fails instead, so that no ring
of tests drops out unseen.
"""

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

# Daemons live in sbin, which an ordinary user's PATH may lack.
TOOL_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
REQUIRE_SYSTEM = "PISTEGATE_REQUIRE_SYSTEM"


def find_tool(name: str) -> Path | None:
    """Where the program is, sbin included; None when it is not installed."""
    found = shutil.which(name, path=TOOL_PATH)
    return Path(found) if found else None


def require_tools(*names: str) -> None:
    """Skip (or fail, see above) the calling test unless each program is installed."""
    missing = [name for name in names if find_tool(name) is None]
    if missing:
        missing_system(f"{', '.join(missing)} not installed")


def missing_system(what: str) -> NoReturn:
    """End the calling test because this machine lacks `what`."""
    reason = f"missing system part: {what}"
    if os.environ.get(REQUIRE_SYSTEM) == "1":
        pytest.fail(f"{reason} ({REQUIRE_SYSTEM}=1 promises a complete machine)", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests did not run, and why."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if not reasons:
        terminalreporter.write_line("skipped: 0")
        return
    terminalreporter.section(f"skipped: {reasons.total()}", yellow=True)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5d}  {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
