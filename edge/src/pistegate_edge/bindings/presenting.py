# SPDX-License-Identifier: Apache-2.0
"""From what a reader delivers to a medium, and from a medium to the tickets that a gate may decide on.

The number of a document ends in the reader's thread: what goes on the gate's queue, into its journal and up to the
cloud is the medium with its handle, which says nothing to who has not the site's keys. The hash is slow by intent
(bindings.stretch), and not for the gate's loop for that reason too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pistegate_edge.bindings.store import BindingStore
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.bindings import Binding, HandleKeys, medium_of
from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, Decision, Refuse
from pistegate_protocol.identity import DocumentKind, identity
from pistegate_protocol.reasons import PRIORITY, Reason
from pistegate_protocol.signing import ClaimRefused, KeyRing, Medium, open_claim


@dataclass(frozen=True, slots=True)
class Pointed:
    """One ticket that a medium points to: its claim, believed, and as it was signed."""

    claim: Claim
    signed: bytes


def presented(kind: DocumentKind, text: str, keys: HandleKeys, country: str = "") -> Medium:
    """The medium of a document that was read; IdentityRefused where its number cannot be right. Slow: 10 to 50 ms."""
    return medium_of(kind, keys.handle(identity(kind, text, country)))


def pointed(medium: Medium, bindings: Iterable[Binding], issuers: KeyRing) -> list[Pointed] | Unusable:
    """The believed claims behind a medium, the one that began first in front; Unusable: not one of them."""
    found, refused = [], None
    for binding in bindings:
        try:
            found.append(Pointed(open_claim(binding.signed, medium, issuers), binding.signed))
        except ClaimRefused as error:
            refused = Unusable(error.reason, f"binding of ticket {binding.ticket}: {error}")
    if not found:
        return refused or Unusable(Reason.NOT_BOOKED)
    return sorted(found, key=lambda each: (each.claim.valid_from, each.claim.ticket))


def best(decisions: Mapping[int, Decision]) -> int:
    """By ticket, in the order of `pointed`: which decision is carried out. ValueError for none.

    The first that admits; else the refusal for the narrowest reason: to who has a ticket for tomorrow and one for
    another lift now, the other lift is told.
    """
    for ticket, decision in decisions.items():
        if isinstance(decision, Admit):
            return ticket
    return max(decisions, key=lambda ticket: _narrowness(decisions[ticket]))


_RANK: Final = {reason: rank for rank, reason in enumerate(PRIORITY, 1)}


def _narrowness(decision: Decision) -> int:
    return _RANK.get(decision.reason, 0) if isinstance(decision, Refuse) else 0


class Denied(Mapping[int, int]):
    """Denials of the document and of the large table together, as decisions ask for them (Knowledge.deny).

    The higher revision holds: a denial is never lifted by the list that has not heard of it.
    """

    def __init__(self, listed: Mapping[int, int], store: BindingStore) -> None:
        self._listed = listed
        self._store = store

    def __getitem__(self, ticket: int) -> int:
        """Below which revision claims are refused; KeyError where none is."""
        below = max(self._listed.get(ticket, 0), self._store.denied_below(ticket))
        if not below:
            raise KeyError(ticket)
        return below

    def __iter__(self) -> Iterator[int]:
        """Of the document alone: nobody walks through 200,000 tickets."""
        return iter(self._listed)

    def __len__(self) -> int:
        """As `__iter__`."""
        return len(self._listed)
