# SPDX-License-Identifier: Apache-2.0
"""The small pure parts: presentations, owed and unsettled books, merged notes, clock, content of a card."""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from gate_bench import ISSUER, claim, public
from passage_bench import UID, files_of

from pistegate_edge.clock import Clock, PageClock, open_clock
from pistegate_edge.core.merge import MERGE_S, NoteMerger
from pistegate_edge.core.owed import OwedBook, OwedEntry, Unsettled, UnsettledBook
from pistegate_edge.core.presentation import LEFT_S, Presentations
from pistegate_edge.core.reading import Ticket, Unusable, read_ticket
from pistegate_edge.errors import ClockError
from pistegate_protocol.events import Incident, Refused
from pistegate_protocol.signing import KeyRing, Medium, MediumKind
from pistegate_protocol.timepage import TimePage, encode_page

TODAY = date(2026, 1, 15)
MEDIUM = Medium(MediumKind.CARD, UID)
ISSUERS = KeyRing({1: public(ISSUER)})


def test_presentation_ends_half_a_second_after_the_card_left() -> None:
    """Sooner it is the same one, however often the hand shakes."""
    book = Presentations()
    first = book.seen(UID, 0.0)
    book.looked([], 1.0)
    assert book.seen(UID, 1.0 + LEFT_S - 0.01) is first
    book.looked([], 2.0)
    assert book.seen(UID, 2.0 + LEFT_S) is not first


def test_field_that_nobody_looked_at_is_not_empty() -> None:
    """A card that stays on a reader while it is restarted goes on with its presentation."""
    book = Presentations()
    first = book.seen(UID, 0.0)
    book.looked([], 1.0)
    book.frozen()
    assert book.seen(UID, 60.0) is first


def test_another_card_in_the_field_ends_the_first_ones_presentation_in_time() -> None:
    """A look that meets B alone means not seeing A."""
    book = Presentations()
    first = book.seen(UID, 0.0)
    book.looked([b"other"], 1.0)
    book.seen(b"other", 1.6)
    assert book.seen(UID, 1.7) is not first


def test_owed_persons_expire_and_parties_stay_until_their_day_ends() -> None:
    """120 s for one, the day for known unpassed persons of a party."""
    book = OwedBook([OwedEntry(b"single", 1, 100.0), OwedEntry(b"party", 2, 100.0, TODAY)])
    assert book.of(b"single", 100.0, TODAY) is not None
    assert book.of(b"single", 100.1, TODAY) is None
    assert book.of(b"party", 9999.0, TODAY) is not None
    assert book.of(b"party", 100.0, TODAY + timedelta(days=1)) is not None, "midnight takes nothing of the 120 s"
    assert book.of(b"party", 100.1, TODAY + timedelta(days=1)) is None
    book.prune(100.1, TODAY)
    assert len(book) == 1
    book.spend(b"party")
    assert book.of(b"party", 0.0, TODAY) is None


@pytest.mark.parametrize(("named", "charged", "left"), [(b"A", True, 0), (b"before", False, 0), (b"else", None, 1)])
def test_what_a_card_names_settles_its_admission(named: bytes, charged: bool | None, left: int) -> None:
    """Its own name: charged; the one before: void; another: not for this gate to tell."""
    book = UnsettledBook([Unsettled(b"A", b"before", 1, 2, b"medium", b"claim", b"owed from")])
    assert list(book.settle(b"another", b"claim", b"A")) == []
    assert list(book.settle(b"medium", b"another", b"A")) == []
    told = list(book.settle(b"medium", b"claim", named))
    assert [one.charged for one in told] == ([] if charged is None else [charged])
    assert [one.ended for one in told] == {True: [(b"owed from",)], False: [(b"A",)], None: []}[charged]
    assert len(book) == left


def test_repeats_are_merged_and_counted() -> None:
    """The first at once, the others as one note with their number, nothing lost at the end."""
    merger = NoteMerger()
    note = Refused(1, "expired", b"\x01x", 5)
    assert merger.add(note, 0.0) == [note]
    assert merger.add(note, 1.0) == []
    assert merger.add(note, 2.0) == []
    other = Incident(1, "forced_arm", "")
    assert merger.add(other, 3.0) == [other]
    assert merger.deadline() == MERGE_S
    assert [n.times for n in merger.due(MERGE_S)] == [2]
    assert merger.due(MERGE_S + 1) == []
    merger.add(other, 4.0)
    assert [n.times for n in merger.all()] == [1]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c, u: (bytes(128), u), "no_ticket"),
        (lambda c, u: (c[:60] + b"\x00" + c[61:], u), "signature_invalid"),
        (lambda c, u: (b"\x01\xff" + c[2:], u), "unreadable"),
        (lambda c, u: (c, bytes(32)), "version_unknown"),
        (lambda c, u: (c, u[:1] + bytes(8) + u[9:]), "usage_invalid"),
        (lambda c, u: (c, u[:-1]), "usage_invalid"),
    ],
)
def test_content_that_cannot_be_decided_on_has_its_reason(spoil: Any, reason: str) -> None:
    """Never an exception, whatever the card holds."""
    found = read_ticket(*spoil(*files_of(claim())), MEDIUM, ISSUERS)
    assert isinstance(found, Unusable)
    assert found.reason == reason


def test_claim_copied_to_another_card_is_refused() -> None:
    """The signature covers the UID."""
    found = read_ticket(*files_of(claim()), Medium(MediumKind.CARD, b"\x04copied"), ISSUERS)
    assert isinstance(found, Unusable)
    assert found.reason == "wrong_medium"
    assert isinstance(read_ticket(*files_of(claim()), MEDIUM, ISSUERS), Ticket)


def test_clock_reads_the_time_page(tmp_path: Path) -> None:
    """Wall time by the page's rate; monotonic time stays the machine's."""
    path = tmp_path / "page"
    clock = Clock()
    now = int(clock.monotonic() * 1e9)
    path.write_bytes(encode_page(TimePage(now - 10**9, 1_000_000 * 10**9, 600.0, 1)))
    page = open_clock(str(path))
    assert 1_000_600 <= page.wall_ms() / 1000 < 1_000_600 + 600 * 5
    assert page.wall().tzinfo is not None
    assert abs(page.monotonic() - clock.monotonic()) < 1


def test_half_written_page_is_read_again_and_a_lost_one_goes_on(tmp_path: Path) -> None:
    """Its last valid state counts on; only at start a bad page is an error."""
    path = tmp_path / "page"
    clock = Clock()
    path.write_bytes(encode_page(TimePage(int(clock.monotonic() * 1e9), 10**15, 1.0, 1)))
    page = PageClock(path)
    file = os.open(path, os.O_WRONLY)
    os.pwrite(file, b"\xff\xff", 20)
    os.close(file)
    assert 10**6 <= page.wall_ms() / 1000 < 10**6 + 60
    with pytest.raises(ClockError, match="not valid"):
        PageClock(path)
    with pytest.raises(ClockError, match="is the time source running"):
        PageClock(tmp_path / "none")
