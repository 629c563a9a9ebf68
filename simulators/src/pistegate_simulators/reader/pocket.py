# SPDX-License-Identifier: Apache-2.0
"""What a person can hold to the simulated reader of the command line: cards by their kind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pistegate_protocol.card_layout import CardKey, KeySet
from pistegate_simulators import stock
from pistegate_simulators.card import (
    ClassicCard,
    DesfireCard,
    Phone,
    RadioCard,
    ResidentIdCard,
    Type2Card,
    UidClone,
    other_operators_card,
)

LAB_MASTERS = stock.CardMasters.drawn(Random("pistegate-sim"))  # known to all the world: for trying out only
_SEED = "pistegate-sim reader"
NOTHING = "none"


@dataclass(frozen=True)
class Held:
    """One card of the pocket, and how the command line named it."""

    kind: str
    card: RadioCard

    def keys(self) -> dict[str, str]:
        """Keys that a person needs to try a card of the lab's: the active ones by name; nothing for foreign cards."""
        if self.kind != "personalised" or not isinstance(self.card, DesfireCard):
            return {}
        active = KeySet(self.card.active_key_set(stock.APPLICATION))
        named = {key.name.lower(): LAB_MASTERS.card_key(self.card.uid, key, active).hex() for key in CardKey}
        return named | {"picc": LAB_MASTERS.picc_key(self.card.uid).hex()}


def _random() -> Random:
    return Random(_SEED)


def _clone() -> RadioCard:
    return UidClone(stock.personalised_card(_random(), LAB_MASTERS).uid)


KINDS: dict[str, tuple[str, Callable[[], RadioCard]]] = {
    "desfire": ("a DESFire with an AES master key of zeros and nothing on it", DesfireCard),
    "personalised": ("our ski card, without a ticket, with keys of the lab", lambda: _personalised()),
    "blank": ("a DESFire as the factory ships it, with its DES master key", lambda: stock.factory_stock(_random())),
    "hotel": ("a MIFARE Classic", ClassicCard),
    "ntag": ("an NTAG-like tag", Type2Card),
    "resident-id": ("a resident ID card (type B)", ResidentIdCard),
    "phone": ("a phone: another random UID in each field", Phone),
    "other-operator": ("a bus company's DESFire", lambda: other_operators_card(_random())),
    "clone": ("a magic card with the UID of our ski card", _clone),
}


def _personalised() -> DesfireCard:
    return stock.personalised_card(_random(), LAB_MASTERS)


def pocket(kinds: list[str], image: Path | None) -> list[Held]:
    """The cards; `image`, where it exists, is the memory of the first DESFire. ValueError when it is no image."""
    held = [Held(kind, KINDS[kind][1]()) for kind in kinds if kind != NOTHING]
    first = next((index for index, one in enumerate(held) if isinstance(one.card, DesfireCard)), None)
    if image is not None and first is None:
        raise ValueError("--image needs a DESFire card: desfire, personalised, blank or other-operator")
    if image is not None and first is not None and image.exists():
        held[first] = Held(held[first].kind, _from_image(image))
    return held


def save(held: list[Held], image: Path) -> None:
    """Write the memory of the first DESFire."""
    for one in held:
        if isinstance(one.card, DesfireCard):
            image.write_text(json.dumps(one.card.image(), indent=1) + "\n", encoding="utf-8")
            return


def _from_image(image: Path) -> DesfireCard:
    try:
        return DesfireCard.from_image(json.loads(image.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{image} is no card image: {error}") from error
