# SPDX-License-Identifier: Apache-2.0
"""At which site a request works: from `site` in path, query and body, and from the objects that it names.

Fails closed for callers bound to sites: a request whose site nobody can tell is refused, unless it is in ANYWHERE.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from tortoise.context import require_context
from tortoise.models import Model

from pistegate_cloud.errors import Problem
from pistegate_cloud.staff.caller import Caller


@dataclass(frozen=True, slots=True)
class Table:
    """Where an object with a site is found. `key` is its column, of `kind`.

    `outlet`: column of the site that sold it, whose people may work with it too.
    """

    model: str
    key: str
    kind: type = int
    outlet: str | None = None


_TICKET: Final = Table("Ticket", "number", outlet="order__selling_site")
_ORDER: Final = Table("Order", "id", UUID, outlet="selling_site")
_CARD: Final = Table("Card", "uid", str)
_WALLET: Final = Table("Wallet", "id")
_FINGER: Final = Table("FingerConsent", "id")

# /NOUN/{...}: whose site an object addressed by path has. A new noun addressed by an id needs a line here.
NOUNS: Final[dict[str, Table]] = {
    "tickets": _TICKET,
    "orders": _ORDER,
    "cards": _CARD,
    "wallets": _WALLET,
    "group-issues": Table("GroupIssue", "id", UUID),
    "bindings": Table("Binding", "id"),
    "suspensions": Table("AreaSuspension", "id"),
    "withdrawals": _FINGER,
    "shifts": Table("Shift", "id", UUID),
    "price-lists": Table("PriceList", "id", UUID),
    "stock": Table("Stock", "id"),
    "accounts": Table("CustomerAccount", "id"),
    "payments": Table("ProviderPayment", "id", UUID),
    "refunds": Table("Refund", "id", UUID),
    "bill-findings": Table("BillFinding", "id"),
    "voucher-batches": Table("VoucherBatch", "id"),
    "deposits": Table("Deposit", "id"),
    "invoices": Table("Invoice", "id", UUID),
    "settlements": Table("Settlement", "id", UUID),
    "batches": Table("ContingencyBatch", "id", UUID),
    "sales": Table("ContingencySale", "id"),
    "compensations": Table("Compensation", "id", UUID),
    "members": Table("Member", "id"),
    "notifications": Table("Notification", "id", UUID),
}
# The same for objects named by a field of the body, however deep, or of the query.
FIELDS: Final[dict[str, Table]] = {
    "ticket": _TICKET,
    "tickets": _TICKET,
    "order": _ORDER,
    "orders": _ORDER,
    "uid": _CARD,
    "uids": _CARD,
    "wallet": _WALLET,
    "finger": _FINGER,
    "shift": NOUNS["shifts"],
    "deposit": NOUNS["deposits"],
    "settlement": NOUNS["settlements"],
    "quote": Table("Quote", "id", UUID),
}
# What works at no single site: each looks itself at what the caller may do.
ANYWHERE: Final = frozenset({"/sites", "/staff", "/sessions", "/approvals", "/audit", "/shifts/mine"})
# Sold at an outlet 联网售票点: the seller's right is asked for where they sit, not where the ticket holds.
OUTLETS: Final = frozenset({"/orders", "/quotes"})
_DEPTH = 8


async def check(request: Request, caller: Caller, api: str) -> None:
    """Problem, unless `caller` may work where this request works; fills in `site` where there is only one."""
    if caller.sites is None:
        return
    path = _path(request, api)
    if any(path == free or path.startswith(f"{free}/") for free in ANYWHERE) and not _creates_site(request, path):
        return
    known = False
    async for sites in _sites(request, path):
        known = True
        if sites and not any(site in caller.sites for site in sites):
            raise Problem("site_not_allowed", site=sites[0])
    await _check_window(request, caller)
    _fill_in(request, caller, known)


async def _check_window(request: Request, caller: Caller) -> None:
    """A caller bound to windows names no other one of theirs."""
    body = await _body(request)
    if isinstance(body, dict) and body.get("site") is not None and body.get("window") is not None:
        site = body["site"] if body.get("selling_site") is None else body["selling_site"]
        caller.at(_number("site", site), _number("window", body["window"]))


def _path(request: Request, api: str) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(api)


def _creates_site(request: Request, path: str) -> bool:
    return path == "/sites" and request.method != "GET"


async def _sites(request: Request, path: str) -> AsyncIterator[tuple[int, ...]]:
    """Sites that the request names, by number or by object: one of each is enough; (): no such object."""
    for name, value in request.path_params.items():
        if name == "site":
            yield (_number("site", value),)
    table, value = _object_in(path)
    if table is not None:
        yield await _sites_of(table, "path", value)
    for name, value in request.query_params.multi_items():
        async for sites in _named(name, value):
            yield sites
    body = await _body(request)
    outlet = path in OUTLETS and isinstance(body, dict) and body.get("selling_site") is not None
    if outlet:
        assert isinstance(body, dict)
        body = {**body, "site": body["selling_site"]}
    for name, value in _walk(body, _DEPTH):
        async for sites in _named(name, value):
            yield sites


def _object_in(path: str) -> tuple[Table | None, str]:
    """The object that /NOUN/ID or /X/NOUN/ID addresses."""
    parts = path.strip("/").split("/")
    for noun, value in itertools.pairwise(parts):
        table = NOUNS.get(noun)
        if table is not None and _is_key(table, value):
            return table, value
    return None, ""


def _is_key(table: Table, value: str) -> bool:
    """Whether a part of a path is an id and not a verb, as in /cards/read."""
    if table.kind is str:
        return all(sign in "0123456789abcdefABCDEF" for sign in value) and len(value) >= 8
    try:
        table.kind(value)
    except ValueError:
        return False
    return True


async def _named(name: str, value: Any) -> AsyncIterator[tuple[int, ...]]:
    if name == "site" and value is not None:
        yield (_number(name, value),)
    elif name in FIELDS and value is not None:
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict | list):
                yield await _sites_of(FIELDS[name], name, one)


async def _sites_of(table: Table, where: str, value: Any) -> tuple[int, ...]:
    """The site of the object with this key, and of who sold it; (): there is none, which the endpoint will say."""
    try:
        key: Any = _number(where, value) if table.kind is int else table.kind(str(value))
    except ValueError:
        raise Problem("invalid_request", where=where, message="not an id") from None
    if table.kind is str:
        key = key.lower()
    columns = ["site_id", *([table.outlet] if table.outlet else [])]
    rows = await _model(table.model).filter(**{table.key: key}).limit(1).values_list(*columns)
    return tuple(int(site) for row in rows for site in row if site is not None)


def _model(name: str) -> type[Model]:
    apps = require_context().apps
    assert apps is not None
    return apps["cloud"][name]


def _number(where: str, value: Any) -> int:
    """As pydantic would read it: also from "1", "1.0" and 1.0; Problem for what it would refuse too."""
    try:
        return int(value) if not isinstance(value, str) or "." not in value else int(float(value))
    except (TypeError, ValueError, OverflowError):
        raise Problem("invalid_request", where=where, message="not a number") from None


async def _body(request: Request) -> Any:
    if request.method in ("GET", "HEAD"):
        return None
    try:
        return await request.json()
    except ValueError:
        return None  # the endpoint refuses it, or asks for none


def _walk(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Every named value in a body; deeper than any body of ours is refused."""
    if depth == 0:
        raise Problem("invalid_request", where="body", message="too deep")
    if isinstance(value, dict):
        for name, item in value.items():
            yield name, item
            yield from _walk(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, depth - 1)


def _fill_in(request: Request, caller: Caller, known: bool) -> None:
    """A list that may be narrowed to a site is narrowed to the caller's only one; nothing is done at no known site."""
    assert caller.sites is not None
    dependant = getattr(request.scope.get("route"), "dependant", None)
    takes_site = dependant is not None and any(field.alias == "site" for field in dependant.query_params)
    open_still = takes_site and "site" not in request.query_params
    if open_still and len(caller.sites) == 1:
        extra = f"site={next(iter(caller.sites))}".encode()
        query = request.scope["query_string"]
        request.scope["query_string"] = query + b"&" + extra if query else extra
        request.__dict__.pop("_query_params", None)  # starlette keeps what it parsed before
    elif not known:
        raise Problem("site_needed", sites=", ".join(str(site) for site in sorted(caller.sites)))
