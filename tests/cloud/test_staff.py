# SPDX-License-Identifier: Apache-2.0
"""Signing in, sessions, users and groups, permission by site, agreement of a second person."""

import asyncio
from typing import Any

import pytest
from staff_hands import PASSWORD, code, hire, hired, sign_in
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import StaffSettings
from pistegate_cloud.staff import limits, passwords, sessions
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.models import StaffSession, StaffUser
from pistegate_cloud.staff.passwords import Passwords
from pistegate_cloud.staff.rules import Limits
from pistegate_cloud.tokens.service import Scope, create
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind
from pistegate_protocol.usage import Usage, encode_counters

OTHER = 2
NOON_MS = 1768622400000


async def two_sites(cloud: Any) -> None:
    """Site 2 of the same group."""
    await cloud.post("/sites", {"number": OTHER, "group": 1, "name": "Ice Peak", "zone": "Asia/Shanghai"})


async def test_a_password_and_a_session_are_nowhere_in_the_database(sqlite_cloud: Any) -> None:
    """Argon2id for the one, a digest for the other; the first password must be changed before anything else."""
    made = await sqlite_cloud.post(
        "/staff/users", {"login": "li.na", "name": "Li Na", "memberships": [{"group": "manager"}]}
    )
    row = await StaffUser.get(id=made["number"])
    assert row.password.startswith("$argon2id$")
    first = await sign_in(sqlite_cloud, "li.na", made["password"])
    token = first["Authorization"].removeprefix("Bearer ")
    assert token not in [session.digest for session in await StaffSession.all()]
    assert code(await sqlite_cloud.http.get("/sites", headers=first)) == "password_change_needed"
    weak = {"old": made["password"], "new": "li.na-li.na"}
    assert code(await sqlite_cloud.http.post("/sessions/mine/password", json=weak, headers=first)) == "password_weak"
    wrong = {"old": "x", "new": PASSWORD}
    assert code(await sqlite_cloud.http.post("/sessions/mine/password", json=wrong, headers=first)) == "login_refused"
    good = {"old": made["password"], "new": PASSWORD}
    assert code(await sqlite_cloud.http.post("/sessions/mine/password", json=good, headers=first)) == "204"
    assert code(await sqlite_cloud.http.get("/sites", headers=first)) == "200"


async def test_a_changed_password_ends_every_other_session(sqlite_cloud: Any) -> None:
    """Whoever had the old one is out; who changed it goes on."""
    await hire(sqlite_cloud, "ann", "seller", 1)
    thief, ann = await sign_in(sqlite_cloud, "ann"), await sign_in(sqlite_cloud, "ann")
    body = {"old": PASSWORD, "new": "other-lift8-tea"}
    assert code(await sqlite_cloud.http.post("/sessions/mine/password", json=body, headers=ann)) == "204"
    assert code(await sqlite_cloud.http.get("/sessions/mine", headers=thief)) == "session_ended"
    assert code(await sqlite_cloud.http.get("/sessions/mine", headers=ann)) == "200"


async def test_a_deactivated_user_is_out_at_once(cloud: Any) -> None:
    """In the middle of a session, and at the next sign-in."""
    number = await hire(cloud, "ann", "seller", 1)
    ann = await sign_in(cloud, "ann")
    assert code(await cloud.http.get("/orders", headers=ann)) == "200"
    await cloud.post(f"/staff/users/{number}/deactivate", {})
    assert code(await cloud.http.get("/orders", headers=ann)) == "session_ended"
    refused = await cloud.http.post("/sessions", json={"login": "ann", "password": PASSWORD})
    assert code(refused) == "login_refused"
    await cloud.post(f"/staff/users/{number}/activate", {})
    assert code(await cloud.http.get("/orders", headers=ann)) == "session_ended"
    assert await sign_in(cloud, "ann")


