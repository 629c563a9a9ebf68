# SPDX-License-Identifier: Apache-2.0
"""Tokens: made once, shown once, stored hashed, checked at each request."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from pistegate_cloud.errors import Problem
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.rules import Grant
from pistegate_cloud.tokens import queries
from pistegate_cloud.tokens.models import ApiToken

_TOUCH_MS = 60_000  # last use is kept to the minute: not a write at every request


class Scope(StrEnum):
    """What a token may do."""

    SITES_READ = "sites:read"
    SITES_WRITE = "sites:write"
    PRODUCTS_READ = "products:read"
    PRODUCTS_WRITE = "products:write"
    CALENDARS_WRITE = "calendars:write"
    SUSPENSIONS_WRITE = "suspensions:write"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    ORDERS_REFUND = "orders:refund"
    ORDERS_APPROVE = "orders:approve"
    ORDERS_FREE = "orders:free"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_SETTLE = "payments:settle"
    PRICES_READ = "prices:read"
    PRICES_WRITE = "prices:write"
    STOCK_WRITE = "stock:write"
    TICKETS_READ = "tickets:read"
    TICKETS_ISSUE = "tickets:issue"
    TICKETS_CODE = "tickets:code"
    TICKETS_REVOKE = "tickets:revoke"
    TICKETS_AMEND = "tickets:amend"
    BINDINGS_READ = "bindings:read"
    BINDINGS_WRITE = "bindings:write"
    BINDINGS_REVEAL = "bindings:reveal"
    TABLES_READ = "tables:read"
    FINGERS_READ = "fingers:read"
    FINGERS_WRITE = "fingers:write"
    DEVICES_WRITE = "devices:write"
    CARDS_READ = "cards:read"
    CARDS_WRITE = "cards:write"
    CARDS_PERSONALISE = "cards:personalise"
    WALLETS_READ = "wallets:read"
    WALLETS_WRITE = "wallets:write"
    WALLETS_TERMS = "wallets:terms"
    RENTALS_READ = "rentals:read"
    RENTALS_WRITE = "rentals:write"
    DEPOSITS_WRITE = "deposits:write"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    STAFF_READ = "staff:read"
    STAFF_WRITE = "staff:write"
    AUDIT_READ = "audit:read"
    SHIFTS_READ = "shifts:read"
    SHIFTS_WRITE = "shifts:write"
    DAYS_CLOSE = "days:close"
    LEDGER_READ = "ledger:read"
    LEDGER_WRITE = "ledger:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    MEMBERS_ERASE = "members:erase"
    CONTINGENCY_READ = "contingency:read"
    CONTINGENCY_WRITE = "contingency:write"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_WRITE = "notifications:write"
    PASSAGES_READ = "passages:read"
    REPORTS_READ = "reports:read"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; `text` is not stored and cannot be shown again."""

    text: str
    name: str
    scopes: list[str]
    expires_ms: int | None


async def create(
    name: str, scopes: Sequence[Scope], now_ms: int, valid_days: int | None, sites: Sequence[int] | None = None
) -> NewToken:
    """Make and store a token; `sites`: where it holds (None: everywhere)."""
    prefix = f"pg{secrets.token_hex(6)}"
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    expires = now_ms + valid_days * 86_400_000 if valid_days else None
    granted = [scope.value for scope in scopes]
    row = ApiToken(
        prefix=prefix,
        digest=_digest(text),
        name=name,
        scopes=granted,
        sites=None if sites is None else sorted(set(sites)),
        created_ms=now_ms,
        expires_ms=expires,
    )
    await queries.add(row)
    return NewToken(text, name, granted, expires)


async def check(text: str, scope: Scope, now_ms: int) -> Caller:
    """The caller with the token `text`, if it is genuine, not expired and may do `scope`; Problem otherwise."""
    token = await queries.by_prefix(text.partition("_")[0][:20])
    if token is None or not hmac.compare_digest(token.digest, _digest(text)):
        raise Problem("token_refused")
    if token.expires_ms is not None and now_ms >= token.expires_ms:
        raise Problem("token_refused")
    if scope.value not in token.scopes:
        raise Problem("scope_missing", scope=scope.value)
    if token.last_used_ms is None or abs(now_ms - token.last_used_ms) > _TOUCH_MS:
        await queries.touch(token, now_ms)
    scopes, sites = frozenset(token.scopes), None if token.sites is None else frozenset(token.sites)
    grants = tuple(Grant(scopes, site) for site in ([None] if sites is None else sorted(sites)))
    return Caller(token.name, f"token:{token.id}", scopes=scopes, sites=sites, grants=grants)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
