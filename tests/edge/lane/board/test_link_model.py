# SPDX-License-Identifier: Apache-2.0
"""Any order of openings, persons, losses on the line, reboots: no opening twice, no person lost or told twice."""

import random
from typing import Any

from board_bench import Bench, Board, clean, trouble
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pistegate_edge.lane.board import codes
from pistegate_edge.lane.core import words

SETTLE_MS = 14_000  # beyond lease, time-out and the time after which a silent board's opening is given up


LINES = st.tuples(
    st.sampled_from(["clean", "clean", "bad", "bad", "down", "up", "cut"]),
    st.integers(0, 2**16),
    st.sampled_from([0.1, 0.4, 0.8]),
)


def cut(frame: bytes) -> list[tuple[int, bytes]]:
    """Nothing comes through."""
    return []


class Line(RuleBasedStateMachine):
    """`turned` is what the arms know; the host knows only what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.boots = 1
        self.turned = 0
        self.asked = 0
        self.lane_opens: list[tuple[str, int]] = []
        self._watch()
        self.bench.link()

    def _watch(self) -> None:
        board = self.bench.board
        assert board is not None
        assert board.lane is not None
        real = board.lane.open

        def opened(*arguments: Any) -> Any:
            self.lane_opens.append((board.boot, board.link._nonce))
            return real(*arguments)

        board.lane.open = opened

    @rule(
        persons=st.integers(1, 3),
        come=st.integers(0, 4),
        out=st.booleans(),
        line=LINES,
        during_ms=st.sampled_from([20, 300, 1200, 2600]),
        mishap=st.sampled_from([None] * 6 + ["reboot", "replug", "stop"]),
    )
    def passage(self, persons: int, come: int, out: bool, line: Any, during_ms: int, mishap: str | None) -> None:
        """The gate admits somebody while the line does as it likes; who comes turns the arm, let in or not."""
        bench = self.bench
        if bench.session._opening is None:
            self.asked += 1
            bench.told(bench.session.open(bench.now, persons, words.EXIT if out else words.ENTRY))
        self._line(line)
        self.wait(30)
        for number in range(come):
            before = sum(self._lane().counts)
            bench.pass_one(words.PASS_B if out else words.PASS_A)
            self.turned += sum(self._lane().counts) - before
            if number == 0 and mishap is not None:
                getattr(self, "_" + mishap)()
        self.wait(during_ms)

    @rule(line=LINES, ms=st.sampled_from([20, 1200, 9000]))
    def lull(self, line: Any, ms: int) -> None:
        """Time goes on."""
        self._line(line)
        self.wait(ms)

    def wait(self, ms: int) -> None:
        """Whoever turns the arm is counted."""
        before = sum(self._lane().counts)
        self.bench.run(ms)
        self.turned += sum(self._lane().counts) - before

    def _line(self, line: Any) -> None:
        kind, seed, often = line
        ways = {"down": (cut, clean), "up": (clean, cut), "cut": (cut, cut), "clean": (clean, clean)}
        if kind == "bad":
            self.bench.to_board = trouble(random.Random(seed), often)
            self.bench.to_host = trouble(random.Random(seed + 1), often)
        else:
            self.bench.to_board, self.bench.to_host = ways[kind]

    def _replug(self) -> None:
        self.bench.told(self.bench.session.line_down(self.bench.now))
        self.bench.run(20)
        self.bench.told(self.bench.session.line_up(self.bench.now))

    def _reboot(self) -> None:
        self.boots += 1
        self.bench.reboot(f"b{self.boots:07x}")
        self._watch()

    def _stop(self) -> None:
        self.bench.told(self.bench.session.stop(self.bench.now))

    @invariant()
    def no_opening_twice(self) -> None:
        """An order opens a lane at most once, over all boots, and nothing opens that was not asked for."""
        nonces = [nonce for _, nonce in self.lane_opens]
        assert len(set(nonces)) == len(nonces)
        assert len(nonces) <= self.asked

    @invariant()
    def nobody_made_up(self) -> None:
        """The host never knows of more persons than turned the arm."""
        assert self._known() <= self.turned

    def teardown(self) -> None:
        """With a good line, all comes right."""
        self._line(("clean", 0, 0.0))
        self.wait(SETTLE_MS)
        bench = self.bench
        assert bench.session.state == "linked"
        assert bench.names("closed").count(None) == 0
        assert len(bench.names("closed")) == self.asked
        self.no_opening_twice()
        self.nobody_made_up()
        if self.boots == 1:
            assert self._known() == self.turned
            assert bench.names("incident").count(codes.REBOOTED) == 0
        assert bench.names("incident").count(codes.REBOOTED) <= self.boots - 1
        assert bench.session.mark == (self._board().boot, sum(self._lane().counts))

    def _known(self) -> int:
        """Persons of openings, persons beyond them, arms forced."""
        told, passed = 0, 0
        for _, name, value in self.bench.events:
            if name == words.PASSED:
                assert value > passed
                passed = value
            elif name == words.CLOSED:
                assert value == passed
                told, passed = told + value, 0
            elif name == words.COUNTED or (name == words.INCIDENT and value in (words.FORCED, words.REVERSE)):
                told += 1
        return told + passed

    def _board(self) -> Board:
        assert self.bench.board is not None
        return self.bench.board

    def _lane(self) -> Any:
        return self._board().lane


Line.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_line = Line.TestCase
