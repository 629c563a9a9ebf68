# SPDX-License-Identifier: Apache-2.0
"""What a gate holds of fingers, and receipts of its deletion."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from finger_bench import KEYS, LATER_MS, NOW_MS

from pistegate_edge.fingers.errors import LibraryFull
from pistegate_edge.fingers.library import Library
from pistegate_edge.fingers.store import SLOTS_MAX, TemplateStore

ONE, TWO = b"holder-1", b"holder-2"
SENSOR, OTHER = b"sensor-1", b"sensor-2"
SECRET = b"sealed template of somebody, forty bytes"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TemplateStore]:
    """Empty, with a sensor."""
    store = TemplateStore(tmp_path / "fingers.db")
    store.moved_to(SENSOR)
    yield store
    store.close()


def whys(store: TemplateStore) -> list[tuple[bytes, str, int | None]]:
    return [(receipt.holder, receipt.why, receipt.slot) for receipt in store.untold()]


def test_what_is_held_is_there_after_a_restart_until_its_time_is_over(store: TemplateStore, tmp_path: Path) -> None:
    """A pass's template goes with the pass."""
    store.put(ONE, SECRET, LATER_MS)
    store.close()
    again = TemplateStore(tmp_path / "fingers.db")
    assert again.get(ONE, NOW_MS) == SECRET
    assert again.get(ONE, LATER_MS) is None
    again.close()


def test_a_withdrawal_leaves_nothing_in_the_file(store: TemplateStore, tmp_path: Path) -> None:
    """Not under the table either: the file is searched for its bytes. The receipt says when."""
    store.put(ONE, SECRET, LATER_MS)
    assert SECRET in (tmp_path / "fingers.db").read_bytes()
    store.remove(ONE, "withdrawn", NOW_MS)
    assert store.get(ONE, NOW_MS) is None
    assert not any(SECRET in path.read_bytes() for path in tmp_path.iterdir())
    assert [receipt.record() for receipt in store.untold()] == [
        {"holder": ONE.hex(), "why": "withdrawn", "at_ms": NOW_MS, "slot": None}
    ]


def test_no_receipt_while_the_sensor_still_has_it(store: TemplateStore) -> None:
    """The sealed one is gone at once, the receipt waits for the sensor: through a restart of it, and of the gate."""
    store.put(ONE, SECRET, LATER_MS)
    assert store.assign(ONE, 200) == 0
    store.remove(ONE, "withdrawn", NOW_MS)
    assert store.get(ONE, NOW_MS) is None
    assert store.library(NOW_MS) == {}
    assert whys(store) == []
    assert store.to_erase() == [0]
    store.erased(0, NOW_MS + 5)
    assert whys(store) == [(ONE, "withdrawn", 0)]
    assert store.to_erase() == []


def test_a_withdrawal_that_comes_twice_is_one_deletion(store: TemplateStore) -> None:
    """While the sensor is away: still no receipt, then one."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.remove(ONE, "expired", NOW_MS)
    store.remove(ONE, "withdrawn", NOW_MS)
    assert whys(store) == []
    store.erased(0, NOW_MS)
    store.erased(0, NOW_MS)
    assert whys(store) == [(ONE, "withdrawn", 0)]


def test_every_gate_gives_a_receipt_also_where_there_was_nothing(store: TemplateStore) -> None:
    """The cloud waits for one of each gate."""
    store.remove(ONE, "withdrawn", NOW_MS)
    assert whys(store) == [(ONE, "withdrawn", None)]


def test_expired_ones_go_by_themselves(store: TemplateStore) -> None:
    """No message of the cloud is needed, and a gate without network forgets too."""
    store.put(ONE, SECRET, NOW_MS)
    store.put(TWO, SECRET, LATER_MS)
    assert store.expire(NOW_MS) == 1
    assert whys(store) == [(ONE, "expired", None)]
    assert store.get(TWO, NOW_MS) is not None


def test_a_receipt_is_told_once(store: TemplateStore) -> None:
    """And kept."""
    store.remove(ONE, "withdrawn", NOW_MS)
    store.told(store.untold()[0].number)
    assert store.untold() == []


def test_a_new_template_takes_the_old_ones_slot_only_after_it_was_erased(store: TemplateStore) -> None:
    """Nobody's old finger lies under a new name; a replaced template is no deletion and gives no receipt."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.put(ONE, SECRET + b"2", LATER_MS)
    assert store.to_erase() == [0]
    assert store.assign(ONE, 200) == 1
    store.erased(0, NOW_MS)
    assert whys(store) == []
    store.put(TWO, SECRET, LATER_MS)
    assert store.assign(TWO, 200) == 0


