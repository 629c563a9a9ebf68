# SPDX-License-Identifier: Apache-2.0
"""Who may call what, where: every endpoint by every role, against one table (authorisation.txt).

The columns, each a person or machine at site 1 unless said: admin (of all sites), manager, seller, seller of site 2,
accountant, technician, a token that sells (of all sites), nobody. The request works at site 1.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from staff_hands import hired
from tortoise.context import require_context

from pistegate_cloud.app import create_app
from pistegate_cloud.staff import places
from pistegate_cloud.tokens.service import Scope, create

TABLE = Path(__file__).with_name("authorisation.txt")
# "+": let in. "-": not with these permissions. "s": not at this site. "x": not without signing in.
SIGNS = {
    "scope_missing": "-",
    "site_not_allowed": "s",
    "site_needed": "s",
    "token_missing": "x",
    "session_ended": "x",
}
COLUMNS = ("admin", "manager", "seller", "seller2", "accountant", "technician", "machine", "nobody")
MACHINE = (Scope.ORDERS_READ, Scope.ORDERS_WRITE, Scope.PRICES_READ, Scope.PRODUCTS_READ, Scope.TICKETS_CODE)


@cache
def endpoints() -> dict[tuple[str, str], dict[str, Any]]:
    paths = create_app().openapi()["paths"]
    return {
        (method.upper(), path.removeprefix("/api/v1")): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def table() -> dict[tuple[str, str], str]:
    """The expected signs by endpoint."""
    rows = {}
    for line in TABLE.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            signs, method, path = line.split()
            rows[method, path] = signs
    return rows


def request_for(method: str, path: str, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An address with well-formed ids, and what narrows it to site 1 where it can be."""
    kinds = {item["name"]: item["schema"] for item in operation.get("parameters", []) if item["in"] == "path"}
    query = {item["name"] for item in operation.get("parameters", []) if item["in"] == "query"}

    def value(match: re.Match[str]) -> str:
        schema = kinds[match[1]]
        if schema.get("format") == "uuid":
            return "01900000-0000-7000-8000-000000000000"
        return (
            "999999"
            if schema.get("type") == "integer" and match[1] != "site"
            else "1"
            if match[1] == "site"
            else "04a1b2c3d4e5f6"
        )

    url = re.sub(r"\{(\w+)\}", value, path)
    named = ["site"] if "site" in query else [*(set(places.FIELDS) & query)][:1]
    more: dict[str, Any] = {"params": dict.fromkeys(named, 1)}
    if "requestBody" in operation:
        more["json"] = {"site": 1}
    return url, more


async def people(cloud: Any) -> list[dict[str, str]]:
    """Headers of each column."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Ice Peak", "zone": "Asia/Shanghai"})
    staff = [
        await hired(cloud, "admin", "admin"),
        await hired(cloud, "manager", "manager", 1),
        await hired(cloud, "seller", "seller", 1),
        await hired(cloud, "seller2", "seller", 2),
        await hired(cloud, "accountant", "accountant", 1),
        await hired(cloud, "technician", "technician", 1),
    ]
    machine = await create("kiosk", MACHINE, cloud.clock.now_ms, None)
    return [*staff, {"Authorization": f"Bearer {machine.text}"}, {"Authorization": ""}]


async def signs_of(cloud: Any, who: list[dict[str, str]], method: str, path: str, operation: dict[str, Any]) -> str:
    """What this endpoint says to each column."""
    url, more = request_for(method, path, operation)
    found = []
    for headers in who:
        answer = await cloud.http.request(method, url, headers=headers, **more)
        problem = answer.json().get("code") if answer.headers.get("content-type", "").endswith("problem+json") else None
        found.append(SIGNS.get(str(problem), "+"))
    return "".join(found)


async def test_everybody_may_call_what_the_table_says(sqlite_cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every object is one of site 1 here; a new endpoint without a row fails, and the message is the row to judge."""

    async def at_site_1(*_: Any) -> tuple[int, ...]:
        return (1,)

    monkeypatch.setattr(places, "_sites_of", at_site_1)
    who, expected, wrong = await people(sqlite_cloud), table(), []
    ending = ("DELETE", "/sessions/mine")  # signs everybody out: last
    all_of_them = endpoints()
    for method, path in [*sorted(set(all_of_them) - {ending}, key=lambda key: (key[1], key[0])), ending]:
        signs = await signs_of(sqlite_cloud, who, method, path, all_of_them[method, path])
        if expected.pop((method, path), "no row") != signs:
            wrong.append(f"{signs} {method:6} {path}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert not expected


async def test_the_site_of_every_kind_of_object_is_found(sqlite_cloud: Any) -> None:
    """Each registered table is there with its key and its site; a key that nothing has, is of no site."""
    apps = require_context().apps
    assert apps is not None
    for name, table in [*places.NOUNS.items(), *places.FIELDS.items()]:
        fields = apps["cloud"][table.model]._meta.fields_map
        assert {table.key, "site_id"} <= set(fields), name
        value = {int: "7", str: "04a1b2c3d4e5f6"}.get(table.kind, "01900000-0000-7000-8000-000000000000")
        assert await places._sites_of(table, name, value) == (), name


def test_every_object_in_a_path_is_registered() -> None:
    """An endpoint that addresses an object by id, and names no site, has a line in staff/places.py."""
    signs = table()
    for (method, path), operation in endpoints().items():
        for_anybody = "-" not in signs.get((method, path), "-") or any(map(path.startswith, places.ANYWHERE))
        if "{" not in path or "{site}" in path or path in BESIDE or for_anybody:
            continue
        site_beside = any(item["name"] == "site" for item in operation.get("parameters", []))
        assert site_beside or set(re.findall(r"/([a-z-]+)/\{", path)) & set(places.NOUNS), (method, path)


# Their site is a field of the body, beside a number that counts within the site.
BESIDE = {
    "/encoders/{number}/trust",
    "/contingency/windows/{window}",
    "/contingency/windows/{window}/batches",
}
