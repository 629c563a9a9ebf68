# SPDX-License-Identifier: Apache-2.0
"""Runs every bench_*.py beside it, prints a table, writes bench.json at the root; exit status 1 when a limit is missed.

A bench module has `measure() -> list[Figure]` (figures.py), and calls `progress(done, total)` as it goes.
"""

import argparse
import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from figures import Figure, listen
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REPORT = ROOT / "bench.json"
EXAMPLE = "example: .venv/bin/python tests/benchmarks/run.py gate    (without a name: all of them)"


def main() -> int:
    """Measure, show, write; the exit status."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(known)}")
    parser.add_argument("--json", action="store_true", help="print the report instead of the table")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.names) - set(known))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    found = measure_all(chosen.names or known)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "missed": [figure.name for figure in found if figure.missed],
        "figures": [asdict(figure) for figure in found],
    }
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    if chosen.json:
        print(json.dumps(report))
    else:
        show(found)
    return 1 if report["missed"] else 0


def measure_all(names: list[str]) -> list[Figure]:
    """The figures of these benchmarks, with a bar for each on standard error."""
    columns = (TextColumn("{task.description:12}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    found: list[Figure] = []
    with Progress(*columns, console=Console(stderr=True)) as bars:
        for name in names:
            task = bars.add_task(name, total=None)
            listen(lambda done, total, task=task: bars.update(task, completed=done, total=total))  # type: ignore[misc]
            found += importlib.import_module(f"bench_{name}").measure()
            bars.update(task, completed=1, total=1)
    return found


def show(found: list[Figure]) -> None:
    """The table, limits last."""
    table = Table("figure", "value", "limit", "", "how")
    for figure in found:
        limit = "" if figure.limit is None else f"{figure.direction} {figure.limit:g}"
        verdict = "" if figure.limit is None else "[red]missed[/]" if figure.missed else "[green]met[/]"
        table.add_row(figure.name, f"{figure.value:.3g} {figure.unit}".strip(), limit, verdict, figure.note)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    console.print(f"written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
