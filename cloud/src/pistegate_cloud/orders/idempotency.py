# SPDX-License-Identifier: Apache-2.0
"""Repeating a request with the same Idempotency-Key gives the first answer again and does nothing twice."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

from pistegate_cloud.audit import queries
from pistegate_cloud.errors import CloudError, Problem
from pistegate_cloud.staff.caller import Caller


class AnsweredMeanwhile(CloudError):
    """Another request with the same key finished first: roll back and look again."""


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One request with its key; without a key every request is a new one. Keys of different callers never meet."""

    caller: Caller
    operation: str
    key: str | None
    digest: str

    @classmethod
    def of(cls, caller: Caller, operation: str, key: str | None, body: BaseModel) -> "Repeatable":
        """From a request."""
        return cls(caller, operation, key, sha256(body.model_dump_json().encode()).hexdigest())

    async def answered(self) -> dict[str, Any] | None:
        """The answer given before; Problem when the key was used for another request."""
        if self.key is None:
            return None
        kept = await queries.kept_reply(self.caller.key, self.operation, self.key)
        if kept is None:
            return None
        if kept.request_digest != self.digest:
            raise Problem("idempotency_key_reused", idempotency_key=self.key)
        return kept.answer

    async def keep(self, answer: BaseModel, now_ms: int) -> None:
        """Keep the answer in the transaction that does the work; AnsweredMeanwhile: roll that back."""
        if self.key is None:
            return
        body = answer.model_dump(mode="json")
        if not await queries.keep_reply(self.caller.key, self.operation, self.key, self.digest, body, now_ms):
            raise AnsweredMeanwhile(self.key)
