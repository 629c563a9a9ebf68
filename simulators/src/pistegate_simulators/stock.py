# SPDX-License-Identifier: Apache-2.0
"""Card stock as it lies in the box office: already personalised with the site's application, no ticket yet."""

from random import Random

from pistegate_protocol.card_layout import AID, CLAIM_FILE, FILES, KEY_BYTES, USAGE_FILE, CardKey
from pistegate_simulators.card import CardFile, DesfireCard, Mode, Rights, backup_file, standard_file

APPLICATION = int.from_bytes(AID, "little")


def blank_stock(rng: Random) -> DesfireCard:
    """A card as its maker ships it, with a random 7-byte UID of NXP's range (first byte 04)."""
    return DesfireCard(b"\x04" + rng.randbytes(6), rng.randbytes)


def personalised_card(rng: Random, keys: dict[CardKey, bytes]) -> DesfireCard:
    """A card with our application, its keys and its empty files."""
    card = blank_stock(rng)
    files: dict[int, CardFile] = {}
    for spec in FILES:
        make = backup_file if spec.backup else standard_file
        rights = Rights(spec.rights.read, spec.rights.write, spec.rights.read_write, spec.rights.change)
        files[spec.number] = make(spec.size, Mode(spec.mode), rights)
    master = rng.randbytes(KEY_BYTES)
    card.create_application(APPLICATION, [keys.get(key, master) for key in CardKey], files)
    return card


def claim_content(card: DesfireCard) -> bytes:
    """The claim file as it stands on the card."""
    return card.file_bytes(APPLICATION, CLAIM_FILE.number)


def put_claim(card: DesfireCard, content: bytes) -> None:
    """Write the claim file without any key, as no skier could: for attacks."""
    card.overwrite(APPLICATION, CLAIM_FILE.number, content)


def usage_content(card: DesfireCard) -> bytes:
    """The usage file as committed."""
    return card.file_bytes(APPLICATION, USAGE_FILE.number)


def put_usage(card: DesfireCard, content: bytes) -> None:
    """Write the usage file without any key: yesterday's rides, or an attack."""
    card.overwrite(APPLICATION, USAGE_FILE.number, content)
