# SPDX-License-Identifier: Apache-2.0
"""What the guests of a storm bought: tickets on cards, as codes, and as both; for one person and for parties."""

from dataclasses import dataclass, field
from datetime import date
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.card_layout import claim_file_content
from pistegate_protocol.claims import Claim, Scope
from pistegate_protocol.codes import ticket_text
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import Usage, encode_usage
from pistegate_simulators.storm.card import StormCard

SITE, GROUP, AREA, KEY_ID = 1, 1, 0, 1
ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DOCUMENTS = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
CARD_TORN = 0.08  # chance that a card leaves the field in the middle of something


@dataclass(slots=True)
class StormTicket:
    """`cards` and `codes`: its media."""

    claim: Claim
    cards: list[StormCard] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        """The ticket's."""
        return self.claim.ticket

    @property
    def allowance(self) -> int | None:
        """Persons that may ever be charged to one memory of it; None: unlimited."""
        return None if self.claim.entries_total is None else self.claim.entries_total * self.claim.party


_KINDS = (
    # (weight, cards, codes, terms)
    (4, 1, 0, {"entries_total": 3}),
    (2, 1, 0, {"reentry_s": 60}),
    (3, 1, 0, {"entries_total": 2, "party": 4, "batch": 2}),
    (2, 1, 0, {"entries_total": 1, "party": 3}),
    (4, 0, 1, {"entries_total": 2}),
    (3, 0, 1, {"entries_total": 1, "party": 3}),
    (2, 0, 1, {"entries_total": 1, "party": 4, "batch": 2}),
    (2, 1, 1, {"entries_total": 2}),
    (1, 2, 0, {"entries_total": 2}),
)


def sold(rng: Random, count: int) -> list[StormTicket]:
    """The tickets of one storm."""
    weights = [kind[0] for kind in _KINDS]
    made = []
    for number in range(1, count + 1):
        _, cards, codes, terms = rng.choices(_KINDS, weights)[0]
        made.append(_ticket(number, cards, codes, terms))
    return made


def _ticket(number: int, cards: int, codes: int, terms: dict[str, int]) -> StormTicket:
    claim = Claim(
        key_id=KEY_ID,
        ticket=number,
        scope=Scope(SITE),
        product=1,
        areas=frozenset({AREA}),
        valid_from=date(2020, 1, 1),
        valid_until=date(2099, 12, 31),
        **terms,  # type: ignore[arg-type]
    )
    ticket = StormTicket(claim)
    for which in range(cards):
        uid = bytes([4, which]) + number.to_bytes(5, "big")
        signed = sign_claim(claim, Medium(MediumKind.CARD, uid), ISSUER)
        usage = encode_usage(Usage(claim=claim_digest(signed)))
        ticket.cards.append(StormCard(uid, claim_file_content(signed), usage, CARD_TORN))
    if codes:
        ticket.codes.append(ticket_text(sign_claim(claim, Medium(MediumKind.BEARER), ISSUER)))
    return ticket