def test_a_replaced_one_that_is_withdrawn_waits_for_both_slots(store: TemplateStore) -> None:
    """The receipt comes when the last of them is empty."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.remove(ONE, "withdrawn", NOW_MS)
    store.erased(0, NOW_MS)
    assert whys(store) == []
    store.erased(1, NOW_MS)
    assert whys(store) == [(ONE, "withdrawn", 1)]


@pytest.mark.parametrize(("capacity", "room"), [(3, 3), (1000, SLOTS_MAX)])
def test_a_full_library_says_so(store: TemplateStore, capacity: int, room: int) -> None:
    """By the sensor's own capacity, and never more than a small set, however big the sensor is."""
    for number in range(room + 1):
        store.put(str(number).encode(), SECRET, LATER_MS)
    assert [store.assign(str(number).encode(), capacity) for number in range(room)] == list(range(room))
    with pytest.raises(LibraryFull, match=f"{room} pass holders"):
        store.assign(str(room).encode(), capacity)
    assert store.assign(b"0", capacity) == 0


def test_a_slot_names_its_holder_as_long_as_the_pass_lasts(store: TemplateStore) -> None:
    """After that it is nobody's, whatever the sensor finds."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    assert store.holder_of(0, NOW_MS) == ONE
    assert store.holder_of(0, LATER_MS) is None
    assert store.holder_of(1, NOW_MS) is None


def test_a_slot_that_was_not_filled_from_here_names_nobody(store: TemplateStore) -> None:
    """It is assigned, and the sensor may still have another finger in it."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    assert Library(store, KEYS, lambda: NOW_MS).holder(0) is None


def test_no_receipt_for_what_lies_in_a_sensor_that_was_taken_out(store: TemplateStore) -> None:
    """The new one was never told of the finger: that it is empty proves nothing of the old one."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.filled(0, SECRET)
    store.moved_to(OTHER)
    assert store.away() == {SENSOR: 1}
    assert store.known() == {}
    store.filled(0, SECRET)
    store.remove(ONE, "withdrawn", NOW_MS)
    store.erased(0, NOW_MS)
    assert whys(store) == []
    store.emptied(SENSOR, NOW_MS)
    assert whys(store) == [(ONE, "withdrawn", 0)]
    assert store.away() == {}


def test_a_holder_who_stays_gives_no_receipt_when_the_old_sensor_is_wiped(store: TemplateStore) -> None:
    """The finger is still in the new one."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.filled(0, SECRET)
    store.moved_to(OTHER)
    store.emptied(SENSOR, NOW_MS)
    assert whys(store) == []
    assert store.get(ONE, NOW_MS) == SECRET


def test_which_sensor_it_is_outlives_a_restart(store: TemplateStore, tmp_path: Path) -> None:
    """And what it holds."""
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.filled(0, SECRET)
    store.close()
    again = TemplateStore(tmp_path / "fingers.db")
    assert again.mark == SENSOR
    assert again.known() == {0: SECRET}
    again.close()


def test_without_any_sensor_yet_a_withdrawal_waits_for_none(tmp_path: Path) -> None:
    """A slot that was assigned and never filled holds nothing."""
    store = TemplateStore(tmp_path / "new.db")
    store.put(ONE, SECRET, LATER_MS)
    store.assign(ONE, 200)
    store.remove(ONE, "withdrawn", NOW_MS)
    assert whys(store) == [(ONE, "withdrawn", None)]
    store.close()
