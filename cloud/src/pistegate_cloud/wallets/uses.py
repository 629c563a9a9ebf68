# SPDX-License-Identifier: Apache-2.0
"""What follows once it is certain whether a till's use of a card happened, whoever told it: till, card or counters."""

from pistegate_cloud.rentals import service as rentals
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import note_statement, post_debit, take_back_debit
from pistegate_cloud.wallets.models import CardUse
from pistegate_protocol.events import UseKind

RENTALS = frozenset({UseKind.RENTAL_OUT.name.lower(), UseKind.RENTAL_BACK.name.lower()})
IN_DOUBT = ("unconfirmed", "interrupted")


def is_charged(use: CardUse) -> bool:
    """Whether a use is known to have happened."""
    return use.state == "done" or (use.state in IN_DOUBT and use.settled == "charged")


async def happened(use: CardUse, now_ms: int) -> None:
    """The card was changed: money into the books, equipment onto the card's list. Repeating it changes nothing."""
    if use.kind in RENTALS:
        await rentals.moved(use, now_ms)
    elif use.kind == UseKind.LOAD.name.lower():
        await note_statement(use, now_ms)
    else:
        await post_debit(use, now_ms)


async def did_not_happen(use: CardUse, now_ms: int) -> None:
    """The card was not changed: what was thought to follow is reversed. Repeating it changes nothing."""
    if use.kind in RENTALS:
        await rentals.not_moved(use, now_ms)
    else:
        await take_back_debit(use, now_ms)


async def settle(use: CardUse, *, charged: bool, by: str, now_ms: int) -> None:
    """A use in doubt is decided, or decided otherwise than before; in the caller's transaction."""
    told = "charged" if charged else "void"
    if use.settled == told:
        return
    await queries.settle_use(use, told, by)
    if charged:
        await happened(use, now_ms)
    else:
        await did_not_happen(use, now_ms)
