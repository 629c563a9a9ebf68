# SPDX-License-Identifier: Apache-2.0
"""Tables over HTTP: resumed, applied whole or not at all; forged, foreign and older ones change nothing and tell."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from binding_cases import (
    HANDLES,
    ISSUER,
    a_binding,
    a_handle,
    bindings,
    denial_file,
    denials,
    many_bindings,
    table_file,
)
from table_cloud import Fetcher, TableCloud

from pistegate_edge.bindings.asking import BACKOFF_S, HINT_S, JITTER, Asking
from pistegate_edge.bindings.fetching import FetchThread, Told
from pistegate_edge.bindings.store import FILE_NAME, BindingStore
from pistegate_edge.bindings.tables import CURRENT, NOTED_EVERY_MS, Denied
from pistegate_edge.bindings.told import TableApplied, TablesCurrent, TableTrouble
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind

LARGE = table_file(many_bindings(3000))  # five chunks, two pieces


@pytest.fixture
def cloud() -> Iterator[TableCloud]:
    """A cloud without any table."""
    with TableCloud() as cloud:
        yield cloud


@pytest.fixture
def fetch(tmp_path: Path, cloud: TableCloud) -> Iterator[Fetcher]:
    """A gate's fetching in an empty directory."""
    fetcher = Fetcher(tmp_path, cloud)
    yield fetcher
    fetcher.close()


def guest(number: int) -> Medium:
    return Medium(MediumKind.IDENTITY, a_handle(number))


def applied(told: list[Told]) -> list[tuple[str, int, int]]:
    """(table, since, version) of what was put in force."""
    heads = [each.head for each in told if isinstance(each, TableApplied)]
    return [(head.table, head.since, head.version) for head in heads]


def troubles(told: list[Told]) -> list[str]:
    return [each.code.value for each in told if isinstance(each, TableTrouble)]


def test_wholes_come_then_deltas_denials_first(fetch: Fetcher, cloud: TableCloud) -> None:
    """A denial never waits for twenty megabytes of bindings; nothing new is told as such."""
    assert fetch.go() == [TablesCurrent(fetch.wall_ms)]
    cloud.put(LARGE)
    cloud.put(denial_file(denials([7])))
    told = fetch.go()
    assert applied(told) == [("denials", 0, 1), ("bindings", 0, 1)]
    assert told[-1] == TablesCurrent(fetch.wall_ms)
    cloud.put(table_file([(key, b"") for key, _ in many_bindings(1)], 2, since=1, total=2999))
    assert applied(fetch.go()) == [("bindings", 1, 2)]
    assert fetch.tables.versions() == {"bindings": 2, "denials": 1}
    assert fetch.tables.found(guest(1)) == ()
    assert len(fetch.tables.found(guest(2))) == 1  # type: ignore[arg-type]
    assert fetch.tables.denied_below(7) == 8


def test_one_connection_serves_a_round(fetch: Fetcher, cloud: TableCloud) -> None:
    """A TLS handshake for each piece would take longer than the piece."""
    cloud.put(LARGE)
    fetch.go()
    fetch.go()
    assert cloud.connections == 1


def test_interrupted_download_goes_on_where_it_broke_off(tmp_path: Path, cloud: TableCloud) -> None:
    """Also in the next run of the gate: no byte before the last good chunk is fetched twice."""
    cloud.put(LARGE)
    cloud.cut = [1 << 18, 1000, None]  # the first piece, a bit of the second, then the cloud falls over
    first = Fetcher(tmp_path, cloud)
    assert applied(first.go()) == []
    first.close()
    asked = len(cloud.asked)
    second = Fetcher(tmp_path, cloud)
    assert applied(second.go()) == [("bindings", 0, 1)]
    assert sum("/file" in path for path in cloud.asked[asked:]) == 1
    second.close()


def test_connection_that_broke_is_opened_again_within_the_round(fetch: Fetcher, cloud: TableCloud) -> None:
    """What came of a piece counts; the next request asks for the rest."""
    cloud.put(LARGE)
    cloud.cut = [100, 70_000, 5]
    assert applied(fetch.go()) == [("bindings", 0, 1)]
    assert cloud.connections > 1


