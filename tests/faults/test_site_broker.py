# SPDX-License-Identifier: Apache-2.0
"""The site's broker as hardware/ configures it: each gate speaks and hears in its own name only."""

import queue
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from servers import Mosquitto
from skips import find_tool, require_tools

from pistegate_edge.reserving.link import SiteArrived, SiteBroker, SiteLink, SiteTold, SiteUp
from pistegate_protocol.topics import Hub

HARDWARE = Path(__file__).resolve().parent.parent.parent / "hardware"
HUB = Hub(1, 40)
USERS = ("hub", "3", "4")


@pytest.fixture
def broker() -> Iterator[Mosquitto]:
    """With the example's access list, and a password for the hub and two gates: their names."""
    require_tools("mosquitto", "mosquitto_passwd")
    program = find_tool("mosquitto_passwd")
    assert program is not None
    broker = Mosquitto()
    passwords, access = broker.directory / "passwords", broker.directory / "acl"
    passwords.touch()
    for user in USERS:
        subprocess.run([program, "-b", passwords, user, user], check=True, capture_output=True)
    passwords.chmod(0o644)
    shutil.copy(HARDWARE / "site-broker.acl", access)
    access.chmod(0o644)
    settings = broker.config.read_text().replace("allow_anonymous true", "allow_anonymous false")
    broker.config.write_text(f"{settings}password_file {passwords}\nacl_file {access}\n")
    with broker:
        yield broker


class Client:
    """One of them, connected; `heard` collects what arrives."""

    def __init__(self, broker: Mosquitto, user: str, reads: tuple[str, ...]) -> None:
        self.up: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.heard: queue.SimpleQueue[SiteArrived] = queue.SimpleQueue()
        self.link = SiteLink(f"test-{user}", SiteBroker(broker.host, broker.port, user, user), reads, self._told)

    def __enter__(self) -> "Client":
        self.link.start()
        self.up.get(timeout=20)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.link.stop()

    def _told(self, told: SiteTold) -> None:
        if isinstance(told, SiteUp):
            self.up.put(True)
        elif isinstance(told, SiteArrived):
            self.heard.put(told)


def until(client: Client, say: Callable[[], None]) -> SiteArrived:
    """The next thing that `client` hears, said again until it does: a subscription may be on its way."""
    for _ in range(100):
        say()
        try:
            return client.heard.get(timeout=0.2)
        except queue.Empty:
            continue
    raise AssertionError("nothing was heard")


def test_gate_cannot_speak_or_listen_in_anothers_name(broker: Mosquitto) -> None:
    """What gate 3 says as gate 4 never arrives, nor does it hear what the hub says to gate 4."""
    with ExitStack() as stack:
        hub = stack.enter_context(Client(broker, "hub", (HUB.all_up,)))
        three = stack.enter_context(Client(broker, "3", (HUB.down(3), HUB.down(4), HUB.hail, HUB.all_up)))
        four = stack.enter_context(Client(broker, "4", (HUB.down(4),)))

        def three_says() -> None:
            three.link.publish(HUB.up(4), b"as gate 4")
            three.link.publish(HUB.hail, b"as the hub")
            three.link.publish(HUB.down(4), b"as the hub")
            three.link.publish(HUB.up(3), b"itself")

        heard = until(hub, three_says)
        assert (heard.topic, heard.payload) == (HUB.up(3), b"itself")
        assert until(four, lambda: hub.link.publish(HUB.down(4), b"to gate 4")).payload == b"to gate 4"
        assert until(three, lambda: hub.link.publish(HUB.down(3), b"to gate 3")).topic == HUB.down(3)
        while not hub.heard.empty():
            assert hub.heard.get().topic == HUB.up(3)
