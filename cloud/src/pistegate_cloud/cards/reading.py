# SPDX-License-Identifier: Apache-2.0
"""What a card at the desk holds, in words: its ticket, what is used of it, money, equipment, its last records."""

from dataclasses import dataclass

from pistegate_cloud.cards import flows
from pistegate_cloud.cards.desk import Desk, Laid, known_card, laid_down, opened
from pistegate_cloud.cards.flows import Content, OpenCard
from pistegate_cloud.cards.models import Card
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.wallets import queries as wallets
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.claims import Claim
from pistegate_protocol.errors import ProtocolError
from pistegate_protocol.records import CardRecord, decode_record
from pistegate_protocol.rental import Rental, decode_rental
from pistegate_protocol.signing import KeyRing, Medium, MediumKind, open_claim
from pistegate_protocol.usage import Usage, decode_usage
from pistegate_protocol.wallet import Wallet, load_in_file, open_load


@dataclass(frozen=True, slots=True)
class Seen:
    """What a card holds. `records` newest first; `unreported`: those of them that no device has told yet.

    `claim`, `usage`: None where there is none, or it cannot be believed.
    """

    card: Card
    content: Content
    claim: Claim | None
    usage: Usage | None
    wallet: Wallet
    rental: Rental
    records: list[CardRecord]
    unreported: list[CardRecord]


async def look(desk: Desk, services: Services) -> Seen:
    """Read the card at the desk; nothing changes."""
    async with laid_down(desk, services) as laid:
        card = await known_card(laid)
        return await read(card, await opened(card, laid, services), laid, services)


async def read(card: Card, at_hand: OpenCard, laid: Laid, services: Services) -> Seen:
    """Everything on an opened card; its session may be over afterwards."""
    content = await flows.read_content(at_hand)
    recorded = await flows.read_all_records(at_hand)
    records = [record for data in recorded if (record := _record(data))]
    reported = await _reported(card, records)
    keys = _key_ring(services.settings.issuer)
    return Seen(
        card=card,
        content=content,
        claim=_claim(content, laid.uid, keys),
        usage=_usage(content),
        wallet=_wallet(content, laid.uid, keys),
        rental=_rental(content),
        records=records,
        unreported=[record for record in records if record.name.hex() not in reported],
    )


async def _reported(card: Card, records: list[CardRecord]) -> set[str]:
    """Of the events that the card remembers, those that devices or the cloud itself have told; cut as on the card."""
    names = [record.name.hex() for record in records]
    if not names:
        return set()
    numbers = await tickets.numbers_sent_to(card.uid)
    where = await sites.of_group(card.group_number)
    return await tickets.reported(where, numbers, names) | await wallets.known_names(card.uid, names)


def _key_ring(issuer: SigningKey) -> KeyRing:
    return KeyRing({issuer.key_id: issuer.load().public_key().public_bytes_raw()})


def _record(data: bytes) -> CardRecord | None:
    try:
        return decode_record(data)
    except ProtocolError:
        return None


def _claim(content: Content, uid: bytes, keys: KeyRing) -> Claim | None:
    try:
        signed = claim_in_file(content.claim)
        return open_claim(signed, Medium(MediumKind.CARD, uid), keys) if signed else None
    except ProtocolError:
        return None


def _usage(content: Content) -> Usage | None:
    try:
        return decode_usage(content.usage) if any(content.usage) else None
    except ProtocolError:
        return None


def _wallet(content: Content, uid: bytes, keys: KeyRing) -> Wallet:
    """With what the signed statement says, if it is ours; nothing of one that is not."""
    files = content.wallet
    try:
        signed = load_in_file(files.loads_file)
        loaded = open_load(signed, uid, keys).loaded if signed else 0
    except ProtocolError:
        loaded = 0
    return Wallet(files.purse, loaded, files.spent)


def _rental(content: Content) -> Rental:
    try:
        return decode_rental(content.rental)
    except ProtocolError:
        return Rental()
