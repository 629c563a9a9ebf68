# SPDX-License-Identifier: Apache-2.0
"""What holds for the whole API: tokens and scopes, problems in both languages, limits, the OpenAPI document."""

from typing import Any

import pytest

from pistegate_cloud.app import create_app
from pistegate_cloud.errors import STATUS
from pistegate_cloud.problems import BODY_MAX
from pistegate_cloud.tokens.models import ApiToken
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.texts import LOCALES, catalogue

# Every endpoint and the one scope that opens it.
SCOPES: dict[tuple[str, str], Scope] = {
    ("get", "/staff/users"): Scope.STAFF_READ,
    ("post", "/staff/users"): Scope.STAFF_WRITE,
    ("put", "/staff/users/{number}/memberships"): Scope.STAFF_WRITE,
    ("post", "/staff/users/{number}/deactivate"): Scope.STAFF_WRITE,
    ("post", "/staff/users/{number}/activate"): Scope.STAFF_WRITE,
    ("post", "/staff/users/{number}/password"): Scope.STAFF_WRITE,
    ("get", "/staff/groups"): Scope.STAFF_READ,
    ("put", "/staff/groups/{name}"): Scope.STAFF_WRITE,
    ("post", "/approvals"): Scope.ORDERS_APPROVE,
    ("get", "/audit"): Scope.AUDIT_READ,
    ("post", "/windows"): Scope.SITES_WRITE,
    ("get", "/windows"): Scope.SITES_READ,
    ("post", "/shifts"): Scope.SHIFTS_WRITE,
    ("get", "/shifts"): Scope.SHIFTS_READ,
    ("get", "/shifts/mine"): Scope.SHIFTS_WRITE,
    ("get", "/shifts/{number}/report"): Scope.SHIFTS_READ,
    ("post", "/shifts/{number}/cash"): Scope.SHIFTS_WRITE,
    ("post", "/shifts/{number}/count"): Scope.SHIFTS_WRITE,
    ("post", "/shifts/{number}/reopen"): Scope.ORDERS_APPROVE,
    ("post", "/shifts/{number}/close"): Scope.SHIFTS_WRITE,
    ("post", "/shifts/{number}/take-over"): Scope.SHIFTS_WRITE,
    ("post", "/sites"): Scope.SITES_WRITE,
    ("get", "/sites"): Scope.SITES_READ,
    ("post", "/areas"): Scope.SITES_WRITE,
    ("get", "/areas"): Scope.SITES_READ,
    ("post", "/posts"): Scope.SITES_WRITE,
    ("get", "/posts"): Scope.SITES_READ,
    ("post", "/gates"): Scope.SITES_WRITE,
    ("get", "/gates"): Scope.SITES_READ,
    ("post", "/encoders"): Scope.SITES_WRITE,
    ("get", "/encoders"): Scope.SITES_READ,
    ("post", "/products"): Scope.PRODUCTS_WRITE,
    ("get", "/products"): Scope.PRODUCTS_READ,
    ("post", "/price-lists"): Scope.PRICES_WRITE,
    ("get", "/price-lists"): Scope.PRICES_READ,
    ("post", "/price-lists/check"): Scope.PRICES_READ,
    ("get", "/price-lists/{list_id}"): Scope.PRICES_READ,
    ("get", "/catalogue/check"): Scope.PRICES_READ,
    ("get", "/day-types"): Scope.PRICES_READ,
    ("get", "/prices"): Scope.PRICES_READ,
    ("post", "/quotes"): Scope.PRICES_READ,
    ("post", "/stock"): Scope.STOCK_WRITE,
    ("get", "/stock"): Scope.PRICES_READ,
    ("post", "/stock/{stock_id}/capacity"): Scope.STOCK_WRITE,
    ("post", "/orders"): Scope.ORDERS_WRITE,
    ("post", "/orders/{order_id}/payments"): Scope.ORDERS_WRITE,
    ("post", "/orders/{order_id}/cancel"): Scope.ORDERS_WRITE,
    ("post", "/orders/{order_id}/codes.pdf"): Scope.TICKETS_CODE,
    ("get", "/orders"): Scope.ORDERS_READ,
    ("post", "/accounts"): Scope.ACCOUNTS_WRITE,
    ("get", "/accounts"): Scope.ACCOUNTS_READ,
    ("post", "/accounts/{account}/terms"): Scope.ACCOUNTS_WRITE,
    ("post", "/accounts/{account}/payments"): Scope.ACCOUNTS_WRITE,
    ("get", "/accounts/{account}/statement"): Scope.ACCOUNTS_READ,
    ("post", "/voucher-batches"): Scope.ACCOUNTS_WRITE,
    ("get", "/voucher-batches"): Scope.ACCOUNTS_READ,
    ("post", "/voucher-batches/{batch}/void"): Scope.ACCOUNTS_WRITE,
    ("get", "/orders/{order_id}"): Scope.ORDERS_READ,
    ("get", "/payments"): Scope.PAYMENTS_READ,
    ("post", "/payments/{payment}/settle"): Scope.PAYMENTS_SETTLE,
    ("post", "/payments/{payment}/ask"): Scope.ORDERS_WRITE,
    ("get", "/refunds"): Scope.PAYMENTS_READ,
    ("get", "/provider-bills"): Scope.PAYMENTS_READ,
    ("get", "/bill-findings"): Scope.PAYMENTS_READ,
    ("post", "/bill-findings/{finding}/explain"): Scope.PAYMENTS_SETTLE,
    ("post", "/refunds/{refund}/retry"): Scope.PAYMENTS_SETTLE,
    ("post", "/refunds/{refund}/cash"): Scope.PAYMENTS_SETTLE,
    ("get", "/orders/{order_id}/refund"): Scope.ORDERS_READ,
    ("post", "/orders/{order_id}/refund"): Scope.ORDERS_REFUND,
    ("post", "/orders/{order_id}/arrival"): Scope.ORDERS_REFUND,
    ("post", "/orders/{order_id}/arrival/quote"): Scope.ORDERS_REFUND,
    ("post", "/orders/free"): Scope.ORDERS_FREE,
    ("post", "/compensations"): Scope.ORDERS_APPROVE,
    ("get", "/compensations/{number}"): Scope.ORDERS_READ,
    ("post", "/compensations/{number}/run"): Scope.ORDERS_APPROVE,
    ("post", "/compensations/{number}/drop"): Scope.ORDERS_APPROVE,
    ("post", "/orders/{order_id}/pickup-code"): Scope.TICKETS_CODE,
    ("post", "/orders/{order_id}/codes"): Scope.TICKETS_CODE,
    ("post", "/pickups"): Scope.TICKETS_CODE,
    ("get", "/tickets/{number}/exchange"): Scope.ORDERS_READ,
    ("post", "/tickets/{number}/exchange"): Scope.ORDERS_REFUND,
    ("post", "/tickets/{number}/supplement"): Scope.ORDERS_WRITE,
    ("post", "/tickets/{number}/extension"): Scope.TICKETS_AMEND,
    ("get", "/tickets/{number}"): Scope.TICKETS_READ,
    ("post", "/tickets/{number}/issue"): Scope.TICKETS_ISSUE,
    ("post", "/tickets/{number}/code"): Scope.TICKETS_CODE,
    ("get", "/tickets/{number}/code"): Scope.TICKETS_CODE,
    ("get", "/tickets/{number}/code/rotating"): Scope.TICKETS_CODE,
    ("get", "/tickets/{number}/code.png"): Scope.TICKETS_CODE,
    ("get", "/tickets/{number}/code.svg"): Scope.TICKETS_CODE,
    ("get", "/tickets/{number}/code.pdf"): Scope.TICKETS_CODE,
    ("post", "/members"): Scope.MEMBERS_WRITE,
    ("post", "/members/find"): Scope.MEMBERS_READ,
    ("get", "/members/{number}"): Scope.MEMBERS_READ,
    ("patch", "/members/{number}"): Scope.MEMBERS_WRITE,
    ("post", "/members/{number}/levels"): Scope.PRICES_WRITE,
    ("put", "/members/{number}/photo"): Scope.MEMBERS_WRITE,
    ("get", "/members/{number}/photo"): Scope.MEMBERS_READ,
    ("post", "/members/{number}/passes"): Scope.MEMBERS_WRITE,
    ("post", "/members/{number}/export"): Scope.MEMBERS_ERASE,
    ("post", "/members/{number}/erase"): Scope.MEMBERS_ERASE,
    ("get", "/members/{number}/erasure"): Scope.MEMBERS_READ,
    ("post", "/member-levels"): Scope.PRICES_WRITE,
    ("get", "/member-levels"): Scope.MEMBERS_READ,
    ("get", "/notifications"): Scope.NOTIFICATIONS_READ,
    ("post", "/notifications/{number}/retry"): Scope.NOTIFICATIONS_WRITE,
    ("post", "/tickets/{number}/link"): Scope.TICKETS_CODE,
    ("post", "/tickets/{number}/link/end"): Scope.TICKETS_CODE,
    ("post", "/tickets/{number}/revoke"): Scope.TICKETS_REVOKE,
    ("post", "/tickets/{number}/allow"): Scope.TICKETS_REVOKE,
    ("post", "/encoders/{number}/trust"): Scope.SITES_WRITE,
    ("post", "/cards"): Scope.CARDS_WRITE,
    ("get", "/cards"): Scope.CARDS_READ,
    ("get", "/cards/{uid}"): Scope.CARDS_READ,
    ("post", "/cards/{uid}/void"): Scope.CARDS_WRITE,
    ("post", "/cards/{uid}/lost"): Scope.CARDS_WRITE,
    ("post", "/cards/{uid}/found"): Scope.CARDS_WRITE,
    ("post", "/cards/personalise"): Scope.CARDS_PERSONALISE,
    ("post", "/cards/read"): Scope.CARDS_READ,
    ("post", "/cards/take-back"): Scope.CARDS_WRITE,
    ("post", "/cards/roll"): Scope.CARDS_PERSONALISE,
    ("post", "/cards/{uid}/replace"): Scope.CARDS_WRITE,
    ("get", "/card-search"): Scope.CARDS_READ,
    ("post", "/group-issues"): Scope.TICKETS_ISSUE,
    ("get", "/group-issues/{number}"): Scope.TICKETS_READ,
    ("post", "/group-issues/{number}/cards"): Scope.TICKETS_ISSUE,
    ("post", "/tickets/{number}/extend"): Scope.TICKETS_AMEND,
    ("post", "/tickets/{number}/areas"): Scope.TICKETS_AMEND,
    ("post", "/tickets/{number}/hold"): Scope.TICKETS_AMEND,
    ("post", "/tickets/{number}/unhold"): Scope.TICKETS_AMEND,
    ("post", "/tickets/{number}/return"): Scope.TICKETS_AMEND,
    ("get", "/tickets/{number}/amendments"): Scope.TICKETS_READ,
    ("post", "/bindings"): Scope.BINDINGS_WRITE,
    ("get", "/bindings"): Scope.BINDINGS_READ,
    ("post", "/bindings/find"): Scope.BINDINGS_READ,
    ("post", "/bindings/{number}/withdraw"): Scope.BINDINGS_WRITE,
    ("post", "/bindings/{number}/reveal"): Scope.BINDINGS_REVEAL,
    ("get", "/bindings/{number}/looks"): Scope.BINDINGS_REVEAL,
    ("get", "/tables"): Scope.TABLES_READ,
    ("get", "/tables/{name}/next"): Scope.TABLES_READ,
    ("get", "/tables/{name}/file"): Scope.TABLES_READ,
    ("post", "/fingers"): Scope.FINGERS_WRITE,
    ("get", "/fingers"): Scope.FINGERS_READ,
    ("post", "/fingers/withdrawals"): Scope.FINGERS_WRITE,
    ("get", "/fingers/withdrawals"): Scope.FINGERS_READ,
    ("get", "/fingers/withdrawals/{number}"): Scope.FINGERS_READ,
    ("post", "/calendars"): Scope.CALENDARS_WRITE,
    ("get", "/calendars"): Scope.PRODUCTS_READ,
    ("get", "/calendars/{site}/{number}"): Scope.PRODUCTS_READ,
    ("post", "/calendars/{site}/{number}/rule"): Scope.CALENDARS_WRITE,
    ("post", "/calendars/{site}/{number}/dates"): Scope.CALENDARS_WRITE,
    ("post", "/calendars/renew"): Scope.CALENDARS_WRITE,
    ("post", "/suspensions"): Scope.SUSPENSIONS_WRITE,
    ("post", "/suspensions/{number}/end"): Scope.SUSPENSIONS_WRITE,
    ("get", "/suspensions"): Scope.SITES_READ,
    ("get", "/documents"): Scope.SITES_READ,
    ("post", "/documents/renew"): Scope.SITES_WRITE,
    ("post", "/gates/retire"): Scope.SITES_WRITE,
    ("put", "/wallets/terms"): Scope.WALLETS_TERMS,
    ("get", "/wallets/terms"): Scope.WALLETS_READ,
    ("get", "/wallets/exposure"): Scope.WALLETS_READ,
    ("get", "/wallets/audit"): Scope.WALLETS_READ,
    ("post", "/wallets"): Scope.WALLETS_WRITE,
    ("get", "/wallets"): Scope.WALLETS_READ,
    ("get", "/wallets/{number}"): Scope.WALLETS_READ,
    ("get", "/wallets/{number}/movements"): Scope.WALLETS_READ,
    ("post", "/wallets/{number}/card"): Scope.WALLETS_WRITE,
    ("post", "/wallets/{number}/top-up"): Scope.WALLETS_WRITE,
    ("post", "/wallets/{number}/recharge"): Scope.WALLETS_WRITE,
    ("post", "/wallets/{number}/refund"): Scope.WALLETS_WRITE,
    ("post", "/wallets/{number}/load"): Scope.WALLETS_WRITE,
    ("post", "/wallets/{number}/load-statement"): Scope.WALLETS_WRITE,
    ("get", "/rentals"): Scope.RENTALS_READ,
    ("post", "/rentals/checkout"): Scope.RENTALS_READ,
    ("put", "/rentals/terms"): Scope.PRICES_WRITE,
    ("get", "/rentals/terms"): Scope.RENTALS_READ,
    ("post", "/rentals/pieces"): Scope.RENTALS_WRITE,
    ("get", "/rentals/pieces"): Scope.RENTALS_READ,
    ("post", "/rentals/pieces/change"): Scope.RENTALS_WRITE,
    ("post", "/rentals/loans"): Scope.RENTALS_WRITE,
    ("post", "/rentals/loans/return"): Scope.RENTALS_WRITE,
    ("get", "/rentals/loans"): Scope.RENTALS_READ,
    ("post", "/deposits"): Scope.DEPOSITS_WRITE,
    ("get", "/deposits"): Scope.RENTALS_READ,
    ("get", "/deposits/{number}"): Scope.RENTALS_READ,
    ("post", "/deposits/{number}/bind"): Scope.DEPOSITS_WRITE,
    ("post", "/deposits/{number}/spendable"): Scope.DEPOSITS_WRITE,
    ("post", "/settlements/preview"): Scope.RENTALS_READ,
    ("post", "/settlements"): Scope.DEPOSITS_WRITE,
    ("post", "/settlements/overtime"): Scope.DEPOSITS_WRITE,
    ("post", "/settlements/{number}/drop"): Scope.DEPOSITS_WRITE,
    ("get", "/settlements/{number}"): Scope.RENTALS_READ,
    ("get", "/settlements"): Scope.RENTALS_READ,
    ("get", "/proofs"): Scope.PASSAGES_READ,
    ("get", "/proofs/gaps"): Scope.PASSAGES_READ,
    ("get", "/passages"): Scope.PASSAGES_READ,
    ("get", "/overrides"): Scope.PASSAGES_READ,
    ("get", "/exceptions"): Scope.PASSAGES_READ,
    ("get", "/reports/passages"): Scope.REPORTS_READ,
    ("get", "/reports/sales"): Scope.REPORTS_READ,
    ("get", "/reports/reconciliation"): Scope.REPORTS_READ,
    ("get", "/reports/exposure"): Scope.REPORTS_READ,
    ("get", "/tickets/{number}/exposure"): Scope.TICKETS_READ,
    ("get", "/devices"): Scope.SITES_READ,
    ("get", "/devices/quarantine"): Scope.PASSAGES_READ,
    ("post", "/devices/codes"): Scope.DEVICES_WRITE,
    ("post", "/devices/revoke"): Scope.DEVICES_WRITE,
    ("post", "/devices/approve"): Scope.DEVICES_WRITE,
    ("post", "/devices/accept"): Scope.DEVICES_WRITE,
    ("post", "/takeovers"): Scope.DEVICES_WRITE,
    ("get", "/days"): Scope.LEDGER_READ,
    ("get", "/days/{day}"): Scope.LEDGER_READ,
    ("post", "/days/close"): Scope.DAYS_CLOSE,
    ("put", "/days/cut-over"): Scope.DAYS_CLOSE,
    ("get", "/ledger/export"): Scope.LEDGER_READ,
    ("get", "/ledger/vouchers"): Scope.LEDGER_READ,
    ("get", "/ledger/clearing"): Scope.LEDGER_READ,
    ("post", "/ledger/clearing"): Scope.LEDGER_WRITE,
    ("get", "/reports/revenue"): Scope.REPORTS_READ,
    ("post", "/invoices"): Scope.ORDERS_WRITE,
    ("get", "/invoices"): Scope.LEDGER_READ,
    ("get", "/invoices/export"): Scope.LEDGER_READ,
    ("get", "/invoices/{invoice_id}"): Scope.LEDGER_READ,
    ("post", "/invoices/{invoice_id}/issued"): Scope.LEDGER_WRITE,
    ("post", "/invoices/{invoice_id}/red"): Scope.LEDGER_WRITE,
    ("post", "/invoices/{invoice_id}/cancel"): Scope.LEDGER_WRITE,
    ("get", "/contingency"): Scope.CONTINGENCY_READ,
    ("put", "/contingency/windows/{window}"): Scope.CONTINGENCY_WRITE,
    ("post", "/contingency/windows/{window}/batches"): Scope.CONTINGENCY_WRITE,
    ("post", "/contingency/batches/{batch_id}/lost"): Scope.CONTINGENCY_WRITE,
    ("get", "/contingency/asked/{key}"): Scope.ORDERS_WRITE,
    ("get", "/contingency/troubles"): Scope.CONTINGENCY_READ,
    ("post", "/contingency/sales/{sale_id}/settle"): Scope.CONTINGENCY_WRITE,
}
# Without a token: whether it lives; what devices ask with a code or with their own signature; what a provider signs.
OPEN = {
    ("post", "/sessions"),
    ("get", "/health"),
    ("get", "/enrolment/authority"),
    ("post", "/enrolment"),
    ("post", "/enrolment/renew"),
    ("post", "/devices/batches"),
    ("post", "/payments/wechat/notifications"),
    ("get", "/t/{token}"),
    ("post", "/t/{token}/links"),
    ("post", "/t/{token}/code"),
    ("get", "/t/{token}/code.png"),
    ("get", "/t/{token}/rotating"),
    ("get", "/contingency/box"),
    ("get", "/contingency/box/{batch_id}/tickets"),
    ("post", "/contingency/box/{batch_id}/sales"),
    ("post", "/contingency/box/{batch_id}/done"),
}
# For whoever is signed in, with whatever rights: no token is.
SIGNED_IN = {
    ("get", "/sessions/mine"),
    ("delete", "/sessions/mine"),
    ("post", "/sessions/mine/password"),
    ("post", "/approvals/here"),
}


