# SPDX-License-Identifier: Apache-2.0
"""paho's client as all lines here use it: clean sessions, reconnects that do not come in step, an end that ends."""

import random
import socket
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

RECONNECT_MIN_S = 0.5  # doubles up to the most; each times 1..2 at random, so that a site does not come in step
_CALLBACKS = ("on_connect", "on_disconnect", "on_message", "on_pre_connect", "on_connect_fail", "on_socket_open")


def new_client(name: str, reconnect_max_s: float) -> paho.Client:
    """Not yet connected; it connects again by itself for ever."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
    client.on_socket_open = _no_delay
    spread_reconnects(client, reconnect_max_s)
    return client


def spread_reconnects(client: paho.Client, most_s: float) -> None:
    """Draw how long it waits before it connects again: no rule of passage, so it needs no reproducible randomness."""
    factor = 1 + random.random()
    client.reconnect_delay_set(RECONNECT_MIN_S * factor, most_s * factor)  # type: ignore[arg-type]


def end(client: paho.Client) -> None:
    """Disconnect and end paho's thread; one that waits to reconnect is a daemon and is not waited for.

    The callbacks are let go: they would keep client, owner and two sockets in a circle that nobody closes.
    """
    connected = client.is_connected()
    client.disconnect()
    if connected:
        client.loop_stop()
    for name in _CALLBACKS:
        setattr(client, name, None)


def _no_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    """Without it each acknowledged message costs a delayed-ACK period (44 -> 0.5 ms, measured)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
