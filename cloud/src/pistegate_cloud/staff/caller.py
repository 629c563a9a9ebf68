# SPDX-License-Identifier: Apache-2.0
"""Who calls: a person with a session, a machine with a token, a device with its signature, or this process itself."""

from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass

from pistegate_cloud.errors import Problem
from pistegate_cloud.staff.rules import EVERYTHING, NO_LIMITS, Grant, Limits


@dataclass(frozen=True, slots=True)
class Caller:
    """`name`: as written beside what was done. `key`: "token:3", "user:7", "device:...", "system:...", never reused.

    `sites`, `windows`, `limits`: for the scope that the endpoint requires; None: all. `window`: where they sit now.
    `grants`: all that they have. `session`: id of a person's session.
    """

    name: str
    key: str
    user: int | None = None
    scopes: frozenset[str] = frozenset()
    sites: frozenset[int] | None = None
    windows: frozenset[tuple[int, int | None]] | None = None
    limits: Limits = NO_LIMITS
    window: int | None = None
    grants: tuple[Grant, ...] = ()
    session: int | None = None

    def at(self, site: int, window: int | None = None) -> None:
        """Problem site_not_allowed, unless this may be done at `site` (and at its `window`)."""
        if self.sites is not None and site not in self.sites:
            raise Problem("site_not_allowed", site=site)
        if window is not None and self.windows is not None and not {(site, window), (site, None)} & self.windows:
            raise Problem("window_not_allowed", site=site, window=window)

    def at_all(self, sites: Collection[int]) -> None:
        """As `at`, for each of `sites`."""
        for site in sites:
            self.at(site)


CALLING: ContextVar[Caller | None] = ContextVar("calling", default=None)
"""The caller of the request that is being answered; set where rights are checked (services.require)."""


def system(what: str) -> Caller:
    """Ourselves, such as `system("recognition")`, beside what its nightly work does."""
    return Caller(name="system", key=f"system:{what}")


def operator() -> Caller:
    """Who types commands on the cloud's own computer: they hold its database and its keys anyway."""
    return Caller(name="operator", key="system:command", grants=(Grant(frozenset({EVERYTHING})),))
