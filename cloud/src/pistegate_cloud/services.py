# SPDX-License-Identifier: Apache-2.0
"""What endpoints need besides their request: clock, keys, the way to devices; and the caller's rights."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from tortoise.backends.base.client import BaseDBAsyncClient

from pistegate_cloud.authority.asking import asking_key, is_signed
from pistegate_cloud.authority.attempts import Attempts
from pistegate_cloud.clock import Clock
from pistegate_cloud.encoders.relay import Relay
from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import Settings
from pistegate_cloud.staff.caller import Caller
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
    wechat: "Provider | None" = None


def services_of(request: Request) -> Services:
    """Dependency: the process's services."""
    services: Services = request.app.state.services
    return services


WithServices = Annotated[Services, Depends(services_of)]
_bearer = HTTPBearer(auto_error=False, description="A token made by `pistegate-cloud token create`.")


# What an enrolled device may do with its signature alone.
DEVICE_SCOPES = frozenset({Scope.TABLES_READ})


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Dependency: the caller, who may do `scope` here; for DEVICE_SCOPES a device's signature is as good."""

    async def caller(
        request: Request,
        services: WithServices,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        if scope in DEVICE_SCOPES and is_signed(request):
            key = await asking_key(request, services.clock.wall_ms())
            name = f"{key.role} {key.number} of site {key.site_id}"
            return Caller(name, f"device:{name}", scopes=frozenset({scope.value}))
        if credentials is None:
            raise Problem("token_missing")
        return await tokens.check(credentials.credentials, scope, services.clock.wall_ms())

    return caller


IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=80,
        pattern=r"^[\x21-\x7e]+$",
        description="Repeat a request with the same key after a lost answer: it is done once.",
    ),
]
