# SPDX-License-Identifier: Apache-2.0
"""Commands about the card and its applications."""

from pistegate_simulators.card.channel import Mode, Side
from pistegate_simulators.card.context import CREATION_FREE, DIRECTORY_FREE, Command, Context
from pistegate_simulators.card.key_commands import AES_KEYS
from pistegate_simulators.card.memory import PICC_AID, Application, Key, KeySet, occupied
from pistegate_simulators.card.status import Status, require

# Vendor NXP, type DESFire, 8 KiB, ISO 14443-4; 33 00 = EV3 (public GetVersion dumps of MF3D83).
_HARDWARE = bytes.fromhex("04010133001A05")
_SOFTWARE = bytes.fromhex("04010103001A05")
_PRODUCTION = bytes.fromhex("BA550B2B50") + bytes.fromhex("2323")  # batch of our own, week 23 of 2023
VERSION_FRAMES = (7, 14)  # GetVersion breaks after these many bytes
MAX_APPLICATION_KEYS = 14
_DEFAULT_KEY, _DEFAULT_KEY_BYTES = 0x01, 25  # SetConfiguration option; key 24 and version 1
_ISO_FILE_ID, _MORE_SETTINGS = 0x20, 0x10  # flags of key settings 2
_KEY_SETS = 0x01  # flag of key settings 3
_SETS_MAX, _AES_KEY_SIZE = 16, 0x10
_ROLL_KEY_MAX = 7  # three bits; EV3 refuses more


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
    """AID, key settings, number of AES keys [, key sets] [, ISO file id, DF name]."""
    require(card.at_picc_level, Status.PERMISSION_DENIED)
    card.require_setting(CREATION_FREE)
    require(len(data) >= 5, Status.LENGTH_ERROR)
    aid, settings, kinds, rest = aid_of(data), data[3], data[4], data[5:]
    count = kinds & 0x0F
    require(kinds & 0xC0 == AES_KEYS and 1 <= count <= MAX_APPLICATION_KEYS, Status.PARAMETER_ERROR)
    application = Application.with_keys(aid, [card.memory.default_key] * count, settings)
    if kinds & _MORE_SETTINGS:
        rest = _add_key_sets(application, rest)
    if kinds & _ISO_FILE_ID:
        require(len(rest) >= 2, Status.LENGTH_ERROR)
        application.df_name, rest = rest[2:], b""
    require(not rest, Status.LENGTH_ERROR)
    require(aid not in card.memory.applications, Status.DUPLICATE_ERROR)
    card.memory.applications[aid] = application
    return b""


def _add_key_sets(application: Application, data: bytes) -> bytes:
    """Key settings 3, version of the active set, number of sets, key size, roll key; gives what follows."""
    require(len(data) >= 1, Status.LENGTH_ERROR)
    require(data[0] & ~_KEY_SETS == 0, Status.PARAMETER_ERROR)  # no capability data, no virtual card keys
    if not data[0]:
        return data[1:]
    require(len(data) >= 5, Status.LENGTH_ERROR)
    version, count, key_size, roll_key = data[1], data[2], data[3], data[4]
    require(2 <= count <= _SETS_MAX and key_size == _AES_KEY_SIZE, Status.PARAMETER_ERROR)
    require(roll_key <= _ROLL_KEY_MAX and roll_key < len(application.keys), Status.PARAMETER_ERROR)
    spare: list[KeySet | None] = [None] * (count - 1)
    application.key_sets += spare
    application.roll_key = roll_key
    first = application.key_sets[0]
    if first is not None:
        first.version = version
    return data[5:]


def delete_application(card: Context, data: bytes) -> bytes:
    """By the card's master key at card level, or, where deleting is free, by the application's own master key."""
    aid = aid_of(data)
    require(aid != PICC_AID, Status.PERMISSION_DENIED)
    application = card.memory.application(aid)
    require(card.at_picc_level or card.selected is application, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    free = bool(card.memory.application(PICC_AID).key_settings & CREATION_FREE)
    require(card.at_picc_level or free, Status.AUTHENTICATION_ERROR)
    card.memory.lost_bytes += occupied(application)
    del card.memory.applications[aid]
    if card.selected is application:
        card.select(PICC_AID)
    return b""


def format_picc(card: Context, _: bytes) -> bytes:
    """Erase every application; keys of the card stay."""
    require(card.at_picc_level, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    card.memory.applications = {PICC_AID: card.selected}
    card.memory.lost_bytes = 0
    return b""


def set_configuration(card: Context, data: bytes) -> bytes:
    """Option 01: the key that applications start with, 24 bytes of which AES uses 16, and its version."""
    require(card.at_picc_level, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    value, rest, version = data[1:17], data[17:25], data[25]
    require(not any(rest), Status.PARAMETER_ERROR)
    card.memory.default_key = Key(value, version)
    return b""


def _configuring(_card: Context, data: bytes) -> Mode:
    # The other options (random UID, no formatting, another ATS) are refused: half of them cannot be undone.
    require(data[:1] == bytes([_DEFAULT_KEY]), Status.PERMISSION_DENIED)
    return Mode.FULL


COMMANDS: dict[int, Command] = {
    0x60: Command(get_version, lengths=(0,)),
    0x6E: Command(get_free_memory, lengths=(0,)),
    0x51: Command(get_card_uid, mode=Mode.FULL, lengths=(0,)),
    0x6A: Command(get_application_ids, lengths=(0,)),
    0xCA: Command(create_application),
    0xDA: Command(delete_application, lengths=(3,)),
    0xFC: Command(format_picc, lengths=(0,)),
    0x5C: Command(set_configuration, Side.COMMAND, _configuring, header=1, body=lambda header: _DEFAULT_KEY_BYTES),
}