def test_stopped_gate_keeps_what_came(tmp_path: Path, cloud: TableCloud) -> None:
    """An orderly end does not wait for the rest."""
    cloud.put(LARGE)
    fetcher = Fetcher(tmp_path, cloud)
    assert fetcher.go(stop=True) == []
    fetcher.close()


def test_another_file_by_now_is_fetched_from_its_beginning(tmp_path: Path, cloud: TableCloud) -> None:
    """What lies there of the one before is thrown away, and nobody is alarmed."""
    cloud.put(LARGE)
    cloud.cut = [1 << 18, 1000, None]
    first = Fetcher(tmp_path, cloud)
    first.go()
    first.close()
    cloud.put(table_file(many_bindings(2500, 50), 2))
    second = Fetcher(tmp_path, cloud)
    told = second.go()
    assert (applied(told), troubles(told)) == ([("bindings", 0, 2)], [])
    second.close()


def test_same_version_of_a_restored_cloud_is_no_alarm_but_another_file(tmp_path: Path, cloud: TableCloud) -> None:
    """Same number, other content: the half that lies there does not fit, so it is fetched anew."""
    cloud.put(LARGE)
    cloud.cut = [1 << 18, 1000, None]
    first = Fetcher(tmp_path, cloud)
    first.go()
    first.close()
    cloud.put(table_file(many_bindings(3000, 9)))
    second = Fetcher(tmp_path, cloud)
    told = second.go()
    assert (applied(told), troubles(told)) == ([("bindings", 0, 1)], [])
    second.close()


def test_file_that_goes_away_meanwhile_is_asked_for_anew(fetch: Fetcher, cloud: TableCloud) -> None:
    """404: another version is offered by now."""
    cloud.put(LARGE)
    cloud.forget.add(("bindings", 0, 1))
    told = fetch.go()
    assert (applied(told), troubles(told)) == ([("bindings", 0, 1)], [])


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(table_file(bindings([9]), 2, signer=ISSUER), id="signed by another"),
        pytest.param(table_file(bindings([9]), 2, site=4), id="of another site"),
        pytest.param(denial_file(denials([9]), 2), id="another table"),
        pytest.param(table_file(bindings([9]), 3), id="another version than offered"),
        pytest.param(table_file(bindings([9]), 2)[:-1] + b"\x00", id="changed on its way"),
        pytest.param(table_file(bindings([9]), 2) + b"\x00", id="longer than signed"),
    ],
)
def test_what_is_not_genuine_is_told_once_and_changes_nothing(fetch: Fetcher, cloud: TableCloud, forged: bytes) -> None:
    """The version before stays in force, and a good one that comes later is taken."""
    cloud.put(table_file(bindings([1])))
    fetch.go()
    cloud.put(forged, name="bindings", version=2, since=0)
    told = fetch.go()
    assert (applied(told), troubles(told)) == ([], ["tables_refused"])
    assert troubles(fetch.go()) == []
    assert fetch.tables.versions() == {"bindings": 1}
    assert len(fetch.tables.found(guest(1))) == 1  # type: ignore[arg-type]
    cloud.put(table_file(bindings([1, 2]), 4))
    assert applied(fetch.go()) == [("bindings", 0, 4)]


def test_older_version_is_not_fetched_at_all(fetch: Fetcher, cloud: TableCloud) -> None:
    """Whoever sits on the line may have kept yesterday's genuine table, without today's denials."""
    cloud.put(denial_file(denials([1]), 5))
    fetch.go()
    cloud.put(denial_file(denials([]), 4))
    asked = len(cloud.asked)
    assert troubles(fetch.go()) == ["tables_refused"]
    assert not any("/file" in path for path in cloud.asked[asked:])
    assert fetch.tables.denied_below(1) == 2


def test_delta_that_does_not_fit_is_followed_by_the_next_whole(fetch: Fetcher, cloud: TableCloud) -> None:
    """A cloud restored from a backup counts other entries: told, and whole from then on."""
    cloud.put(table_file(bindings([1, 2])))
    fetch.go()
    cloud.put(table_file(bindings([3]), 2, since=1, total=9))
    assert troubles(fetch.go()) == ["tables_refused"]
    assert fetch.tables.versions() == {"bindings": 1}
    cloud.put(table_file(bindings([1, 3]), 3))
    cloud.put(table_file(bindings([3]), 3, since=1, total=9))
    assert applied(fetch.go()) == [("bindings", 0, 3)]


