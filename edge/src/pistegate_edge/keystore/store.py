# SPDX-License-Identifier: Apache-2.0
"""What the gate wants of its card keys, wherever they are kept: each card's own key, never a master."""

from typing import Protocol

from pistegate_protocol.card_layout import AID, KeySet
from pistegate_protocol.desfire.diversify import diversify
from pistegate_protocol.gate_keys import GateKeys

LAB_ONLY = "lab only: the card keys lie in a bare file; seal it with `pistegate-gate keys seal` before real cards"


class KeyStore(Protocol):
    """Keys of single cards. A file holds the masters today; a SAM or secure element can stand here unchanged."""

    @property
    def sets(self) -> tuple[KeySet, ...]:
        """The key sets there are keys for, the preferred one first."""

    @property
    def warning(self) -> str | None:
        """What is wrong with how the keys are kept, told at every start and to the cloud; None: nothing."""

    def gate_key(self, uid: bytes, key_set: KeySet) -> bytes:
        """The card's GATE key in `key_set`, one of `sets`."""

    def roll_key(self, uid: bytes) -> bytes | None:
        """The key that switches the card to its second set; None while no theft made it necessary."""


class MasterKeyStore:
    """A KeyStore whose masters are in this process's memory."""

    def __init__(self, keys: GateKeys, warning: str | None = None) -> None:
        self._keys = keys
        self.warning = warning
        others = (number for number in sorted(keys.gate) if number != keys.prefer)
        self.sets: tuple[KeySet, ...] = (keys.prefer, *others)

    def gate_key(self, uid: bytes, key_set: KeySet) -> bytes:
        """Diversified for this card."""
        return diversify(self._keys.gate[key_set], uid, AID, self._keys.system)

    def roll_key(self, uid: bytes) -> bytes | None:
        """Diversified for this card."""
        return None if self._keys.roll is None else diversify(self._keys.roll, uid, AID, self._keys.system)
