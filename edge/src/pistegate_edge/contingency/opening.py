# SPDX-License-Identifier: Apache-2.0
"""From a device's configuration to its contingency box: store, clock, page, line to the cloud."""

from contextlib import ExitStack
from pathlib import Path

from pistegate_edge.clock import Clock
from pistegate_edge.config import Config
from pistegate_edge.contingency import times
from pistegate_edge.contingency.desk import Desk
from pistegate_edge.contingency.rules import Line
from pistegate_edge.contingency.server import BoxServer
from pistegate_edge.contingency.store import BoxStore, open_store
from pistegate_edge.contingency.syncing import Ask, Syncing, SyncThread, good
from pistegate_edge.enrolment.http import ask
from pistegate_edge.enrolment.identity import Identity
from pistegate_edge.enrolment.opening import open_identity
from pistegate_edge.errors import CloudRefused, CloudUnreachable, IdentityError
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_protocol.enrolment import device_name

_SERVER_FAULT = 500


class Box:
    """A window's box, running between `start` and `stop`."""

    def __init__(self, server: BoxServer, thread: SyncThread, store: BoxStore) -> None:
        self.server = server
        self._thread = thread
        self._store = store

    def start(self) -> None:
        """Serve the page, ask the cloud."""
        self.server.start()
        self._thread.start()

    def stop(self) -> None:
        """End both, in good order."""
        self.server.stop()
        self._thread.stop()
        self._store.close()


def open_box(config: Config, system: Clock) -> Box | None:
    """Not yet started; None without [contingency]. IdentityError: the device is not enrolled."""
    section = config.contingency
    if section is None:
        return None
    identity = open_identity(config)
    if identity is None:
        raise IdentityError(
            "[contingency] is told to the cloud in this device's name: run `pistegate-gate enrol` first"
        )
    with ExitStack() as opened:
        store = opened.enter_context(open_store(Path(section.directory), device_name(identity.device)))
        facts = {name: store.fact(name) for name in times.FACTS}
        clock = GuardedClock(system, times.before(facts, system.steady_id))
        line = Line(clock.steady_ms())
        server = BoxServer(section.host, section.port, Desk(store, clock, line), section.locale)
        opened.callback(server.server_close)
        syncing = Syncing(store, asking(identity, system), clock, line)
        opened.pop_all()
    return Box(server, SyncThread(syncing, section.every_s), store)


def asking(identity: Identity, clock: Clock) -> Ask:
    """What asks the cloud in the device's name."""

    def asked(method: str, path: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        answer = ask(identity, method, path, clock.wall_ms(), identity.since, body, headers)
        if answer.status >= _SERVER_FAULT:
            raise CloudUnreachable(f"the cloud answers {answer.status}")
        if not good(answer.status):
            answer.json()  # CloudRefused with its words
            raise CloudRefused(str(answer.status), f"the cloud answers {answer.status}")
        return answer.body

    return asked
