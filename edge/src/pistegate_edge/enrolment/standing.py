# SPDX-License-Identifier: Apache-2.0
"""At whose place this gate stands: its own, or, of a spare, that of a dead gate, by the cloud's signed word.

The word is a document that came ahead of time and lies in the journal; it is verified again at every start. What the
technician chose lies beside it in a small file. The spare keeps its own number, key and journal.
"""

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pistegate_edge.config import Config
from pistegate_edge.enrolment.identity import write_whole
from pistegate_edge.errors import EdgeError
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import FILE_NAME, open_to_read
from pistegate_protocol.documents import TAKEOVER_LIST, DocumentRefused, TakeoverList, open_document
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing

CHOSEN = "takeover.json"


class NoTakeover(EdgeError, PermissionError):
    """A place where this gate may not stand; the text says why."""


@dataclass(frozen=True, slots=True)
class Permission:
    """To stand at the place of `gate`; times in milliseconds since 1970 UTC."""

    gate: int
    from_ms: int
    until_ms: int
    area: int
    post_gates: tuple[int, ...]
    version: int


def permissions(document: TakeoverList | None, own: int) -> list[Permission]:
    """What the document allows gate `own`, in order of gates."""
    if document is None:
        return []
    found = [
        Permission(gate, from_ms, until_ms, area, tuple(post), document.version)
        for spare, gate, from_ms, until_ms, area, post in document.entries
        if spare == own
    ]
    return sorted(found, key=lambda each: each.gate)


def choose(document: TakeoverList | None, own: int, gate: int, now_ms: int) -> Permission:
    """The permission for the place of `gate`; NoTakeover without one in force.

    A clock behind the document's own time is wrong, and the document is right.
    """
    found = next((each for each in permissions(document, own) if each.gate == gate), None)
    if document is None or found is None:
        held = ", ".join(str(each.gate) for each in permissions(document, own)) or "none"
        raise NoTakeover(
            f"gate {own} may not stand at the place of gate {gate} (allowed: {held}). While the cloud can be reached: "
            f"`pistegate-cloud gate takeover --site N {own} --of {gate}`, and half a minute later here again"
        )
    if max(now_ms, document.issued_at) >= found.until_ms:
        raise NoTakeover(
            f"the permission to stand at the place of gate {gate} has ended: `pistegate-cloud gate takeover` gives a "
            "new one; `pistegate-gate takeover --end` takes this gate back to its own place"
        )
    return found


def allowed(config: Config) -> TakeoverList | None:
    """The document as it lies in the journal; None: none has come. NoTakeover when it is not genuine."""
    if config.storage is None or not (Path(config.storage.directory) / FILE_NAME).exists():
        return None
    with contextlib.closing(open_to_read(Files(Path(config.storage.directory)))) as journal:
        try:
            row = journal.execute(
                "SELECT key_id, body, signature FROM document WHERE name = ?", (TAKEOVER_LIST,)
            ).fetchone()
        except sqlite3.OperationalError as error:
            raise NoTakeover(f"the journal cannot be read: {error}") from error
    if row is None:
        return None
    signed = SignedDocument(row[0], bytes(row[1]), bytes(row[2]))
    try:
        return open_document(signed, KeyRing(config.document_keys), config.device.site, 0, TakeoverList)
    except (DocumentRefused, CodecError) as error:
        raise NoTakeover(f"the cloud's word on takeovers is not genuine: {error}") from error


def chosen(config: Config) -> int | None:
    """The gate at whose place a technician put this one."""
    if config.storage is None:
        return None
    path = Path(config.storage.directory) / CHOSEN
    if not path.exists():
        return None
    try:
        return int(json.loads(path.read_text("utf-8"))["gate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoTakeover(
            f"{path} cannot be read: `pistegate-gate takeover --end`, then take the place again"
        ) from error


def keep_choice(config: Config, gate: int | None) -> None:
    """Stand there from the next start on; None: at the own place again."""
    if config.storage is None:
        raise NoTakeover("only a gate stands at a place")
    path = Path(config.storage.directory) / CHOSEN
    if gate is None:
        path.unlink(missing_ok=True)
        return
    write_whole(path, json.dumps({"gate": gate}).encode(), 0o644)


def standing(config: Config, now_ms: int) -> tuple[Config, Permission | None]:
    """The configuration with the place where this gate stands, and by which permission. NoTakeover: it may not."""
    gate = chosen(config)
    if gate is None or config.place is None:
        return config, None
    found = choose(allowed(config), config.device.number, gate, now_ms)
    post = sorted({*found.post_gates, config.device.number})
    place = msgspec.structs.replace(config.place, area=found.area, post_gates=post)
    return msgspec.structs.replace(config, place=place), found
