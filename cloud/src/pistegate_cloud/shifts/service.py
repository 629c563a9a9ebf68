# SPDX-License-Identifier: Apache-2.0
"""Shifts 班次: opened with a float, handed over, counted blind, closed; cash differences go to the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.shifts import queries
from pistegate_cloud.shifts.models import DrawerMove, SalesWindow, Shift
from pistegate_cloud.shifts.rules import CASH, Kind, Totals, differences
from pistegate_cloud.staff import queries as staff
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import SHIFT
from pistegate_cloud.uuid7 import uuid7

_WINDOWS = 1 << 16  # window numbers are below it
_MANAGES = "orders:approve"


async def of(caller: Caller, site: int) -> Shift | None:
    """The open shift of `caller` at `site`, in the transaction that takes or gives the money; None for machines.

    Problem shift_needed: a person without one takes and gives no cash, and none once the drawer is counted.
    """
    if caller.user is None:
        return None
    shift = await queries.open_of(caller.user)
    if shift is None or shift.site_id != site or shift.state != "open":
        raise Problem("shift_needed", site=site)
    return shift


async def at(site: int, window: int, at_ms: int) -> Shift | None:
    """The shift of a window that was open at `at_ms`, else the one open there now, else None."""
    return await queries.at(site, window, at_ms)


async def set_window(caller: Caller, site: int, number: int, name: str, active: bool, now_ms: int) -> SalesWindow:
    """Make a window, or change its name or whether it is used."""
    async with in_transaction():
        row = await queries.window(site, number) or SalesWindow(site_id=site, number=number)
        row.name, row.active = name, active
        await queries.save_window(row)
        told = {"name": name, "active": active}
        await note(caller, "window.set", site, f"window:{site}:{number}", after=told, now_ms=now_ms)
    return row


async def open_shift(caller: Caller, site: int, window: int, float_amount: int, currency: str, now_ms: int) -> Shift:
    """Open a shift with a float out of the safe, in the caller's transaction; Problem shift_open."""
    shift = await _begin(caller, site, window, float_amount, currency, now_ms)
    await _move(shift, Kind.FLOAT, float_amount, caller, now_ms)
    if float_amount:
        await ledger.record("cash_float", site=site, currency=currency, at_ms=now_ms, amount=float_amount)
    told = {"window": window, "float": float_amount}
    await note(caller, "shift.open", site, f"shift:{shift.id}", after=told, now_ms=now_ms)
    return shift


async def move_cash(caller: Caller, number: UUID, kind: Kind, amount: int, now_ms: int) -> Shift:
    """Cash to the safe or from it during a shift, in the caller's transaction."""
    shift = await _own(caller, number, "open")
    signed = -amount if kind is Kind.TO_SAFE else amount
    await _move(shift, kind, signed, caller, now_ms)
    event = "cash_to_safe" if kind is Kind.TO_SAFE else "cash_float"
    await ledger.record(event, site=shift.site_id, currency=shift.currency, at_ms=now_ms, amount=amount)
    told = {"amount": amount}
    await note(caller, f"shift.{kind}", shift.site_id, f"shift:{number}", after=told, now_ms=now_ms)
    return shift


async def count(caller: Caller, number: UUID, counted: Mapping[str, int], now_ms: int) -> Shift:
    """What the seller counted, before anything of what is expected was shown; from now on nothing is sold in it."""
    async with in_transaction():
        shift = await _own(caller, number, "open")
        await _step(shift, "count", counted=dict(counted), counted_ms=now_ms)
        shift.expected = (await queries.totals(number)).expected()
        await queries.step(number, shift.state, {"expected": shift.expected})
        await note(caller, "shift.count", shift.site_id, f"shift:{number}", after=dict(counted), now_ms=now_ms)
    shift.counted = dict(counted)
    return shift


async def reopen(caller: Caller, number: UUID, now_ms: int) -> Shift:
    """A manager lets a drawer be counted again; what was counted first stays in the audit record."""
    async with in_transaction():
        shift = await queries.shift(number)
        before = shift.counted
        await _step(shift, "reopen", counted=None, counted_ms=None, expected=None)
        await note(caller, "shift.reopen", shift.site_id, f"shift:{number}", before, now_ms=now_ms)
        return await queries.shift(number)


