# SPDX-License-Identifier: Apache-2.0
"""Card stock as it lies in the box office: factory-blank, transport-keyed, or personalised and without a ticket yet.

Cards are written straight into EEPROM, with keys diversified by the card's own cryptography, so that a misreading on
the side of gate or cloud shows. The `put_` functions need no key: they leave what an attack would leave.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Self

from pistegate_protocol.card_layout import (
    AID,
    AMENDMENT_FILE,
    CLAIM_FILE,
    FILES,
    KEY_BYTES,
    LOADS_FILE,
    PICC_AID,
    PROOF_FILE,
    PURSE_FILE,
    RECENT_FILE,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    CardKey,
    FileKind,
    KeySet,
)
from pistegate_protocol.card_layout import CardFile as FileSpec
from pistegate_simulators import card as sim
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.card.crypto import diversify
from pistegate_simulators.card.des import FACTORY_KEY

APPLICATION = int.from_bytes(AID, "little")
KEY_SETTINGS = 0x09  # of card and application: keys and settings may change, all of it by the master key only
SET_VERSIONS = {KeySet.FIRST: 1, KeySet.SECOND: 2}  # of a set and of each key in it; 0 is what the factory leaves


@dataclass(frozen=True, kw_only=True)
class CardMasters:
    """All master keys of a system, 16 bytes each: one per purpose and key set; `system` is the system identifier."""

    picc: bytes
    sets: tuple[Mapping[CardKey, bytes], Mapping[CardKey, bytes]]
    transaction: bytes
    transport: bytes
    system: bytes

    @classmethod
    def drawn(cls, rng: Random, system: bytes = b"PISTEGATE") -> Self:
        """Masters of a system that exists only in a test."""
        sets = tuple({key: rng.randbytes(KEY_BYTES) for key in CardKey} for _ in KeySet)
        picc, transaction, transport = (rng.randbytes(KEY_BYTES) for _ in range(3))
        return cls(picc=picc, sets=(sets[0], sets[1]), transaction=transaction, transport=transport, system=system)

    def card_key(self, uid: bytes, key: CardKey, key_set: KeySet = KeySet.FIRST) -> bytes:
        """One application key of one card."""
        return diversified(self.sets[key_set][key], uid, AID, self.system)

    def picc_key(self, uid: bytes) -> bytes:
        """The card's own master key."""
        return diversified(self.picc, uid, PICC_AID, self.system)

    def transaction_key(self, uid: bytes) -> bytes:
        """AppTransactionMACKey of one card."""
        return diversified(self.transaction, uid, AID, self.system)


def diversified(master: bytes, uid: bytes, aid: bytes, system: bytes) -> bytes:
    """AN10922 over UID, AID as sent, and system identifier."""
    return diversify(master, uid + aid + system)


def blank_stock(rng: Random) -> DesfireCard:
    """A blank card of a random 7-byte UID of NXP's range (first byte 04), its master key an AES key of zeros."""
    return DesfireCard(b"\x04" + rng.randbytes(6), rng.randbytes)


def factory_stock(rng: Random) -> DesfireCard:
    """A blank card as its maker ships it: its master key is a DES key of zeros, which EV2 messaging cannot use yet."""
    card = blank_stock(rng)
    card.set_key(0, 0, FACTORY_KEY)
    return card


def transport_keyed(rng: Random, transport_master: bytes, system: bytes = b"") -> DesfireCard:
    """A card as a trusted supplier ships it: nothing on it, but its master key is diversified from a transport key."""
    card = blank_stock(rng)
    card.set_key(0, 0, diversified(transport_master, card.uid, PICC_AID, system), 1)
    return card


def personalised_card(rng: Random, masters: CardMasters) -> DesfireCard:
    """A card as personalisation leaves it: our application, both key sets, empty files, no default key."""
    card = blank_stock(rng)
    transaction_key = masters.transaction_key(card.uid)
    files = {spec.number: _file(spec, transaction_key) for spec in FILES}
    card.create_application(APPLICATION, [bytes(KEY_BYTES)], files, KEY_SETTINGS)
    card.put_key_sets(APPLICATION, [_key_set(masters, card.uid, number) for number in KeySet], CardKey.ROLL)
    card.set_key(0, 0, masters.picc_key(card.uid), 1)
    card.set_key_settings(0, KEY_SETTINGS)
    return card


