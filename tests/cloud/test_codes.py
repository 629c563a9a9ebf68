# SPDX-License-Identifier: Apache-2.0
"""Tickets given out as codes: what a gate makes of them, which stay the same, and which end."""

from typing import Any

import pytest

from pistegate_cloud.clock import from_ms
from pistegate_cloud.codes.models import CodeIssue
from pistegate_protocol.claims import Claim, ClockStart
from pistegate_protocol.code_sheets import Sheet
from pistegate_protocol.codes import BEARER, Opened, TicketCode, code_text, open_code, parse
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import ReadAt
from pistegate_protocol.signing import ClaimRefused, KeyRing

PHONE = {"site": 1, "number": 20, "code": "PHONE", "name": {"en": "Phone day", "zh-CN": "电子全日票"}, "price": 19800}
PHONE |= {"currency": "CNY", "areas": [0, 1], "days": 3, "terms": {"rotating": True}}
HOURS = {"site": 1, "number": 21, "code": "HOURS", "name": {"en": "4 hours", "zh-CN": "四小时票"}, "price": 19800}
HOURS |= {"currency": "CNY", "areas": [0], "terms": {"clock": {"minutes": 240, "start": "sale"}}}
MINUTE_MS, DAY_MS = 60_000, 86_400_000


async def sold(cloud: Any, product: int = 1) -> int:
    return int((await cloud.sell(product))["tickets"][0]["number"])


def issuer_keys(cloud: Any) -> KeyRing:
    return KeyRing({1: cloud.services.settings.issuer.load().public_key().public_bytes_raw()})


def opened(cloud: Any, text: str, now_ms: int | None = None) -> Opened:
    """As a gate opens it that has nothing but the issuer's public key."""
    code = parse(text)
    assert isinstance(code, TicketCode)
    return open_code(code, issuer_keys(cloud), ReadAt(from_ms(cloud.clock.now_ms if now_ms is None else now_ms)))


async def phone_ticket(cloud: Any) -> int:
    await cloud.post("/products", PHONE)
    ticket = await sold(cloud, 20)
    await cloud.post(f"/tickets/{ticket}/code", {})
    return ticket


def sheet_of(told: dict[str, Any]) -> Sheet:
    """What a page has from the answer."""
    secret = (bytes.fromhex(told[name]) for name in ("body", "signature"))
    return Sheet(*secret, told["start_minute"], told["steps"], bytes.fromhex(told["seed"]))


async def problem(cloud: Any, path: str, **query: Any) -> str:
    answer = await cloud.http.get(path, params=query)
    assert answer.status_code >= 400, answer.text
    return str(answer.json()["code"])


async def test_a_code_is_believed_by_a_gate_and_is_the_same_each_time(cloud: Any) -> None:
    """POST, POST again, GET: one text, whose claim is the ticket's, bound to nobody."""
    ticket = await sold(cloud)
    assert await problem(cloud, f"/tickets/{ticket}/code") == "code_not_issued"
    first = await cloud.post(f"/tickets/{ticket}/code", {})
    cloud.clock.now_ms += MINUTE_MS
    again = await cloud.post(f"/tickets/{ticket}/code", {})
    assert first == again == await cloud.get(f"/tickets/{ticket}/code")
    assert (first["kind"], first["revision"]) == ("static", 0)
    found = opened(cloud, first["text"])
    assert (found.claim.ticket, found.claim.areas, found.medium) == (ticket, {0, 1}, BEARER)


async def test_the_database_holds_no_code(cloud: Any) -> None:
    """Whoever reads a backup has claims, and no ticket."""
    ticket = await sold(cloud)
    text = (await cloud.post(f"/tickets/{ticket}/code", {}))["text"]
    row = await CodeIssue.get(ticket_id=ticket)
    code = parse(text)
    assert isinstance(code, TicketCode)
    stored = " ".join(str(value) for value in dict(row).values())
    assert code.body.hex() in stored
    assert code.signature.hex() not in stored
    assert text not in stored


async def test_a_clock_from_the_sale_starts_once_for_all_media(cloud: Any, new_card: Any) -> None:
    """The code came first; the card ten minutes later counts from the same minute."""
    await cloud.post("/products", HOURS)
    ticket = await sold(cloud, 21)
    by_code = opened(cloud, (await cloud.post(f"/tickets/{ticket}/code", {}))["text"]).claim
    cloud.clock.now_ms += 10 * MINUTE_MS
    encoder = cloud.encoder()
    encoder.card = new_card()
    answer = await cloud.http.post(f"/tickets/{ticket}/issue", json={"encoder": 1, "wait_ms": 1000})
    assert answer.json()["status"] == "issued", answer.text
    by_card = read_claim(cloud, encoder.card)
    assert by_code.clock is not None
    assert by_code.clock.start is ClockStart.SALE
    assert by_card.clock == by_code.clock


def read_claim(cloud: Any, card: Any) -> Claim:
    from pistegate_protocol.card_layout import claim_in_file
    from pistegate_protocol.signing import Medium, MediumKind, open_claim
    from pistegate_simulators.stock import claim_content

    signed = claim_in_file(claim_content(card))
    assert signed is not None
    return open_claim(signed, Medium(MediumKind.CARD, card.uid), issuer_keys(cloud))


