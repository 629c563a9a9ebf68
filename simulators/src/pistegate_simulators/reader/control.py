# SPDX-License-Identifier: Apache-2.0
"""What a person or a test of another program can do to the cards on the command line's reader while it runs."""

from collections.abc import Callable

from pistegate_simulators.reader.field import Cut, Executed
from pistegate_simulators.reader.pocket import Held
from pistegate_simulators.reader.port import SimulatedReader

HELP = """\
commands on standard input, one a line, each answered by one line on standard output:
  take [CARD]        take a card (by number, from 1; else all) off the reader
  hold [CARD]        hold it (else all) to the reader again
  cut N [WHEN [HOW]] let N exchanges pass, then tear all cards away at the next one:
                     WHEN before, during or after the card carries it out (after);
                     HOW far it came, for during: nothing, half or all (nothing)
  lose N             lose the next N answers of cards
  garble N           spoil the CRC of the next N answers
  state              which cards are on the reader, and what has passed
  quit               end, as Ctrl-C does
signals: SIGUSR1 takes all cards away, SIGUSR2 holds them to the reader again.
"""
QUIT = "quit"


class Controls:
    """Obeys one line at a time."""

    def __init__(self, reader: SimulatedReader, held: list[Held]) -> None:
        self._reader = reader
        self._held = held
        self._commands: dict[str, Callable[[list[str]], str]] = {
            "take": self._take,
            "hold": self._hold,
            "cut": self._cut,
            "lose": self._lose,
            "garble": self._garble,
            "state": self._state,
            "help": lambda _: HELP.rstrip(),
        }

    def obey(self, line: str) -> str:
        """What was done, or what is wrong with the line."""
        words = line.split()
        if not words:
            return ""
        run = self._commands.get(words[0])
        if run is None:
            return f"unknown command {words[0]!r}: help lists them"
        try:
            return run(words[1:])
        except (ValueError, IndexError, KeyError):
            return f"cannot read {line.strip()!r}: help lists the commands"

    def _chosen(self, words: list[str]) -> list[Held]:
        if not words:
            return self._held
        number = int(words[0])
        if not 1 <= number <= len(self._held):
            raise ValueError(number)
        return [self._held[number - 1]]

    def _take(self, words: list[str]) -> str:
        for one in self._chosen(words):
            self._reader.remove(one.card)
        return self._state([])

    def _hold(self, words: list[str]) -> str:
        for one in self._chosen(words):
            self._reader.present(one.card)
        return self._state([])

    def _cut(self, words: list[str]) -> str:
        when = Cut(words[1]) if len(words) > 1 else Cut.AFTER
        executed = Executed(words[2]) if len(words) > 2 else Executed.NOTHING
        self._reader.cut_after(int(words[0]), when, executed)
        how = f", {executed.value} of it done" if when is Cut.DURING else ""
        return f"will cut {when.value} exchange {int(words[0]) + 1} from now{how}"

    def _lose(self, words: list[str]) -> str:
        self._reader.rf.lose_answers(int(words[0]))
        return f"will lose {int(words[0])} answers"

    def _garble(self, words: list[str]) -> str:
        self._reader.rf.garble_answers(int(words[0]))
        return f"will garble {int(words[0])} answers"

    def _state(self, _: list[str]) -> str:
        there = self._reader.rf.cards
        cards = [
            f"{number} {one.kind} {one.card.uid.hex().upper()} {'on the reader' if one.card in there else 'away'}"
            for number, one in enumerate(self._held, start=1)
        ]
        counters = self._reader.counters
        return "; ".join([*cards, f"{counters.exchanges} exchanges, {counters.rf_bytes} bytes on the air"])
