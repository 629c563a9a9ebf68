# SPDX-License-Identifier: Apache-2.0
"""What any provider of messages can be asked for; sms.py and wechat.py do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pistegate_cloud.errors import CloudError


class Unclear(CloudError):
    """No answer, or none that tells whether it was sent."""


class Later(CloudError):
    """Certainly not sent, and it may be sent after `after_s` seconds (None: as we like)."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(CloudError):
    """Certainly not sent, and never will be: a wrong number, a guest who wants none."""


@dataclass(frozen=True, slots=True)
class Message:
    """`key`: the same at every attempt. `text`: in the guest's language. `values`: what it was made of, as words."""

    key: str
    kind: str
    to: str
    text: str
    values: Mapping[str, str]
    link: str | None


class Sender(Protocol):
    """One provider. `key_holds_ms`: so long after the first attempt the same key is certainly not sent twice."""

    name: str
    key_holds_ms: int

    async def send(self, message: Message) -> str:
        """Send it; the provider's number. Unclear, Later, Refused."""
