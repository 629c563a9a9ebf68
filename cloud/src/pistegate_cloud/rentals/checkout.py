# SPDX-License-Identifier: Apache-2.0
"""Check-out at the desk: what the card says first, then what the cloud knows, together. Nothing is written to the card.

The card is ahead: it knows what a till that has no network did. The cloud knows which very pieces went out, and the
guest's account. What only the card knows is told apart, so that nobody settles half of it.
"""

from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from pistegate_cloud.cards.desk import Desk
from pistegate_cloud.cards.reading import Seen, look
from pistegate_cloud.rentals import queries
from pistegate_cloud.rentals.models import Rental
from pistegate_cloud.services import Services
from pistegate_cloud.wallets import queries as wallets
from pistegate_cloud.wallets.books import on_card
from pistegate_cloud.wallets.telling import settle_by_records
from pistegate_protocol.records import CardRecord, RecordKind
from pistegate_protocol.rental import Rental as CardRental
from pistegate_protocol.rental import RentalKind


@dataclass(frozen=True, slots=True)
class Piece:
    """One kind of equipment of the card's turn. `out`: as the card says; `told`: the cloud has heard the same."""

    kind: RentalKind
    item: str
    out: bool
    taken_ms: int | None
    returned_ms: int | None
    told: bool


@dataclass(frozen=True, slots=True)
class CheckOut:
    """Everything to settle. Money in minor units: `balance` on the card, `account` in the cloud; None: no wallet.

    `books`: what the cloud believed to be on the card; `unreported`: records of the card that nobody has told yet, with
    the debits among them in `unreported_debits`. `since`, `until`: the rental clock, None while it is not over.
    """

    seen: Seen
    pieces: list[Piece]
    since: datetime | None
    until: datetime | None
    wallet: int | None
    currency: str | None
    balance: int
    account: int | None
    books: int | None
    unreported: list[CardRecord]
    unreported_debits: int

    @property
    def ready(self) -> bool:
        """Nothing is out on the card."""
        return not any(piece.out for piece in self.pieces)


async def check_out(desk: Desk, services: Services) -> CheckOut:
    """Read the card at the desk and put it together with the books; doubts that the card decides are settled."""
    seen = await look(desk, services)
    card = seen.card
    async with in_transaction():
        await settle_by_records(card.uid, seen.records, card.site_id, card.group_number, services.clock.wall_ms())
    pieces = merge(seen.rental, await queries.of_card(card.uid))
    turn = await wallets.open_turn(card.uid)
    wallet = await wallets.wallet(turn.wallet_id) if turn and turn.wallet_id is not None else None
    debits = [record.value for record in seen.unreported if record.kind is RecordKind.DEBIT]
    return CheckOut(
        seen=seen,
        pieces=pieces,
        since=seen.rental.since,
        until=seen.rental.returned if not seen.rental.outstanding else None,
        wallet=wallet.id if wallet else None,
        currency=wallet.currency if wallet else None,
        balance=seen.wallet.balance,
        account=wallet.account if wallet else None,
        books=on_card(turn) if turn and wallet else None,
        unreported=seen.unreported,
        unreported_debits=sum(debits),
    )


def merge(card: CardRental, rows: list[Rental]) -> list[Piece]:
    """The pieces of the card's turn: the card says what is out, the cloud which piece and when; in order of kind."""
    since_s = int(card.since.timestamp()) if card.since else 0
    known = {row.kind: row for row in rows if row.since_s == since_s}
    pieces = []
    for kind in sorted(card.taken | {RentalKind(number) for number in known}):
        row = known.get(kind)
        taken = row.taken_ms if row else None
        returned = row.returned_ms if row else None
        out = kind in card.outstanding
        told = taken is not None and (returned is not None) == (kind in card.taken and not out)
        pieces.append(Piece(kind, row.item if row else "", out, taken, returned, told))
    return pieces
