# SPDX-License-Identifier: Apache-2.0
"""Sending what is in the outbox; run every second by `serve`, and several processes may do it at once.

A message is claimed first, so that one process has it; before every attempt it is kept that it may arrive from now on.
An attempt whose end nobody knows is repeated only while the provider knows the message again by its key, so a guest
never gets it twice; after that a person is shown it.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tortoise.transactions import in_transaction

from pistegate_cloud import sealing
from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.members import contacts
from pistegate_cloud.notifications import links, queries, rules
from pistegate_cloud.notifications.kinds import LINKED, Kind
from pistegate_cloud.notifications.models import Notification
from pistegate_cloud.notifications.sender import Later, Message, Refused, Sender, Unclear
from pistegate_cloud.notifications.sms import SmsSender
from pistegate_cloud.notifications.wechat import WeChatSender
from pistegate_cloud.settings import Settings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import system
from pistegate_cloud.states import NOTIFICATION
from pistegate_cloud.tickets import queries as tickets
from pistegate_protocol.texts import text

AT_ONCE: Final = 8  # messages under way of one process
KEPT_MS: Final = 30 * 86_400_000  # whom a message was for that did not arrive: so long a person may send it again
_WECHAT: Final = "wechat:"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Post:
    """Who sends, by name; without [notifications] nobody does, and what is put into the outbox ends there."""

    settings: Settings
    clock: Clock
    senders: dict[str, Sender] = field(default_factory=dict)


def open_post(settings: Settings, clock: Clock) -> Post:
    """Those that cloud.toml names; SettingsError."""
    post, wanted = Post(settings, clock), settings.notifications
    if wanted is not None and wanted.sms is not None:
        post.senders["sms"] = SmsSender(wanted.sms, clock.wall_ms)
    if wanted is not None and wanted.wechat is not None:
        post.senders["wechat"] = WeChatSender(wanted.wechat, clock.monotonic)
    return post


async def run(post: Post) -> int:
    """Send what is due; how many were tried."""
    rows = await queries.due(post.clock.wall_ms(), AT_ONCE)
    done = await asyncio.gather(*(_one(row, post) for row in rows), return_exceptions=True)
    for error in done:
        if isinstance(error, BaseException):
            _log.error("a message could not be sent; it is tried again", exc_info=error)
    await queries.wipe_ended(post.clock.wall_ms() - KEPT_MS, 500)
    return len(rows)


async def _one(row: Notification, post: Post) -> None:
    now_ms, tried_before = post.clock.wall_ms(), row.tried_ms
    channel, to = await _address(row, post)
    sender = post.senders.get(channel)
    holds_ms = 0 if sender is None else sender.key_holds_ms
    why = "nobody sends such messages here" if sender is None else None
    why = why or rules.before_attempt(row.tried_ms, row.until_ms, holds_ms, now_ms)
    if why is not None or sender is None:
        await _end(row, "give_up", now_ms, why or "", wipe=sender is None)
        return
    if not await queries.claim(row, NOTIFICATION.after(row.state, "send"), now_ms + rules.LEASE_MS, now_ms):
        return
    message = await _message(row, channel, to, post, now_ms)
    await _send(row, sender, message, post, tried_before)


async def _send(row: Notification, sender: Sender, message: Message, post: Post, tried_before: int | None) -> None:
    try:
        reference = await sender.send(message)
    except Refused as refusal:
        await _end(row, "refused", post.clock.wall_ms(), str(refusal))
    except Later as later:  # certainly not sent: what was known before this attempt is known still
        step = rules.after_failure(row.attempts, row.until_ms, post.clock.wall_ms(), str(later), later.after_s)
        await _step(row, step, post.clock.wall_ms(), tried_ms=tried_before)
    except Unclear as unclear:
        step = rules.after_failure(row.attempts, row.until_ms, post.clock.wall_ms(), str(unclear))
        await _step(row, step, post.clock.wall_ms())
    else:
        await _end(row, "sent", post.clock.wall_ms(), None, wipe=True, reference=reference)


async def _step(row: Notification, step: rules.Next, now_ms: int, **more: Any) -> None:
    if step.event == "give_up":
        await _end(row, "give_up", now_ms, step.why)
        return
    state = NOTIFICATION.after(row.state, step.event)
    await queries.move(row, state, due_ms=step.due_ms, trouble=step.why, **more)


async def _end(row: Notification, event: str, now_ms: int, why: str | None, *, wipe: bool = False, **more: Any) -> None:
    state = NOTIFICATION.after(row.state, event)
    await queries.move(row, state, wipe=wipe, ended_ms=now_ms, trouble=why, **more)


async def _address(row: Notification, post: Post) -> tuple[str, str]:
    """The channel, and the address there; ("", "") when there is none."""
    to: str | None = row.to or ""
    if row.to is not None and row.to.startswith(contacts.MEMBER):
        wechat = post.senders.get("wechat")
        offered = isinstance(wechat, WeChatSender) and wechat.offers(row.kind)
        to = await contacts.address(row.to, post.settings, wechat=offered)
    if not to:
        return "", ""
    if to.startswith(_WECHAT):
        return "wechat", to.removeprefix(_WECHAT)
    return "sms", to


async def _message(row: Notification, channel: str, to: str, post: Post, now_ms: int) -> Message:
    """What is sent: made once, with its link, and the same at every attempt."""
    settings = post.settings.notifications
    assert settings is not None
    tied = f"notification {row.id}"
    kept = None if row.body is None else sealing.unseal(settings.seal, row.body, tied)
    if kept is None:
        async with in_transaction():
            kept = json.dumps(await _made(row, settings.ticket_page, now_ms))
            await queries.keep_body(row, sealing.seal(settings.seal, kept, tied), channel)
    made = json.loads(kept)
    return Message(row.id.hex, row.kind, to, made["text"], made["values"], made["link"])


async def _made(row: Notification, page: str, now_ms: int) -> dict[str, Any]:
    site = await sites.site(row.site_id)
    link = await _link(row, page, now_ms) if Kind(row.kind) in LINKED else None
    values = rules.words_of({**(row.values or {}), "site": site.name, "link": link or ""}, row.locale)
    return {"text": text(f"notification.{row.kind}", row.locale, **values).strip(), "values": values, "link": link}


async def _link(row: Notification, page: str, now_ms: int) -> str | None:
    """To the ticket it is about, or to the list of an order of several; None where nothing is left to show."""
    caller = system("notifications")
    found = await _tickets(row, now_ms)
    if not found:
        return None
    if len(found) == 1:
        return page + await links.of_ticket(found[0], caller, now_ms)
    assert row.order_id is not None
    return page + await links.of_order(row.order_id, row.site_id, caller, now_ms)


async def _tickets(row: Notification, now_ms: int) -> Sequence[Any]:
    named = (row.values or {}).get("ticket")
    try:
        found = [await tickets.ticket(int(named))] if named else []
    except Problem:
        found = []
    if not found and row.order_id is not None:
        found = await tickets.of_order(row.order_id)
    return [ticket for ticket in found if await links.holds(ticket, now_ms)]
