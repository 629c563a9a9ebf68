# SPDX-License-Identifier: Apache-2.0
"""Commands about keys: settings, versions, changing, and an application's key sets (EV2)."""

from pistegate_simulators.card import crypto
from pistegate_simulators.card.channel import Mode, Shape, Side
from pistegate_simulators.card.context import (
    DIRECTORY_FREE,
    MASTER_CHANGEABLE,
    SETTINGS_CHANGEABLE,
    Command,
    Context,
)
from pistegate_simulators.card.memory import Application, Key, KeySet
from pistegate_simulators.card.status import CardError, Status, require

CHANGE_KEY, CHANGE_KEY_EV2 = 0xC4, 0xC6
CHANGES = frozenset({CHANGE_KEY, CHANGE_KEY_EV2})
CHANGE_SHAPE = Shape(Side.COMMAND, Mode.FULL, 1)
AES_KEYS = 0x80  # crypto bits of key settings 2
_AES_SET = 0x02  # KeySetType of InitializeKeySet
_NAMES_SET = 0x40  # of GetKeyVersion's key number: a key set follows
_ALL_SETS = 0x80  # of GetKeyVersion's key set: the versions of the sets themselves
_KEY_NUMBER = 0x3F
_SAME_KEY, _FROZEN = 0xE, 0xF  # changer nibble of key settings


def get_key_settings(card: Context, _: bytes) -> bytes:
    """Settings and number of keys, with the AES bit."""
    card.require_setting(DIRECTORY_FREE)
    return bytes([card.selected.key_settings, AES_KEYS | len(card.selected.keys)])


def change_key_settings(card: Context, data: bytes) -> bytes:
    """New settings byte, by the master key, while settings may still change."""
    require(card.master, Status.AUTHENTICATION_ERROR)
    require(bool(card.selected.key_settings & SETTINGS_CHANGEABLE), Status.PERMISSION_DENIED)
    card.selected.key_settings = data[0]
    return b""


def get_key_version(card: Context, data: bytes) -> bytes:
    """One byte: of an active key, or of one in the set that is named; or one byte for each set."""
    if not data[0] & _NAMES_SET:
        require(len(data) == 1, Status.LENGTH_ERROR)
        return bytes([_key(card.selected.keys, data[0]).version])
    require(len(data) == 2, Status.LENGTH_ERROR)
    if data[1] & _ALL_SETS:
        return bytes(key_set.version if key_set else 0 for key_set in card.selected.key_sets)
    return bytes([_key(_key_set(card.selected, data[1]).keys, data[0] & _KEY_NUMBER).version])


def _key(keys: list[Key], number: int) -> Key:
    require(number < len(keys), Status.NO_SUCH_KEY)
    return keys[number]


def _key_set(application: Application, number: int) -> KeySet:
    require(number < len(application.key_sets), Status.NO_SUCH_KEY)
    found = application.key_sets[number]
    if found is None:
        raise CardError(Status.NO_SUCH_KEY)
    return found


# Changing a key. Outside the command table, as its cipher text depends on whose session it is.


def change_key(card: Context, command: int, data: bytes) -> tuple[bytes, bool]:
    """ChangeKey or ChangeKeyEV2: put the new key; gives the answer and whether the session outlives it."""
    header = 2 if command == CHANGE_KEY_EV2 else 1
    if card.channel is None or len(data) <= header:
        raise CardError(Status.AUTHENTICATION_ERROR)
    application = card.selected
    set_number = data[0] if command == CHANGE_KEY_EV2 else application.active
    number = data[header - 1] & _KEY_NUMBER  # at card level the upper bits name the key type
    key_set = _key_set(application, set_number)
    active = set_number == application.active
    old = _key(key_set.keys, number)
    if active:
        require(_may_change(card, number), Status.AUTHENTICATION_ERROR)
    else:
        _require_open_set(card, key_set)
    own = active and number == card.key_number
    change = card.channel.open_key_change(command, data, header, own)
    value = change.material
    if change.crc_of_new is not None:
        value = crypto.xor(change.material, old.value)
        require(crypto.crc32(value) == change.crc_of_new, Status.INTEGRITY_ERROR)
    key_set.keys[number] = Key(value, change.version)
    return b"", not own


def _may_change(card: Context, number: int) -> bool:
    """Whether the authenticated key may change active key `number` (key settings, upper nibble)."""
    settings = card.selected.key_settings
    if number == 0:
        return card.master and bool(settings & MASTER_CHANGEABLE)
    changer = settings >> 4
    return card.key_number == (number if changer == _SAME_KEY else changer) and changer != _FROZEN


def _require_open_set(card: Context, key_set: KeySet) -> None:
    """A set that is not active changes by the master key, until it is finalised."""
    require(card.master, Status.AUTHENTICATION_ERROR)
    require(card.selected.key_settings >> 4 != _FROZEN, Status.PERMISSION_DENIED)
    require(not key_set.finalised, Status.PERMISSION_DENIED)


# Key sets


def _spare_set(card: Context, number: int) -> None:
    """The number of a set that exists and is not active, for the master key; else a refusal."""
    require(not card.at_picc_level and card.selected.roll_key is not None, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    require(number < len(card.selected.key_sets), Status.PARAMETER_ERROR)
    require(number != card.selected.active, Status.PERMISSION_DENIED)


def initialize_key_set(card: Context, data: bytes) -> bytes:
    """Set number, type: all its keys become the card's default application key, and may be changed."""
    number, kind = data
    _spare_set(card, number)
    require(kind == _AES_SET, Status.PARAMETER_ERROR)
    card.selected.key_sets[number] = KeySet([card.memory.default_key] * len(card.selected.keys))
    return b""


def finalize_key_set(card: Context, data: bytes) -> bytes:
    """Set number, its version: from now on the set may be rolled to, and its keys stay."""
    number, version = data
    _spare_set(card, number)
    key_set = _key_set(card.selected, number)
    require(not key_set.finalised, Status.PERMISSION_DENIED)
    key_set.version, key_set.finalised = version, True
    return b""


def roll_key_set(card: Context, data: bytes) -> bytes:
    """Make a finalised, higher set the active one, by the roll key; there is no way back."""
    application, number = card.selected, data[0]
    require(not card.at_picc_level and application.roll_key is not None, Status.PERMISSION_DENIED)
    require(card.key_number == application.roll_key, Status.AUTHENTICATION_ERROR)
    require(number < len(application.key_sets) and number != application.active, Status.PARAMETER_ERROR)
    require(number > application.active, Status.PERMISSION_DENIED)
    require(_key_set(application, number).finalised, Status.PERMISSION_DENIED)
    card.drop_session()
    application.active = number
    return b""


COMMANDS: dict[int, Command] = {
    0x45: Command(get_key_settings, lengths=(0,)),
    0x64: Command(get_key_version, lengths=(1, 2)),
    0x54: Command(change_key_settings, Side.COMMAND, Mode.FULL, body=lambda header: 1),
    0x56: Command(initialize_key_set, lengths=(2,)),
    0x57: Command(finalize_key_set, lengths=(2,)),
    0x55: Command(roll_key_set, lengths=(1,), ends_session=True),
}
