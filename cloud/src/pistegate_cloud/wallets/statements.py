# SPDX-License-Identifier: Apache-2.0
"""Money onto the card by signed total: the cloud signs how much was loaded in all, and any till writes it to the card.

A signed statement cannot be taken back: from the signature on, its money counts as on the card. A newer one replaces
the older, so that none counts twice, whichever till writes which first.
"""

from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.proofs import queries as proofs
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as places
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import About, enter, on_card
from pistegate_cloud.wallets.models import Wallet, WalletCard
from pistegate_protocol.card_layout import VALUE_MAX
from pistegate_protocol.documents import LoadList
from pistegate_protocol.wallet import LoadStatement, sign_load

NUMBER_MAX = 0xFFFF  # statements of one card, as they carry it


def signed(turn: WalletCard, issuer: SigningKey) -> bytes:
    """The newest statement of a card; the same bytes however often it is signed."""
    statement = LoadStatement(
        key_id=issuer.key_id,
        uid=bytes.fromhex(turn.uid),
        number=turn.load_number,
        loaded=turn.loaded,
        currency=turn.currency,
    )
    return sign_load(statement, issuer.load())


async def load(wallet: Wallet, amount: int, about: About, services: Services) -> tuple[WalletCard, dict[int, bytes]]:
    """Move money from the account to the card by a new statement, in the caller's transaction.

    The card's books, and the documents to push once that is committed.
    """
    turn = await queries.card_of(wallet.id)
    if turn is None:
        raise Problem("wallet_has_no_card", wallet=wallet.id)
    await proofs.lock([turn.uid], wallet.site_id, wallet.group_number)
    turn = await queries.turn(turn.id)
    await _check(wallet, turn, amount)
    mine = About(about.at_ms, about.actor, wallet.id, turn.uid)
    await enter("wallet_load_signed", mine, site=wallet.site_id, amount=amount, currency=wallet.currency, guarded=True)
    await queries.change_card(turn, loaded=amount, load_number=1)
    return turn, await publish(wallet.group_number, services, about.at_ms)


async def _check(wallet: Wallet, turn: WalletCard, amount: int) -> None:
    """Problem when it would be too much for the card here, or for the card at all."""
    terms = await queries.terms(wallet.site_id, wallet.currency)
    if terms is None:
        raise Problem("wallets_not_offered", site=wallet.site_id, currency=wallet.currency)
    there = on_card(turn) + sum(load.amount for load in await queries.pending_loads(turn.uid))
    room = min(terms.offline_cap - there, VALUE_MAX - turn.loaded)
    if amount > room or turn.load_number >= NUMBER_MAX:
        raise Problem("wallet_above_cap", cap=terms.offline_cap, there=there, room=max(0, room))


async def publish(group: int, services: Services, now_ms: int, only: list[int] | None = None) -> dict[int, bytes]:
    """Sign the next load list for the sites of a group (`only` some): every statement not known to be on its card."""
    issuer = services.settings.issuer

    async def entries_of(_: int) -> list[bytes]:
        return [signed(turn, issuer) for turn in await queries.unwritten(group)]

    sites = await places.of_group(group) if only is None else only
    return await documents.publish_for(sites, LoadList, entries_of, services.settings.documents, now_ms)


async def push(messages: dict[int, bytes], services: Services) -> None:
    """Tell every device of the group, once what was signed is committed."""
    await documents.push_all(messages, services)
