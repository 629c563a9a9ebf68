# SPDX-License-Identifier: Apache-2.0
"""The equipment that a rental event names, and the record that till and cloud make alike from an event."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.card_uses import format_moved, moved_in, parse_moved, use_record
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import CardUse, UseKind
from pistegate_protocol.records import RecordKind, decode_record
from pistegate_protocol.rental import RentalKind
from pistegate_protocol.wallet import LoadStatement, sign_load

AT = 1_795_000_000_123  # ms since 1970
LABELS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=8)


def use(kind: UseKind, **values: Any) -> CardUse:
    """An event of a till."""
    fields: dict[str, Any] = {
        "at": AT, "kind": kind, "medium": b"\x01card", "ticket": 0, "purse": 0, "loads": 0, "currency": "",
        "purse_before": 0, "spent_before": 0,
    }  # fmt: skip
    return CardUse(**(fields | values))


@given(st.dictionaries(st.sampled_from(RentalKind), LABELS, max_size=12))
def test_equipment_with_labels_comes_back_as_it_was_named(moved: dict[RentalKind, str]) -> None:
    """Kinds and the pieces' labels survive the event's text."""
    assert moved_in(use(UseKind.RENTAL_OUT, item=format_moved(moved))) == moved


@pytest.mark.parametrize("word", ["ski", "skis=", "skis=a b", "SKIS", "skis=" + 25 * "x", "", "skis=\x07"])
def test_other_words_are_no_equipment(word: str) -> None:
    """A word that names no kind, or a label that no event could carry, is refused."""
    with pytest.raises(CodecError):
        parse_moved([word])


def test_a_kind_named_twice_is_refused() -> None:
    """One bit on the card cannot stand for two pieces."""
    with pytest.raises(CodecError, match="twice"):
        parse_moved(["skis=a", "skis=b"])


def test_labels_that_do_not_fit_the_event_are_refused() -> None:
    """An event's text has 200 characters."""
    with pytest.raises(CodecError, match="at most"):
        format_moved(dict.fromkeys(RentalKind, 24 * "x"))


def test_record_of_a_debit_tells_the_whole_amount() -> None:
    """Purse and loads together, at the event's second, under the first bytes of its name."""
    record = decode_record(use_record(use(UseKind.DEBIT, purse=700, loads=1100), 21, b"use-name"))
    assert (record.kind, record.value, record.device, record.name) == (RecordKind.DEBIT, 1800, 21, b"use-n")
    assert int(record.at.timestamp()) == AT // 1000


def test_record_of_a_load_tells_the_statements_total() -> None:
    """Nothing that only the till knew goes into it, or the cloud could not check the proof."""
    statement = LoadStatement(key_id=1, uid=bytes(7), number=4, loaded=5000, currency="CNY")
    signed = sign_load(statement, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert decode_record(use_record(use(UseKind.LOAD, statement=signed), 21, b"use-name")).value == 5000


@pytest.mark.parametrize(
    ("kind", "record"),
    [(UseKind.RENTAL_OUT, RecordKind.RENTAL_OUT), (UseKind.RENTAL_BACK, RecordKind.RENTAL_BACK)],
)
def test_record_of_a_rental_tells_what_moved(kind: UseKind, record: RecordKind) -> None:
    """A bit for each kind; labels are for the event alone."""
    found = decode_record(use_record(use(kind, item="boots skis=K2-0815"), 21, b"use-name"))
    assert (found.kind, found.value) == (record, 0b11)