def test_site_that_changes_its_handle_keys_sends_a_whole(fetch: Fetcher, cloud: TableCloud) -> None:
    """A gate that holds both finds guests before and after; one that holds the old alone says that it cannot."""
    cloud.put(table_file(bindings([1])))
    fetch.go()
    media = {1: guest(1), 2: guest(2)}
    assert fetch.tables.looked_up(media)[0] == guest(1)
    cloud.put(table_file([a_binding(7, a_handle(2))], 2, keys=HANDLES.number + 1))
    fetch.go()
    medium, found = fetch.tables.looked_up(media)
    assert medium == guest(2)
    assert isinstance(found, tuple)
    assert len(found) == 1
    _, unknown = fetch.tables.looked_up({1: guest(1)})
    assert isinstance(unknown, Unusable)
    assert unknown.reason is Reason.DOCUMENTS_UNKNOWN
    assert "handle keys 2, this gate holds 1" in unknown.detail


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_cloud_that_refuses_is_no_incident(fetch: Fetcher, cloud: TableCloud, status: int) -> None:
    """Nor is one that is away: a gate may be alone, and goes on with what it has."""
    cloud.put(LARGE)
    cloud.refuse = [status]
    assert fetch.go() == []
    assert applied(fetch.go()) == [("bindings", 0, 1)]


def test_nobody_is_booked_before_a_table_came_is_not_said(fetch: Fetcher) -> None:
    """Whoever booked would believe it."""
    found = fetch.tables.found(guest(1))
    assert isinstance(found, Unusable)
    assert found.reason is Reason.DOCUMENTS_UNKNOWN


def test_damaged_tables_are_told_once_thrown_away_and_come_again(fetch: Fetcher, cloud: TableCloud) -> None:
    """Lookups never raise; after the next round everything is back."""
    cloud.put(LARGE)
    cloud.put(denial_file(denials([7])))
    fetch.go()
    _damage(fetch.directory)
    for _ in range(3):
        found = fetch.tables.found(guest(1))
        assert isinstance(found, Unusable)
        assert fetch.tables.denied_below(7) == 0
    assert len(fetch.damage) == 1
    assert applied(fetch.go()) == [("denials", 0, 1), ("bindings", 0, 1)]
    assert isinstance(fetch.tables.found(guest(1)), tuple)
    assert fetch.tables.denied_below(7) == 8


def _damage(directory: Path) -> None:
    """As a worn SD card does: the pages are there, and are rubbish."""
    path = directory / FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    # The reader's cache is private; another writer's commit makes it look at the file again.
    path.with_name(FILE_NAME + "-wal").write_bytes(b"")


def test_damage_found_at_a_start_is_mended_too(tmp_path: Path, cloud: TableCloud) -> None:
    """A file that is no database at all."""
    (tmp_path / FILE_NAME).write_bytes(b"rubbish" * 1000)
    cloud.put(LARGE)
    fetcher = Fetcher(tmp_path, cloud)
    assert fetcher.tables.broken
    assert len(fetcher.damage) == 1
    assert applied(fetcher.go()) == [("bindings", 0, 1)]
    fetcher.close()


