# SPDX-License-Identifier: Apache-2.0
"""Commands about the card, its applications and keys."""

from pistegate_simulators.card import crypto
from pistegate_simulators.card.channel import KeyChange, Mode, Shape, Side
from pistegate_simulators.card.context import (
    CREATION_FREE,
    DIRECTORY_FREE,
    PICC_KEY_CHANGEABLE,
    SETTINGS_CHANGEABLE,
    Command,
    Context,
)
from pistegate_simulators.card.memory import PICC_AID, Application, Key
from pistegate_simulators.card.status import CardError, Status, require

# Vendor NXP, type DESFire, 8 KiB, ISO 14443-4; 33 00 = EV3 (public GetVersion dumps of MF3D83).
_HARDWARE = bytes.fromhex("04010133001A05")
_SOFTWARE = bytes.fromhex("04010103001A05")
_PRODUCTION = bytes.fromhex("BA550B2B50") + bytes.fromhex("2323")  # batch of our own, week 23 of 2023
VERSION_FRAMES = (7, 14)  # GetVersion breaks after these many bytes
MAX_APPLICATION_KEYS = 14
_AES = 0x80  # crypto bits of key settings 2


def aid_of(data: bytes) -> int:
    """Three bytes, least significant first."""
    return int.from_bytes(data[:3], "little")


def get_version(card: Context, _: bytes) -> bytes:
    """Hardware, software, then UID, batch and date."""
    return _HARDWARE + _SOFTWARE + card.uid + _PRODUCTION


def get_free_memory(card: Context, _: bytes) -> bytes:
    """Three bytes, least significant first."""
    return card.memory.free_bytes().to_bytes(3, "little")


def get_card_uid(card: Context, _: bytes) -> bytes:
    """The real UID, only to who is authenticated."""
    require(card.key_number is not None, Status.AUTHENTICATION_ERROR)
    return card.uid


def get_application_ids(card: Context, _: bytes) -> bytes:
    """All AIDs, at card level."""
    require(card.at_picc_level, Status.PERMISSION_DENIED)
    card.require_setting(DIRECTORY_FREE)
    return b"".join(aid.to_bytes(3, "little") for aid in card.memory.applications if aid != PICC_AID)


def create_application(card: Context, data: bytes) -> bytes:
    """AID, key settings, number of AES keys [, ISO file id, DF name]."""
    require(card.at_picc_level, Status.PERMISSION_DENIED)
    card.require_setting(CREATION_FREE)
    require(len(data) >= 5, Status.LENGTH_ERROR)
    aid, settings, kinds = aid_of(data), data[3], data[4]
    count = kinds & 0x0F
    require(kinds & 0xC0 == _AES and 1 <= count <= MAX_APPLICATION_KEYS, Status.PARAMETER_ERROR)
    df_name = data[7:] if kinds & 0x20 else b""
    require(len(data) == 5 or bool(kinds & 0x20), Status.LENGTH_ERROR)
    require(aid not in card.memory.applications, Status.DUPLICATE_ERROR)
    card.memory.applications[aid] = Application(aid, [Key()] * count, settings, df_name=df_name)
    return b""


def delete_application(card: Context, data: bytes) -> bytes:
    """By the card's master key at card level, or by the application's own master key."""
    aid = aid_of(data)
    require(aid != PICC_AID, Status.PERMISSION_DENIED)
    application = card.memory.application(aid)
    require(card.at_picc_level or card.selected is application, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    del card.memory.applications[aid]
    if card.selected is application:
        card.select(PICC_AID)
    return b""


def format_picc(card: Context, _: bytes) -> bytes:
    """Erase every application; keys of the card stay."""
    require(card.at_picc_level, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    card.memory.applications = {PICC_AID: card.selected}
    return b""


def get_key_settings(card: Context, _: bytes) -> bytes:
    """Settings and number of keys, with the AES bit."""
    card.require_setting(DIRECTORY_FREE)
    return bytes([card.selected.key_settings, _AES | len(card.selected.keys)])


def change_key_settings(card: Context, data: bytes) -> bytes:
    """New settings byte, by the master key, while settings may still change."""
    require(card.master, Status.AUTHENTICATION_ERROR)
    require(bool(card.selected.key_settings & SETTINGS_CHANGEABLE), Status.PERMISSION_DENIED)
    card.selected.key_settings = data[0]
    return b""


def get_key_version(card: Context, data: bytes) -> bytes:
    """One byte."""
    return bytes([_key(card, data[0]).version])


def _key(card: Context, number: int) -> Key:
    require(number < len(card.selected.keys), Status.NO_SUCH_KEY)
    return card.selected.keys[number]


def _may_change(card: Context, number: int) -> bool:
    """Whether the authenticated key may change key `number` (key settings, upper nibble)."""
    settings = card.selected.key_settings
    if number == 0:
        return card.master and bool(settings & PICC_KEY_CHANGEABLE)
    changer = settings >> 4
    return card.key_number == (number if changer == 0xE else changer) and changer != 0xF


def change_key(card: Context, data: bytes) -> tuple[bytes, bool]:
    """Put the new key; gives the answer and whether the session outlives it."""
    require(card.channel is not None and len(data) > 1, Status.AUTHENTICATION_ERROR)
    if card.channel is None:
        raise CardError(Status.AUTHENTICATION_ERROR)
    number = data[0] & 0x3F  # at card level the upper bits name the key type
    own = number == card.key_number
    old = _key(card, number)
    require(_may_change(card, number), Status.AUTHENTICATION_ERROR)
    change: KeyChange = card.channel.open_key_change(0xC4, data, own)
    value = change.material
    if change.crc_of_new is not None:
        value = crypto.xor(change.material, old.value)
        require(crypto.crc32(value) == change.crc_of_new, Status.INTEGRITY_ERROR)
    card.selected.keys[number] = Key(value, change.version)
    return b"", not own


def set_configuration(_card: Context, _data: bytes) -> bytes:
    """Refused: nothing of ours needs it, and half of it cannot be undone."""
    raise CardError(Status.PERMISSION_DENIED)


COMMANDS: dict[int, Command] = {
    0x60: Command(get_version, lengths=(0,)),
    0x6E: Command(get_free_memory, lengths=(0,)),
    0x51: Command(get_card_uid, mode=Mode.FULL, lengths=(0,)),
    0x6A: Command(get_application_ids, lengths=(0,)),
    0xCA: Command(create_application),
    0xDA: Command(delete_application, lengths=(3,)),
    0xFC: Command(format_picc, lengths=(0,)),
    0x45: Command(get_key_settings, lengths=(0,)),
    0x64: Command(get_key_version, lengths=(1,)),
    0x54: Command(change_key_settings, Side.COMMAND, Mode.FULL, body=lambda header: 1),
    0x5C: Command(set_configuration),
}
CHANGE_KEY_SHAPE = Shape(Side.COMMAND, Mode.FULL, 1)
