# SPDX-License-Identifier: Apache-2.0
"""The gate's tables: found, changed while lookups go on, whole or not at all, and refused when they must be."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from binding_cases import (
    ISSUER,
    ISSUERS,
    PUBLISHERS,
    SITE,
    a_binding,
    a_handle,
    bindings,
    denial_file,
    denials,
    many_bindings,
    table_file,
)

from pistegate_edge.bindings.store import FILE_NAME, TICKETS_MAX, BindingStore, TablesDamaged, TablesFull
from pistegate_protocol.errors import CodecError, ProtocolError
from pistegate_protocol.signing import Medium, MediumKind, open_claim
from pistegate_protocol.tables import Entry, TableRefused, encode_denial


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BindingStore]:
    """An empty store."""
    opened = BindingStore(tmp_path, PUBLISHERS, SITE)
    yield opened
    opened.close()


def apply(store: BindingStore, file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "came.table"
    path.write_bytes(file)
    store.apply(path)


def tickets(store: BindingStore, guest: int) -> list[int]:
    return [found.ticket for found in store.bindings(Medium(MediumKind.IDENTITY, a_handle(guest)))]


def test_a_whole_and_its_deltas(store: BindingStore, tmp_path: Path) -> None:
    """Bound, bound anew, withdrawn; denials likewise, with versions of their own."""
    apply(store, table_file(bindings(range(1, 50))), tmp_path)
    apply(store, denial_file(denials([7, 8])), tmp_path)
    assert tickets(store, 7) == [7]
    assert (store.denied_below(7), store.denied_below(9)) == (8, 0)
    assert store.versions() == {"bindings": 1, "denials": 1}
    assert store.handle_keys() == 1
    changed = a_binding(7, revision=1)
    changes = sorted([(a_binding(8)[0], b""), changed, a_binding(60)])
    apply(store, table_file(changes, 2, since=1, total=49), tmp_path)
    assert (tickets(store, 8), tickets(store, 60)) == ([], [60])
    anew = store.bindings(Medium(MediumKind.IDENTITY, a_handle(7)))
    assert [open_claim(each.signed, each.medium, ISSUERS).revision for each in anew] == [1]
    apply(store, denial_file([(encode_denial(7, 1)[0], b""), *denials([12])], 5, since=1, total=2), tmp_path)
    assert [store.denied_below(ticket) for ticket in (7, 8, 12)] == [0, 9, 4]
    assert store.versions() == {"bindings": 2, "denials": 5}


def test_a_document_with_several_tickets_has_them_all(store: BindingStore, tmp_path: Path) -> None:
    """Today's and tomorrow's, the lift's and the rental's; so many that the row waits are not all looked at."""
    entries = sorted([*(a_binding(number, a_handle(1)) for number in range(100)), *bindings([200])])
    apply(store, table_file(entries), tmp_path)
    assert tickets(store, 1) == list(range(TICKETS_MAX))


def test_a_finger_is_no_document(store: BindingStore, tmp_path: Path) -> None:
    """A handle alone does not tell what was presented; nor does a card's UID of eight bytes find a guest."""
    apply(store, table_file(bindings([1])), tmp_path)
    for kind in (MediumKind.FINGER, MediumKind.CARD, MediumKind.BEARER):
        assert store.bindings(Medium(kind, a_handle(1))) == []
    assert store.bindings(Medium(MediumKind.IDENTITY, b"")) == []


def test_what_was_applied_outlives_the_process(store: BindingStore, tmp_path: Path) -> None:
    """A gate that starts without a network knows its guests."""
    apply(store, table_file(bindings([1])), tmp_path)
    store.close()
    again = BindingStore(tmp_path, PUBLISHERS, SITE)
    assert tickets(again, 1) == [1]
    again.close()


