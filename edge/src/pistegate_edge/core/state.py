# SPDX-License-Identifier: Apache-2.0
"""The states of the passage protocol, and how long some of them may last."""

from enum import StrEnum

READ_TRIES = 3  # attempts to read one held card before it is refused
READ_DEADLINE_S = 3.0  # seconds; a read over a 115200 baud line takes 0.2, one with a switch of key sets 0.5
WRITE_DEADLINE_S = 5.0  # seconds; far beyond a commit with retries: only a dead reader thread meets it
GRANT_S = 0.15  # seconds that a gate waits for the hub (DESIGN, "Events, and being alone")


class State(StrEnum):
    """Each says what is true in it."""

    RECOVERING = "recovering"  # the lane is shut; an opening of the last run may still be passed
    IDLE = "idle"  # the lane is shut, no card is held
    READING = "reading"  # a card is held and being read; nothing is committed
    RESERVING = "reserving"  # the site's hub is asked; nothing is committed, the lane is shut
    COMMITTING = "committing"  # an admission was given to the journal; the card is held
    WRITING = "writing"  # the admission is durable; the card is being written, the lane is shut
    OPEN = "open"  # admission durable, card confirmed, lane opened once; waiting for its outcome


class ImpossibleInput(RuntimeError):
    """An input that cannot come in this state."""
