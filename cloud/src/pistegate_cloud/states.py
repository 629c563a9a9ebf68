# SPDX-License-Identifier: Apache-2.0
"""State machines as tables: what is not in the table does not happen."""

from collections.abc import Mapping

from pistegate_cloud.errors import Problem


class StateTable:
    """`moves`: state -> {event: next state}; every state has an entry, final ones an empty one."""

    def __init__(self, noun: str, moves: Mapping[str, Mapping[str, str]]) -> None:
        self.noun = noun
        self.moves = moves
        loose = {target for events in moves.values() for target in events.values()} - set(moves)
        if loose:
            raise ValueError(f"{noun}: states without an entry: {', '.join(sorted(loose))}")

    def after(self, state: str, event: str) -> str:
        """The state that `event` leads to; Problem state_conflict when it is not in the table."""
        try:
            return self.moves[state][event]
        except KeyError:
            raise Problem("state_conflict", noun=self.noun, state=state, event=event) from None


ORDER = StateTable("order", {"new": {"pay": "paid"}, "paid": {}})

# issuing: claim and usage were sent to a card, and no answer has confirmed yet that they are on it.
TICKET = StateTable(
    "ticket",
    {
        "sold": {"write": "issuing", "revoke": "revoked"},
        "issuing": {"write": "issuing", "written": "issued", "revoke": "revoked"},
        "issued": {"revoke": "revoked"},
        "revoked": {},
    },
)

# An admission from permission to outcome (events.OutcomeKind, in words).
ADMISSION = StateTable(
    "admission",
    {
        "open": {kind: kind for kind in ("passed", "not_passed", "card_void", "card_unconfirmed", "interrupted")},
        "passed": {},
        "not_passed": {},
        "card_void": {},
        "card_unconfirmed": {},
        "interrupted": {},
    },
)