def endpoints() -> set[tuple[str, str]]:
    paths = create_app().openapi()["paths"]
    return {(method, path.removeprefix("/api/v1")) for path, methods in paths.items() for method in methods}


def test_every_endpoint_is_in_the_scope_table() -> None:
    """A new endpoint needs a decision about who may call it."""
    assert endpoints() == set(SCOPES) | OPEN | SIGNED_IN


async def test_every_endpoint_wants_its_scope(cloud: Any) -> None:
    """No token: 401. A token with every scope but the right one: 403. With the right one: anything else."""
    for (method, path), scope in SCOPES.items():
        url = (
            path.replace("{order_id}", "01900000-0000-7000-8000-000000000000")
            .replace("{number}", "1")
            .replace("{site}", "1")
        )
        for headers, status, code in [
            ({"Authorization": ""}, 401, "token_missing"),
            (await cloud.token(*(set(Scope) - {scope})), 403, "scope_missing"),
        ]:
            answer = await cloud.http.request(method, url, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path)
        allowed = await cloud.http.request(method, url, headers=await cloud.token(scope))
        assert allowed.status_code not in (401, 403), (method, path)


async def test_health_needs_no_token_and_tells_of_the_broker(cloud: Any) -> None:
    """Degraded without broker, and it says which part."""
    del cloud.http.headers["Authorization"]
    assert (await cloud.get("/health"))["status"] == "ok"
    cloud.wire.connected = False
    health = await cloud.get("/health")
    assert (health["status"], health["database"], health["broker"]) == ("degraded", True, False)


