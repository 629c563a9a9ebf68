# SPDX-License-Identifier: Apache-2.0
"""A process that dies between any two steps: at a statement, around a commit, around a provider's answer.

Once dead, nothing of it reaches the database or the provider any more, whatever its handlers try; what it had not
committed is rolled back, as the database does with a connection that is gone.
"""

from dataclasses import dataclass
from typing import Any, Final

import pytest
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper

STATEMENT: Final = "statement"
BEFORE_COMMIT, AFTER_COMMIT = "before commit", "after commit"
BEFORE_PROVIDER, AFTER_PROVIDER = "before provider", "after provider"
ANSWER: Final = "answer"  # everything is done, and nobody hears of it

_STATEMENTS: Final = (
    (SqliteClient, "execute_insert"),
    (SqliteClient, "execute_query"),
    (SqliteClient, "execute_query_dict"),
    (SqliteClient, "execute_many"),
    (SqliteTransactionWrapper, "execute_many"),
)


class Crash(Exception):
    """The process is gone."""


@dataclass(frozen=True)
class Point:
    """The `count`-th time (from 0) that something of `kind` is reached."""

    kind: str
    count: int = 0


class CrashPoints:
    """Where the process dies next; `died` counts by kind."""

    def __init__(self) -> None:
        self.point: Point | None = None
        self.seen = 0
        self.dead = False
        self.died: dict[str, int] = {}

    def arm(self, point: Point | None) -> None:
        """Die at `point` from now on."""
        self.point, self.seen, self.dead = point, 0, False

    def restart(self) -> bool:
        """A new process; whether the old one died, or its answer was lost."""
        died = self.dead or (self.point is not None and self.point.kind == ANSWER)
        if died and self.point is not None:
            self.died[self.point.kind] = self.died.get(self.point.kind, 0) + 1
        self.arm(None)
        return died

    def reach(self, kind: str) -> None:
        """Something is about to happen; Crash."""
        if not self.dead and self.point is not None and self.point.kind == kind:
            self.dead = self.seen == self.point.count
            self.seen += 1
        self.live()

    def live(self) -> None:
        """Crash when the process is dead."""
        if self.dead:
            raise Crash

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Watch tortoise's connection to SQLite."""
        for owner, name in _STATEMENTS:
            patch.setattr(owner, name, self._statement(getattr(owner, name)))
        commit, enter, begin = (
            SqliteTransactionWrapper.commit,
            SqliteTransactionContext.__aenter__,
            SqliteTransactionWrapper.savepoint,
        )

        async def watched_commit(connection: Any) -> None:
            try:
                self.reach(BEFORE_COMMIT)
            except Crash:
                await connection.rollback()
                raise
            await commit(connection)
            self.reach(AFTER_COMMIT)

        async def watched_enter(context: Any) -> Any:
            self.live()
            return await enter(context)

        async def watched_savepoint(connection: Any) -> None:
            self.live()
            await begin(connection)

        patch.setattr(SqliteTransactionWrapper, "commit", watched_commit)
        patch.setattr(SqliteTransactionContext, "__aenter__", watched_enter)
        patch.setattr(SqliteTransactionWrapper, "savepoint", watched_savepoint)

    def _statement(self, real: Any) -> Any:
        async def watched(connection: Any, *args: Any, **more: Any) -> Any:
            self.reach(STATEMENT)
            return await real(connection, *args, **more)

        return watched
