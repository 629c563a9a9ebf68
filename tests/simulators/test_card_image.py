# SPDX-License-Identifier: Apache-2.0
"""Card images: of every version that was released, loaded and saved again."""

import json
from pathlib import Path

import pytest

from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard, Kind, Mode, RecordFile, ValueFile
from pistegate_simulators.card.image import IMAGE_VERSION, READABLE_VERSIONS

from .desfire_host import Host

FIXTURES = Path(__file__).with_name("fixtures")
AID, BUS = 0x504731, 0x8057F5


def image(version: int) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((FIXTURES / f"card_image_v{version}.json").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("version", READABLE_VERSIONS)
def test_every_released_image_loads_and_is_saved_as_the_newest(version: int) -> None:
    """There is a fixture of each version; what is saved is of the newest and loads as the same card."""
    card = DesfireCard.from_image(image(version))
    saved = json.loads(json.dumps(card.image()))
    assert saved["version"] == IMAGE_VERSION == max(READABLE_VERSIONS)
    assert DesfireCard.from_image(saved).image() == saved
    if version == IMAGE_VERSION:
        assert saved == image(version)


def test_a_card_of_version_1_is_what_it_was() -> None:
    """One key set, its keys and versions, every kind of file, an ISO name; no proof, and the factory's default key."""
    card = DesfireCard.from_image(image(1))
    assert card.uid == bytes.fromhex("04A1B2C3D4E5F6")
    assert card.key(0, 0) == (bytes([7] * 16), 3)
    assert card.key(AID, 2) == (bytes(range(16)), 9)
    assert card.active_key_set(AID) == 0
    assert card.file_bytes(AID, 1) == b"signed claim".ljust(24, b"\x00")
    assert card.file_bytes(AID, 2) == b"usage\x00\x00\x00"
    value, linear = card.file(AID, 3), card.file(AID, 5)
    assert isinstance(value, ValueFile)
    assert (value.mode, value.value, value.limited, value.free_get) == (Mode.FULL, 500, 20, True)
    assert isinstance(linear, RecordFile)
    assert (linear.kind, linear.records) == (Kind.LINEAR, [b"abcd"])
    assert card.file_bytes(AID, 4) == bytes([1] * 16 + [2] * 16)
    host = Host(card.process)
    host.select(AID)
    host.auth_ev2(2, bytes(range(16)))
    assert card.process(bytes.fromhex("00A4040005") + b"PISTE" + b"\x00") == b"\x90\x00"


def test_a_card_of_version_2_is_what_it_was() -> None:
    """Two key sets and the active one, sets of another application, the proof, the default key, lost memory."""
    card = DesfireCard.from_image(image(2))
    assert card.active_key_set(stock.APPLICATION) == 1
    assert stock.proof(card) == (7, bytes(range(8)))
    assert (stock.purse(card), stock.spent(card)) == (12_300, -450)
    assert stock.recent_records(card) == [bytes([number]) * 16 for number in (1, 2, 3)]
    assert stock.claim_content(card)[:12] == b"signed claim"
    host = Host(card.process)
    host.select(BUS)
    session = host.auth_ev2(0, b"\x05" * 16)
    assert session.admin(0x64, b"\x40\x80") == b"\x01\x00\x00"
    assert session.admin(0x64, b"\x40\x02") == b"\x02"
    host.select(0)
    assert host.raw(0x1A, b"\x00")[0] == 0xAF  # its own key is the factory's DES key
    fresh = DesfireCard.from_image(image(2) | {"lost_bytes": 0})
    assert int.from_bytes(Host(fresh.process).plain(0x6E), "little") == 544 + int.from_bytes(
        Host(DesfireCard.from_image(image(2)).process).plain(0x6E), "little"
    )


@pytest.mark.parametrize("version", [0, 3, None, "2"])
def test_an_unknown_version_is_refused(version: object) -> None:
    """By its number, with what can be read."""
    with pytest.raises(ValueError, match=r"this program reads \(1, 2\)"):
        DesfireCard.from_image(image(2) | {"version": version})


def test_an_image_without_the_card_itself_is_refused() -> None:
    """Nothing to authenticate with."""
    broken = image(2)
    applications = broken["applications"]
    assert isinstance(applications, dict)
    del applications["000000"]
    with pytest.raises(ValueError, match="000000"):
        DesfireCard.from_image(broken)
