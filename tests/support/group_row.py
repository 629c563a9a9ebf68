# SPDX-License-Identifier: Apache-2.0
"""A cloud process of its own that issues a group's cards until it is done, or kills itself in the middle.

    python group_row.py CONFTEST DATABASE_URL FOLDER ORDER KILL_AT UNHEARD

The cards' memories are files in FOLDER, written at every command, so that they outlive the process as a card does.
KILL_AT: number of the command to a card at which the process ends as kill -9 would end it (0: never), UNHEARD 1: after
the card has done it. Prints the row's progress as JSON when it is done.
"""

import asyncio
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from pistegate_simulators.card import DesfireCard

KILLED = 9


class FiledCard:
    """A simulated card whose memory is a file; counts commands to all cards together."""

    commands = 0

    def __init__(self, path: Path, kill_at: int, *, unheard: bool) -> None:
        self._path, self._kill_at, self._unheard = path, kill_at, unheard
        self._card = DesfireCard.from_image(json.loads(path.read_text()))
        self.uid = self._card.uid

    def power_on(self) -> None:
        """Into the field."""
        self._card.power_on()

    def power_off(self) -> None:
        """Out of it."""
        self._card.power_off()

    def process(self, apdu: bytes) -> bytes:
        """One command; the memory is kept before anybody hears the answer."""
        FiledCard.commands += 1
        due = FiledCard.commands == self._kill_at
        if due and not self._unheard:
            os._exit(KILLED)
        answer = self._card.process(apdu)
        self._path.write_text(json.dumps(self._card.image()))
        if due:
            os._exit(KILLED)
        return answer


async def issue_row(conftest: Any, url: str, order: str, cards: list[FiledCard]) -> Any:
    """Lay down every card in order, those too that are done."""
    async with conftest._running(conftest._settings(url)) as cloud:
        row = await cloud.post("/group-issues", {"order": order})
        encoder = cloud.encoder()
        for encoder.card in cards:
            answer = await cloud.http.post(f"/group-issues/{row['id']}/cards", json={"encoder": 1, "wait_ms": 0})
            if answer.is_error and answer.json()["code"] not in ("card_laid_twice", "group_issue_finished"):
                raise SystemExit(answer.text)
        return await cloud.get(f"/group-issues/{row['id']}")


def main(arguments: list[str]) -> None:
    """See above."""
    path, url, folder, order, kill_at, unheard = arguments
    spec = importlib.util.spec_from_file_location("cloud_bench", path)
    assert spec is not None
    assert spec.loader is not None
    conftest = importlib.util.module_from_spec(spec)
    sys.modules["cloud_bench"] = conftest
    spec.loader.exec_module(conftest)
    cards = [FiledCard(card, int(kill_at), unheard=unheard == "1") for card in sorted(Path(folder).iterdir())]
    print(json.dumps(asyncio.run(issue_row(conftest, url, order, cards))))


if __name__ == "__main__":
    main(sys.argv[1:])
