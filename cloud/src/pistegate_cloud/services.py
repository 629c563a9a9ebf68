# SPDX-License-Identifier: Apache-2.0
"""What endpoints need besides their request: clock, keys, the way to devices; and the caller's rights."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from tortoise.backends.base.client import BaseDBAsyncClient

from pistegate_cloud.authority.asking import asking_key, is_signed
from pistegate_cloud.authority.attempts import Attempts
from pistegate_cloud.clock import Clock
from pistegate_cloud.encoders.relay import Relay
from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import Settings
from pistegate_cloud.staff import places, sessions
from pistegate_cloud.staff.caller import CALLING, Caller
from pistegate_cloud.staff.passwords import Passwords
from pistegate_cloud.tokens import service as tokens
from pistegate_cloud.tokens.service import Scope

if TYPE_CHECKING:
    from pistegate_cloud.ingest.service import Ingest
    from pistegate_cloud.mqtt.bridge import Bridge
    from pistegate_cloud.payments.provider import Provider


@dataclass(slots=True)
class Services:
    """Made once per process, by `serve` or by a test."""

    settings: Settings
    clock: Clock
    database: BaseDBAsyncClient
    bridge: "Bridge"
    relay: Relay
    ingest: "Ingest"
    attempts: Attempts = field(default_factory=Attempts)
    link_attempts: Attempts = field(default_factory=Attempts)
    wechat: "Provider | None" = None
    passwords: Passwords = field(init=False)

    def __post_init__(self) -> None:
        """Passwords cost what the settings say."""
        self.passwords = Passwords(self.settings.staff)


async def services_of(request: Request) -> Services:
    """Dependency: the process's services. Not a plain function: each of those would be run in a thread, per request."""
    services: Services = request.app.state.services
    return services


WithServices = Annotated[Services, Depends(services_of)]
_bearer = HTTPBearer(auto_error=False, description="A token made by `pistegate-cloud token create`.")


# What an enrolled device may do with its signature alone.
DEVICE_SCOPES = frozenset({Scope.TABLES_READ})


API = "/api/v1"
_READING = frozenset({"GET", "HEAD"})
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Dependency: the caller, who may do `scope` where the request works (staff/places.py).

    For DEVICE_SCOPES a device's signature is as good.
    """

    async def caller(request: Request, services: WithServices, credentials: Credentials) -> Caller:
        now_ms = services.clock.wall_ms()
        if scope in DEVICE_SCOPES and is_signed(request):
            key = await asking_key(request, now_ms)
            name = f"{key.role} {key.number} of site {key.site_id}"
            return Caller(name, f"device:{name}", scopes=frozenset({scope.value}))
        text = _presented(request, credentials)
        if text.startswith(sessions.PREFIX):
            found = await sessions.check(text, scope.value, services.settings.staff, now_ms)
        else:
            found = await tokens.check(text, scope, now_ms)
        await places.check(request, found, API)
        CALLING.set(found)
        return found

    return caller


async def signed_in(request: Request, services: WithServices, credentials: Credentials) -> Caller:
    """Dependency: a person with a session, whatever they may do, also before their first change of password."""
    text = _presented(request, credentials)
    if not text.startswith(sessions.PREFIX):
        raise Problem("session_ended")
    return await sessions.check(text, None, services.settings.staff, services.clock.wall_ms(), fresh=True)


def _presented(request: Request, credentials: HTTPAuthorizationCredentials | None) -> str:
    """What the caller shows: a bearer's text, else a browser's cookie, with which only our own pages may write."""
    if credentials is not None:
        return credentials.credentials
    cookie = request.cookies.get(sessions.COOKIE, "")
    if not cookie.startswith(sessions.PREFIX) or request.headers.get("authorization"):
        raise Problem("token_missing")
    if request.method not in _READING and urlsplit(request.headers.get("origin", "")).netloc != request.headers.get(
        "host", ""
    ):
        raise Problem("origin_refused")
    return cookie


IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=80,
        pattern=r"^[\x21-\x7e]+$",
        description="Repeat a request with the same key after a lost answer: it is done once.",
    ),
]
