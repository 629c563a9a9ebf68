# SPDX-License-Identifier: Apache-2.0
"""A till's core with its journal behind it, and the shortest ways to make it do something."""

from typing import Any

from till_bench import (
    TILL,
    ModelCard,
    ModelJournal,
    debit,
    later,
    till,
    told,
)

from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.machine import State, TillCore
from pistegate_edge.till.words import words_of
from pistegate_protocol.texts import LOCALES


class Sale:
    """One till and what happened at it."""

    def __init__(self, machine: TillCore | None = None) -> None:
        self.machine = machine or till()
        self.journal = ModelJournal()
        self.token = 0
        self.write: a.Write | None = None

    def tell(self, what: i.Input, seconds: float = 0.0) -> list[a.Action]:
        """Give it an input; the journal takes what it is given, and every answer has its words."""
        actions = self.machine.handle(what, later(seconds))
        for action in actions:
            if isinstance(action, a.Tell):
                assert all(words_of(action.answer, locale, TILL.currency) for locale in LOCALES)
            if isinstance(action, a.Want):
                self.token = action.token
            if isinstance(action, a.Write):
                self.write = action
            if not isinstance(action, a.RecordUse):
                self.journal.take(action)
        return actions

    def hold(self, card: ModelCard) -> list[a.Action]:
        """A card is read, and a change of it becomes durable."""
        actions = self.tell(i.CardRead(self.token, card.files()))
        for record in told(actions, a.RecordUse):
            use = self.journal.begin(record).use
            actions = actions + self.tell(i.UseRecorded(use.epoch, use.seq, use.name))
        return actions

    def commit(self, card: ModelCard, result: i.WriteResult = i.WriteResult.OK, **values: Any) -> list[a.Action]:
        """The card is written."""
        assert self.write is not None
        proof = card.commit(self.write) if result is i.WriteResult.OK else None
        return self.tell(i.CardWritten(self.write.token, result, proof, **values))

    def buy(self, card: ModelCard, request: i.Asked | None = None) -> a.Answer:
        """A whole request, to its last answer."""
        actions = self.tell(request or debit()) + self.hold(card)
        if self.machine.state is State.WRITING:
            actions = self.commit(card)
        return told(actions, a.Tell)[-1].answer
