# SPDX-License-Identifier: Apache-2.0
"""People for tests: users of a role at a site, signed in."""

from typing import Any

from pistegate_cloud.staff import service
from pistegate_cloud.staff.caller import operator

PASSWORD = "lift7-noon-tea"


async def hire(cloud: Any, login: str, group: str, site: int | None = None, window: int | None = None) -> int:
    """A user of a group, whose password is PASSWORD and chosen by themselves; their number."""
    row, password = await service.add_user(
        operator(),
        login,
        login.title(),
        [service.Place(group, site, window)],
        cloud.services.passwords,
        cloud.clock.now_ms,
    )
    first = await sign_in(cloud, login, password)
    answer = await cloud.http.post("/sessions/mine/password", json={"old": password, "new": PASSWORD}, headers=first)
    assert answer.status_code == 204, answer.text
    return int(row.id)


async def sign_in(cloud: Any, login: str, password: str = PASSWORD) -> dict[str, str]:
    """Headers of a new session."""
    answer = await cloud.http.post("/sessions", json={"login": login, "password": password})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def hired(cloud: Any, login: str, group: str, site: int | None = None, window: int | None = None) -> Any:
    """Headers of somebody new."""
    await hire(cloud, login, group, site, window)
    return await sign_in(cloud, login)


def code(answer: Any) -> str:
    """The problem's code, or the status when it is none."""
    return str(answer.json().get("code")) if answer.status_code >= 400 else str(answer.status_code)
