# SPDX-License-Identifier: Apache-2.0
"""What is known of a ticket's usage by other media, or at other gates, than what was presented. Pure.

Every *source* counts only its own admissions: the ticket's card what is written to it, a gate all media without a
memory (codes, documents, fingers) that were presented there. Nobody adds one source's counters to another's: of each
source the newest counters known are kept, so that news may come twice, late and in any order. The cards that a ticket
is put on one after the other are one source: each begins with what the one before had used. What of all this limits an
admission here and now is told by others.py.

Wire: number of parts u8, then for each: length of the source u8, source, counters 16 bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import TIME_ZERO
from pistegate_protocol.returns import RETURNS_MODULUS
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import COUNTERS_BYTES, NO_ADMISSION, Usage, decode_counters, encode_counters

PARTS_MAX = 255  # sources of one ticket: its card, and each gate where another medium of it was presented
SOURCE_MAX = 16  # bytes
CARD_SOURCE = bytes([MediumKind.CARD])
_AT_GATE = 0xFF  # the first byte of a source that is a gate


@dataclass(frozen=True, slots=True)
class Part:
    """The newest counters known of one source. Whose claim and admission they name does not matter here."""

    source: bytes
    usage: Usage


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One part for each source, ordered by source; make it with `merged` or `of_usage`."""

    parts: tuple[Part, ...] = ()

    def without(self, source: bytes) -> "Elsewhere":
        """All but `source`: what is elsewhere for whoever presents it."""
        return Elsewhere(tuple(part for part in self.parts if part.source != source))

    def usage(self, source: bytes) -> Usage | None:
        """The counters of `source`."""
        return next((part.usage for part in self.parts if part.source == source), None)


NOTHING = Elsewhere()


def source_of(kind: MediumKind, gate: int) -> bytes:
    """Who counts the admissions of a medium of this kind presented at `gate`."""
    return CARD_SOURCE if kind is MediumKind.CARD else gate_source(gate)


def gate_source(gate: int) -> bytes:
    """The source of media without a memory at `gate`."""
    return bytes([_AT_GATE]) + gate.to_bytes(2, "big")


def of_usage(source: bytes, usage: Usage) -> Elsewhere:
    """What `source` is known to have used."""
    return Elsewhere((Part(source, usage),))


def merged(*known: Elsewhere) -> Elsewhere:
    """All that is known: of each source its newest counters. In any order, and any number of times."""
    newest: dict[bytes, Usage] = {}
    for part in _all(known):
        before = newest.get(part.source)
        newest[part.source] = part.usage if before is None else newer(before, part.usage)
    return Elsewhere(tuple(Part(source, newest[source]) for source in sorted(newest)))


def newer(one: Usage, other: Usage) -> Usage:
    """Of two usages of one source the one that comes after.

    Persons ever charged (those given back included), persons given back, minutes drawn between two returns and the
    time of the last entry never go down. Where all are equal, somebody has left since: entering changes them, leaving
    takes persons off those inside.
    """
    ahead = _wrapped(other.returns - one.returns)
    ranks = (
        (one.used_total, 0, one.bank_used, _entry(one), -one.in_round),
        (other.used_total + ahead, ahead, other.bank_used, _entry(other), -other.in_round),
    )
    return other if ranks[1] > ranks[0] else one


def encode_elsewhere(known: Elsewhere) -> bytes:
    """CodecError for more parts than PARTS_MAX, or a source that is too long."""
    if len(known.parts) > PARTS_MAX:
        raise CodecError(f"{len(known.parts)} sources of one ticket, at most {PARTS_MAX}")
    return bytes([len(known.parts)]) + b"".join(_encode_part(part) for part in known.parts)


def decode_elsewhere(data: bytes) -> Elsewhere:
    """The inverse; CodecError for anything else, UnknownVersion for counters of a newer layout."""
    count, rest = data[:1], data[1:]
    parts = []
    for _ in range(count[0] if count else 0):
        end = 1 + (rest[0] if rest else 0)
        source, counters, rest = rest[1:end], rest[end : end + COUNTERS_BYTES], rest[end + COUNTERS_BYTES :]
        parts.append(Part(_checked(source), decode_counters(counters, b"", NO_ADMISSION)))
    found = Elsewhere(tuple(parts))
    if not count or rest or found != merged(found):
        raise CodecError("not the usage of a ticket's other media: a piece is missing, left over or out of order")
    return found


def _all(known: Iterable[Elsewhere]) -> Iterable[Part]:
    return (part for each in known for part in each.parts)


def _wrapped(difference: int) -> int:
    """A difference of persons given back, which are counted modulo 256."""
    return (difference + RETURNS_MODULUS // 2) % RETURNS_MODULUS - RETURNS_MODULUS // 2


def _entry(usage: Usage) -> float:
    return 0.0 if usage.last_entry is None else (usage.last_entry - TIME_ZERO).total_seconds()


def _encode_part(part: Part) -> bytes:
    return bytes([len(_checked(part.source))]) + part.source + encode_counters(part.usage)


def _checked(source: bytes) -> bytes:
    if not 0 < len(source) <= SOURCE_MAX:
        raise CodecError(f"source of {len(source)} bytes, 1..{SOURCE_MAX} expected")
    return source
