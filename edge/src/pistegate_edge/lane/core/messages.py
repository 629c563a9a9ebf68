# SPDX-License-Identifier: Apache-2.0
"""What a host and its lane board tell each other: one table, read by both ends; its hash is the protocol's version.

`ask`, `hello` and `service` keep their numbers and fields for ever: by them two ends that differ still learn that they
differ, and the board can be flashed.
"""

import binascii
import hashlib
import struct

from pistegate_edge.lane.core import words
from pistegate_edge.lane.core.pattern import STEPS_MAX

TYPE_CHECKING = False  # a type checker takes it for true; a board has no typing
if TYPE_CHECKING:
    from typing import Any

NUMBER_MAX = (1 << 30) - 1
TEXT_MAX = 100  # bytes of UTF-8

DIRECTIONS = (words.ENTRY, words.EXIT)
MODES = (words.NORMAL, words.GROUP, words.FREE, words.OUT)
CRASHED = "board_crashed"  # the firmware met an error: outputs off until a reset
FAULTS = words.LATCHED + words.PASSING + (CRASHED,)  # bit i of a report's `faults` is FAULTS[i]

TAKEN = 0  # a command was carried out
REFUSED = 1  # it was not, and will not be: `why` says so

HOST = "host"
BOARD = "board"
# Every message of the host but `ask` begins with the board's boot, the host's run and the newest report seen, so that
# one that was delayed, repeated or meant for another boot does nothing; commands are numbered too.
_FREE = ()
_FROM = (("boot", "x4"), ("run", "x4"), ("seen", "u30"))
_COMMAND = (("boot", "x4"), ("run", "x4"), ("seen", "u30"), ("nonce", "u30"))

# (number, name, sender, first fields, further fields). Kinds: u8, u16, u30 (a number in 4 bytes), x4 (4 bytes as 8
# hex digits), text, steps (pairs of a level and its milliseconds).
TABLE = (
    (1, "ask", HOST, _FREE, (("protocol", "x4"), ("profile", "x4"), ("run", "x4"))),
    (
        2,
        "hello",
        BOARD,
        _FREE,
        (
            ("protocol", "x4"),
            ("profile", "x4"),
            ("boot", "x4"),  # chosen by chance at each start of the board
            ("run", "x4"),  # the run of the host that the board listens to; zeros: to none
            ("build", "x4"),  # hash of the files on the board, as flash wrote them
            ("version", "text"),
            ("crash", "text"),  # why the board is latched, or empty
        ),
    ),
    # acked: every event up to this number is the host's now
    (3, "alive", HOST, _FROM, (("acked", "u30"),)),
    (4, "open", HOST, _COMMAND, (("direction", "u8"), ("persons", "u8"), ("lease_ms", "u30"))),
    (5, "renew", HOST, _FROM, (("opening", "u30"), ("lease_ms", "u30"))),
    (6, "stop", HOST, _COMMAND, ()),
    (7, "drain", HOST, _COMMAND, ()),
    (8, "mode", HOST, _COMMAND, (("mode", "u8"), ("direction", "u8"), ("persons", "u8"))),
    (9, "reset", HOST, _COMMAND, ()),
    # One track of lamps or sound, as `pattern.Mixer.play` takes it. A repeated `turn` of a track does nothing.
    (
        10,
        "signals",
        HOST,
        _FROM,
        (("turn", "u8"), ("track", "u8"), ("first", "steps"), ("for_ms", "u30"), ("then", "steps")),
    ),
    (11, "logs", HOST, _FROM, ()),  # asks for the lines that the board keeps
    (
        12,
        "state",
        BOARD,
        _FREE,
        (
            ("boot", "x4"),
            ("run", "x4"),
            ("report", "u30"),
            ("state", "text"),
            ("mode", "u8"),
            ("inputs", "u30"),
            ("outputs", "u30"),
            ("faults", "u16"),
            ("entries", "u30"),  # persons counted since this boot, whoever let them
            ("exits", "u30"),
            ("beyond_in", "u30"),  # those of them that no opening covered
            ("beyond_out", "u30"),
            ("nonce", "u30"),  # the newest command that was dealt with
            ("result", "u8"),
            ("why", "text"),
            ("opening", "u30"),  # the newest command that let persons through
            ("passed", "u16"),  # how many of them are through
            ("open", "u8"),  # 1: that opening goes on
            ("first", "u30"),  # numbers of the oldest event that the board still keeps, and of the newest
            ("last", "u30"),
            ("turns", "u30"),  # the turns of the three tracks that play now, 8 bits each
        ),
    ),
    (
        13,
        "event",
        BOARD,
        _FREE,
        (("boot", "x4"), ("number", "u30"), ("name", "text"), ("text", "text"), ("count", "u16")),
    ),
    (14, "log", BOARD, _FREE, (("number", "u16"), ("text", "text"))),
    # Leave the lane safe and the line to `board flash`. Like `ask`, it stays what it is, whatever the protocol.
    (15, "service", HOST, _FREE, ()),
)
NOBODY = "00000000"