REFUSED = {
    "forged": (table_file(bindings([1, 2]), 4, signer=ISSUER), "signature"),
    "of another site": (table_file(bindings([1, 2]), 4, site=4), "site 4"),
    "older": (table_file(bindings([1, 2]), 2), "not newer"),
    "the same": (table_file(bindings([1, 2]), 3), "not newer"),
    "after a gap": (table_file(bindings([2]), 9, since=4, total=2), "get it whole"),
    "under other keys": (table_file(bindings([2]), 9, since=3, total=2, keys=2), "get it whole"),
    "of another history": (table_file(bindings([2]), 9, since=3, total=7), "2 entries now, 7 signed"),
    "cut short": (table_file(many_bindings(700), 4)[:-1], "chunk 1"),
    "longer": (table_file(bindings([1, 2]), 4) + b"\x00", "not what was signed|after the table"),
    "head only": (table_file(bindings([1]), 4)[:50], "cut short"),
    "no table": (b"<html>" * 2000, "no table"),
    "no binding": (table_file([(bytes(14), b"\x01" * 90)], 4), "tickets|binding"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_must_not_be_applied_changes_nothing(store: BindingStore, tmp_path: Path, case: str) -> None:
    """Older, forged, for another site, damaged on the way: the version in force stays, to the last entry."""
    apply(store, table_file(bindings([1]), 3), tmp_path)
    file, words = REFUSED[case]
    with pytest.raises(ProtocolError, match=words):
        apply(store, file, tmp_path)
    assert (tickets(store, 1), tickets(store, 2)) == ([1], [])
    assert store.versions() == {"bindings": 3}
    apply(store, table_file(bindings([1, 2]), 4), tmp_path)
    assert tickets(store, 2) == [2]


def test_a_whole_takes_the_place_of_everything(store: BindingStore, tmp_path: Path) -> None:
    """Also under new keys, after a theft."""
    apply(store, table_file(bindings(range(30))), tmp_path)
    apply(store, table_file(bindings([40]), 2, keys=2), tmp_path)
    assert (tickets(store, 1), tickets(store, 40), store.handle_keys()) == ([], [40], 2)


def test_lookups_see_one_version_while_another_comes(store: BindingStore, tmp_path: Path) -> None:
    """In another thread: before the commit everything old, after it everything new, and never neither."""
    guests = range(1, 3000)
    apply(store, table_file(bindings(guests[:5])), tmp_path)
    apply(store, table_file(sorted([*bindings(guests[:5]), *many_bindings(3000, 10)]), 2), tmp_path)
    wrong: list[str] = []
    stop = Event()

    def look() -> None:
        chance = random.Random(1)
        while not stop.is_set():
            if tickets(store, chance.randrange(1, 6)) == []:
                wrong.append("a guest was not found")

    thread = Thread(target=look)
    thread.start()
    for version in range(3, 12):
        whole = sorted([*bindings(guests[:5]), *many_bindings(3000, 10 * version)])
        apply(store, table_file(whole, version), tmp_path)
    stop.set()
    thread.join()
    assert wrong == []


KILLED = """
import sys
from pathlib import Path
from binding_cases import PUBLISHERS, SITE
from pistegate_edge.bindings.store import BindingStore
store = BindingStore(Path(sys.argv[1]), PUBLISHERS, SITE)
print("ready", flush=True)
store.apply(Path(sys.argv[2]))
print("done", flush=True)
"""


@pytest.mark.parametrize("how", ["whole", "delta"])
def test_killed_in_the_middle_it_is_the_old_version_or_the_new(tmp_path: Path, how: str) -> None:
    """`kill -9` at many moments of an update; both outcomes must have been seen, and nothing in between."""
    old, new = many_bindings(20_000), many_bindings(20_000, 10_001)
    before = BindingStore(tmp_path, PUBLISHERS, SITE)
    apply(before, table_file(old), tmp_path)
    before.close()
    update = tmp_path / "update.table"
    update.write_bytes(table_file(new, 2) if how == "whole" else table_file(delta(old, new), 2, since=1, total=20_000))
    kept = {path.name: path.read_bytes() for path in tmp_path.glob(f"{FILE_NAME}*")}
    seen = set()
    for wait_s in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, None):
        for path in tmp_path.glob(f"{FILE_NAME}*"):
            path.unlink()
        for name, content in kept.items():
            (tmp_path / name).write_bytes(content)
        run_and_kill(tmp_path, update, wait_s)
        seen.add(check_one_of(tmp_path, old, new))
    assert seen == {1, 2}


def delta(old: list[Entry], new: list[Entry]) -> list[Entry]:
    """What leads from one to the other."""
    taken = dict(old).keys() - dict(new).keys()
    return sorted([*((key, b"") for key in taken), *(set(new) - set(old))])


def run_and_kill(directory: Path, update: Path, wait_s: float | None) -> None:
    support = str(Path(__file__).parent.parent / "support")
    command = [sys.executable, "-c", KILLED, str(directory), str(update)]
    environment = os.environ | {"PYTHONPATH": support}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        if wait_s is not None:
            time.sleep(wait_s)
            process.send_signal(signal.SIGKILL)
        process.wait()


def check_one_of(directory: Path, old: list[Entry], new: list[Entry]) -> int:
    """The version that is in force: exactly its entries, in a database that is whole."""
    store = BindingStore(directory, PUBLISHERS, SITE)
    version = store.versions()["bindings"]
    store.close()
    database = sqlite3.connect(directory / FILE_NAME)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = database.execute("SELECT key, value FROM bindings ORDER BY key").fetchall()
    database.close()
    assert rows == (old if version == 1 else new)
    return version


def test_damage_is_told_and_the_tables_come_anew(tmp_path: Path) -> None:
    """A torn file is no reason not to start: whoever opens the store discards it, and the cloud sends a whole."""
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(TablesDamaged):
        BindingStore(tmp_path, PUBLISHERS, SITE)
    BindingStore.discard(tmp_path)
    store = BindingStore(tmp_path, PUBLISHERS, SITE)
    assert store.versions() == {}
    apply(store, table_file(bindings([1])), tmp_path)
    assert tickets(store, 1) == [1]
    store.close()


def test_a_full_disk_is_no_damage(store: BindingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version before stays in force, lookups go on, and with room again the next one comes."""
    apply(store, table_file(bindings([1])), tmp_path)
    connect = store._connect

    def narrow(cache_kib: int) -> sqlite3.Connection:
        connection = connect(cache_kib)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    with monkeypatch.context() as full:
        full.setattr(store, "_connect", narrow)
        with pytest.raises(TablesFull, match="full"):
            apply(store, table_file(many_bindings(5000), 2), tmp_path)
    assert tickets(store, 1) == [1]
    apply(store, table_file(many_bindings(5000), 2), tmp_path)
    assert tickets(store, 4000) == [4000]


def test_a_newer_schema_is_not_touched(tmp_path: Path) -> None:
    """After a step back to an older release."""
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(TablesDamaged, match="schema 9"):
        BindingStore(tmp_path, PUBLISHERS, SITE)


def test_a_row_made_up_on_the_disk_is_found(store: BindingStore, tmp_path: Path) -> None:
    """Malformed: told as damage. Well-formed: its claim is not believed when it is presented (open_claim)."""
    apply(store, denial_file(denials([1])), tmp_path)
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("UPDATE denials SET value = x'00'")
    database.commit()
    database.close()
    with pytest.raises(TablesDamaged):
        store.denied_below(1)


def test_a_ticket_out_of_range_is_an_error_of_the_caller(store: BindingStore) -> None:
    """Claims carry 48 bits."""
    with pytest.raises(CodecError):
        store.denied_below(2**48)


def test_the_log_does_not_stay_as_large_as_the_update(store: BindingStore, tmp_path: Path) -> None:
    """On an SD card of a few gigabytes, beside the journal's reserve."""
    apply(store, table_file(many_bindings(5000)), tmp_path)
    assert (tmp_path / f"{FILE_NAME}-wal").stat().st_size == 0


def test_refusals_are_table_refusals(store: BindingStore, tmp_path: Path) -> None:
    """One class for what must not be applied, so that a fetcher asks for the whole."""
    with pytest.raises(TableRefused):
        apply(store, table_file([], 9, since=3), tmp_path)
