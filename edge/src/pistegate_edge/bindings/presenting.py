# SPDX-License-Identifier: Apache-2.0
"""From what a reader delivers to a medium, on the reader's thread.

The number of a document ends here: what goes on the gate's queue, into its journal and up to the cloud is the medium
with its handle, which says nothing to who has not the site's keys. The hash is slow by intent (bindings.stretch), and
not for the gate's loop for that reason too.
"""

from collections.abc import Collection, Mapping

from pistegate_edge.bindings.told import DocumentSeen
from pistegate_edge.core.inputs import DocumentUnread
from pistegate_protocol.bindings import HandleKeys, handle_of, medium_of, stretch
from pistegate_protocol.identity import DocumentKind, IdentityRefused, identity
from pistegate_protocol.signing import Medium


def presented(kind: DocumentKind, text: str, keys: Mapping[int, HandleKeys], country: str = "") -> dict[int, Medium]:
    """The media of a document that was read, by the number of the keys; IdentityRefused where it cannot be right.

    Slow: 10 to 50 ms for each season's salt among the keys, nearly always one.
    """
    document = identity(kind, text, country)
    stretched = {salt: stretch(document, salt) for salt in {each.salt for each in keys.values()}}
    return {number: medium_of(kind, handle_of(stretched[each.salt], each.key)) for number, each in sorted(keys.items())}


class Presenter:
    """What readers' threads give numbers to; it keeps none."""

    def __init__(self, keys: Mapping[int, HandleKeys], kinds: Collection[DocumentKind]) -> None:
        self._keys = keys
        self._kinds = frozenset(kinds)

    def takes(self, kind: DocumentKind) -> bool:
        """Whether documents of this kind open the lane here."""
        return kind in self._kinds

    def chip(self, identifier: bytes) -> DocumentSeen | DocumentUnread:
        """What the loop is told of a resident ID's chip."""
        return self.seen(DocumentKind.CHIP, identifier.hex())

    def seen(self, kind: DocumentKind, text: str) -> DocumentSeen | DocumentUnread:
        """What the loop is told of a document that was read, of a kind that is taken."""
        try:
            return DocumentSeen(presented(kind, text, self._keys))
        except IdentityRefused:
            return DocumentUnread()
