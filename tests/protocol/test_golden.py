# SPDX-License-Identifier: Apache-2.0
"""Bytes of released formats, which every later release must read: cards, journals and clouds hold them.

Never change or regenerate a file in fixtures/; a new format gets a new file. Expected values: bytes as hex, dates and
times in ISO form, enumerations by number, sets in order. A field added later is simply not named in the older files.
"""

import json
from collections.abc import Callable
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from protocol_cases import KEYS

from pistegate_protocol.claims import Scope, decode_claim, encode_claim
from pistegate_protocol.documents import DOCUMENTS
from pistegate_protocol.events import EVENTS
from pistegate_protocol.messages import DOWN, UP
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, open_claim
from pistegate_protocol.timepage import decode_page, encode_page
from pistegate_protocol.usage import decode_usage, encode_usage

FIXTURES = Path(__file__).parent / "fixtures"
CODECS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    "claim_v1": (decode_claim, encode_claim),
    "usage_v1": (decode_usage, encode_usage),
    "events_v1": (EVENTS.decode, EVENTS.encode),
    "up_v1": (UP.decode, UP.encode),
    "down_v1": (DOWN.decode, DOWN.encode),
    "documents_v1": (DOCUMENTS.decode, DOCUMENTS.encode),
    "timepage_v1": (decode_page, encode_page),
}
SIGNED = "signed_claim_v1"


def fixture(name: str) -> list[dict[str, Any]]:
    """The entries of a golden file."""
    entries: list[dict[str, Any]] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    assert entries
    return entries


def plain(value: Any) -> Any:
    """A decoded value as the fixtures spell it."""
    match value:
        case bytes():
            return value.hex()
        case date():
            return value.isoformat()
        case IntEnum():
            return int(value)
        case Scope():
            return {"number": value.number, "group": value.group}
        case frozenset():
            return sorted(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


ENTRIES = [(name, entry) for name in CODECS for entry in fixture(name)]


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=lambda each: each["name"] if isinstance(each, dict) else each)
def test_released_bytes_decode_to_what_they_meant(name: str, entry: dict[str, Any]) -> None:
    """Forever; and version 1 is still spelled the same way."""
    decode, encode = CODECS[name]
    record = decode(bytes.fromhex(entry["hex"]))
    assert type(record).__name__ == entry["type"]
    assert {field: plain(getattr(record, field)) for field in entry["value"]} == entry["value"]
    assert encode(record).hex() == entry["hex"]


@pytest.mark.parametrize("entry", fixture(SIGNED), ids=lambda entry: entry["name"])
def test_released_signed_claims_are_still_believed(entry: dict[str, Any]) -> None:
    """A card sold by the first release opens the lane of the last, and has the same digest."""
    medium = Medium(MediumKind(entry["medium"]["kind"]), bytes.fromhex(entry["medium"]["id"]))
    signed = bytes.fromhex(entry["hex"])
    claim = open_claim(signed, medium, KEYS)
    assert encode_claim(claim).hex() == entry["body"]
    assert claim_digest(signed).hex() == entry["digest"]


def test_every_kind_of_record_has_golden_bytes() -> None:
    """A record added later brings its fixture."""
    kinds = {(name, entry["type"]) for name, entry in ENTRIES}
    for name, codec in {"events_v1": EVENTS, "up_v1": UP, "down_v1": DOWN, "documents_v1": DOCUMENTS}.items():
        assert {kind for file, kind in kinds if file == name} == {record.__name__ for record in codec.records}


def test_the_first_claim_is_spelled_as_its_layout_says() -> None:
    """By hand, field by field, from the words at the head of claims.py."""
    spelled = "01 07 0000ee6b2801 00 0003 000c 01 01 00000012 09f5 09f5 0000"
    assert bytes.fromhex(spelled).hex() == fixture("claim_v1")[0]["hex"]