async def close(caller: Caller, number: UUID, now_ms: int) -> Shift:
    """End a counted shift: what it is off by is posted, all of its cash goes to the safe."""
    async with in_transaction():
        shift = await _own(caller, number, "counted")
        cash = await _settle(shift, caller, now_ms)
        if cash:
            await _move(shift, Kind.TO_SAFE, -cash, caller, now_ms)
            await ledger.record("cash_to_safe", site=shift.site_id, currency=shift.currency, at_ms=now_ms, amount=cash)
        if caller.session is not None:
            await staff.seat_session(caller.session, None)
        told = {"over_short": shift.over_short, "to_safe": cash}
        await note(caller, "shift.close", shift.site_id, f"shift:{number}", after=told, now_ms=now_ms)
    return shift


async def take_over(caller: Caller, number: UUID, cash: int, now_ms: int) -> Shift:
    """The next seller counts the drawer too, and goes on with it; Problem shift_count_differs: count again, both."""
    async with in_transaction():
        before = await queries.shift(number)
        if before.state != "counted":
            raise Problem("shift_uncounted")
        if before.user_id == caller.user:
            raise Problem("shift_not_yours")
        if (before.counted or {}).get(CASH) != cash:
            raise Problem("shift_count_differs")
        counted = await _settle(before, caller, now_ms)
        await _move(before, Kind.HANDED_OVER, -counted, caller, now_ms)
        shift = await _begin(caller, before.site_id, before.window, cash, before.currency, now_ms, before.id)
        await _move(shift, Kind.TAKEN_OVER, cash, caller, now_ms)
        told = {"before": str(number), "cash": cash, "over_short": before.over_short}
        await note(caller, "shift.take_over", shift.site_id, f"shift:{shift.id}", after=told, now_ms=now_ms)
    return shift


@dataclass(frozen=True, slots=True)
class Report:
    """A shift and its totals as they are now 中间报表."""

    shift: Shift
    totals: Totals


async def report(number: UUID) -> Report:
    """For managers only: it shows what is expected."""
    return Report(await queries.shift(number), await queries.totals(number))


async def _begin(
    caller: Caller, site: int, window: int, cash: int, currency: str, now_ms: int, before: UUID | None = None
) -> Shift:
    if caller.user is None or caller.session is None:
        raise Problem("session_ended")  # machines have no drawer
    caller.at(site, window)
    row = await queries.window(site, window)
    if row is None or not row.active:
        raise Problem("unknown_reference", what=f"window {window} of site {site}")
    shift = Shift(
        id=uuid7(now_ms),
        site_id=site,
        window=window,
        user=await staff.user(caller.user),
        state="open",
        currency=currency,
        float_amount=cash,
        opened_ms=now_ms,
        before_id=before,
        open_window=site * _WINDOWS + window,
        open_user=caller.user,
    )
    if not await queries.add(shift):
        raise Problem("shift_open", window=window)
    await staff.seat_session(caller.session, window)
    return shift


async def _settle(shift: Shift, caller: Caller, now_ms: int) -> int:
    """Post what the drawer is off by and end the shift; the cash that is in it."""
    counted = shift.counted or {}
    off = differences(shift.expected or {}, counted)[CASH]
    if off:
        await _move(shift, Kind.OVER_SHORT, off, caller, now_ms)
        await ledger.record("cash_over_short", site=shift.site_id, currency=shift.currency, at_ms=now_ms, amount=off)
    await _step(shift, "close", closed_ms=now_ms, over_short=off, open_window=None, open_user=None)
    shift.over_short, shift.closed_ms = off, now_ms
    return int(counted.get(CASH, 0))


async def _own(caller: Caller, number: UUID, state: str) -> Shift:
    """The caller's own shift, or anybody's for a manager of the site: a seller falls ill, or has left."""
    shift = await queries.shift(number)
    manages = any(grant.gives(_MANAGES) and grant.reaches(shift.site_id, None) for grant in caller.grants)
    if shift.user_id != caller.user and not (manages and caller.user is not None):
        raise Problem("shift_not_yours")
    if shift.state != state:
        uncounted = state == "counted" and shift.state == "open"
        raise Problem("shift_uncounted" if uncounted else "shift_needed", site=shift.site_id)
    return shift


async def _step(shift: Shift, event: str, **values: object) -> None:
    after = SHIFT.after(shift.state, event)
    if not await queries.step(shift.id, shift.state, values | {"state": after}):
        raise Problem("state_conflict", noun="shift", state=shift.state, event=event)
    shift.state = after


async def _move(shift: Shift, kind: Kind, amount: int, caller: Caller, now_ms: int) -> None:
    row = DrawerMove(
        site_id=shift.site_id, shift_id=shift.id, kind=kind.value, amount=amount, actor=caller.name, at_ms=now_ms
    )
    await queries.add_move(row)