_BY_NAME = {row[1]: row for row in TABLE}
STATE = _BY_NAME["state"][4]
_BY_NUMBER = {row[0]: row for row in TABLE}
_PACK = {"u8": "<B", "u16": "<H", "u30": "<I"}


def _canonical() -> str:
    lines = []
    for number, name, sender, head, fields in TABLE:
        lines.append(" ".join([str(number), name, sender] + [field + ":" + kind for field, kind in head + fields]))
    lines.append(" ".join(DIRECTIONS + MODES))
    lines.append(" ".join(FAULTS))
    lines.append(" ".join(words.INCIDENTS))
    return "\n".join(lines)


def short_hash(data: bytes) -> str:
    """8 hex digits of SHA-256: tells versions apart, proves nothing."""
    return binascii.hexlify(hashlib.sha256(data).digest()[:4]).decode()


PROTOCOL = short_hash(_canonical().encode())


def encode(seq: int, name: str, values: "dict[str, Any]") -> bytes:
    """The body of a frame; ValueError when a value does not fit its field."""
    row = _BY_NAME[name]
    body = bytes((seq & 255, row[0]))
    for field, kind in row[3] + row[4]:
        body += _encode_field(kind, values[field])
    return body


def decode(body: bytes, sender: str) -> "tuple[int, str, dict[str, Any]] | None":
    """(seq, name, values) of a message that `sender` may send; None when it is none."""
    row = _BY_NUMBER.get(body[1]) if len(body) >= 2 else None
    if row is None or row[2] != sender:
        return None
    values = {}
    at = 2
    for field, kind in row[3] + row[4]:
        value, at = _decode_field(kind, body, at)
        if value is None:
            return None
        values[field] = value
    return (body[0], row[1], values) if at == len(body) else None


def cut(text: str) -> str:
    """At most TEXT_MAX bytes of a text, whole characters."""
    while len(text.encode()) > TEXT_MAX:
        text = text[:-1]
    return text


def fault_bits(codes: list[str]) -> int:
    """A report's `faults`."""
    bits = 0
    for code in codes:
        bits |= 1 << FAULTS.index(code)
    return bits


def fault_codes(bits: int) -> list[str]:
    """The codes of a report's `faults`."""
    return [FAULTS[i] for i in range(len(FAULTS)) if bits >> i & 1]


def _encode_field(kind: str, value: "Any") -> bytes:
    if kind == "text":
        data: bytes = value.encode()
        if len(data) > TEXT_MAX:
            raise ValueError("text too long")
        return bytes((len(data),)) + data
    if kind == "steps":
        data = bytes((len(value),))
        for level, ms in value:
            data += struct.pack("<BH", level, ms)
        return data
    if kind == "x4":
        data = binascii.unhexlify(value)
        if len(data) != 4:
            raise ValueError("not 4 bytes")
        return data
    top = 255 if kind == "u8" else 65535 if kind == "u16" else NUMBER_MAX
    if not 0 <= value <= top:
        raise ValueError("number out of range")
    return struct.pack(_PACK[kind], value)


def _decode_field(kind: str, body: bytes, at: int) -> "tuple[Any, int]":
    """(value, where the next field begins); the value is None when there is none."""
    if kind == "text":
        return _decode_text(body, at)
    if kind == "steps":
        return _decode_steps(body, at)
    size = struct.calcsize(_PACK[kind]) if kind in _PACK else 4
    end = at + size
    if end > len(body):
        return None, at
    if kind == "x4":
        return binascii.hexlify(body[at:end]).decode(), end
    value = struct.unpack(_PACK[kind], body[at:end])[0]
    return (value, end) if value <= NUMBER_MAX else (None, at)


def _decode_text(body: bytes, at: int) -> "tuple[Any, int]":
    if at >= len(body) or body[at] > TEXT_MAX or at + 1 + body[at] > len(body):
        return None, at
    end = at + 1 + body[at]
    try:
        return body[at + 1 : end].decode(), end
    except UnicodeError:
        return None, at


def _decode_steps(body: bytes, at: int) -> "tuple[Any, int]":
    if at >= len(body) or body[at] > STEPS_MAX or at + 1 + 3 * body[at] > len(body):
        return None, at
    end = at + 1 + 3 * body[at]
    return tuple(struct.unpack("<BH", body[i : i + 3]) for i in range(at + 1, end, 3)), end