async def test_a_token_is_kept_hashed_expires_and_cannot_be_guessed(cloud: Any) -> None:
    """The secret is nowhere in the database; a changed or expired one is refused."""
    headers = await cloud.token(Scope.SITES_READ, valid_days=1)
    text = headers["Authorization"].removeprefix("Bearer ")
    row = await ApiToken.get(prefix=text.partition("_")[0])
    assert text.partition("_")[2] not in row.digest
    assert (await cloud.http.get("/sites", headers=headers)).status_code == 200
    await row.refresh_from_db()
    assert row.last_used_ms == cloud.clock.now_ms
    for wrong in (text + "x", text[:-1], "nothing", "pg_", "é" * 30):
        answer = await cloud.http.get("/sites", headers={"Authorization": f"Bearer {wrong}".encode()})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
        assert answer.headers["www-authenticate"] == "Bearer"
    cloud.clock.now_ms += 86_400_000
    assert (await cloud.http.get("/sites", headers=headers)).json()["code"] == "token_refused"


def test_every_problem_has_words_in_every_language() -> None:
    """Code, title and detail; and the OpenAPI document names no unknown code."""
    for locale in LOCALES:
        words = catalogue(locale)
        for code in STATUS:
            assert words[f"error.{code}"]
            assert words[f"error_detail.{code}"]


