# SPDX-License-Identifier: Apache-2.0
"""Looks at what is in a reader's field and reads every ski card in it, changing nothing on any of them."""

from collections.abc import Callable

from pistegate_edge.card.facts import CardFiles
from pistegate_edge.card.reading import read_rest
from pistegate_edge.card.seen import Seen, Unread
from pistegate_edge.core.inputs import ReadProblem, Stranger
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import Card, CardGone, Kind, Pn532, Sighting
from pistegate_edge.readers.session import ReadFailed, read_card, run
from pistegate_protocol.card_layout import KeySet
from pistegate_protocol.desfire.apdu import CardError


class LookingKeys:
    """A key store for reading only: without the key that switches cards to their second set."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    @property
    def sets(self) -> tuple[KeySet, ...]:
        """As of the store behind."""
        return self._keys.sets

    @property
    def warning(self) -> str | None:
        """As of the store behind."""
        return self._keys.warning

    def gate_key(self, uid: bytes, key_set: KeySet) -> bytes:
        """As of the store behind."""
        return self._keys.gate_key(uid, key_set)

    def roll_key(self, uid: bytes) -> bytes | None:
        """Never: looking at a card changes nothing on it."""
        return None


def read_whole(card: Card, keys: KeyStore, met: Callable[[], None] = lambda: None) -> CardFiles:
    """Everything on a card of ours; `met` is called once it has proved to be one. Switches the key set as gates do.

    ReadFailed when it cannot be read to the end.
    """
    content, key_set = read_card(card, keys, lambda digest: False)
    met()
    try:
        return run(read_rest(card.uid, key_set, content), card.transceive)
    except (CardGone, CardError) as error:
        raise ReadFailed(ReadProblem.TORN, str(error)) from error


def look(reader: Pn532, keys: LookingKeys, known: frozenset[bytes] = frozenset()) -> tuple[list[Seen], set[bytes]]:
    """What is in the field: each card but those `known`, read; and the UIDs of all that are there.

    Strangers have no UID to be known by: `known` holds their kind's name in its place.
    """
    seen: list[Seen] = []
    there: set[bytes] = set()
    for sighting in reader.look():
        name = sighting.uid if sighting.kind is Kind.SKI else sighting.kind.value.encode()
        if name not in known and name not in there:
            seen.append(_read(reader, sighting, keys))
        there.add(name)
    reader.rest()
    return seen, there


def _read(reader: Pn532, sighting: Sighting, keys: LookingKeys) -> Seen:
    if sighting.kind is not Kind.SKI:
        return Stranger(sighting.kind.value)
    try:
        return read_whole(reader.activate(sighting), keys)
    except CardGone as error:
        return Unread(sighting.uid, ReadProblem.TORN, str(error))
    except ReadFailed as error:
        if error.problem is ReadProblem.FOREIGN:
            return Stranger.OTHER
        return Unread(sighting.uid, error.problem, error.detail)
