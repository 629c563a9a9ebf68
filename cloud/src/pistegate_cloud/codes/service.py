# SPDX-License-Identifier: Apache-2.0
"""Giving a ticket out as a code: static for its bearer, or a sheet of codes a day for a phone's page.

A code's claim is made once per revision and kept, so that a clock that starts at the sale starts once. A card and a
code of one ticket share the ticket, hence what gates know of its use; a new revision (a reissued card) ends both.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.clock import from_ms, local_day
from pistegate_cloud.codes import queries
from pistegate_cloud.codes.models import CodeIssue
from pistegate_cloud.errors import Problem
from pistegate_cloud.products import terms
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import claim_of
from pistegate_protocol.claims import decode_claim, encode_claim
from pistegate_protocol.code_sheets import Sheet, sign_sheet
from pistegate_protocol.codes import BEARER, code_text, ticket_text
from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import minute_of
from pistegate_protocol.rotating import LINK_BYTES, PERIOD_S
from pistegate_protocol.signing import sign_claim

SHEETS_AHEAD: Final = timedelta(days=7)  # a phone may fetch a week's: sheets are gone only with a denial
_SEED_LABEL = b"pistegate rotating seed\x00"


@dataclass(frozen=True, slots=True)
class Issued:
    """A ticket that was given out as a code. `text`: None where it rotates."""

    ticket: Ticket
    issue: CodeIssue
    text: str | None

    @property
    def rotating(self) -> bool:
        """Whether its code changes every 15 s."""
        return self.text is None


@dataclass(frozen=True, slots=True)
class DaySheet:
    """The sheet of a site's day."""

    day: date
    sheet: Sheet


async def issue(number: int, actor: str, key: SigningKey, now_ms: int) -> Issued:
    """Give `number` out as a code; again, it is the same code. Problem otherwise."""
    ticket = await _usable(number)
    found = await queries.issued(number, ticket.revision, key.key_id)
    if found is None:
        claim = await claim_of(ticket, key.key_id, ticket.revision, now_ms)
        row = CodeIssue(
            site_id=ticket.site_id,
            ticket_id=number,
            revision=ticket.revision,
            key_id=key.key_id,
            body=encode_claim(claim).hex(),
            actor=actor,
            at_ms=now_ms,
        )
        async with in_transaction():
            await queries.add(row)
            await note_here("ticket.code", ticket.site_id, f"ticket:{number}", now_ms=now_ms)
    return await issued(number, key)


async def issued(number: int, key: SigningKey) -> Issued:
    """The code of `number` as it was given out; Problem code_not_issued when it never was under this key."""
    ticket = await _usable(number)
    found = await queries.issued(number, ticket.revision, key.key_id)
    if found is None:
        raise Problem("code_not_issued", ticket=number)
    return given(ticket, found, key)


def given(ticket: Ticket, found: CodeIssue, key: SigningKey) -> Issued:
    """A ticket's code as it was kept."""
    return Issued(ticket, found, None if terms.rotates(ticket.product) else _static_text(found, key))


async def printable(number: int, key: SigningKey) -> tuple[Ticket, str]:
    """A ticket and its static code; Problem code_rotates where it has none."""
    found = await issued(number, key)
    if found.text is None:
        raise Problem("code_rotates", ticket=number)
    return found.ticket, found.text


async def of_order(order_id: UUID, actor: str, key: SigningKey, now_ms: int) -> list[tuple[Ticket, str]]:
    """All tickets of an order that hold, given out as static codes; again, they are the same.

    Problem not_found when it has none, code_rotates where one changes.
    """
    found = [row for row in await tickets.of_order(order_id) if row.status != "revoked"]
    if not found:
        raise Problem("not_found", what=f"ticket of order {order_id}")
    given = [await issue(row.number, actor, key, now_ms) for row in found]
    changing = next((one for one in given if one.text is None), None)
    if changing is not None:
        raise Problem("code_rotates", ticket=changing.ticket.number)
    return [(one.ticket, one.text or "") for one in given]


async def sheets(number: int, first: date | None, days: int, key: SigningKey, now_ms: int) -> list[DaySheet]:
    """The sheets of `days` days from `first` (None: today), as far as the ticket is valid; Problem otherwise."""
    found = await issued(number, key)
    if not found.rotating:
        raise Problem("code_is_static", ticket=number)
    ticket, zone = found.ticket, await sites.zone(found.ticket.site_id)
    today = local_day(now_ms, zone)
    begin = first or max(today, ticket.valid_from)
    end = min(ticket.last_day, today + SHEETS_AHEAD)
    wanted = [begin + timedelta(days=n) for n in range(days)]
    days_held = [day for day in wanted if max(today, ticket.valid_from) <= day <= end]
    if not days_held:
        raise Problem("code_day", ticket=number, first=max(today, ticket.valid_from), last=end)
    return [DaySheet(day, sheet_of(found.issue, day, zone, key)) for day in days_held]


def shown_at(sheets: list[DaySheet], now_ms: int) -> str | None:
    """The text of the code of this moment; None when no sheet covers it."""
    for each in sheets:
        try:
            return code_text(each.sheet.code_at(from_ms(now_ms)))
        except CodecError:
            continue
    return None


def sheet_of(issue: CodeIssue, day: date, zone: ZoneInfo, key: SigningKey) -> Sheet:
    """The sheet of a day at the site, from its midnight to the next; the same each time."""
    body = bytes.fromhex(issue.body)
    midnight, next_midnight = (
        datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1))
    )
    start, steps = minute_of(midnight), int((next_midnight - midnight).total_seconds()) // PERIOD_S
    return sign_sheet(decode_claim(body), start, steps, _seed(body, start, key), key.load())


def _seed(body: bytes, start: int, key: SigningKey) -> bytes:
    """Secret of one claim and day; nothing to be kept beside the issuer key, and no way back to it."""
    info = _SEED_LABEL + start.to_bytes(8, "big") + body
    return HKDF(SHA256(), LINK_BYTES, None, info).derive(bytes.fromhex(key.private_key))


def _static_text(found: CodeIssue, key: SigningKey) -> str:
    return ticket_text(sign_claim(decode_claim(bytes.fromhex(found.body)), BEARER, key.load()))


async def _usable(number: int) -> Ticket:
    ticket = await tickets.ticket(number)
    if ticket.status == "revoked":
        raise Problem("ticket_revoked", ticket=number)
    return ticket