@pytest.mark.parametrize(
    ("accept", "title"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.5", "未找到。"),
        ("en-GB, zh;q=0.1", "Not found."),
        ("fr, zh;q=0.5", "未找到。"),
        ("zh;q=0, en;q=0.1", "Not found."),
        ("nonsense;;q=x", "Not found."),
        ("", "Not found."),
    ],
)
async def test_problems_speak_the_callers_language(cloud: Any, accept: str, title: str) -> None:
    """By Accept-Language, English where nothing fits; also for addresses that do not exist."""
    for url in ("/tickets/5", "/no/such/thing"):
        answer = await cloud.http.get(url, headers={"Accept-Language": accept})
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["title"], answer.json()["code"]) == (title, "not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sites", {"number": -1, "group": 1, "name": "x", "zone": "Asia/Shanghai"}),
        ("/sites", {"number": 40000, "group": 1, "name": "x", "zone": "Asia/Shanghai"}),
        ("/sites", {"number": 5, "group": 1, "name": "x", "zone": "Nowhere/Land"}),
        ("/sites", {"number": 5, "group": 1, "name": "x", "zone": "../../etc/passwd"}),
        ("/sites", {"number": 5, "group": 1, "name": "x" * 81, "zone": "Asia/Shanghai"}),
        ("/sites", {"number": 5, "group": 1, "name": "a\x00b", "zone": "Asia/Shanghai"}),
        ("/areas", {"site": 1, "number": 32, "name": "x"}),
        ("/posts", {"site": 1, "number": 9, "area": 7, "name": "x"}),
        ("/gates", {"site": 1, "number": 0, "post": 1, "name": "x"}),
        ("/gates", {"site": 1, "number": 9, "post": 77, "name": "x"}),
        ("/products", {"site": 1, "number": 9, "code": "X", "name": {"en": "x"}, "price": 1, "currency": "CNY"}),
    ],
)
async def test_limits_on_every_input(cloud: Any, path: str, body: dict[str, Any]) -> None:
    """Out of range, unknown or unprintable: 422 with a code, never a 500."""
    answer = await cloud.http.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("invalid_request", "unknown_reference")


