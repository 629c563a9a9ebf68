# SPDX-License-Identifier: Apache-2.0
"""Settlements as answers."""

from collections.abc import Sequence

from pistegate_cloud.schemas import iso
from pistegate_cloud.settlements import reading
from pistegate_cloud.settlements.models import Settlement
from pistegate_cloud.settlements.paying import Back
from pistegate_cloud.settlements.reading import Read
from pistegate_cloud.settlements.rules import Line, Plan, owed
from pistegate_cloud.settlements.schemas import BackAnswer, SettlementAnswer, SettlementLine, words_of


def answer_of(
    row: Settlement | None,
    read: Read,
    lines: Sequence[Line],
    plan: Plan | None,
    backs: Sequence[Back],
    currency: str,
    now_ms: int,
) -> SettlementAnswer:
    """A settlement, or what it would be (`row` None)."""
    back = sum(each.amount for each in backs)
    if row is None and plan is not None:
        back = plan.wallet_back + sum(plan.deposits_back.values())
    return SettlementAnswer(
        id=row.id if row else None,
        state=row.state if row else "preview",
        site=read.site,
        uid=read.uid,
        ticket=read.ticket,
        order=row.order_id if row else None,
        currency=currency,
        charges=owed(lines),
        missing=plan.missing if plan else 0,
        back=back,
        lines=[_line(line, currency) for line in lines],
        returned=[
            BackAnswer(of=each.of, number=each.number, method=each.method, amount=each.amount, waits=each.waits)
            for each in backs
        ],
        out=[reading.name_of(piece) for piece in reading.still_out(read)] if row is None else [],
        at=iso(now_ms),
    )


def kept_answer(row: Settlement) -> SettlementAnswer:
    """A settlement as it was kept."""
    lines = [
        Line(each["key"], each["amount"], each["values"], each["only_card"], each["kind"]) for each in row.lines or []
    ]
    read = Read.model_validate(row.read)
    answer = answer_of(row, read, lines, None, [], row.currency, row.ended_ms or row.begun_ms)
    return answer.model_copy(update={"back": row.back})


def _line(line: Line, currency: str) -> SettlementLine:
    values = dict(line.values)
    words = words_of(line.key, values, currency)
    return SettlementLine(key=line.key, amount=line.amount, values=values, words=words, only_card=line.only_card)
