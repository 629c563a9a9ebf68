# SPDX-License-Identifier: Apache-2.0
"""Template messages 模板消息 of a WeChat official account, and its access token.

The token is asked for by `stable_token`, which gives every process the same one and ends none that is in use.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from pistegate_cloud.notifications.posting import Poster
from pistegate_cloud.notifications.sender import Later, Message, Refused, Unclear
from pistegate_cloud.notifications.sms import secret_in
from pistegate_cloud.settings import WeChatMessageSettings

# WeChat's documents: the same client_msg_id is sent once "within ten minutes"; not beyond. One minute is for clocks.
KEY_HOLDS_MS: Final = 9 * 60_000
EARLY_S: Final = 300.0  # a token is asked for anew so long before its end, as the documents advise
TOKEN_OVER: Final = (40001, 40014, 42001)
BUSY: Final = (-1, 45009, 45011)  # system busy; over the day's or the minute's limit
_LIMIT_S: Final = 60.0


class WeChatSender:
    """`monotonic`: seconds, for the age of the token."""

    name = "wechat"
    key_holds_ms = KEY_HOLDS_MS

    def __init__(self, settings: WeChatMessageSettings, monotonic: Callable[[], float]) -> None:
        self._settings, self._monotonic = settings, monotonic
        self._secret = secret_in(settings.secret).decode()
        self._poster = Poster(settings.timeout_s)
        self._token, self._until = "", 0.0
        self._asking = asyncio.Lock()

    def offers(self, kind: str) -> bool:
        """Whether there is a template for it."""
        return kind in self._settings.templates

    async def send(self, message: Message) -> str:
        """As Sender.send. A token that ended before its time is asked for anew, once."""
        token = await self._token_of()
        told = await self._send(message, token)
        if told.get("errcode") in TOKEN_OVER:
            told = await self._send(message, await self._token_of(worn=token))
        code = told.get("errcode")
        if code == 0:
            return str(told.get("msgid", ""))[:80]
        if code in BUSY or code in TOKEN_OVER:
            raise Later(f"{code}", _LIMIT_S)
        if isinstance(code, int):
            raise Refused(f"{code} {told.get('errmsg', '')}"[:200])
        raise Unclear("no errcode")

    async def _send(self, message: Message, token: str) -> dict[str, Any]:
        template = self._settings.templates.get(message.kind)
        if template is None:
            raise Refused(f"no template for {message.kind}")
        data = {name: {"value": message.values.get(ours, "")} for name, ours in template.fields.items()}
        body = {"touser": message.to, "template_id": template.id, "data": data, "client_msg_id": message.key}
        if message.link is not None:
            body["url"] = message.link
        return await self._ask(f"/cgi-bin/message/template/send?access_token={token}", body)

    async def _token_of(self, worn: str | None = None) -> str:
        async with self._asking:
            if self._token and self._token != worn and self._monotonic() < self._until:
                return self._token
            body = {"grant_type": "client_credential", "appid": self._settings.appid, "secret": self._secret}
            try:
                told = await self._ask("/cgi-bin/stable_token", body | ({"force_refresh": True} if worn else {}))
            except Unclear as error:
                raise Later(f"no access token: {error}") from None  # nothing was sent yet
            if not isinstance(told.get("access_token"), str):
                raise Later(f"no access token: {told.get('errcode')}", _LIMIT_S)
            self._token = told["access_token"]
            self._until = self._monotonic() + float(told.get("expires_in", 0)) - EARLY_S
            return self._token

    async def _ask(self, target: str, body: dict[str, Any]) -> dict[str, Any]:
        payload = json.dumps(body, ensure_ascii=False).encode()
        status, _, told = await self._poster.post(self._settings.gateway + target, payload, {})
        if status != 200 or not isinstance(told, dict):
            raise Unclear(str(status))
        return told
