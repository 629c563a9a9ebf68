# SPDX-License-Identifier: Apache-2.0
"""The relayed link to a card on an encoder: command APDUs go down, responses come up, keys stay here.

A request that is not answered in time is not repeated: the card may have done it. The caller starts a new session.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pistegate_cloud.errors import Problem
from pistegate_protocol.messages import DOWN, RelayRequest, RelayResponse
from pistegate_protocol.topics import Device

ANSWER_S = 5.0  # beyond the card's own time: two MQTT hops and 4 card exchanges take < 0.2 s on a LAN, < 2 s on 4G
Publish = Callable[[str, bytes], Awaitable[None]]
_log = logging.getLogger(__name__)

_ERRORS = {
    "no_card": "no_card",
    "card_lost": "card_lost",
    "reader_lost": "reader_lost",
    "busy": "encoder_busy",
    "unknown_session": "card_lost",  # the encoder restarted or gave the card up in between
}


class Relay:
    """Sessions with encoders, one at a time on each."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._sessions: dict[Device, RelaySession] = {}

    @asynccontextmanager
    async def session(self, device: Device) -> AsyncIterator["RelaySession"]:
        """A session with an encoder; Problem encoder_busy while it has another."""
        if device in self._sessions:
            raise Problem("encoder_busy", encoder=device.number)
        session = RelaySession(device, self._publish)
        self._sessions[device] = session
        try:
            yield session
        finally:
            del self._sessions[device]
            await session.release()

    def deliver(self, device: Device, response: RelayResponse) -> None:
        """An encoder's answer has come; one that nobody waits for is late and dropped."""
        session = self._sessions.get(device)
        if session is None or not session.deliver(response):
            _log.info("late answer of encoder %d of site %d dropped", device.number, device.site)


class RelaySession:
    """One card on one encoder."""

    def __init__(self, device: Device, publish: Publish) -> None:
        self._device = device
        self._publish = publish
        self._id = secrets.randbits(63)
        self._number = 0
        self._answer: asyncio.Future[RelayResponse] | None = None
        self._open = False
        self.round_trips = 0

    async def ask_card(self, wait_ms: int) -> bytes:
        """UID of the card, waiting up to `wait_ms` for it; Problem when there is none."""
        answer = await self._ask([], wait_ms, final=False)
        self._open = True
        return answer.uid

    async def exchange(self, apdus: list[bytes], *, final: bool = False) -> list[bytes]:
        """Responses to `apdus`, fewer after a bad status; `final` lets the card go. Problem when the card is lost."""
        answer = await self._ask(apdus, 0, final=final)
        self._open = not final
        return answer.responses

    def deliver(self, response: RelayResponse) -> bool:
        """Whether this answer was waited for."""
        expected = response.session == self._id and response.number == self._number
        if not expected or self._answer is None or self._answer.done():
            return False
        self._answer.set_result(response)
        return True

    async def release(self) -> None:
        """Let the card go if that has not been said yet; nobody waits for the answer."""
        if self._open:
            self._open = False
            self._number += 1
            try:
                await self._send([], 0, final=True)
            except Problem as problem:
                _log.info("encoder %d not told to release the card: %s", self._device.number, problem.code)

    async def _ask(self, apdus: list[bytes], wait_ms: int, *, final: bool) -> RelayResponse:
        self._number += 1
        self.round_trips += 1
        self._answer = asyncio.get_running_loop().create_future()
        await self._send(apdus, wait_ms, final=final)
        try:
            async with asyncio.timeout(wait_ms / 1000 + ANSWER_S):
                answer = await self._answer
        except TimeoutError:
            raise Problem("encoder_offline", encoder=self._device.number) from None
        if answer.error:
            self._open = False
            raise Problem(_ERRORS[answer.error], encoder=self._device.number)
        return answer

    async def _send(self, apdus: list[bytes], wait_ms: int, *, final: bool) -> None:
        request = RelayRequest(self._id, self._number, apdus, wait_ms, final)
        await self._publish(self._device.down, DOWN.encode(request))
