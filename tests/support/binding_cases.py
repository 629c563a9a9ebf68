# SPDX-License-Identifier: Apache-2.0
"""Bindings, denials and table files for tests and benchmarks: as many as asked for, always the same."""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.bindings import HandleKeys, encode_binding, medium_of
from pistegate_protocol.claims import Claim, Scope
from pistegate_protocol.identity import DocumentKind
from pistegate_protocol.signing import KeyRing, sign_claim
from pistegate_protocol.tables import BINDINGS, DENIALS, WHOLE, Edition, Entry, encode_denial, write_table

SITE = 3
ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLISHER = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
ISSUER_ID, PUBLISHER_ID = 7, 8
ISSUERS = KeyRing({ISSUER_ID: ISSUER.public_key().public_bytes_raw()})
PUBLISHERS = KeyRing({PUBLISHER_ID: PUBLISHER.public_key().public_bytes_raw()})
HANDLES = HandleKeys(1, bytes(range(16)), bytes(range(32)))
# Valid by its check digit; of a region that does not exist.
NUMBER = "999999199003070012"
DAY = date(2026, 1, 17)


def a_handle(number: int) -> bytes:
    """The handle of a guest, without the slow hash."""
    return sha256(b"guest %d" % number).digest()[:8]


def a_claim(ticket: int, **changes: Any) -> Claim:
    """A day ticket of site 3."""
    plain: dict[str, Any] = {"key_id": ISSUER_ID, "ticket": ticket, "scope": Scope(SITE), "product": 12}
    plain |= {"areas": frozenset({1, 4}), "valid_from": DAY, "valid_until": DAY}
    return Claim(**plain | changes)


def a_binding(ticket: int, handle: bytes | None = None, **changes: Any) -> Entry:
    """The entry of a ticket bound to a document."""
    medium = medium_of(DocumentKind.RESIDENT_ID, a_handle(ticket) if handle is None else handle)
    return encode_binding(sign_claim(a_claim(ticket, **changes), medium, ISSUER))


def bindings(numbers: Iterable[int]) -> list[Entry]:
    """In the order of a table."""
    return sorted(a_binding(number) for number in numbers)


def denials(numbers: Iterable[int]) -> list[Entry]:
    """In the order of a table."""
    return sorted(encode_denial(number, 1 + number % 9) for number in numbers)


def many_bindings(count: int, first: int = 1) -> list[Entry]:
    """As `bindings`, with signatures that only look like some: signing 200,000 claims takes a while."""
    _, value = a_binding(1)
    entries = []
    for number in range(first, first + count):
        ticket = number.to_bytes(6, "big")
        noise = sha256(ticket).digest() * 2
        entries.append((a_handle(number) + ticket, value[:3] + ticket + value[9:-64] + noise))
    return sorted(entries)


def table_file(entries: Sequence[Entry], version: int = 1, **changes: Any) -> bytes:
    """A signed file of bindings, whole unless `since` says otherwise."""
    plain: dict[str, Any] = {"table": BINDINGS, "site": SITE, "version": version, "since": WHOLE}
    plain |= {"issued_at": 1_768_622_400_000, "keys": HANDLES.number, "total": len(entries)}
    signer = changes.pop("signer", PUBLISHER)
    return write_table(Edition(**plain | changes), entries, PUBLISHER_ID, signer)


def denial_file(entries: Sequence[Entry], version: int = 1, **changes: Any) -> bytes:
    """As `table_file`, of denials."""
    return table_file(entries, version, table=DENIALS, keys=0, **changes)
