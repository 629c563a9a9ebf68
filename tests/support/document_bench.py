# SPDX-License-Identifier: Apache-2.0
"""A gate that takes documents: its handle keys, its token, its sections of gate.toml, and tables that fit it."""

from datetime import date
from pathlib import Path
from typing import Any

from binding_cases import HANDLES, ISSUER, ISSUER_ID, PUBLISHER, PUBLISHER_ID, SITE, a_binding
from gate_bench import public
from table_cloud import TOKEN

from pistegate_edge.bindings.presenting import presented
from pistegate_protocol.bindings import HandleKeys
from pistegate_protocol.handle_keys import format_handle_keys
from pistegate_protocol.identity import DocumentKind
from pistegate_protocol.signing import Medium
from pistegate_protocol.tables import Entry

ALWAYS: dict[str, Any] = {
    "valid_from": date(2020, 1, 1),
    "valid_until": date(2099, 12, 31),
    "areas": frozenset({0}),
    "reentry_s": 600,
}


def private(path: Path, text: str) -> Path:
    """A file for its owner alone."""
    path.touch(0o600)
    path.write_text(text)
    return path


def document_sections(directory: Path, url: str, *keys: HandleKeys, **documents: Any) -> dict[str, Any]:
    """What gate.toml has of documents, and the keys that fit `binding_cases`; files lie beside `directory`."""
    held = private(directory.with_name("documents.keys"), format_handle_keys(SITE, keys or (HANDLES,)))
    token = private(directory.with_name("cloud.token"), TOKEN + "\n")
    return {
        "device": {"site": SITE, "group": 1, "number": 3},
        "issuer_keys": {str(ISSUER_ID): public(ISSUER).hex()},
        "document_keys": {str(PUBLISHER_ID): public(PUBLISHER).hex()},
        "documents": {"keys": str(held), **documents},
        "cloud": {"url": url, "token": str(token), "every_s": 10},
    }


def medium_of_number(number: str, kind: DocumentKind = DocumentKind.RESIDENT_ID, keys: HandleKeys = HANDLES) -> Medium:
    """What the gate makes of a number."""
    return presented(kind, number, {keys.number: keys})[keys.number]


def bound_to(number: str, ticket: int, kind: DocumentKind = DocumentKind.RESIDENT_ID, **terms: Any) -> Entry:
    """A ticket bound to a document, good at the bench's gate for years."""
    return a_binding(ticket, medium_of_number(number, kind).id, **ALWAYS | terms)
