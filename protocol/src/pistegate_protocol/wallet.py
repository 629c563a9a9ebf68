# SPDX-License-Identifier: Apache-2.0
"""Wallet 储值 on a card: a purse that the cloud credits by relay, and signed totals of what was loaded otherwise.

balance = purse + loaded - spent. `purse` is a value file whose lower limit 0 the card itself keeps; `loaded` is the
total of a signed load statement (cumulative: a newer one replaces the older, so that none counts twice); `spent` is a
value file that only goes on. A gate's key can debit both and credit neither. The guest's other money stays in the
cloud: what is on the card is all that can be spent offline, and the cloud loads at most the offline cap.

Signed statement: format u8 = 1, key id u8, UID length u8, UID, number u16, loaded u32 (minor units), currency 3 ASCII,
signature 64 bytes over a domain label and everything before itself.
"""

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.card_layout import SIGNED_FILE_BYTES, VALUE_MAX
from pistegate_protocol.errors import CodecError, ProtocolError, UnknownVersion
from pistegate_protocol.signing import SIGNATURE_BYTES, KeyRing

_FORMAT = 1
_LABEL = b"pistegate load\x00"
_HEAD = struct.Struct(">BBB")
_TAIL = struct.Struct(">HI3s")


class LoadRefused(ProtocolError):
    """A load statement that must not be believed."""


class BalanceTooSmall(ProtocolError):
    """There is not so much on the card."""

    def __init__(self, balance: int, amount: int) -> None:
        super().__init__(f"{amount} asked for, {balance} on the card")
        self.balance = balance
        self.amount = amount


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStatement:
    """`loaded` in total, in minor units of `currency`, onto the card `uid`; the highest `number` holds."""

    key_id: int
    uid: bytes
    number: int
    loaded: int
    currency: str


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a card tells of its money, minor units: `purse`, `loaded` by the believed statement, `spent` of it."""

    purse: int
    loaded: int = 0
    spent: int = 0

    @property
    def balance(self) -> int:
        """What can be spent without the cloud; never negative unless a load statement was taken back."""
        return self.purse + max(0, self.loaded - self.spent)


def split(wallet: Wallet, amount: int) -> tuple[int, int]:
    """(from the purse, from the loads) for a debit of `amount` > 0; BalanceTooSmall when there is not enough.

    Loads first: the purse is what the card itself guards, and is kept for when statements cannot be checked.
    """
    if amount < 1:
        raise CodecError(f"a debit of {amount}")
    if amount > wallet.balance:
        raise BalanceTooSmall(wallet.balance, amount)
    from_loads = min(amount, max(0, wallet.loaded - wallet.spent))
    return amount - from_loads, from_loads


def sign_load(statement: LoadStatement, key: Ed25519PrivateKey) -> bytes:
    """The statement as cards and documents carry it; CodecError when a value does not fit."""
    try:
        currency = statement.currency.encode("ascii")
        unsigned = _HEAD.pack(_FORMAT, statement.key_id, len(statement.uid)) + statement.uid
        unsigned += _TAIL.pack(statement.number, statement.loaded, currency)
    except (struct.error, UnicodeEncodeError) as error:
        raise CodecError(f"load statement: {error}") from error
    if len(currency) != 3 or len(statement.uid) not in (4, 7, 10) or statement.loaded > VALUE_MAX:
        raise CodecError("load statement: a currency of 3 letters, a UID of 4, 7 or 10 bytes, at most 2^31-1")
    signed = unsigned + key.sign(_LABEL + unsigned)
    if len(signed) > SIGNED_FILE_BYTES:
        raise CodecError(f"load statement of {len(signed)} bytes")
    return signed


def open_load(signed: bytes, uid: bytes, keys: KeyRing) -> LoadStatement:
    """The statement, if it is genuine and for this card; LoadRefused, UnknownVersion or CodecError otherwise."""
    statement, unsigned = _parse(signed)
    if statement.key_id not in keys:
        raise LoadRefused(f"load statement signed with unknown key {statement.key_id}")
    if not keys.verify(statement.key_id, signed[len(unsigned) :], _LABEL + unsigned):
        raise LoadRefused("load statement: the signature is wrong")
    if statement.uid != uid:
        raise LoadRefused("load statement of another card")
    return statement


def load_of(signed: bytes) -> LoadStatement:
    """What a statement says, its signature unchecked: for whoever stores and sends it."""
    return _parse(signed)[0]


def load_in_file(content: bytes) -> bytes | None:
    """The signed statement in a file's content, None when the file is blank; CodecError for anything else."""
    if not any(content):
        return None
    if len(content) < 3:
        raise CodecError("load statement is cut short")
    length = _HEAD.size + content[2] + _TAIL.size + SIGNATURE_BYTES
    if len(content) < length or any(content[length:]):
        raise CodecError("no load statement in this file")
    return content[:length]


def _parse(signed: bytes) -> tuple[LoadStatement, bytes]:
    if len(signed) < _HEAD.size:
        raise CodecError("no load statement")
    version, key_id, uid_length = _HEAD.unpack_from(signed)
    if version != _FORMAT:
        raise UnknownVersion(f"load statement format {version}, this release reads {_FORMAT}")
    end = _HEAD.size + uid_length + _TAIL.size
    if len(signed) != end + SIGNATURE_BYTES or uid_length not in (4, 7, 10):
        raise CodecError(f"load statement of {len(signed)} bytes")
    uid = signed[_HEAD.size : _HEAD.size + uid_length]
    number, loaded, currency = _TAIL.unpack_from(signed, _HEAD.size + uid_length)
    try:
        letters = currency.decode("ascii")
    except UnicodeDecodeError as error:
        raise CodecError("load statement: no currency") from error
    if loaded > VALUE_MAX:
        raise CodecError(f"load statement over {loaded}")
    return LoadStatement(key_id=key_id, uid=uid, number=number, loaded=loaded, currency=letters), signed[:end]