async def test_what_exists_already_is_not_overwritten(cloud: Any) -> None:
    """A second site, area, post, gate, encoder or product under a taken number: 409, the first one stays."""
    for path, body in [
        ("/sites", {"number": 1, "group": 1, "name": "other", "zone": "UTC"}),
        ("/areas", {"site": 1, "number": 0, "name": "other"}),
        ("/posts", {"site": 1, "number": 1, "area": 0, "name": "other"}),
        ("/gates", {"site": 1, "number": 1, "post": 1, "name": "other"}),
        ("/encoders", {"site": 1, "number": 1, "name": "other"}),
    ]:
        answer = await cloud.http.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "already_exists"), path
    assert (await cloud.get("/sites"))["items"][0]["name"] == "Snow Valley 雪谷"
    product = (await cloud.get("/products", site=1))["items"][0]
    assert product["name"] == {"en": "Day", "zh-CN": "全日票"}
    answer = await cloud.http.post("/products", json=product | {"number": 99})
    assert answer.json()["code"] == "already_exists"


async def test_a_huge_body_is_refused(cloud: Any) -> None:
    """Before it fills memory."""
    answer = await cloud.http.post("/orders", content=b" " * (BODY_MAX + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_bug_is_a_problem_without_its_insides(cloud: Any, monkeypatch: Any) -> None:
    """An unexpected error answers 500 as a problem and tells nothing of the code."""

    async def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("pistegate_cloud.sites.queries.all_sites", fail)
    answer = await cloud.http.get("/sites")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_openapi_has_examples_and_problems() -> None:
    """Request bodies show an example; protected endpoints document 401, 403 and 422."""
    document = create_app().openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"]
            if path.endswith("/health"):
                continue
            assert {"401", "403", "422"} <= set(operation["responses"]), (method, path)
            if "requestBody" in operation:
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert "example" in document["components"]["schemas"][name], name
