# SPDX-License-Identifier: Apache-2.0
"""Commands about the card itself, its applications, keys and key sets."""

from dataclasses import dataclass

from pistegate_protocol.card_layout import KEY_BYTES, UID_BYTES, CommMode
from pistegate_protocol.desfire import crypto
from pistegate_protocol.desfire.apdu import Ins
from pistegate_protocol.desfire.command import Command

AES_KEYS = 0x80  # key type bits of key settings 2, and of the card's own key number in ChangeKey
AES_KEY_SET = 0x02  # key type of InitializeKeySet; 00 is taken too, and makes a set that can never be rolled
_KEY_SETTINGS_3 = 0x10  # bit of key settings 2: a third byte follows
_KEY_SETS = 0x01  # bit of key settings 3
_DEFAULT_KEY = b"\x01"  # SetConfiguration option
_DEFAULT_KEY_FIELD = 24  # bytes; an AES key fills 16
_OF_A_SET = 0x40  # bit of GetKeyVersion's key number: a key set number follows


def select_application(aid: bytes) -> Command:
    """An application (3 bytes, least significant first; zeros: the card itself). Ends every session."""
    return Command("select application", Ins.SELECT_APPLICATION, aid, mode=CommMode.PLAIN)


def get_version() -> Command:
    """What the card is, and its UID; see `version_of`."""
    return Command("get version", Ins.GET_VERSION, answer=None, chained=True)


@dataclass(frozen=True, slots=True)
class CardVersion:
    """What a card says of itself: hardware generation (12 hex: EV2, 33: EV3), storage in bytes, UID, batch, date."""

    hardware: int
    storage: int
    uid: bytes
    batch: bytes
    week: int
    year: int


def version_of(answer: bytes) -> CardVersion | None:
    """The card in the 28 bytes of GetVersion; None for anything that is not an NXP DESFire."""
    if len(answer) != 7 + 7 + 14 or answer[0] != 0x04 or answer[1] & 0x0F != 0x01:
        return None
    uid, batch = answer[14 : 14 + UID_BYTES], answer[21:26]
    return CardVersion(answer[3], 1 << (answer[5] >> 1), uid, batch, _bcd(answer[26]), 2000 + _bcd(answer[27]))


def _bcd(byte: int) -> int:
    return 10 * (byte >> 4) + (byte & 0x0F)


def get_card_uid() -> Command:
    """The UID, enciphered: the real one also of a card that shows a random one."""
    return Command("get card uid", Ins.GET_CARD_UID, mode=CommMode.FULL, answer=UID_BYTES)


def get_application_ids() -> Command:
    """All applications, 3 bytes each."""
    return Command("get application ids", Ins.GET_APPLICATION_IDS, answer=None, chained=True)


def create_application(aid: bytes, settings: int, keys: int, key_sets: int, version: int, roll_key: int) -> Command:
    """An application of `keys` AES keys in `key_sets` sets (the active one has `version`), without ISO names."""
    kinds = AES_KEYS | keys | _KEY_SETTINGS_3
    sets = bytes([_KEY_SETS, version, key_sets, KEY_BYTES, roll_key])
    return Command("create application", Ins.CREATE_APPLICATION, aid + bytes([settings, kinds]) + sets)


def delete_application(aid: bytes) -> Command:
    """Remove an application; its memory comes back only with FormatPICC."""
    return Command("delete application", Ins.DELETE_APPLICATION, aid)


def format_picc() -> Command:
    """Remove every application and give all memory back; the card's own key stays."""
    return Command("format card", Ins.FORMAT_PICC)


def set_default_key(key: bytes, version: int) -> Command:
    """The key that every key of an application created from now on begins with."""
    data = _key(key).ljust(_DEFAULT_KEY_FIELD, b"\x00") + bytes([version])
    return Command("set default key", Ins.SET_CONFIGURATION, _DEFAULT_KEY, data, CommMode.FULL)


def get_key_settings() -> Command:
    """Settings, key type and number of keys; with key sets, also version, number, key size and roll key."""
    return Command("get key settings", Ins.GET_KEY_SETTINGS, answer=None)


def change_key_settings(settings: int) -> Command:
    """Key settings of what is selected."""
    name, ins = "change key settings", Ins.CHANGE_KEY_SETTINGS
    return Command(name, ins, data=bytes([settings]), mode=CommMode.FULL)


def get_key_version(number: int, key_set: int | None = None) -> Command:
    """The version byte of one key, of the active set or of `key_set`."""
    header = bytes([number]) if key_set is None else bytes([number | _OF_A_SET, key_set])
    return Command(f"get version of key {number}", Ins.GET_KEY_VERSION, header, answer=1)


def change_own_key(number: int, new: bytes, version: int) -> Command:
    """Replace the key that the session was opened with; afterwards there is no session."""
    data = _key(new) + bytes([version])
    name = f"change own key {number & 0x3F}"
    return Command(name, Ins.CHANGE_KEY, bytes([number]), data, CommMode.FULL, ends_session=True)


def change_key(number: int, old: bytes, new: bytes, version: int) -> Command:
    """Replace another key than the session's."""
    return Command(f"change key {number}", Ins.CHANGE_KEY, bytes([number]), _change(old, new, version), CommMode.FULL)


def change_key_of_set(key_set: int, number: int, old: bytes, new: bytes, version: int) -> Command:
    """ChangeKeyEV2: replace a key of a set that is initialised and not yet finalised."""
    name, header = f"change key {number} of set {key_set}", bytes([key_set, number])
    return Command(name, Ins.CHANGE_KEY_EV2, header, _change(old, new, version), CommMode.FULL)


def initialize_key_set(key_set: int) -> Command:
    """Begin a set of AES keys that is not the active one."""
    return Command(f"initialise key set {key_set}", Ins.INITIALIZE_KEY_SET, bytes([key_set, AES_KEY_SET]))


def finalize_key_set(key_set: int, version: int) -> Command:
    """End a set's preparation: it can be rolled to from now on."""
    return Command(f"finalise key set {key_set}", Ins.FINALIZE_KEY_SET, bytes([key_set, version]))


def roll_key_set(key_set: int) -> Command:
    """Make a finalised set the active one; the session's own key goes with the old set, and so does the session."""
    return Command(f"roll to key set {key_set}", Ins.ROLL_KEY_SET, bytes([key_set]), ends_session=True)


def _change(old: bytes, new: bytes, version: int) -> bytes:
    return crypto.xor(_key(new), _key(old)) + bytes([version]) + crypto.key_checksum(new)


def _key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key of {len(key)} bytes")
    return key
