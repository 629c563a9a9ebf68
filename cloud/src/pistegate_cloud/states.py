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
        "sold": {"write": "issuing", "amend": "sold", "revoke": "revoked"},
        "issuing": {"write": "issuing", "written": "issued", "amend": "issuing", "revoke": "revoked"},
        "issued": {"reissue": "issuing", "amend": "issued", "revoke": "revoked"},
        "revoked": {},
    },
)

# A card IC卡. personalising: its keys and files are being written. stock 库存: ours, nobody's. in_use 在用: a guest has
# it. returned 已退未清: taken back, what was on it may still be. lost 挂失: refused everywhere, may be found again.
# void 作废: for good, as a lost card is once it was replaced.
CARD = StateTable(
    "card",
    {
        "personalising": {"personalise": "personalising", "personalised": "stock", "void": "void"},
        "stock": {"issue": "in_use", "load": "in_use", "void": "void"},
        "in_use": {"issue": "in_use", "load": "in_use", "take_back": "returned", "lose": "lost", "void": "void"},
        "returned": {"take_back": "returned", "wipe": "stock", "void": "void"},
        "lost": {"find": "in_use", "replace": "void", "void": "void"},
        "void": {"replace": "void"},
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

# What a till did with a card, from being durable to its end (events.UseResult, in words).
USE = StateTable(
    "card use",
    {
        "open": {result: result for result in ("done", "void", "unconfirmed", "interrupted")},
        "done": {},
        "void": {},
        "unconfirmed": {},
        "interrupted": {},
    },
)

# Money sent to a card by relay. sent: not known to be on it, and taken from the account.
LOAD = StateTable("load", {"sent": {"done": "done", "void": "void"}, "done": {}, "void": {}})
