# SPDX-License-Identifier: Apache-2.0
"""Encoders everywhere, with nothing laid on any of them: they say so at once."""

from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import CallbackAPIVersion, Client

from pistegate_protocol.messages import DOWN, UP, RelayRequest, RelayResponse
from pistegate_protocol.topics import device_of


class BlankDesks:
    """Answers each request of the relay for a card with "no_card", whichever encoder is asked."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, "blank-desks")
        self._client.on_connect = lambda client, *_: client.subscribe("pistegate/1/+/encoder/+/down")
        self._client.on_message = self._answer
        self._port = port

    def _answer(self, client: Client, _data: Any, message: Any) -> None:
        request = DOWN.decode(message.payload)
        if isinstance(request, RelayRequest):
            device = device_of(message.topic.removesuffix("down") + "up")
            answer = RelayResponse(device.number, request.session, request.number, b"", [], "no_card")
            client.publish(device.up, UP.encode(answer))

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()