def test_full_disk_keeps_the_version_before(fetch: Fetcher, cloud: TableCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told once; tried again, and taken when there is room."""
    cloud.put(table_file(bindings([1])))
    fetch.go()
    cloud.put(table_file(many_bindings(3000), 2))
    connect = BindingStore._connect

    def without_room(self: BindingStore, cache_kib: int) -> sqlite3.Connection:
        connection = connect(self, cache_kib)
        connection.execute("PRAGMA max_page_count = 8")
        return connection

    with monkeypatch.context() as full:
        full.setattr(BindingStore, "_connect", without_room)
        assert troubles(fetch.go()) == ["tables_full"]
        assert troubles(fetch.go()) == []
    assert fetch.tables.versions() == {"bindings": 1}
    assert applied(fetch.go()) == [("bindings", 0, 2)]


def test_when_the_cloud_last_had_nothing_newer_outlives_the_process(tmp_path: Path, cloud: TableCloud) -> None:
    """Written now and then, read at the next start: a gate that was off for a week knows that it is behind."""
    first = Fetcher(tmp_path, cloud)
    first.go()
    noted = first.wall_ms
    first.wall_ms += NOTED_EVERY_MS - 1
    first.go()
    assert first.tables.current_ms == first.wall_ms
    first.close()
    second = Fetcher(tmp_path, cloud)
    assert second.tables.current_ms == noted
    second.close()
    (tmp_path / CURRENT).write_text("rubbish")
    third = Fetcher(tmp_path, cloud)
    assert third.tables.current_ms == 0
    third.close()


def test_denials_of_both_sizes_hold_together(fetch: Fetcher, cloud: TableCloud) -> None:
    """The document is quick, the table is large; neither lifts what the other denies."""
    cloud.put(denial_file(denials([41, 42])))
    fetch.go()
    denied = Denied({42: 2, 43: 3}, fetch.tables.denied_below)
    assert [denied.get(ticket, 0) for ticket in (41, 42, 43, 44)] == [6, 7, 3, 0]
    assert Denied({42: 9}, fetch.tables.denied_below)[42] == 9
    assert 41 in denied
    assert 44 not in denied
    assert (list(denied), len(denied)) == ([42, 43], 2)


# When to ask


def _middle() -> float:
    return 0.5


def test_gate_asks_at_once_then_every_so_often(tmp_path: Path) -> None:
    """And not all gates of a site in the same second."""
    asking = Asking(60, _middle, 100.0)
    assert asking.due == 100.0
    asking.answered(101.0)
    assert asking.due == 161.0
    spread: Callable[[], float]
    for spread, share in ((lambda: 0.0, 1 - JITTER), (lambda: 1.0, 1 + JITTER)):
        apart = Asking(60, spread, 0.0)
        apart.answered(0.0)
        assert apart.due == pytest.approx(60 * share)


def test_gate_that_is_not_answered_asks_later_and_later(tmp_path: Path) -> None:
    """A hint brings it back at once; an answer begins anew."""
    asking = Asking(60, _middle, 0.0)
    waits = []
    for _ in range(len(BACKOFF_S) + 1):
        asking.failed(1000.0)
        waits.append(asking.due - 1000.0)
    assert waits == [*BACKOFF_S, BACKOFF_S[-1]]
    asking.hint(1001.0)
    assert asking.due == 1001.0 + HINT_S
    asking.answered(1003.0)
    asking.hint(1003.5)
    assert asking.due == 1003.5 + HINT_S
    asking.hint(1004.2)
    assert asking.due == 1003.5 + HINT_S
    asking.failed(1010.0)
    assert asking.due == 1010.0 + BACKOFF_S[0]


def test_thread_asks_again_on_a_hint_and_ends(tmp_path: Path, cloud: TableCloud) -> None:
    """A thread of its own; stopping does not wait for the next question."""
    fetcher = Fetcher(tmp_path, cloud, names=("denials",))
    came = Event()
    fetcher.told = _Telling(came)  # type: ignore[assignment]
    fetcher._fetching._tell = fetcher.told.append
    now = [0.0]
    asking = Asking(3600, _middle, 0.0)
    thread = FetchThread(fetcher._fetching, asking, fetcher.server, lambda: now[0])
    thread.start()
    assert came.wait(10)
    came.clear()
    cloud.put(denial_file(denials([5])))
    now[0] = 10.0 + HINT_S
    thread.hint()
    now[0] += HINT_S + 1
    thread.hint()
    assert came.wait(10)
    thread.stop()
    assert fetcher.tables.versions() == {"denials": 1}
    fetcher.close()


class _Telling(list[Told]):
    def __init__(self, came: Event) -> None:
        self._came = came

    def append(self, told: Told) -> None:
        super().append(told)
        if isinstance(told, TablesCurrent):
            self._came.set()