async def test_a_revoked_ticket_has_no_code(cloud: Any) -> None:
    """Neither a new one nor the old one; gates have the denial."""
    ticket = await sold(cloud)
    await cloud.post(f"/tickets/{ticket}/code", {})
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "test"})
    assert await problem(cloud, f"/tickets/{ticket}/code") == "ticket_revoked"
    answer = await cloud.http.post(f"/tickets/{ticket}/code", json={})
    assert answer.json()["code"] == "ticket_revoked"
    assert await problem(cloud, f"/tickets/{ticket}/code.png") == "ticket_revoked"


async def test_a_phone_shows_a_day_of_codes_without_a_network(cloud: Any) -> None:
    """From one answer: now, an hour later, and until the site's midnight; not a second of the next day."""
    ticket = await phone_ticket(cloud)
    told = await cloud.get(f"/tickets/{ticket}/code/rotating")
    (sheet,) = [sheet_of(each) for each in told["sheets"]]
    assert told["now"] == cloud.clock.now_ms
    assert (told["period_s"], told["early_s"], told["late_s"]) == (15, 5, 25)
    assert told["text"] == code_text(sheet.code_at(from_ms(cloud.clock.now_ms)))
    for later_ms in (0, 15_000, 60 * MINUTE_MS, 12 * 60 * MINUTE_MS - 1):  # it is noon
        at = cloud.clock.now_ms + later_ms
        assert opened(cloud, code_text(sheet.code_at(from_ms(at))), at).claim.ticket == ticket
    with pytest.raises(ClaimRefused) as refused:
        opened(cloud, told["text"], cloud.clock.now_ms + 30_000)
    assert refused.value.reason is Reason.CODE_OLD
    with pytest.raises(ValueError, match="periods"):
        sheet.code_at(from_ms(cloud.clock.now_ms + 12 * 60 * MINUTE_MS))
    assert told == await cloud.get(f"/tickets/{ticket}/code/rotating")


async def test_days_ahead_are_fetched_as_far_as_the_ticket_holds(cloud: Any) -> None:
    """Each day has its own chain: who has one day's seed does not have the next day's."""
    ticket = await phone_ticket(cloud)
    told = await cloud.get(f"/tickets/{ticket}/code/rotating", days=8)
    assert [each["day"] for each in told["sheets"]] == ["2026-01-17", "2026-01-18", "2026-01-19"]
    assert len({each["seed"] for each in told["sheets"]}) == 3
    tomorrow = sheet_of(told["sheets"][1])
    at = cloud.clock.now_ms + DAY_MS
    assert opened(cloud, code_text(tomorrow.code_at(from_ms(at))), at).claim.ticket == ticket
    assert await cloud.get(f"/tickets/{ticket}/code/rotating", day="2026-01-19")
    for day in ("2026-01-16", "2026-01-20"):
        assert await problem(cloud, f"/tickets/{ticket}/code/rotating", day=day) == "code_day"
    cloud.clock.now_ms += 3 * DAY_MS
    assert await problem(cloud, f"/tickets/{ticket}/code/rotating") == "code_day"


async def test_before_its_first_day_a_phone_gets_that_day(cloud: Any) -> None:
    """Bought the week before: the page is ready in the evening."""
    cloud.clock.now_ms -= 5 * DAY_MS
    ticket = await phone_ticket(cloud)
    told = await cloud.get(f"/tickets/{ticket}/code/rotating")
    assert [each["day"] for each in told["sheets"]] == ["2026-01-17"]
    assert told["text"] is None


async def test_a_day_of_25_hours_has_its_sheet(cloud: Any) -> None:
    """Clocks go back in the night: the sheet is as long as the day."""
    from datetime import date
    from zoneinfo import ZoneInfo

    from pistegate_cloud.codes.service import sheet_of as sheet_for

    ticket = await phone_ticket(cloud)
    row = await CodeIssue.get(ticket_id=ticket)
    key = cloud.services.settings.issuer
    for day, hours in ((date(2026, 10, 25), 25), (date(2026, 3, 29), 23), (date(2026, 1, 17), 24)):
        sheet = sheet_for(row, day, ZoneInfo("Europe/Vienna"), key)
        assert sheet.steps == hours * 240
        assert sheet.code(sheet.steps - 1).rotating is not None


async def test_a_rotating_ticket_is_not_printed_and_a_printed_one_does_not_rotate(cloud: Any) -> None:
    """A static code of a rotating product would be the picture that rotating is against."""
    ticket = await phone_ticket(cloud)
    told = await cloud.get(f"/tickets/{ticket}/code")
    assert (told["kind"], told["text"]) == ("rotating", None)
    for kind in ("png", "svg", "pdf"):
        assert await problem(cloud, f"/tickets/{ticket}/code.{kind}") == "code_rotates"
    static = await sold(cloud)
    await cloud.post(f"/tickets/{static}/code", {})
    assert await problem(cloud, f"/tickets/{static}/code/rotating") == "code_is_static"


async def test_a_reissued_card_ends_the_code_before_it(cloud: Any, new_card: Any) -> None:
    """The revision goes up and gates deny what is below it: a new code must be given out."""
    ticket = await sold(cloud)
    first = (await cloud.post(f"/tickets/{ticket}/code", {}))["text"]
    encoder = cloud.encoder()
    for _ in range(2):
        encoder.card = new_card()
        encoder.cut_after = 12
        await cloud.http.post(f"/tickets/{ticket}/issue", json={"encoder": 1, "wait_ms": 1000})
    revision = (await cloud.get(f"/tickets/{ticket}"))["revision"]
    assert revision > 0
    assert await problem(cloud, f"/tickets/{ticket}/code") == "code_not_issued"
    second = await cloud.post(f"/tickets/{ticket}/code", {})
    assert second["revision"] == revision
    assert second["text"] != first
