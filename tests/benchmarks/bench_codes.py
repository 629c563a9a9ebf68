# SPDX-License-Identifier: Apache-2.0
"""Codes: how fast a gate tells hostile lines from tickets, what believing one costs, and how well cameras read them.

Read rates are of one picture each, by an independent decoder (zxing-cpp), after deterministic damage (code_camera.py);
a scanner takes some twenty pictures a second. Next to ours stands a static code of the kind that other systems print:
128 characters of base64. Widths are of the whole code with its quiet zone: what has more modules has smaller ones.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import cycle, islice
from statistics import mean, median
from time import perf_counter

import numpy as np
import segno
from code_camera import DAMAGES, OTHERS_CHARACTERS, damaged, others_text, read
from code_cases import START, STRANGERS, a_sheet, largest_claim, rechecked, static_text
from figures import Figure, progress
from protocol_cases import ISSUER, KEY_ID, KEYS, NOW

from pistegate_protocol.codes import TicketCode, code_text, open_code, parse
from pistegate_protocol.instants import at_minute
from pistegate_protocol.rotating import PERIOD_S, ReadAt

LINES_LIMIT = 50_000  # a second, hostile (issue 5)
ROUNDS, LINES = 7, 20_000
LONGEST_QR = 7089  # digits of a version 40 at ECC L
OPENINGS = 60
WIDTHS_MM = (30, 25, 20, 16, 13)
PICTURES = 12  # of each code, width and damage, from slight to what one would be told to do better
FIRST_LEVEL = 0.3
DAY_STEPS = 5760
KINDS = ("static", "rotating", "others")


def measure() -> list[Figure]:
    """Lines a second, milliseconds to believe, and read rates."""
    sheet = a_sheet(largest_claim())
    texts = {
        "static": static_text(largest_claim()),
        "rotating": code_text(sheet.code_at(NOW)),
        "others": others_text(np.random.default_rng(1)),
    }
    return [*_speed(texts["static"]), *_believing(), *_sizes(texts), *_read_rates(texts)]


def _speed(genuine: str) -> list[Figure]:
    hostile = _hostile(genuine)
    kinds = {"hostile": hostile, "genuine": [genuine]}
    rates = {name: _lines_a_second(lines, LINES) for name, lines in kinds.items()}
    slowest = min(_lines_a_second([line], LINES // 10) for line in [*hostile, "9" * LONGEST_QR])
    note = "strangers, halves, doubles, flipped digits, and digits whose check is right"
    return [
        Figure("parse: hostile lines", rates["hostile"], "lines/s", LINES_LIMIT, "at least", note),
        Figure("parse: the slowest of them alone", slowest, "lines/s", LINES_LIMIT, "at least"),
        Figure("parse: genuine lines", rates["genuine"], "lines/s", note="static, 36-byte body"),
    ]


def _hostile(genuine: str) -> list[str]:
    """One in three gets past the check digits; none is a ticket."""
    chance = random.Random(1)
    lines = [line for line, _ in STRANGERS]
    for _ in range(len(STRANGERS)):
        at = chance.randrange(len(genuine))
        lines.append(genuine[:at] + chance.choice("0123456789") + genuine[at + 1 :])
        lines.append(genuine[:at])
        digits = "".join(chance.choice("0123456789") for _ in range(chance.choice((219, 245, 291))))
        lines += [rechecked(("2" if len(digits) == 291 else "1") + digits) for _ in range(2)]
    return lines


def _lines_a_second(lines: list[str], count: int) -> float:
    """The best round: parsing waits for nothing, so whatever slows another one is the machine."""
    work, rates = list(islice(cycle(lines), count)), []
    for _ in range(ROUNDS):
        begun = perf_counter()
        for line in work:
            parse(line)
        rates.append(count / (perf_counter() - begun))
    return max(rates)


def _believing() -> list[Figure]:
    """A claim from its text, by the signature it needs anyway."""
    message = b"m" * 100
    signature = ISSUER.sign(message)
    verify = _milliseconds(lambda: KEYS.verify(KEY_ID, signature, message))
    found = [Figure("believe: Ed25519 verify alone", verify, "ms")]
    static, day = parse(static_text(largest_claim())), a_sheet(largest_claim(), START, DAY_STEPS)
    assert isinstance(static, TicketCode)
    found.append(_opening("static", static, ReadAt(NOW), verify))
    for name, step in (("rotating, a day's first hour", 240), ("rotating, a day's last period", DAY_STEPS - 1)):
        code, shown = day.code(step), at_minute(START) + timedelta(seconds=step * PERIOD_S)
        found.append(_opening(name, code, ReadAt(shown), verify))
    return found


def _opening(name: str, code: TicketCode, at: ReadAt, verify: float) -> Figure:
    spent = _milliseconds(lambda: open_code(code, KEYS, at))
    return Figure(f"believe: {name}", spent, "ms", note=f"{spent / verify:.1f} times the Ed25519 verify")


def _milliseconds(do: Callable[[], object]) -> float:
    samples = []
    for _ in range(OPENINGS):
        begun = perf_counter()
        do()
        samples.append((perf_counter() - begun) * 1000)
    return median(samples)


def _sizes(texts: dict[str, str]) -> list[Figure]:
    limits = {"static": 6, "rotating": 8, "others": None}
    return [
        Figure(f"QR version at ECC M: {kind}", _version(text), "", limits[kind], note=f"{len(text)} characters")
        for kind, text in texts.items()
    ]


def _version(text: str) -> int:
    return int(segno.make_qr(text, error="m", boost_error=False).version)


def _read_rates(texts: dict[str, str]) -> list[Figure]:
    found, totals = [], {kind: list[float]() for kind in KINDS}
    total = len(WIDTHS_MM) * len(DAMAGES)
    for done, (damage, width) in enumerate((damage, width) for damage in DAMAGES for width in WIDTHS_MM):
        progress(done, total)
        rates = {kind: _read_rate(texts[kind], width, damage) for kind in KINDS}
        for kind, rate in rates.items():
            totals[kind].append(rate)
        note = f"rotating {rates['rotating']:.0f} %, {OTHERS_CHARACTERS} characters of others {rates['others']:.0f} %"
        found.append(Figure(f"read: {damage}, {width} mm", rates["static"], "%", note=note))
    means = {kind: mean(rates) for kind, rates in totals.items()}
    note = f"rotating {means['rotating']:.0f} %, others {means['others']:.0f} %"
    return [*found, Figure("read: all together", means["static"], "%", note=note)]


def _read_rate(text: str, width_mm: float, damage: str) -> float:
    """Of pictures damaged by and by; whatever is read must be what was printed."""
    levels = np.linspace(FIRST_LEVEL, 1, PICTURES)
    found = [read(damaged(text, width_mm, damage, float(level), seed)) for seed, level in enumerate(levels)]
    assert all(texts in ([], [text]) for texts in found)
    return 100 * sum(bool(texts) for texts in found) / PICTURES
