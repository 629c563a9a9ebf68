# SPDX-License-Identifier: Apache-2.0
"""Short messages by one plain HTTP call, for any gateway that is put in front of an operator's SMS provider.

POST url, JSON {"key", "kind", "to", "text", "values", "link"}; headers Idempotency-Key (= key) and
Pistegate-Signature: t=SECONDS,v1=HEX, the HMAC-SHA256 of "SECONDS.BODY" under the shared secret. `kind` and `values`
are for providers that send approved templates 模板 only. Answers: 200 or 202 with {"id": "..."}: taken, also when the
key was taken before; 400, 404, 409, 410, 422 with {"code": "..."}: never; 429 (Retry-After) or 503: not now;
anything else, or none: unknown.
"""

import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from pistegate_cloud.errors import SettingsError
from pistegate_cloud.notifications.posting import Poster, after_s
from pistegate_cloud.notifications.sender import Later, Message, Refused, Unclear
from pistegate_cloud.settings import SmsSettings

TAKEN: Final = (200, 202)
NEVER: Final = (400, 404, 409, 410, 422)
NOT_NOW: Final = (401, 403, 429, 503)  # the first two are our own mistake in cloud.toml: mended, it goes out


class SmsSender:
    """`wall_ms`: milliseconds since 1970, for the signature."""

    name = "sms"

    def __init__(self, settings: SmsSettings, wall_ms: Callable[[], int]) -> None:
        self._url, self._wall_ms = settings.url, wall_ms
        self._secret = secret_in(settings.secret)
        self.key_holds_ms = settings.key_holds_s * 1000
        self._poster = Poster(settings.timeout_s)

    async def send(self, message: Message) -> str:
        """As Sender.send."""
        told = {
            "key": message.key,
            "kind": message.kind,
            "to": message.to,
            "text": message.text,
            "values": dict(message.values),
            "link": message.link,
        }
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = {"Idempotency-Key": message.key, "Pistegate-Signature": sign(self._secret, self._wall_ms(), body)}
        status, answered, found = await self._poster.post(self._url, body, headers)
        if status in TAKEN:
            return str(found.get("id", ""))[:80] if isinstance(found, dict) else ""
        if status in NEVER:
            raise Refused(f"{status} {found.get('code', '') if isinstance(found, dict) else ''}".strip()[:200])
        if status in NOT_NOW:
            raise Later(str(status), after_s(answered))
        raise Unclear(str(status))


def sign(secret: bytes, wall_ms: int, body: bytes) -> str:
    """The header Pistegate-Signature."""
    seconds = str(wall_ms // 1000)
    return f"t={seconds},v1={hmac.new(secret, seconds.encode() + b'.' + body, sha256).hexdigest()}"


def secret_in(path: str) -> bytes:
    """The secret in a file, without the blanks around it; SettingsError."""
    try:
        secret = Path(path).read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if len(secret) < 16:
        raise SettingsError(f"{path} holds no secret of at least 16 characters")
    return secret
