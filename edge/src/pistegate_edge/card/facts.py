# SPDX-License-Identifier: Apache-2.0
"""Everything that is on a card, from bytes to what they mean; what cannot be believed is told, never guessed. Pure."""

from dataclasses import dataclass

from pistegate_edge.core.reading import Ticket, Unusable, read_ticket
from pistegate_protocol.card_layout import KeySet
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.errors import CodecError, ProtocolError
from pistegate_protocol.records import CardRecord, decode_records
from pistegate_protocol.rental import Rental, decode_rental
from pistegate_protocol.signing import KeyRing, Medium, MediumKind
from pistegate_protocol.wallet import LoadStatement, Wallet, load_in_file, open_load


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFiles:
    """A card as read in one session: file contents, values in minor units, `records` newest first.

    `proof` is that of the card's last transaction; its counter counts them all. `key_set` is the one that is active.
    """

    uid: bytes
    key_set: KeySet
    usage: bytes
    claim: bytes
    amendment: bytes | None
    purse: int
    loads: bytes
    spent: int
    rental: bytes
    proof: Proof
    records: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """`statement` is the load statement that is believed, None for none; `problem` says why one is not."""

    wallet: Wallet
    statement: LoadStatement | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card tells. `rental` is None, and `rental_problem` says why, where that file cannot be understood."""

    files: CardFiles
    ticket: Ticket | Unusable
    money: Money
    rental: Rental | None
    rental_problem: str
    records: tuple[CardRecord, ...]

    @property
    def uid(self) -> bytes:
        """The card's UID."""
        return self.files.uid

    @property
    def medium(self) -> bytes:
        """As events name it."""
        return Medium(MediumKind.CARD, self.files.uid).to_bytes()

    @property
    def counter(self) -> int:
        """Transactions of this card so far."""
        return self.files.proof.counter

    @property
    def ticket_number(self) -> int | None:
        """Of a believed claim."""
        return self.ticket.claim.ticket if isinstance(self.ticket, Ticket) else self.ticket.ticket


def understand(files: CardFiles, issuers: KeyRing) -> CardFacts:
    """What the files mean; signatures are checked, nothing is refused."""
    medium = Medium(MediumKind.CARD, files.uid)
    try:
        rental, problem = decode_rental(files.rental), ""
    except ProtocolError as error:
        rental, problem = None, str(error)
    return CardFacts(
        files=files,
        ticket=read_ticket(files.claim, files.usage, medium, issuers),
        money=_money(files, issuers),
        rental=rental,
        rental_problem=problem,
        records=tuple(decode_records(b"".join(files.records))),
    )


def _money(files: CardFiles, issuers: KeyRing) -> Money:
    statement, problem = None, ""
    try:
        signed = load_in_file(files.loads)
        statement = None if signed is None else open_load(signed, files.uid, issuers)
    except (CodecError, ProtocolError) as error:
        problem = str(error)
    loaded = statement.loaded if statement else 0
    return Money(Wallet(files.purse, loaded, files.spent), statement, problem)
