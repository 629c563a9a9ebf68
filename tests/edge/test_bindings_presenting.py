# SPDX-License-Identifier: Apache-2.0
"""From a document to a ticket: found by its handle, believed by its claim, chosen among several; denials."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from binding_cases import (
    DAY,
    HANDLES,
    ISSUERS,
    NUMBER,
    PUBLISHERS,
    SITE,
    a_binding,
    a_claim,
    a_handle,
    denial_file,
    denials,
    table_file,
)

from pistegate_edge.bindings.presenting import Denied, best, pointed, presented
from pistegate_edge.bindings.store import BindingStore
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.bindings import decode_binding
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.identity import DocumentKind, IdentityRefused
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing, Medium, MediumKind
from pistegate_protocol.usage import Usage

NOON = datetime(2026, 1, 17, 4, tzinfo=UTC)
TOMORROW = {"valid_from": DAY + timedelta(days=1), "valid_until": DAY + timedelta(days=1)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BindingStore]:
    """Ticket 5 of the guest with NUMBER, and two for guest 1; tickets 41 and 42 are denied."""
    opened = BindingStore(tmp_path, PUBLISHERS, SITE)
    path = tmp_path / "came"
    handle = presented(DocumentKind.RESIDENT_ID, NUMBER, HANDLES).id
    entries = sorted([a_binding(5, handle), a_binding(1, **TOMORROW), a_binding(2, a_handle(1))])
    path.write_bytes(table_file(entries))
    opened.apply(path)
    path.write_bytes(denial_file(denials([41, 42])))
    opened.apply(path)
    yield opened
    opened.close()


def guest(number: int) -> Medium:
    return Medium(MediumKind.IDENTITY, a_handle(number))


def test_a_document_at_the_reader_finds_its_ticket(store: BindingStore) -> None:
    """However the reader writes the number; and the number is not in what goes on the queue."""
    medium = presented(DocumentKind.RESIDENT_ID, f" {NUMBER[:6]} {NUMBER[6:]}\r", HANDLES)
    assert NUMBER.encode() not in medium.to_bytes()
    found = pointed(medium, store.bindings(medium), ISSUERS)
    assert not isinstance(found, Unusable)
    assert [each.claim for each in found] == [a_claim(5)]


def test_a_misread_number_is_told_before_it_is_hashed() -> None:
    """A reader's garbage does not become somebody's handle."""
    with pytest.raises(IdentityRefused):
        presented(DocumentKind.RESIDENT_ID, NUMBER[:-1] + "5", HANDLES)


def test_nothing_is_booked_on_a_strangers_document(store: BindingStore) -> None:
    """Also under the keys of another site."""
    for medium in (guest(77), presented(DocumentKind.RESIDENT_ID, NUMBER, replace(HANDLES, key=bytes(32)))):
        assert pointed(medium, store.bindings(medium), ISSUERS) == Unusable(Reason.NOT_BOOKED)


def test_a_binding_that_no_issuer_signed_is_not_believed() -> None:
    """Made up on the gate's disk, or signed by the publisher of documents alone."""
    made_up = decode_binding(*a_binding(9))
    found = pointed(made_up.medium, [made_up], KeyRing({7: bytes(31) + b"\x01"}))
    assert isinstance(found, Unusable)
    assert found.reason is Reason.SIGNATURE_INVALID
    unknown = pointed(made_up.medium, [made_up], KeyRing({}))
    assert isinstance(unknown, Unusable)
    assert unknown.reason is Reason.KEY_UNKNOWN


def test_of_several_tickets_the_one_that_admits_is_used(store: BindingStore) -> None:
    """Tomorrow's is not in the way of today's, whichever was sold first."""
    medium = guest(1)
    found = pointed(medium, store.bindings(medium), ISSUERS)
    assert not isinstance(found, Unusable)
    gate = GateProfile(site=SITE, group=1, gate=1, post_gates=frozenset({1}), area=1, zone=ZoneInfo("Asia/Shanghai"))
    decisions = {
        each.claim.ticket: decide(each.claim, Usage(claim=bytes(8)), gate, NOON, Knowledge()) for each in found
    }
    assert list(decisions) == [2, 1]
    assert best(decisions) == 2
    assert isinstance(decisions[2], Admit)
    assert isinstance(decisions[1], Refuse)
    assert decisions[1].reason is Reason.NOT_YET_VALID


def test_of_several_refusals_the_narrowest_is_told() -> None:
    """Whoever stands at the wrong lift with today's ticket hears that, not that tomorrow's is not valid yet."""
    refusals = {1: Refuse(Reason.NOT_YET_VALID), 2: Refuse(Reason.WRONG_AREA), 3: Refuse(Reason.EXPIRED)}
    assert best(refusals) == 2
    with pytest.raises(ValueError, match="empty"):
        best({})


def test_denials_of_both_sizes_hold_together(store: BindingStore) -> None:
    """The document is quick, the table is large; neither lifts what the other denies."""
    denied = Denied({42: 2, 43: 3}, store)
    assert [denied.get(ticket, 0) for ticket in (41, 42, 43, 44)] == [6, 7, 3, 0]
    assert Denied({42: 9}, store)[42] == 9
    assert 41 in denied
    assert 44 not in denied
    assert (list(denied), len(denied)) == ([42, 43], 2)
    with pytest.raises(KeyError):
        denied[44]