async def test_a_session_ends_when_idle_when_old_and_when_signed_out(sqlite_cloud: Any) -> None:
    """An hour unused, fourteen hours in all."""
    await hire(sqlite_cloud, "ann", "seller", 1)
    idle = await sign_in(sqlite_cloud, "ann")
    sqlite_cloud.clock.now_ms += 59 * 60_000
    assert code(await sqlite_cloud.http.get("/orders", headers=idle)) == "200"
    sqlite_cloud.clock.now_ms += 60 * 60_000
    assert code(await sqlite_cloud.http.get("/orders", headers=idle)) == "session_ended"
    busy = await sign_in(sqlite_cloud, "ann")
    for _ in range(16):
        sqlite_cloud.clock.now_ms += 50 * 60_000
        assert code(await sqlite_cloud.http.get("/orders", headers=busy)) == "200"
    sqlite_cloud.clock.now_ms += 50 * 60_000
    assert code(await sqlite_cloud.http.get("/orders", headers=busy)) == "session_ended"
    left = await sign_in(sqlite_cloud, "ann")
    assert code(await sqlite_cloud.http.delete("/sessions/mine", headers=left)) == "204"
    assert code(await sqlite_cloud.http.get("/orders", headers=left)) == "session_ended"


async def test_guessing_is_cut_short_also_when_many_guess_at_once(cloud: Any) -> None:
    """Eight tries of one login in five minutes, however they come; then also the right password waits."""
    await hire(cloud, "ann", "seller", 1)
    tries = [cloud.http.post("/sessions", json={"login": "ann", "password": f"wrong {n}"}) for n in range(20)]
    codes = [code(answer) for answer in await asyncio.gather(*tries)]
    assert sorted(codes) == ["login_refused"] * sessions.PER_USER + ["too_many_attempts"] * (20 - sessions.PER_USER)
    right = {"login": "ann", "password": PASSWORD}
    assert code(await cloud.http.post("/sessions", json=right)) == "too_many_attempts"
    cloud.clock.now_ms += sessions.SPAN_MS
    assert code(await cloud.http.post("/sessions", json=right)) == "201"


async def test_one_address_does_not_try_every_login(sqlite_cloud: Any) -> None:
    """One password against a list of names."""
    for n in range(sessions.PER_ADDRESS):
        answer = await sqlite_cloud.http.post("/sessions", json={"login": f"user{n}", "password": "lift7"})
        assert code(answer) == "login_refused"
    answer = await sqlite_cloud.http.post("/sessions", json={"login": "another", "password": "lift7"})
    assert code(answer) == "too_many_attempts"


