# SPDX-License-Identifier: Apache-2.0
"""A card was read: what it tells of changes of which nobody knew whether they had happened."""

from pistegate_edge.card.facts import CardFacts
from pistegate_edge.core.now import Now
from pistegate_edge.till.core.actions import Action, Answer, Log, RecordSettled, Tell
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.job import Job, done_answer
from pistegate_edge.till.core.memory import Memory, Remembered
from pistegate_edge.till.core.plan import told_of
from pistegate_edge.till.core.unsettled import UnsettledUses
from pistegate_protocol.events import Settled


def settle(
    facts: CardFacts, job: Job, unsettled: UnsettledUses, memory: Memory, now: Now
) -> tuple[list[Action], dict[bytes, bool]]:
    """(what to do, whether each use that the card tells of happened, by name).

    Uses of other requests than the one under way (`job`) are told to the operator at once. A request whose use
    happened is answered with it from now on.
    """
    actions: list[Action] = []
    settled = {}
    for use, done in unsettled.settle(facts):
        settled[use.name] = done
        answer = None
        if done:
            answer = done_answer(use, {"balance": facts.money.wallet.balance, "late": True})
            memory.add(Remembered(use.digest, answer))
        actions.append(RecordSettled(Settled(now.wall_ms, use.epoch, use.seq, done), use, answer))
        if use.request != job.request.id:
            values = {"request": use.request, "done": done} | told_of(use.event)
            actions.append(Tell(job.client, Answer(job.request.id, Code.SETTLED, values, job.request.locale)))
        actions.append(Log(f"settled card use seq={use.seq}: {'done' if done else 'not done'}"))
    return actions, settled
