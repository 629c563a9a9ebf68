# SPDX-License-Identifier: Apache-2.0
"""What a look at a reader's field can meet."""

from dataclasses import dataclass

from pistegate_edge.card.facts import CardFiles
from pistegate_edge.core.inputs import ReadProblem, Stranger


@dataclass(frozen=True, slots=True)
class Unread:
    """A card that may be ours and could not be read."""

    uid: bytes
    problem: ReadProblem
    detail: str = ""


Seen = CardFiles | Unread | Stranger
