# SPDX-License-Identifier: Apache-2.0
"""The hub process without a broker: one commit for a batch, answers after it, and what a full disk does."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gate_bench import toml_of

from pistegate_edge.cli import main
from pistegate_edge.clock import Clock
from pistegate_edge.config import check_config
from pistegate_edge.errors import JournalDamaged, JournalInUse
from pistegate_edge.hub import core
from pistegate_edge.hub import process as module
from pistegate_edge.hub.process import HubProcess
from pistegate_edge.hub.store import HubStore
from pistegate_edge.journal.files import Files
from pistegate_edge.reserving.link import SiteArrived
from pistegate_protocol.events import EVENTS, EpochOpened
from pistegate_protocol.hub_messages import (
    FROM_HUB,
    TO_HUB,
    Grant,
    Hail,
    Join,
    Report,
    Reserve,
    Span,
    Standing,
    ToHub,
    Welcome,
)
from pistegate_protocol.topics import Hub as Topics
from pistegate_protocol.usage import Usage, encode_counters

EPOCH = 1 << 32
COUNTERS = encode_counters(Usage(claim=bytes(8), used_total=1))
TOPICS = Topics(1, 9)


class Line:
    """What the hub says, decoded."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def publish(self, topic: str, payload: bytes) -> None:
        """Kept."""
        self.said.append((topic, FROM_HUB.decode(payload)))

    def take(self) -> list[Any]:
        """What was said since."""
        said, self.said = [message for _, message in self.said], []
        return said


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubProcess]:
    """Its queue is fed by hand; it waits for no gate."""
    monkeypatch.setattr(core, "SETTLE_S", 0.0)
    tree = {
        "role": "hub",
        "device": {"site": 1, "group": 1, "number": 9},
        "storage": {"directory": str(tmp_path)},
        "hub": {"number": 9, "host": "127.0.0.1", "port": 1},
    }
    with ExitStack() as opened:
        hub = HubProcess(check_config(tree), Clock(), opened)
        hub._link = Line()  # type: ignore[assignment]
        yield hub


def said(hub: HubProcess, *messages: ToHub) -> list[Any]:
    """These come in one batch; what the hub answers."""
    for message in messages:
        hub._queue.put(SiteArrived(TOPICS.up(3), TO_HUB.encode(message)))
    batch = hub._batch()
    assert batch is not None
    hub._work(batch)
    found: list[Any] = hub._link.take()  # type: ignore[attr-defined]
    return found


def standing(last: int = 1, decided: int = 0) -> Standing:
    return Standing(EPOCH, last, decided, [])


JOIN = Join(standing(), [3], False, [Span(EPOCH, 1, 1, 0)])
REPORT = Report(standing(), EPOCH, 1, [EVENTS.encode(EpochOpened(1, 0, b"", "test"))], [])


def test_batch_is_answered_in_order_after_one_commit(hub: HubProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said before it is durable."""
    order: list[str] = []
    commit, publish = HubStore.commit, hub._link.publish

    def committing(store: HubStore) -> Any:
        order.append("commit")
        return commit(store)

    def publishing(topic: str, payload: bytes) -> None:
        order.append("say")
        publish(topic, payload)

    hub._forget_at = hub._clock.monotonic() + 100
    monkeypatch.setattr(HubStore, "commit", committing)
    monkeypatch.setattr(hub._link, "publish", publishing)
    answers = said(hub, JOIN, REPORT, Reserve(standing(), 1, 4711, 1, COUNTERS))
    assert [type(answer) for answer in answers][::2] == [Welcome, Grant]
    assert order == ["commit", "say", "say", "say"]


def test_what_is_not_understood_is_left_out(hub: HubProcess) -> None:
    """Garbage, another hub's topic, a newer version: the rest of the batch is served."""
    for topic, payload in [(TOPICS.up(3), b"\x01\xff"), ("pistegate/1/1/hub/8/from/3", b""), (TOPICS.up(3), b"\x02")]:
        hub._queue.put(SiteArrived(topic, payload))
    assert [type(answer) for answer in said(hub, JOIN)] == [Welcome]


def test_full_disk_leaves_every_gate_alone_until_there_is_room(
    hub: HubProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is granted that is not durable; then a new run begins, which every gate has to join."""
    monkeypatch.setattr(module, "FULL_S", 0.0)
    hub._forget_at = hub._clock.monotonic() + 1000
    said(hub, JOIN, REPORT)
    run = hub._hub.run
    pages = hub._store._db.execute("PRAGMA page_count").fetchone()[0]
    hub._store._db.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    for number in range(1, 2000):
        answers = said(hub, Reserve(standing(), number, 4711, 1, COUNTERS))
        if not any(isinstance(answer, Grant) for answer in answers):
            break
    assert [type(answer) for answer in answers] == [Hail]
    assert hub._hub.run != run
    kept = hub._store._db.execute("SELECT COUNT(*) FROM reservation").fetchone()[0]
    assert kept == number - 1
    hub._store._db.execute("PRAGMA max_page_count = 100000").fetchall()
    answers = said(hub, JOIN, Reserve(standing(), number, 4711, 1, COUNTERS))
    assert [type(answer) for answer in answers] == [Welcome, Grant]


def test_two_hubs_do_not_work_on_one_journal(hub: HubProcess, tmp_path: Path) -> None:
    """Nor does one of another number."""
    with pytest.raises(JournalInUse):
        HubStore(Files(tmp_path), 1, 9, "stamp")
    hub._store.close()
    with pytest.raises(JournalDamaged, match="belongs to hub 9"):
        HubStore(Files(tmp_path), 1, 8, "stamp")
    HubStore(Files(tmp_path), 1, 9, "stamp").close()


def test_what_a_hub_knows_can_be_looked_at_while_it_runs(
    hub: HubProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its gates, and how much; with a gate's configuration, or before it ever ran, it says what to do."""
    said(hub, JOIN, REPORT, Reserve(standing(), 1, 4711, 1, COUNTERS))
    config = tmp_path / "hub.toml"
    tree = {
        "role": "hub",
        "device": {"site": 1, "group": 1, "number": 9},
        "storage": {"directory": str(tmp_path)},
        "hub": {"number": 9, "host": "127.0.0.1", "port": 1},
    }
    config.write_text(toml_of(tree))
    assert main(["hub", "show", "--config", str(config), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(gate["number"], gate["heard"]) for gate in found["gates"]] == [(3, 1)]
    assert (found["tickets"], found["reserved"], found["owed"]) == (0, 1, 0)
    assert main(["hub", "show", "--config", str(config)]) == 0
    assert "gate 3: joined" in capsys.readouterr().out
    config.write_text(toml_of(tree | {"storage": {"directory": str(tmp_path / "other")}}))
    assert main(["hub", "show", "--config", str(config)]) == 2
    assert "start the hub" in capsys.readouterr().err
