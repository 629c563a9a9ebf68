# SPDX-License-Identifier: Apache-2.0
"""Bytes of released formats, which every later release must read: cards, journals and clouds hold them.

Never change or regenerate a file in fixtures/; a new format gets a new file. Expected values: bytes as hex, dates and
times in ISO form, enumerations by number, sets in order. A field added later is simply not named in the older files.
"""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from protocol_cases import ISSUER, KEYS, spelled_v1

from pistegate_protocol.amendments import open_amendment, sign_amendment
from pistegate_protocol.claims import decode_claim, encode_claim
from pistegate_protocol.codec import Record
from pistegate_protocol.documents import DOCUMENTS
from pistegate_protocol.events import EVENTS
from pistegate_protocol.hub_messages import FROM_HUB, TO_HUB
from pistegate_protocol.messages import DOWN, UP
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, open_claim
from pistegate_protocol.time_marks import TIME_MARKS
from pistegate_protocol.timepage import decode_page, encode_page
from pistegate_protocol.usage import decode_usage, encode_usage

FIXTURES = Path(__file__).parent / "fixtures"
# Each file's decoder, and how this release spells the same (a usage of the first release is written back in layout 2).
CODECS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    "claim_v1": (decode_claim, encode_claim),
    "claim_v1_terms": (decode_claim, encode_claim),
    "usage_v1": (decode_usage, spelled_v1),
    "usage_v2": (decode_usage, encode_usage),
    "amendment_v1": (lambda signed: open_amendment(signed, KEYS), lambda amendment: sign_amendment(amendment, ISSUER)),
    "events_v1": (EVENTS.decode, EVENTS.encode),
    "events_v1_cards": (EVENTS.decode, EVENTS.encode),
    "events_v1_lane": (EVENTS.decode, EVENTS.encode),
    "events_v1_fingers": (EVENTS.decode, EVENTS.encode),
    "events_v1_places": (EVENTS.decode, EVENTS.encode),
    "documents_v1_takeovers": (DOCUMENTS.decode, DOCUMENTS.encode),
    "up_v1": (UP.decode, UP.encode),
    "up_v1_signed": (UP.decode, UP.encode),
    "down_v1": (DOWN.decode, DOWN.encode),
    "events_v1_clock": (EVENTS.decode, EVENTS.encode),
    "up_v1_time": (UP.decode, UP.encode),
    "down_v1_time": (DOWN.decode, DOWN.encode),
    "up_v1_held": (UP.decode, UP.encode),
    "up_v1_forgotten": (UP.decode, UP.encode),
    "down_v1_wanted": (DOWN.decode, DOWN.encode),
    "hub_up_v1": (TO_HUB.decode, TO_HUB.encode),
    "hub_down_v1": (FROM_HUB.decode, FROM_HUB.encode),
    "time_v1": (TIME_MARKS.decode, TIME_MARKS.encode),
    "documents_v1": (DOCUMENTS.decode, DOCUMENTS.encode),
    "documents_v1_more": (DOCUMENTS.decode, DOCUMENTS.encode),
    "documents_v1_fingers": (DOCUMENTS.decode, DOCUMENTS.encode),
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
        case Record():
            return {field: plain(getattr(value, field)) for field in value.__struct_fields__}
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case frozenset():
            return sorted(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


ENTRIES = [(name, entry) for name in CODECS for entry in fixture(name)]


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=lambda each: each["name"] if isinstance(each, dict) else each)
def test_released_bytes_decode_to_what_they_meant(name: str, entry: dict[str, Any]) -> None:
    """Forever; and they are still spelled the same way. A record that has a successor now is called `...V1`."""
    decode, encode = CODECS[name]
    record = decode(bytes.fromhex(entry["hex"]))
    assert type(record).__name__ in (entry["type"], f"{entry['type']}V1")
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
    met = {type(CODECS[name][0](bytes.fromhex(entry["hex"]))) for name, entry in ENTRIES}
    for codec in (EVENTS, UP, DOWN, DOCUMENTS, TIME_MARKS, TO_HUB, FROM_HUB):
        assert set(codec.records) <= met


def test_the_first_claim_is_spelled_as_its_layout_says() -> None:
    """By hand, field by field, from the words at the head of claims.py."""
    spelled = "01 07 0000ee6b2801 00 0003 000c 01 01 00000012 09f5 09f5 0000"
    assert bytes.fromhex(spelled).hex() == fixture("claim_v1")[0]["hex"]


def test_a_used_card_is_spelled_as_its_layout_says() -> None:
    """By hand, from the words at the head of usage.py. Day 2549 is the UTC day of the entry: the last bits are 01."""
    seconds = 2549 * 86400 + 2 * 3600
    names = "0001020304050607 61646d6974746564"
    last = f"{seconds << 2 | 1:08x}"
    used = {entry["name"]: entry["hex"] for entry in fixture("usage_v2")}
    assert bytes.fromhex(f"02 {names} 012c 0007 {last} 0011 02 03 000000").hex() == used["used"]
    day_before = f"{seconds << 2 | 0:08x}"
    assert bytes.fromhex(f"42 {names} 012c 0007 {day_before} 0011 02 03 04d2 38").hex() == used["bank"]
    day_after = f"{seconds << 2 | 2:08x}"
    assert bytes.fromhex(f"82 {names} 012c 07 04 {day_after} 0011 02 03 000000").hex() == used["days"]
    minutes = f"{seconds // 60:06x}"
    assert bytes.fromhex(f"22 {names} 012c 0007 {last} 0011 02 03 {minutes}").hex() == used["clock runs, amended"]


def test_the_terms_of_a_claim_are_spelled_as_their_layout_says() -> None:
    """By hand, from claim_terms.TERMS: an hour from the sale at ten, two hours, 8:30 to 16:30, ten minutes apart."""
    head = "01 07 0000ee6b2801 00 0003 000c 01 01 00000012 09f5 09f5"
    spelled = f"{head} 0614 0258 22 42 0078 4258 3c"
    assert bytes.fromhex(spelled).hex() == fixture("claim_v1_terms")[0]["hex"]
