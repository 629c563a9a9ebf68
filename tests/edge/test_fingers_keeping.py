# SPDX-License-Identifier: Apache-2.0
"""What a gate does with its templates: slots for those who open alone, erasing in pieces, no receipt lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from finger_bench import LATER_MS, NOW_MS

from pistegate_edge.fingers.errors import HolderGone
from pistegate_edge.fingers.keeping import AT_ONCE, Keeper
from pistegate_edge.fingers.store import TemplateStore
from pistegate_protocol.documents import FingerList
from pistegate_protocol.events import FingerErased
from pistegate_protocol.fingers import holder_of, ticket_of

ONE, TWO, THREE = (holder_of(ticket, 1) for ticket in (4711, 4712, 4713))
SEALED, CLAIM = b"sealed template", b"signed claim"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TemplateStore]:
    """Empty, with a sensor."""
    store = TemplateStore(tmp_path / "fingers.db")
    store.moved_to(b"sensor".ljust(32, b"\x00"))
    yield store
    store.close()


def keeper(store: TemplateStore, *, watch: bool = True) -> Keeper:
    return Keeper(store, lambda: NOW_MS, watch=watch)


def the_list(*entries: tuple[bytes, bytes], version: int = 1) -> FingerList:
    return FingerList(1, version, 0, list(entries))


def test_only_those_who_open_alone_are_in_the_sensor(store: TemplateStore) -> None:
    """The cloud's list gives the claim; a finger beside a card stays sealed on the disk."""
    for holder in (ONE, TWO):
        store.put(holder, SEALED, LATER_MS)
    kept = keeper(store)
    kept.told(the_list((ONE, CLAIM)))
    assert kept.look(200)
    assert [holder for holder, _ in store.library(NOW_MS).values()] == [ONE]
    assert (kept.claim(ONE), kept.claim(TWO)) == (CLAIM, None)
    assert kept.tickets == {4711, 4712}
    assert not kept.look(200)


def test_a_full_sensor_leaves_the_others_their_card(store: TemplateStore) -> None:
    """Nobody is put in another one's slot, and nothing else stops."""
    for holder in (ONE, TWO, THREE):
        store.put(holder, SEALED, LATER_MS)
    kept = keeper(store)
    kept.told(the_list(*((holder, CLAIM) for holder in (ONE, TWO, THREE))))
    kept.look(2)
    assert [holder for holder, _ in store.library(NOW_MS).values()] == [ONE, TWO]
    assert kept.sealed(4713) == (THREE, SEALED)


def test_a_gate_that_watches_no_more_empties_its_sensor(store: TemplateStore) -> None:
    """Not a deletion: the template stays for 1:1, and no receipt says otherwise."""
    store.put(ONE, SEALED, LATER_MS)
    kept = keeper(store)
    kept.told(the_list((ONE, CLAIM)))
    kept.look(200)
    keeper(store, watch=False)
    assert (store.library(NOW_MS), store.to_erase()) == ({}, [0])
    store.erased(0, NOW_MS)
    assert store.untold() == []
    assert store.holders(NOW_MS) == [ONE]


def test_many_withdrawals_are_erased_in_pieces(store: TemplateStore) -> None:
    """A commit takes as long as a guest at the reader may wait; between two pieces the lane is served."""
    gone = [holder_of(ticket, 1) for ticket in range(AT_ONCE + 3)]
    kept = keeper(store)
    kept.told(the_list(*((holder, b"") for holder in gone)))
    assert kept.erase()
    assert (len(store.untold()), kept.busy) == (AT_ONCE, True)
    assert kept.erase()
    assert (len(store.untold()), kept.busy) == (AT_ONCE + 3, False)
    assert not kept.erase()


def test_a_list_that_comes_again_erases_nothing_again(store: TemplateStore) -> None:
    """One receipt for each holder, however often the cloud names it, over a restart too."""
    for version in (1, 2):
        kept = keeper(store)
        kept.told(the_list((ONE, b""), version=version))
        kept.erase()
    assert len(store.untold()) == 1


def test_a_receipt_that_finds_no_room_is_told_later(store: TemplateStore) -> None:
    """A full disk loses none: what was not written is not marked as told."""
    kept = keeper(store)
    kept.told(the_list((ONE, b""), (TWO, b"")))
    kept.erase()
    assert kept.tell(lambda _: False) == 0
    told: list[FingerErased] = []
    assert kept.tell(lambda event: told.append(event) is None) == 2
    assert [(event.holder, event.why, event.at) for event in told] == [(h, "withdrawn", NOW_MS) for h in (ONE, TWO)]
    assert kept.tell(lambda _: True) == 0


def test_what_is_gone_does_not_come_back(store: TemplateStore) -> None:
    """From an old file, before the sensor has erased it and after; another finger of the same ticket may come."""
    store.put(ONE, SEALED, LATER_MS)
    store.assign(ONE, 200)
    store.remove(ONE, "withdrawn", NOW_MS)
    for _ in range(2):
        assert store.gone(ONE)
        with pytest.raises(HolderGone, match="enrol it anew"):
            store.put(ONE, SEALED, LATER_MS)
        store.erased(0, NOW_MS)
    store.put(holder_of(4711, 2), SEALED, LATER_MS)
    kept = keeper(store)
    kept.look(None)
    assert kept.sealed(4711) == (holder_of(4711, 2), SEALED)


def test_a_change_by_another_process_is_seen(store: TemplateStore, tmp_path: Path) -> None:
    """`finger put` on a gate that runs; one's own changes are no news."""
    kept = keeper(store)
    assert not kept.look(None)
    other = TemplateStore(tmp_path / "fingers.db")
    other.put(ONE, SEALED, LATER_MS)
    other.close()
    assert kept.look(None)
    assert kept.tickets == {4711}


def test_receipts_that_wait_for_a_sensor_are_counted(store: TemplateStore) -> None:
    """The cloud says "a sensor is away" by it; a finger that only moved to another slot waits for nobody."""
    for holder in (ONE, TWO):
        store.put(holder, SEALED, LATER_MS)
        store.assign(holder, 200)
    store.put(TWO, b"another", LATER_MS)
    assert store.waiting() == 0
    store.remove(ONE, "withdrawn", NOW_MS)
    assert store.waiting() == 1


def test_names_of_fingers_go_both_ways() -> None:
    """Ticket and number; what is no such name is refused."""
    assert ticket_of(holder_of(2**48 - 1, 65535)) == 2**48 - 1
    for ticket, finger in ((-1, 1), (2**48, 1), (1, 0), (1, 65536)):
        with pytest.raises(ValueError, match="no finger"):
            holder_of(ticket, finger)
    with pytest.raises(ValueError, match="7 bytes"):
        ticket_of(bytes(7))
