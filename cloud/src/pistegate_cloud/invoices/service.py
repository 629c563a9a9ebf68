# SPDX-License-Identifier: Apache-2.0
"""E-invoices 数电票: asked for, told to the tax platform by an export, issued there, and taken back by a red letter.

The platform is not called from here: its states are told by whoever uploads the export (docs/decisions/0037-books.md).
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final, cast
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.invoices import queries, rules
from pistegate_cloud.invoices.models import Invoice
from pistegate_cloud.invoices.rules import Line, Sold
from pistegate_cloud.invoices.schemas import InvoiceAnswer, InvoiceBody, InvoiceLine, RateSum, State
from pistegate_cloud.ledger.beancount import amount_of
from pistegate_cloud.ledger.vouchers import write_csv
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.schemas import iso
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import INVOICE
from pistegate_cloud.uuid7 import uuid7

_PAID: Final = ("paid", "part_refunded")
_COLUMNS: Final = (
    "invoice", "order", "red_letter_of", "buyer", "tax_number", "email", "item", "quantity", "net", "tax_rate", "tax",
    "gross", "currency",
)  # fmt: skip


async def request(body: InvoiceBody, caller: Caller, once: Repeatable, now_ms: int) -> InvoiceAnswer:
    """Ask for an order's invoice. Problem invoice_exists, invoice_nothing, invoice_buyer."""
    kept = await once.answered()
    if kept is not None:
        return InvoiceAnswer.model_validate(kept)
    if body.company != (body.tax_number is not None):
        raise Problem("invoice_buyer")
    order = await queries.order(body.order)
    caller.at(order.site_id)
    lines = rules.lines_of(map(_sold, await queries.lines(order.id)))
    if order.status not in _PAID or not lines:
        raise Problem("invoice_nothing")
    row = Invoice(
        id=uuid7(now_ms),
        site_id=order.site_id,
        order_id=order.id,
        live=order.id,
        state="requested",
        buyer=body.buyer,
        tax_number=body.tax_number,
        email=body.email,
        currency=order.currency,
        requested_ms=now_ms,
        actor=caller.name,
        **_amounts(lines),
    )
    try:
        async with in_transaction():
            if not await queries.add(row):
                there = await queries.live(order.id)
                raise Problem("invoice_exists", invoice=None if there is None else there.id)
            await _note(caller, "invoice.request", row, now_ms)
            answer = told(row)
            await once.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return InvoiceAnswer.model_validate(await once.answered())
    return answer


def _sold(line: OrderLine) -> Sold:
    name = line.product.name if line.product is not None else {}
    return Sold(
        kind=line.kind,
        words=name.get("zh-CN") or line.words or line.kind,
        quantity=line.quantity,
        amount=line.amount,
        tax_bp=line.tax_bp,
        passthrough=line.passthrough,
        refunded_quantity=line.refunded_quantity,
        refunded=line.refunded_amount,
    )


def _amounts(lines: Iterable[Line]) -> dict[str, object]:
    found = list(lines)
    return {
        "lines": [asdict(line) for line in found],
        "amount": sum(line.amount for line in found),
        "tax": sum(line.tax for line in found),
    }


async def issued(number: UUID, platform_number: str, caller: Caller, now_ms: int) -> InvoiceAnswer:
    """The platform issued it; of a red letter: what it takes back is red, and the order may have another invoice."""
    row = await queries.invoice(number)
    caller.at(row.site_id)
    if row.state in ("issued", "red_requested", "red") and row.number == platform_number:
        return told(row)  # told twice
    async with in_transaction():
        await _move(row, "issue", number=platform_number, issued_ms=now_ms)
        if row.red_of_id is not None:
            first = await queries.invoice(row.red_of_id)
            await _move(first, "red_issued", live=None)
        await _note(caller, "invoice.issued", row, now_ms)
    return told(row)


