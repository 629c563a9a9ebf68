# SPDX-License-Identifier: Apache-2.0
"""The guide to prices is followed as it stands."""

import json
import re
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "prices.md"


def blocks() -> list[tuple[str, dict[str, Any], int | None]]:
    """Path, body and, after an arrow, the total of each POST of the page."""
    found = []
    for block in re.split(r"\n(?=    POST )", GUIDE.read_text("utf-8"))[1:]:
        lines = [line[4:] for line in block.split("\n") if line.startswith("    ")]
        total = [int(line.removeprefix("-> ")) for line in lines if line.startswith("-> ")]
        body = json.loads("".join(line for line in lines[1:] if not line.startswith("-> ")))
        found.append((lines[0].removeprefix("POST "), body, total[0] if total else None))
    return found


async def test_the_worked_example_of_prices_works(sqlite_cloud: Any) -> None:
    """Every request succeeds in its order, every quote comes to what the page says, and nothing contradicts."""
    totals = []
    for path, body, total in blocks():
        answer = await sqlite_cloud.post(path, body)
        if path == "/quotes":
            totals.append((answer["total"], total))
    assert [got for got, _ in totals] == [said for _, said in totals]
    assert len(totals) == 4
    assert (await sqlite_cloud.get("/catalogue/check", site=1))["findings"] == []
