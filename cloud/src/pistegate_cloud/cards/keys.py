# SPDX-License-Identifier: Apache-2.0
"""Keys of single cards, diversified from the masters in the settings, which never leave this process."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import CardKeySettings
from pistegate_protocol.card_layout import AID, KEY_BYTES, PICC_AID, CardKey, KeySet
from pistegate_protocol.desfire.diversify import diversify
from pistegate_protocol.desfire.verification import PersonalisationKeys, SetKeys
from pistegate_protocol.gate_keys import GateKeys, format_gate_keys

KEY_VERSION = 1  # of the card's own key and of the transaction key; 0 is what the factory leaves
SET_VERSIONS = {KeySet.FIRST: 1, KeySet.SECOND: 2}  # of a set and of each key in it
SYSTEM = b"PISTEGATE"  # of `keys new`; any name of the operator's does


@dataclass(frozen=True, slots=True)
class CardKeys:
    """The keys of the card `uid` (7 bytes)."""

    uid: bytes
    _settings: CardKeySettings = field(repr=False)

    def key(self, purpose: CardKey, key_set: KeySet) -> bytes:
        """One key of the application."""
        return self._diversified(f"{purpose.name.lower()}_{int(key_set)}", AID)

    @property
    def picc(self) -> bytes:
        """The card's own master key."""
        return self._diversified("picc", PICC_AID)

    @property
    def transaction(self) -> bytes:
        """AppTransactionMACKey: proves what the card committed."""
        return self._diversified("transaction", AID)

    @property
    def transport(self) -> bytes | None:
        """The card's master key as its maker delivers it; None when there is no such stock."""
        return None if self._settings.transport is None else self._diversified("transport", PICC_AID)

    def for_personalising(self) -> PersonalisationKeys:
        """All of them, as they are put on a card."""
        first, second = (
            SetKeys(keys={purpose: self.key(purpose, number) for purpose in CardKey}, version=SET_VERSIONS[number])
            for number in KeySet
        )
        return PersonalisationKeys(
            uid=self.uid, picc=self.picc, sets=(first, second), transaction=self.transaction, version=KEY_VERSION
        )

    def _diversified(self, name: str, aid: bytes) -> bytes:
        master = bytes.fromhex(getattr(self._settings, name))
        return diversify(master, self.uid, aid, bytes.fromhex(self._settings.system))


def export_for_gates(
    settings: CardKeySettings,
    sets: Iterable[KeySet] = (KeySet.FIRST,),
    prefer: KeySet | None = None,
    roll: bool = False,
) -> str:
    """The file that gates seal (protocol gate_keys); SettingsError for a choice that makes no sense."""
    chosen = sorted(set(sets))
    if not chosen or (prefer is not None and prefer not in chosen):
        raise SettingsError("--prefer names a key set that --sets does not export")
    if roll and set(chosen) != set(KeySet):
        raise SettingsError("--with-roll is for the change after a theft, which needs --sets 0,1")
    return format_gate_keys(
        GateKeys(
            system=bytes.fromhex(settings.system),
            prefer=chosen[0] if prefer is None else prefer,
            gate={number: bytes.fromhex(getattr(settings, f"gate_{int(number)}")) for number in chosen},
            roll=bytes.fromhex(settings.roll_0) if roll else None,
        )
    )


def key_sets(numbers: Iterable[str]) -> list[KeySet]:
    """Key sets as a person names them; SettingsError for one that does not exist."""
    try:
        return [KeySet(int(number)) for number in numbers]
    except ValueError as error:
        raise SettingsError("key sets are 0 and 1") from error


def new_section() -> str:
    """A fresh [card_keys] section for cloud.toml; a transport key, if any, is the card maker's."""
    names = [name for name in CardKeySettings.__struct_fields__ if name not in ("system", "transport")]
    lines = [f'{name} = "{secrets.token_hex(KEY_BYTES)}"' for name in names]
    return "\n".join(["[card_keys]", f'system = "{SYSTEM.hex()}"', *lines]) + "\n"
