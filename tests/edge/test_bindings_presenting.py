# SPDX-License-Identifier: Apache-2.0
"""From what a reader delivers to a medium: on the reader's thread, under each of the keys that a gate holds."""

from dataclasses import replace

import pytest
from binding_cases import HANDLES, NUMBER

from pistegate_edge.bindings import presenting
from pistegate_edge.bindings.presenting import Presenter, presented
from pistegate_edge.bindings.told import DocumentSeen
from pistegate_edge.core.inputs import DocumentUnread
from pistegate_protocol.bindings import stretch
from pistegate_protocol.identity import DocumentKind, IdentityRefused, identity
from pistegate_protocol.signing import Medium, MediumKind

RESIDENT = DocumentKind.RESIDENT_ID
FOLLOWING = replace(HANDLES, number=2, key=bytes(range(1, 33)))


def test_document_is_one_medium_however_its_number_is_written() -> None:
    """And the number is not in what goes on the queue."""
    media = presented(RESIDENT, f" {NUMBER[:6]} {NUMBER[6:]}\r", {1: HANDLES})
    assert media == {1: Medium(MediumKind.IDENTITY, HANDLES.handle(identity(RESIDENT, NUMBER)))}
    assert NUMBER.encode() not in media[1].to_bytes()
    assert NUMBER not in repr(DocumentSeen(media))


def test_during_a_change_of_keys_there_is_a_medium_for_each() -> None:
    """Other sites' keys give other handles: tables cannot be joined."""
    media = presented(RESIDENT, NUMBER, {1: HANDLES, 2: FOLLOWING})
    assert list(media) == [1, 2]
    assert media[1] != media[2]


def test_new_keys_of_the_same_season_cost_no_second_slow_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The salt is the season's; another season's is stretched by itself."""
    salts: list[bytes] = []

    def counted(document: object, salt: bytes) -> bytes:
        salts.append(salt)
        return stretch(document, salt)  # type: ignore[arg-type]

    monkeypatch.setattr(presenting, "stretch", counted)
    presented(RESIDENT, NUMBER, {1: HANDLES, 2: FOLLOWING})
    assert salts == [HANDLES.salt]
    presented(RESIDENT, NUMBER, {1: HANDLES, 3: replace(HANDLES, number=3, salt=bytes(16))})
    assert len(salts) == 3


def test_misread_number_is_told_before_it_is_hashed() -> None:
    """A reader's garbage does not become somebody's handle; what is told names nothing of it."""
    misread = NUMBER[:-1] + "5"
    with pytest.raises(IdentityRefused):
        presented(RESIDENT, misread, {1: HANDLES})
    told = Presenter({1: HANDLES}, [RESIDENT]).seen(RESIDENT, misread)
    assert told == DocumentUnread()


def test_presenter_takes_the_kinds_that_it_is_told() -> None:
    """A gate takes no passports because it takes resident IDs."""
    presenter = Presenter({1: HANDLES}, [RESIDENT])
    assert presenter.takes(RESIDENT)
    assert not presenter.takes(DocumentKind.CHIP)
