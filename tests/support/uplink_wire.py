# SPDX-License-Identifier: Apache-2.0
"""A gate's uplink over a wire that the test holds."""

from typing import Any

from gate_bench import DOCUMENTS, public
from journal_aging import Hands

from pistegate_edge.core.now import Now
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.journal.journal import Journal
from pistegate_edge.uplink.link import Uplink
from pistegate_edge.uplink.mqtt import LinkUp
from pistegate_protocol.events import Incident
from pistegate_protocol.messages import UP
from pistegate_protocol.signing import KeyRing


class Wire(list[Any]):
    """What a gate published, decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: list[Incident] = []

    def publish(self, payload: bytes) -> None:
        """Keep it."""
        self.append(UP.decode(payload))


def uplink(journal: Journal, wire: Wire) -> Uplink:
    """A connected gate's; `wire.incidents` are its own."""
    documents = DocumentStore(journal, KeyRing({1: public(DOCUMENTS)}), 1)
    link = Uplink(3, journal, documents, wire, str, wire.incidents.append, lambda: None)
    link.event(LinkUp(), at(0.0))
    return link


def at(mono: float) -> Now:
    """A moment."""
    clock = Hands()
    clock.mono += mono
    return clock.now()