async def redden(number: UUID, reason: str, caller: Caller, now_ms: int) -> InvoiceAnswer:
    """Ask for the red letter of an issued invoice; the same one again when there is one. The red letter."""
    row = await queries.invoice(number)
    caller.at(row.site_id)
    if row.state == "red_requested" and (there := await queries.red_of(row.id)) is not None:
        return told(there)
    lines = rules.red([Line(**line) for line in row.lines])
    letter = Invoice(
        id=uuid7(now_ms),
        site_id=row.site_id,
        order_id=row.order_id,
        state="requested",
        red_of_id=row.id,
        buyer=row.buyer,
        tax_number=row.tax_number,
        email=row.email,
        currency=row.currency,
        why=reason,
        requested_ms=now_ms,
        actor=caller.name,
        **_amounts(lines),
    )
    async with in_transaction():
        await _move(row, "redden")
        await queries.add(letter)
        await _note(caller, "invoice.redden", letter, now_ms)
    return told(letter)


async def cancel(number: UUID, caller: Caller, now_ms: int) -> InvoiceAnswer:
    """It will not be issued; of a red letter: the platform refused it, and the invoice counts as before."""
    row = await queries.invoice(number)
    caller.at(row.site_id)
    if row.state == "cancelled":
        return told(row)
    async with in_transaction():
        await _move(row, "cancel", live=None)
        if row.red_of_id is not None:
            await _move(await queries.invoice(row.red_of_id), "red_refused")
        await _note(caller, "invoice.cancel", row, now_ms)
    return told(row)


async def before_refund(order: UUID, caller: Caller, now_ms: int) -> None:
    """In the refund's transaction: one that was only asked for is cancelled; Problem invoice_reddened_first else."""
    row = await queries.live(order)
    if row is None:
        return
    if row.state != "requested":
        raise Problem("invoice_reddened_first", invoice=row.number)
    await _move(row, "cancel", live=None)
    await _note(caller, "invoice.cancel", row, now_ms)


async def _move(row: Invoice, event: str, **more: object) -> None:
    state = INVOICE.after(row.state, event)
    if not await queries.move(row, state, **more):
        raise Problem("state_conflict", noun=INVOICE.noun, state="changed meanwhile", event=event)
    row.update_from_dict({"state": state, **more})


async def _note(caller: Caller, action: str, row: Invoice, now_ms: int) -> None:
    after = {"state": row.state, "amount": row.amount, "number": row.number}
    await audit.note(caller, action, row.site_id, f"invoice:{row.id}", after=after, now_ms=now_ms)


async def export(site: int) -> str:
    """What the tax platform has to issue, a line for each item, as CSV; asking twice changes nothing."""
    cells = []
    after = None
    while rows := await queries.page(site, "requested", after, 500):
        after = rows[-1].id
        for row in rows:
            first = "" if row.red_of_id is None else (await queries.invoice(row.red_of_id)).number
            start = [row.id, row.order_id, first, row.buyer, row.tax_number or "", row.email or ""]
            cells += [[_safe(cell) for cell in [*start, *_item(Line(**line), row.currency)]] for line in row.lines]
    return write_csv(_COLUMNS, cells)


def _item(line: Line, currency: str) -> list[object]:
    net, tax, gross = (amount_of(n, currency).split()[0] for n in (line.amount - line.tax, line.tax, line.amount))
    return [line.words, line.quantity, net, f"{line.tax_bp / 100:g}%", tax, gross, currency]


def _safe(cell: object) -> object:
    """A text that a spreadsheet would run as a formula; amounts keep their sign."""
    formula = (isinstance(cell, str) and cell.startswith(("=", "+", "@", "\t"))) or str(cell).startswith("-=")
    return f"'{cell}" if formula else cell


def told(row: Invoice) -> InvoiceAnswer:
    """As the API answers."""
    lines = [Line(**line) for line in row.lines]
    return InvoiceAnswer(
        id=row.id,
        site=row.site_id,
        order=row.order_id,
        state=cast("State", row.state),
        red_of=row.red_of_id,
        buyer=row.buyer,
        tax_number=row.tax_number,
        email=row.email,
        lines=[InvoiceLine(**asdict(line)) for line in lines],
        rates=[RateSum(tax_bp=bp, amount=n, tax=tax) for bp, (n, tax) in sorted(rules.by_rate(lines).items())],
        amount=row.amount,
        tax=row.tax,
        currency=row.currency,
        number=row.number,
        reason=row.why,
        requested=iso(row.requested_ms),
        issued=None if row.issued_ms is None else iso(row.issued_ms),
    )
