# SPDX-License-Identifier: Apache-2.0
"""Card uses of a till: durable before the card is changed, and never forgotten while the card may be changed or not."""

from pathlib import Path

import pytest

from pistegate_edge.clock import Clock
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.journal import Journal, OpenUse
from pistegate_protocol.events import EVENTS, CardUse, CardUseEnded, Settled, Stream, UseKind, UseResult, admission_name

TILL = 9


def till(directory: Path, random32: int = 1) -> Journal:
    """The journal of a till."""
    return Journal(directory, 1, TILL, 65_536, Clock(), random32, "test")


def use(amount: int = 500) -> CardUse:
    """A debit."""
    return CardUse(1000, UseKind.DEBIT, b"\x01card", 4711, amount, 0, "CNY", 10_000, 0)


def ended(journal: Journal, seq: int, result: UseResult) -> CardUseEnded:
    """How a use of this run ended."""
    return CardUseEnded(2000, journal.epoch, seq, result)


def test_use_is_named_and_chained_before_the_card_is_changed(tmp_path: Path) -> None:
    """Its seq and name are those that the card's record will carry."""
    with till(tmp_path) as journal:
        seq, name = journal.begin_use(use())
        assert (seq, name) == (2, admission_name(TILL, journal.epoch, 2))
        assert EVENTS.decode(journal.fetch(Stream.LEDGER, journal.epoch, 2, 1)[1][0]) == use()


@pytest.mark.parametrize("result", [UseResult.DONE, UseResult.VOID])
def test_use_that_ended_for_certain_is_closed(tmp_path: Path, result: UseResult) -> None:
    """Nothing of it waits, in this run or the next."""
    with till(tmp_path) as journal:
        seq, _ = journal.begin_use(use())
        journal.end_use(ended(journal, seq, result))
        assert journal.unsettled_uses() == []
    with till(tmp_path, 2) as journal:
        assert journal.open_uses() == []
        assert journal.unsettled_uses() == []


def test_unconfirmed_use_waits_for_its_card_across_restarts(tmp_path: Path) -> None:
    """Until the card told whether it was changed."""
    with till(tmp_path) as journal:
        seq, name = journal.begin_use(use())
        journal.end_use(ended(journal, seq, UseResult.UNCONFIRMED))
        waiting = [OpenUse(journal.epoch, seq, name, use())]
        assert journal.unsettled_uses() == waiting
    with till(tmp_path, 2) as journal:
        assert journal.unsettled_uses() == waiting
        journal.settle_use(Settled(3000, waiting[0].epoch, seq, True))
        assert journal.unsettled_uses() == []
    with till(tmp_path, 3) as journal:
        assert journal.unsettled_uses() == []


def test_use_that_a_power_cut_left_open_is_found_and_interrupted(tmp_path: Path) -> None:
    """At the next start it ends as interrupted, and then waits for its card."""
    with till(tmp_path) as journal:
        seq, name = journal.begin_use(use())
        epoch = journal.epoch
        assert journal.open_uses() == []  # the one under way is not one of an earlier run
    with till(tmp_path, 2) as journal:
        (left,) = journal.open_uses()
        assert left == OpenUse(epoch, seq, name, use())
        journal.end_use(CardUseEnded(2000, epoch, seq, UseResult.INTERRUPTED))
        assert journal.open_uses() == []
        assert journal.unsettled_uses() == [left]


def test_without_the_reserve_no_card_is_changed(tmp_path: Path) -> None:
    """What cannot be recorded to its end is not begun."""
    with till(tmp_path) as journal:
        journal.reserve.give_up()
        with pytest.raises(JournalFull):
            journal.begin_use(use())
        assert journal.last_seq(Stream.LEDGER) == 1


def test_end_of_a_use_takes_the_reserve_when_the_disk_is_full(tmp_path: Path) -> None:
    """A card that was changed is always told of."""
    with till(tmp_path) as journal:
        seq, _ = journal.begin_use(use())
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalFull):
            end_often(journal, seq)
        assert not journal.reserve.held


def end_often(journal: Journal, seq: int) -> None:
    """Until there is no room at all."""
    for _ in range(200):
        journal.end_use(ended(journal, seq, UseResult.UNCONFIRMED))