async def test_a_whole_box_office_signs_in_from_one_address(sqlite_cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only wrong passwords count against an address, which may be a proxy's."""
    monkeypatch.setattr(sessions, "PER_ADDRESS", 4)
    await hire(sqlite_cloud, "ann", "seller", 1)
    for _ in range(6):
        await sign_in(sqlite_cloud, "ann")


async def test_a_login_that_does_not_exist_answers_as_one_that_does(sqlite_cloud: Any) -> None:
    """Same words, and the same work is done: nobody learns who is a user."""
    hashed: list[str | None] = []
    fits = Passwords.fits

    async def seen(self: Passwords, kept: str | None, password: str) -> bool:
        hashed.append(kept)
        return await fits(self, kept, password)

    await hire(sqlite_cloud, "ann", "seller", 1)
    hasher = sqlite_cloud.services.passwords
    sqlite_cloud.services.passwords = type("Seen", (Passwords,), {"fits": seen})(sqlite_cloud.services.settings.staff)
    known = await sqlite_cloud.http.post("/sessions", json={"login": "ann", "password": "x"})
    unknown = await sqlite_cloud.http.post("/sessions", json={"login": "nobody", "password": "x"})
    sqlite_cloud.services.passwords = hasher
    assert known.json() == unknown.json()
    assert hashed[0] is not None
    assert hashed[1:] == [None]


async def test_a_cookie_is_for_our_own_pages_only(sqlite_cloud: Any) -> None:
    """HttpOnly and strict; a write from another site's page, or from nowhere, is refused before it is looked at."""
    await hire(sqlite_cloud, "ann", "manager", 1)
    body = {"login": "ann", "password": PASSWORD, "cookie": True}
    opened = await sqlite_cloud.http.post("/sessions", json=body, headers={"Authorization": ""})
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    session = {"Cookie": cookie.partition(";")[0], "Authorization": ""}
    assert code(await sqlite_cloud.http.get("/orders", headers=session)) == "200"
    for origin, wanted in [
        (None, "origin_refused"),
        ("null", "origin_refused"),
        ("http://evil.example", "origin_refused"),
        ("http://cloud.evil.example", "origin_refused"),
        ("http://cloud", "not_found"),
    ]:
        headers = session | ({"Origin": origin} if origin else {})
        answer = await sqlite_cloud.http.post("/tickets/5/revoke", json={"reason": "x"}, headers=headers)
        assert code(answer) == wanted, origin
    assert code(await sqlite_cloud.http.delete("/sessions/mine", headers=session)) == "origin_refused"


async def test_a_seller_of_one_site_touches_nothing_of_another(cloud: Any) -> None:
    """By number in path, query or body, and by ids of orders, tickets, cards and wallets; their own work goes on."""
    await two_sites(cloud)
    seller, own = await hired(cloud, "bo", "seller", OTHER), await hired(cloud, "ann", "seller", 1)
    sold = await cloud.sell()
    ticket, order = sold["tickets"][0]["number"], sold["id"]
    card = (await cloud.get("/cards", site=1))["items"][0]["uid"]
    touched = [
        ("get", f"/orders/{order}", None),
        ("get", f"/tickets/{ticket}", None),
        ("post", f"/tickets/{ticket}/hold", {"reason": "x"}),
        ("post", f"/tickets/{ticket}/code", {}),
        ("get", f"/cards/{card}", None),
        ("get", f"/cards/{card.upper()}", None),
        ("post", f"/cards/{card}/lost", {"reason": "x"}),
        ("post", "/group-issues", {"order": order}),
        ("get", f"/bindings?ticket={ticket}", None),
        ("post", "/bindings", {"ticket": ticket, "document": {"kind": "x"}}),
        ("post", "/bindings", {"ticket": float(ticket), "document": {"kind": "x"}}),
        ("get", "/orders?site=1", None),
        ("get", "/orders?site=2&site=1", None),
        ("post", "/cards/read", {"site": 1, "encoder": 1}),
        ("post", "/cards/read", {"site": "1", "encoder": 1}),
        ("post", "/cards/read", {"site": "1.0", "encoder": 1}),
        ("get", "/calendars/1/1", None),
    ]
    for method, path, body in touched:
        answer = await cloud.http.request(method, path, json=body, headers=seller)
        assert code(answer) == "site_not_allowed", (method, path, body)
        answer = await cloud.http.request(method, path, json=body, headers=own)
        assert code(answer) not in {"site_not_allowed", "site_needed"} or "site=2" in path, (method, path, body)


async def test_lists_without_a_site_show_only_the_callers(cloud: Any) -> None:
    """One site is filled in; of several, one must be named; who is bound to none sees all."""
    await two_sites(cloud)
    await cloud.sell()
    one, other = await hired(cloud, "ann", "seller", 1), await hired(cloud, "bo", "seller", OTHER)
    number = await hire(cloud, "both", "seller", 1)
    both = [{"group": "seller", "site": 1}, {"group": "seller", "site": OTHER}]
    moved = await cloud.http.put(f"/staff/users/{number}/memberships", json={"memberships": both})
    assert moved.status_code == 200
    several = await sign_in(cloud, "both")
    assert [len((await cloud.http.get("/orders", headers=who)).json()["items"]) for who in (one, other)] == [1, 0]
    assert code(await cloud.http.get("/orders", headers=several)) == "site_needed"
    assert code(await cloud.http.get("/orders?site=2", headers=several)) == "200"
    assert [site["number"] for site in (await cloud.http.get("/sites", headers=other)).json()["items"]] == [OTHER]
    assert len((await cloud.get("/orders"))["items"]) == 1


async def test_an_outlet_sells_anothers_tickets_and_works_with_what_it_sold(sqlite_cloud: Any) -> None:
    """联网售票点: the right is asked for where the seller sits; what the other site sold itself stays closed."""
    await two_sites(sqlite_cloud)
    await sqlite_cloud.post("/windows", {"site": OTHER, "number": 1, "name": "Outlet"})
    outlet = await hired(sqlite_cloud, "bo", "seller", OTHER)
    shift = {"site": OTHER, "window": 1, "currency": "CNY"}
    assert code(await sqlite_cloud.http.post("/shifts", json=shift, headers=outlet)) == "201"
    lines = [{"product": 1, "quantity": 1, "visit_date": "2026-01-17"}]
    payment = {"method": "cash", "tendered": 29800, "currency": "CNY"}
    body = {"site": 1, "channel": "outlet", "lines": lines, "payment": payment}

    async def sell(**more: int) -> Any:
        return await sqlite_cloud.http.post("/orders", json=body | more, headers=outlet)

    assert code(await sell()) == "site_not_allowed"
    assert code(await sell(selling_site=1)) == "site_not_allowed"
    sold = await sell(selling_site=OTHER)
    assert sold.status_code == 201, sold.text
    ticket = sold.json()["tickets"][0]["number"]
    for path in (f"/orders/{sold.json()['id']}", f"/tickets/{ticket}"):
        assert code(await sqlite_cloud.http.get(path, headers=outlet)) == "200", path
    others = await sqlite_cloud.sell()
    assert code(await sqlite_cloud.http.get(f"/orders/{others['id']}", headers=outlet)) == "site_not_allowed"


async def test_who_is_bound_to_a_window_names_no_other(sqlite_cloud: Any) -> None:
    """Not in an order either."""
    cy = await hired(sqlite_cloud, "cy", "seller", 1, 2)
    for window, wanted in ((1, "window_not_allowed"), (2, "invalid_request")):
        answer = await sqlite_cloud.http.post("/orders", json={"site": 1, "window": window}, headers=cy)
        assert code(answer) == wanted


async def test_a_token_may_be_bound_to_sites(sqlite_cloud: Any) -> None:
    """A kiosk of site 1 sells nothing at site 2."""
    await two_sites(sqlite_cloud)
    made = await create("kiosk", [Scope.ORDERS_READ], sqlite_cloud.clock.now_ms, None, [OTHER])
    kiosk = {"Authorization": f"Bearer {made.text}"}
    assert code(await sqlite_cloud.http.get("/orders?site=1", headers=kiosk)) == "site_not_allowed"
    assert code(await sqlite_cloud.http.get("/orders?site=2", headers=kiosk)) == "200"


async def test_keys_of_two_callers_never_meet(sqlite_cloud: Any) -> None:
    """The same Idempotency-Key of another person is another request, not their answer."""
    body = {"site": 1, "currency": "CNY", "holder": "A"}
    await sqlite_cloud.http.put("/wallets/terms", json={"site": 1, "currency": "CNY", "offline_cap": 10000})
    ann, bo = await hired(sqlite_cloud, "ann", "seller", 1), await hired(sqlite_cloud, "bo", "seller", 1)
    numbers = []
    for who in (ann, ann, bo):
        answer = await sqlite_cloud.http.post("/wallets", json=body, headers=who | {"Idempotency-Key": "k1"})
        assert answer.status_code == 201, answer.text
        numbers.append(answer.json()["wallet"])
    assert numbers[0] == numbers[1] != numbers[2]


async def test_a_manager_of_one_site_cannot_climb(sqlite_cloud: Any) -> None:
    """Not by groups, not for another site, not by taking over an administrator's account."""
    await two_sites(sqlite_cloud)
    boss = await hire(sqlite_cloud, "boss", "admin")
    manager = await hired(sqlite_cloud, "mei", "manager", 1)
    me = (await sqlite_cloud.http.get("/sessions/mine", headers=manager)).json()["user"]["number"]

    async def ask(method: str, path: str, body: Any) -> str:
        return code(await sqlite_cloud.http.request(method, path, json=body, headers=manager))

    assert await ask("put", f"/staff/users/{me}/memberships", {"memberships": [{"group": "admin", "site": 1}]}) == (
        "group_too_wide"
    )
    assert await ask("put", f"/staff/users/{me}/memberships", {"memberships": [{"group": "manager", "site": 2}]}) == (
        "group_too_wide"
    )
    assert await ask("put", f"/staff/users/{me}/memberships", {"memberships": [{"group": "manager"}]}) == (
        "group_too_wide"
    )
    assert await ask("put", "/staff/groups/manager", {"scopes": ["*"]}) == "group_too_wide"
    assert await ask("put", "/staff/groups/mine", {"scopes": ["orders:read"], "limits": {}}) == "group_too_wide"
    assert await ask("post", f"/staff/users/{boss}/password", {}) == "group_too_wide"
    assert await ask("post", f"/staff/users/{boss}/deactivate", {}) == "group_too_wide"
    new = {"login": "xu", "name": "Xu", "memberships": [{"group": "admin"}]}
    assert await ask("post", "/staff/users", new) == "group_too_wide"
    assert await StaffUser.get_or_none(login="xu") is None
    new["memberships"] = [{"group": "seller", "site": 1}]
    assert await ask("post", "/staff/users", new) == "201"


async def test_the_last_administrator_cannot_lock_themselves_out(sqlite_cloud: Any) -> None:
    """Neither by leaving, nor by emptying the group; a second one may go."""
    boss = await hire(sqlite_cloud, "boss", "admin")
    session = await sign_in(sqlite_cloud, "boss")
    for method, path, body in [
        ("post", f"/staff/users/{boss}/deactivate", {}),
        ("put", f"/staff/users/{boss}/memberships", {"memberships": []}),
        ("put", "/staff/groups/admin", {"scopes": ["orders:read"]}),
    ]:
        answer = await sqlite_cloud.http.request(method, path, json=body, headers=session)
        assert code(answer) == "last_admin", path
    assert code(await sqlite_cloud.http.get("/staff/users", headers=session)) == "200"
    second = await hire(sqlite_cloud, "deputy", "admin")
    answer = await sqlite_cloud.http.post(f"/staff/users/{second}/deactivate", headers=session)
    assert code(answer) == "200"


async def test_a_second_person_agrees_to_just_this_once(cloud: Any) -> None:
    """Not another amount, subject, action or site, not twice, not late, not oneself, not one who left meanwhile."""
    await two_sites(cloud)
    seller, manager = await hire(cloud, "ann", "seller", 1), await hire(cloud, "mei", "manager", 1)
    mei = await sign_in(cloud, "mei")
    ann = Caller("Ann", f"user:{seller}", user=seller, limits=Limits({"refund": 100}))

    async def given(**changed: Any) -> Any:
        body = {"site": 1, "action": "refund", "subject": "order:7", "amount": 500} | changed
        answer = await cloud.http.post("/approvals", json=body, headers=mei)
        return answer.json()["approval"] if answer.status_code == 201 else code(answer)

    async def used(approval: Any, who: Caller = ann) -> str:
        try:
            async with in_transaction():
                found = await limits.needed(
                    who, "refund", 500, approval, site=1, subject="order:7", now_ms=cloud.clock.now_ms
                )
        except Problem as problem:
            return problem.code
        return found.name if found else "alone"

    assert await used(None, Caller("Ann", "user:1", user=1, limits=Limits({"refund": 500}))) == "alone"
    assert await used(None) == "approval_needed"
    for changed in ({"amount": 499}, {"amount": 501}, {"subject": "order:8"}, {"action": "void"}):
        assert await used(await given(**changed)) == "approval_refused", changed
    assert await given(site=OTHER) == "site_not_allowed"
    mine = Caller("Mei", f"user:{manager}", user=manager, limits=Limits({"refund": 100}))
    assert await used(await given(), mine) == "approval_refused"
    approval = await given()
    assert await used(approval) == "Mei"
    assert await used(approval) == "approval_refused"
    both = await given()
    assert sorted(await asyncio.gather(used(both), used(both))) == ["Mei", "approval_refused"]
    late = await given()
    cloud.clock.now_ms += 10 * 60_000
    assert await used(late) == "approval_refused"
    gone = await given()
    await cloud.post(f"/staff/users/{manager}/deactivate", {})
    assert await used(gone) == "approval_refused"


async def test_an_agreement_is_not_used_up_by_what_was_rolled_back(sqlite_cloud: Any) -> None:
    """The refund failed after it: the same agreement serves the next try."""
    await hire(sqlite_cloud, "mei", "manager", 1)
    mei = await sign_in(sqlite_cloud, "mei")
    body = {"site": 1, "action": "free", "subject": "new:k", "amount": 100}
    approval = (await sqlite_cloud.http.post("/approvals", json=body, headers=mei)).json()["approval"]
    ann = Caller("Ann", "user:99", user=99, limits=Limits())
    for fails in (True, False):
        try:
            async with in_transaction():
                who = await limits.needed(
                    ann, "free", 100, approval, site=1, subject="new:k", now_ms=sqlite_cloud.clock.now_ms
                )
                assert who is not None
                if fails:
                    raise RuntimeError
        except RuntimeError:
            assert fails


async def test_the_second_person_signs_at_the_sellers_screen(sqlite_cloud: Any) -> None:
    """With login and password; the seller's own, or another seller's, do not serve."""
    ann = await hired(sqlite_cloud, "ann", "seller", 1)
    await hire(sqlite_cloud, "bo", "seller", 1)
    await hire(sqlite_cloud, "mei", "manager", 1)
    body = {"site": 1, "action": "refund", "subject": "order:7", "amount": 500}

    async def ask(login: str, password: str = PASSWORD) -> str:
        whole = body | {"login": login, "password": password}
        return code(await sqlite_cloud.http.post("/approvals/here", json=whole, headers=ann))

    assert await ask("mei") == "201"
    assert await ask("mei", "wrong") == "login_refused"
    assert await ask("bo") == "scope_missing"
    assert await ask("ann") == "scope_missing"
    machine = await sqlite_cloud.http.post("/approvals", json=body)
    assert code(machine) == "session_ended"


async def test_hashes_are_argon2id_at_full_cost_unless_configured() -> None:
    """The defaults are RFC 9106's: 64 MiB, three passes, four lanes; an older, cheaper hash is made anew."""
    cheap = Passwords(StaffSettings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1))
    full = Passwords(StaffSettings())
    kept = await cheap.hash(PASSWORD)
    assert await full.fits(kept, PASSWORD)
    assert full.outdated(kept)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in await full.hash("x")
    assert not await full.fits("nonsense", PASSWORD)
    assert len({passwords.initial() for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["ps_", "ps_x", "ps_" + "é" * 30, "ps_" + "a" * 5000])
async def test_a_made_up_session_is_refused(sqlite_cloud: Any, text: str) -> None:
    """Whatever it looks like."""
    answer = await sqlite_cloud.http.get("/orders", headers={"Authorization": f"Bearer {text}".encode()})
    assert code(answer) == "session_ended"


async def test_no_void_after_a_passage(cloud: Any, new_gate: Any) -> None:
    """Not while a lane may have let somebody through either; an admission that nobody used does not count."""
    tickets = [each["number"] for each in (await cloud.sell(quantity=4))["tickets"]]
    gate = new_gate()
    for seq, ticket in enumerate(tickets[:3]):
        usage = encode_counters(Usage(claim=bytes(8)))
        at = gate.add(Admitted(NOON_MS, ticket, b"\x01" + bytes(7), bytes(8), 1, 1, usage, bytes(8)))
        if seq < 2:
            kind = OutcomeKind.PASSED if seq == 0 else OutcomeKind.NOT_PASSED
            gate.add(Outcome(NOON_MS + 1000, gate.epoch, at, kind, 1 - seq))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    for ticket in (tickets[0], tickets[2]):
        with pytest.raises(Problem, match="ticket_used"):
            await limits.check_unused([tickets[3], ticket])
    await limits.check_unused([tickets[1], tickets[3]])
