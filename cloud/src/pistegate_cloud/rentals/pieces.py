# SPDX-License-Identifier: Apache-2.0
"""Pieces of equipment in stock: in, out, damaged, retired. All in the caller's transaction.

A piece follows what tills and counters tell, in whatever order they tell it: it is out while a card or a loan has it.
What they tell of a damaged or retired piece is shown to a person, and changes nothing of it.
"""

from collections.abc import Iterable, Sequence

from pistegate_cloud.errors import Problem
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.rentals import queries
from pistegate_cloud.rentals.models import Piece
from pistegate_cloud.states import PIECE
from pistegate_protocol.rental import RentalKind


async def add(site: int, pieces: Sequence[tuple[RentalKind, str]], now_ms: int) -> list[Piece]:
    """Take pieces into stock; Problem already_exists for a label that is there."""
    labels = [label for _, label in pieces]
    known = await queries.pieces_by_label(site, labels)
    twice = sorted({label for label in labels if labels.count(label) > 1} | set(known))
    if twice:
        raise Problem("already_exists", what=f"piece {twice[0]} of site {site}")
    rows = [Piece(site_id=site, kind=int(kind), label=label, state="in", changed_ms=now_ms) for kind, label in pieces]
    await queries.add_pieces(rows)
    return rows


async def change(site: int, label: str, event: str, note: str | None, now_ms: int) -> Piece:
    """A person says that a piece is damaged, repaired or retired; Problem not_found, state_conflict."""
    known = await queries.pieces_by_label(site, [label])
    if label not in known:
        raise Problem("not_found", what=f"piece {label} of site {site}")
    piece = known[label]
    await queries.move_piece(piece, PIECE.after(piece.state, event), note, now_ms)
    return piece


async def follow(site: int, labels: Iterable[str], now_ms: int) -> None:
    """Set these pieces to where cards and loans say they are; labels that are not in stock are nobody's concern."""
    known = await queries.pieces_by_label(site, [label for label in labels if label])
    for label, piece in known.items():
        out = await queries.is_out(site, label)
        if piece.state in ("in", "out"):
            if (piece.state == "out") != out:
                await queries.move_piece(piece, PIECE.after(piece.state, "take" if out else "give_back"), None, now_ms)
        elif out:
            values = {"label": label, "kind": RentalKind(piece.kind).name.lower(), "state": piece.state}
            case = exceptions.Case(kind="equipment_unfit", key=f"{site}/{label}", site=site, values=values)
            await exceptions.record([case], now_ms)


async def harmed(site: int, label: str, *, lost: bool, note: str, now_ms: int) -> None:
    """A settlement charged for a piece: lost, it leaves the stock for good; damaged, it waits for repair."""
    piece = (await queries.pieces_by_label(site, [label])).get(label) if label else None
    if piece is None or piece.state == "retired" or (piece.state == "damaged" and not lost):
        return
    await queries.move_piece(piece, PIECE.after(piece.state, "retire" if lost else "damage"), note, now_ms)
