# SPDX-License-Identifier: Apache-2.0
"""The request under way, and answers to requests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pistegate_edge.card.facts import CardFacts
from pistegate_edge.till.core.actions import Answer
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.memory import Memory
from pistegate_edge.till.core.plan import Plan, told_of
from pistegate_edge.till.core.requests import CardRequest, Locale, Show, digest
from pistegate_edge.till.core.unsettled import OpenUse, UnsettledUses


@dataclass(slots=True)
class Job:
    """The request under way. `uid`: the only card it may change, once a change of it was begun.

    `token`: of the wish for a card that stands. `told`: the last prompt. `unsure`: a change that the card has to tell
    about. `plan`, `facts`: of the card that is held; `use`: the change being written to it.
    """

    request: CardRequest
    client: int | None
    token: int
    until: float
    digest: bytes = b""
    told: Code | None = None
    uid: bytes | None = None
    unsure: OpenUse | None = None
    plan: Plan | None = None
    facts: CardFacts | None = None
    use: OpenUse | None = None
    refusals: int = 0


def answer_to(request: CardRequest, code: Code, values: Mapping[str, object] | None = None) -> Answer:
    """An answer in the language that the request asked for."""
    return Answer(request.id, code, values or {}, request.locale)


def known_answer(request: CardRequest, memory: Memory, unsettled: UnsettledUses) -> Answer | None:
    """The answer to a request whose id was used before: its result, or that the id is another's. None: begin it."""
    if isinstance(request, Show):
        return None  # looking again is never wrong
    remembered, unsure = memory.get(request.id), unsettled.of_request(request.id)
    before = remembered.digest if remembered else unsure.digest if unsure else None
    if before is not None and before != digest(request):
        return answer_to(request, Code.ID_REUSED)
    if remembered is None:
        return None
    return again(remembered.answer, request.locale)


def again(answer: Answer, locale: Locale | None) -> Answer:
    """An answer that was given before."""
    return replace(answer, values=dict(answer.values) | {"repeated": True}, locale=locale)


def done_answer(use: OpenUse, more: Mapping[str, object]) -> Answer:
    """What a request is answered once its use is known to be done, now and whenever it is asked again."""
    values = {
        "uid": use.event.medium[1:].hex(),
        "ticket": use.event.ticket or None,
        "at": use.event.at,
        "use": {"epoch": use.epoch, "seq": use.seq, "name": use.name.hex()},
    }
    return Answer(use.request, Code.DONE, told_of(use.event) | values | dict(more))
