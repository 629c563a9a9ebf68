# SPDX-License-Identifier: Apache-2.0
"""Runs of blocked beams: whose they are, and how bodies share one. A run is (lo, hi), indices along the row.

Bodies are those of `counter_bodies`; nothing is remembered here.
"""

TAKEN = (-1, -1)  # a run that became part of another
THIN_CLEAR = (0, 1, 3)  # most clear beams within one body, by how many of the two parts beside them are thin


def runs_of(cells: int, count: int) -> list[tuple[int, int]]:
    """(lo, hi) of each run of set bits among the first `count`."""
    runs = []
    lo = -1
    for place in range(count + 1):
        if cells >> place & 1:
            lo = place if lo < 0 else lo
        elif lo >= 0:
            runs.append((lo, place - 1))
            lo = -1
    return runs


def pairs(lo: int, hi: int) -> int:
    """Bit i for each pair of neighbours i and i + 1 within a run."""
    return (1 << hi) - (1 << lo)


def best(body, runs: list[tuple[int, int]]) -> int:  # type: ignore[no-untyped-def]
    """The run that shares most beams with a body, or touches it; of equals the longest, then the rear one. -1: none.

    Who was lost may come out one beam farther.
    """
    reach = 0 if body.until is None else -1
    found = -1
    most = (-2, 0)
    for index, run in enumerate(runs):
        shared = min(body.hi, run[1]) - max(body.lo, run[0]) + 1
        rank = (shared, run[1] - run[0])
        if shared >= reach and (rank > most or (rank == most and body.side == 1)):
            found = index
            most = rank
    return found


def spread_out(runs: list[tuple[int, int]], claims) -> None:  # type: ignore[no-untyped-def]
    """A wide run without a sure body, next to one that several share: the one on that side has come off."""
    for index, run in enumerate(runs):
        if run[0] == run[1] or [body for body in claims[index] if body.sure]:
            continue
        for other, at in ((index - 1, -1), (index + 1, 0)):
            sharing = [body for body in claims[other] if body.sure] if 0 <= other < len(runs) else []
            if len(sharing) > 1:
                claims[other].remove(sharing[at])
                claims[index].append(sharing[at])
                break


def join_thin(runs: list[tuple[int, int]], claims) -> list[tuple[int, int]]:  # type: ignore[no-untyped-def]
    """A sure body with one clear beam in it, and not both parts wide, is one still: a pole at its side, a hand.

    Two thin parts farther apart stay one too, until it shows which of them is the body. Returns the part of each run
    that is the body.
    """
    cores = list(runs)
    for index, run in enumerate(runs):
        if claims[index]:
            continue
        for other in (index - 1, index + 1):
            if not 0 <= other < len(runs) or len(claims[other]) != 1:
                continue
            body, rest = claims[other][0], runs[other]
            clear = max(rest[0] - run[1], run[0] - rest[1]) - 1
            touches = run[0] <= body.hi and run[1] >= body.lo
            thin = (run[0] == run[1]) + (rest[0] == rest[1])
            if body.sure and touches and 0 < clear <= THIN_CLEAR[thin]:
                runs[other] = (min(run[0], rest[0]), max(run[1], rest[1]))
                cores[other] = run if run[0] < run[1] else rest if rest[0] < rest[1] else runs[other]
                runs[index] = TAKEN
                break
    return cores


def cut(run: tuple[int, int], lengths: list[int], at_lo: bool, at_hi: bool) -> list[tuple[int, int]]:
    """Parts of a run in order, by the lengths of its bodies before; at an end of the row the outermost shrinks.

    A part whose hi is below its lo is empty: that body is not in the run any more.
    """
    lo, hi = run
    spare = hi - lo + 1 - sum(lengths)
    lengths = list(lengths)
    if at_lo and not at_hi:
        lengths[0] += spare
        _take_over(lengths, 1)
    elif at_hi and not at_lo:
        lengths[-1] += spare
        _take_over(lengths, -1)
    else:
        _spread(lengths, spare)
    parts = []
    for length in lengths:
        parts.append((lo, lo + length - 1))
        lo += length
    return parts


def _take_over(lengths: list[int], step: int) -> None:
    """What the outermost body is short of, the next ones give; nobody gets less than nothing."""
    index = 0 if step == 1 else len(lengths) - 1
    while 0 <= index + step < len(lengths) and lengths[index] < 0:
        lengths[index + step] += lengths[index]
        lengths[index] = 0
        index += step


def _spread(lengths: list[int], spare: int) -> None:
    """Shares of a run in the middle of the row: everybody keeps at least one beam while there are enough."""
    index = 0
    while spare > 0:
        lengths[index % len(lengths)] += 1
        spare -= 1
        index += 1
    while spare < 0:
        longest = max(range(len(lengths)), key=lambda at: lengths[at])
        lengths[longest] -= 1
        spare += 1