def _key_set(masters: CardMasters, uid: bytes, number: KeySet) -> sim.KeySet:
    version = SET_VERSIONS[number]
    keys = [sim.Key(masters.card_key(uid, key, number), version) for key in CardKey]
    return sim.KeySet(keys, version, finalised=True)


def _file(spec: FileSpec, transaction_key: bytes) -> sim.CardFile:
    mode = sim.Mode(spec.mode)
    rights = sim.Rights(spec.rights.read, spec.rights.write, spec.rights.read_write, spec.rights.change)
    match spec.kind:
        case FileKind.STANDARD:
            return sim.standard_file(spec.size, mode, rights)
        case FileKind.BACKUP:
            return sim.backup_file(spec.size, mode, rights)
        case FileKind.VALUE:
            return sim.ValueFile(mode, rights, spec.lower, spec.upper, 0)
        case FileKind.CYCLIC:
            return sim.cyclic_file(spec.size, spec.records, mode, rights)
        case FileKind.TRANSACTION_MAC:
            return sim.TransactionMacFile(mode, rights, transaction_key, 1)


# What is on a card, and what an attack would leave on it.


def content(card: DesfireCard, file: FileSpec) -> bytes:
    """A whole file as committed: data, a value or a proof as it is read, or records oldest first."""
    return card.file_bytes(APPLICATION, file.number)


def put(card: DesfireCard, file: FileSpec, what: bytes) -> None:
    """Replace a whole file, in the form that `content` gives."""
    card.overwrite(APPLICATION, file.number, what)


def claim_content(card: DesfireCard) -> bytes:
    """The claim file as it stands on the card."""
    return content(card, CLAIM_FILE)


def put_claim(card: DesfireCard, what: bytes) -> None:
    """Write the claim file without any key, as no skier could: for attacks."""
    put(card, CLAIM_FILE, what)


def usage_content(card: DesfireCard) -> bytes:
    """The usage file as committed."""
    return content(card, USAGE_FILE)


def put_usage(card: DesfireCard, what: bytes) -> None:
    """Write the usage file without any key: yesterday's rides, or an attack."""
    put(card, USAGE_FILE, what)


def amendment_content(card: DesfireCard) -> bytes:
    """The amendment file as committed."""
    return content(card, AMENDMENT_FILE)


def put_amendment(card: DesfireCard, what: bytes) -> None:
    """Write the amendment file."""
    put(card, AMENDMENT_FILE, what)


def loads_content(card: DesfireCard) -> bytes:
    """The file of the signed load statement as committed."""
    return content(card, LOADS_FILE)


def put_loads(card: DesfireCard, what: bytes) -> None:
    """Write the load statement."""
    put(card, LOADS_FILE, what)


def rental_content(card: DesfireCard) -> bytes:
    """The rental file as committed."""
    return content(card, RENTAL_FILE)


def put_rental(card: DesfireCard, what: bytes) -> None:
    """Write the rental file."""
    put(card, RENTAL_FILE, what)


def purse(card: DesfireCard) -> int:
    """Value of the purse, minor units."""
    return int.from_bytes(content(card, PURSE_FILE), "little", signed=True)


def put_purse(card: DesfireCard, value: int) -> None:
    """Set the purse's value."""
    put(card, PURSE_FILE, value.to_bytes(4, "little", signed=True))


def spent(card: DesfireCard) -> int:
    """Value of the file of what was spent of signed loads: zero or below, minor units."""
    return int.from_bytes(content(card, SPENT_FILE), "little", signed=True)


def put_spent(card: DesfireCard, value: int) -> None:
    """Set what was spent, zero or below."""
    put(card, SPENT_FILE, value.to_bytes(4, "little", signed=True))


def recent_records(card: DesfireCard) -> list[bytes]:
    """The records of passages and consumptions, oldest first."""
    whole, size = content(card, RECENT_FILE), RECENT_FILE.size
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def put_recent(card: DesfireCard, records: list[bytes]) -> None:
    """Replace all records, oldest first."""
    put(card, RECENT_FILE, b"".join(records))


def proof(card: DesfireCard) -> tuple[int, bytes]:
    """Counter and value of the last proved transaction."""
    whole = content(card, PROOF_FILE)
    return int.from_bytes(whole[:4], "little"), whole[4:]


def put_proof(card: DesfireCard, counter: int, value: bytes) -> None:
    """Set counter and value, as no command could."""
    put(card, PROOF_FILE, counter.to_bytes(4, "little") + value)
