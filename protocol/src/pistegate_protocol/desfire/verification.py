# SPDX-License-Identifier: Apache-2.0
"""Whether a card is personalised as the layout says: keys of both sets by their versions, files, rights, settings.

Versions tell which key is there, not its value: a key that nobody can use shows at its first use. That the card's own
key and the application's MASTER key are ours is proved by authenticating with them.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from pistegate_protocol.card_layout import AID, FILES, KEYS, PICC_AID, CardFile, CardKey, FileKind, KeySet
from pistegate_protocol.desfire import card_commands, file_commands
from pistegate_protocol.desfire.apdu import CardError, CardRefused, Status
from pistegate_protocol.desfire.card_commands import AES_KEYS, CardVersion, version_of
from pistegate_protocol.desfire.command import i32, u24
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, without_session

# Key settings: the MASTER key may be changed and settings too, both by the MASTER key; listing, creating and deleting
# need it; the upper nibble 0 says that it is also what changes the other keys.
CLOSED = 0x09
PICC_KEY = 0
EV2_HARDWARE = 0x12  # lowest hardware version with EV2 messaging and TransactionMAC (AN12752; EV1 has 01, EV3 33)
_COUNT_BITS = AES_KEYS | 0x0F  # of key settings 2
_TRANSACTION_KEY_AES = 0x02
WRONG_KEY = frozenset({Status.AUTHENTICATION_ERROR, Status.NO_SUCH_KEY, Status.PERMISSION_DENIED})

Random = Callable[[int], bytes]


class CardUnsuitable(CardError):
    """Not a card that we can personalise, or not the one that the keys are for."""


class NotPersonalised(CardError):
    """The card is ours and not as it must be; it is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeys:
    """The keys of one key set, diversified for one card; `version` (1-255) is the set's and each key's."""

    keys: Mapping[CardKey, bytes] = field(repr=False)
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalisationKeys:
    """All keys of the card `uid` (7 bytes), diversified; `version` (1-255) is that of `picc` and `transaction`.

    Version 0 is what a default key has, so that none of ours may.
    """

    uid: bytes
    picc: bytes = field(repr=False)
    sets: tuple[SetKeys, SetKeys]
    transaction: bytes = field(repr=False)
    version: int = 1


@dataclass(frozen=True, slots=True)
class PersonalisedCard:
    """What a card record keeps: the card as it describes itself, which key set is active, the keys' versions."""

    card: CardVersion
    active: KeySet
    key_version: int
    set_versions: tuple[int, int]


def read_card(uid: bytes) -> Generator[bytes, bytes, CardVersion]:
    """Select the card itself and see what it is; CardUnsuitable unless it is `uid` and EV2 or later."""
    yield from without_session(card_commands.select_application(PICC_AID))
    version = version_of((yield from without_session(card_commands.get_version())))
    if version is None or version.hardware < EV2_HARDWARE:
        raise CardUnsuitable("not a DESFire EV2 or EV3 card")
    if version.uid != uid:
        raise CardUnsuitable(f"the card is {version.uid.hex()}, the keys are for {uid.hex()}")
    return version


def verify_personalised(keys: PersonalisationKeys, rnd: Random) -> Generator[bytes, bytes, PersonalisedCard]:
    """Check everything that can be seen of a card; NotPersonalised says what is wrong, CardRefused that a key is."""
    card = yield from read_card(keys.uid)
    session = yield from authenticate(PICC_KEY, keys.picc, rnd(16))
    yield from check_card(session, keys)
    yield from without_session(card_commands.select_application(AID))
    active, session = yield from _authenticate_active(keys, rnd)
    yield from check_application(session, keys, active)
    return described(card, keys, active)


def described(card: CardVersion, keys: PersonalisationKeys, active: KeySet) -> PersonalisedCard:
    """The record of a card that was verified with `keys`."""
    return PersonalisedCard(card, active, keys.version, (keys.sets[0].version, keys.sets[1].version))


def check_card(session: Ev2Session, keys: PersonalisationKeys) -> Generator[bytes, bytes, None]:
    """At card level: closed, and its key has the right version."""
    settings = yield from session.do(card_commands.get_key_settings())
    _require(settings[:1] == bytes([CLOSED]), f"key settings of the card {settings.hex()}")
    version = yield from session.do(card_commands.get_key_version(PICC_KEY))
    _require(version[0] == keys.version, f"the card's key has version {version[0]}, not {keys.version}")


def check_application(
    session: Ev2Session, keys: PersonalisationKeys, active: KeySet = KeySet.FIRST
) -> Generator[bytes, bytes, None]:
    """In a session of the application's MASTER key: settings, versions of the keys, files."""
    settings = yield from session.do(card_commands.get_key_settings())
    counted = len(settings) >= 2 and settings[1] & _COUNT_BITS == AES_KEYS | len(KEYS)
    _require(counted and settings[0] == CLOSED, f"key settings of the application {settings.hex()}")
    for key in KEYS:
        version = yield from session.do(card_commands.get_key_version(key))
        _require(version[0] == keys.sets[active].version, f"key {key.name} has version {version[0]}")
    if active is KeySet.FIRST:  # a set that was rolled away from is of no use to anybody
        yield from _check_second_set(session, keys.sets[KeySet.SECOND].version)
    numbers = yield from session.do(file_commands.get_file_ids())
    _require(sorted(numbers) == [file.number for file in FILES], f"files {numbers.hex()}")
    for file in FILES:
        settings = yield from session.do(file_commands.get_file_settings(file))
        _require(_is_as_laid_out(file, settings, keys.version), f"file {file.number} is {settings.hex()}")


def _check_second_set(session: Ev2Session, expected: int) -> Generator[bytes, bytes, None]:
    for key in KEYS:
        version = yield from session.do(card_commands.get_key_version(key, KeySet.SECOND))
        _require(version[0] == expected, f"key {key.name} of the second set has version {version[0]}")


def _authenticate_active(keys: PersonalisationKeys, rnd: Random) -> Generator[bytes, bytes, tuple[KeySet, Ev2Session]]:
    """The set that is active, told by which MASTER key opens it."""
    try:
        session = yield from authenticate(CardKey.MASTER, keys.sets[0].keys[CardKey.MASTER], rnd(16))
    except CardRefused as error:
        if error.status not in WRONG_KEY:
            raise
        session = yield from authenticate(CardKey.MASTER, keys.sets[1].keys[CardKey.MASTER], rnd(16))
        return KeySet.SECOND, session
    return KeySet.FIRST, session


def _is_as_laid_out(file: CardFile, settings: bytes, key_version: int) -> bool:
    head = bytes([file.kind, file.mode]) + file.rights.to_int().to_bytes(2, "little")
    rest = settings[len(head) :]
    if settings[: len(head)] != head:
        return False
    if file.kind is FileKind.VALUE:  # limits; what LimitedCredit could return; LimitedCredit and free GetValue off
        return rest[:8] == i32(file.lower) + i32(file.upper) and rest[12:] == b"\x00"
    if file.kind is FileKind.CYCLIC:  # the number of records in it comes last
        return rest[:6] == u24(file.size) + u24(file.records)
    if file.kind is FileKind.TRANSACTION_MAC:
        return rest[:2] == bytes([_TRANSACTION_KEY_AES, key_version])
    return rest == u24(file.size)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise NotPersonalised(otherwise)
