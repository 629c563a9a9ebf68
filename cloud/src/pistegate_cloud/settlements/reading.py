# SPDX-License-Identifier: Apache-2.0
"""What there is to settle, as the guest's medium says it first and the books add to it; kept before a card is wiped."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from tortoise.transactions import in_transaction

from pistegate_cloud.cards.desk import Desk
from pistegate_cloud.cards.reading import Seen, look
from pistegate_cloud.clock import ms_of
from pistegate_cloud.rentals import queries as rentals
from pistegate_cloud.rentals.checkout import merge
from pistegate_cloud.rentals.counter import Holder
from pistegate_cloud.rentals.models import Loan
from pistegate_cloud.services import Services
from pistegate_cloud.wallets import queries as wallets
from pistegate_cloud.wallets.books import on_card
from pistegate_cloud.wallets.models import WalletCard
from pistegate_cloud.wallets.telling import settle_by_records
from pistegate_protocol.records import CardRecord, RecordKind
from pistegate_protocol.rental import RentalKind


class PieceRead(BaseModel):
    """One kind of equipment of the turn, ms. `only_card`: no device has told (all of) it yet."""

    kind: int
    item: str
    taken_ms: int | None
    returned_ms: int | None
    out: bool
    only_card: bool = False


class DebitRead(BaseModel):
    """Spent at a till that has not told it yet; minor units."""

    till: int
    at_ms: int
    amount: int


class Read(BaseModel):
    """A guest's turn with a card, a ticket or a document (stretched, hex). Amounts in minor units.

    `balance`: on the card, or None; `books`: what the books believe. `wallet`: its number, `turn`: id of the card's
    books, `there`: what of the card a wipe will move into the wallet. `last_ms`: when the card says that the last piece
    came back. `started_ms`: when it says that the ticket's clock began. `passages`: (ms, whether out) of those that no
    gate has told yet. `inside`: persons, of a ticket tracked in and out, by the card. `blank`: the card holds nothing,
    as after a wipe.
    """

    site: int
    uid: str | None = None
    ticket: int | None = None
    document: str | None = None
    pieces: list[PieceRead] = []
    last_ms: int | None = None
    started_ms: int | None = None
    passages: list[tuple[int, bool]] = []
    inside: int | None = None
    balance: int | None = None
    wallet: int | None = None
    turn: int | None = None
    there: int = 0
    books: int = 0
    untold: list[DebitRead] = []
    blank: bool = False
    read_ms: int

    @property
    def subject(self) -> str:
        """What is settled, one at a time."""
        if self.uid is not None:
            return f"card:{self.uid}"
        return f"ticket:{self.ticket}" if self.ticket is not None else f"document:{self.document}"


async def of_card(desk: Desk, services: Services) -> Read:
    """Read the card at the desk; what the cloud doubted and the card decides is settled by it. Nothing is written."""
    seen = await look(desk, services)
    card, now_ms = seen.card, services.clock.wall_ms()
    async with in_transaction():
        await settle_by_records(card.uid, seen.records, card.site_id, card.group_number, now_ms)
    rows = await rentals.of_card(card.uid)
    turn = await wallets.open_turn(card.uid)
    tied = turn if turn is not None and turn.wallet_id is not None else None
    pieces = [
        _timed(
            PieceRead(
                kind=piece.kind,
                item=piece.item,
                taken_ms=piece.taken_ms,
                returned_ms=piece.returned_ms,
                out=piece.out,
                only_card=not piece.told,
            ),
            seen.records,
            _ms(seen.rental.since),
        )
        for piece in merge(seen.rental, rows)
    ]
    usage = seen.usage
    return Read(
        site=desk.site,
        uid=card.uid,
        ticket=seen.claim.ticket if seen.claim else card.ticket_id,
        pieces=pieces,
        last_ms=_ms(seen.rental.returned),
        started_ms=_ms(usage.started) if usage else None,
        inside=usage.in_round if usage else None,
        passages=[
            (ms_of(record.at), record.kind is RecordKind.EXIT)
            for record in seen.unreported
            if record.kind in (RecordKind.ENTRY, RecordKind.EXIT)
        ],
        balance=seen.wallet.balance,
        wallet=tied.wallet_id if tied else None,
        turn=turn.id if turn else None,
        books=on_card(tied) if tied else 0,
        there=_there(seen, tied) if tied else 0,
        untold=[
            DebitRead(till=record.device, at_ms=ms_of(record.at), amount=record.value)
            for record in seen.unreported
            if record.kind is RecordKind.DEBIT
        ],
        blank=seen.content.blank and not seen.records,
        read_ms=now_ms,
    )


async def of_holder(site: int, holder: Holder, now_ms: int) -> Read:
    """What the books know of a guest who comes with a ticket or a document."""
    return Read(
        site=site,
        ticket=holder.ticket,
        document=holder.document,
        pieces=[of_loan(loan) for loan in await rentals.loans_of_turn(site, holder.columns)],
        read_ms=now_ms,
    )


def of_loan(loan: Loan) -> PieceRead:
    """A piece that was handed out at a counter."""
    return PieceRead(
        kind=loan.kind,
        item=loan.label,
        taken_ms=loan.taken_ms,
        returned_ms=loan.returned_ms,
        out=loan.returned_ms is None,
    )


def _there(seen: Seen, turn: WalletCard) -> int:
    """What a wipe takes from the card: never more than the books know (wallets.service.unloaded)."""
    loads = max(0, max(seen.wallet.loaded, turn.loaded) - seen.wallet.spent)
    return min(int(seen.wallet.purse + loads), on_card(turn))


def _timed(piece: PieceRead, records: Sequence[CardRecord], since_ms: int | None) -> PieceRead:
    """With the times that the card remembers, where no till has told them.

    Its records reach back only so far; of an older one it still knows when its first piece was taken.
    """
    taken = piece.taken_ms or _at(piece.kind, RecordKind.RENTAL_OUT, records) or since_ms
    returned = None if piece.out else piece.returned_ms or _at(piece.kind, RecordKind.RENTAL_BACK, records)
    return piece.model_copy(update={"taken_ms": taken, "returned_ms": returned})


def _at(kind: int, what: RecordKind, records: Iterable[CardRecord]) -> int | None:
    found = [ms_of(record.at) for record in records if record.kind is what and record.value >> kind & 1]
    return max(found, default=None)


def _ms(at: Any) -> int | None:
    return ms_of(at) if at is not None else None


def still_out(read: Read) -> list[PieceRead]:
    """What has not come back."""
    return [piece for piece in read.pieces if piece.out]


def name_of(piece: PieceRead) -> str:
    """A piece for a reader: "skis K2-0815"."""
    return f"{RentalKind(piece.kind).name.lower()} {piece.item}".strip()
