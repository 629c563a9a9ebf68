# SPDX-License-Identifier: Apache-2.0
"""What the storm found in the product, each as small as it can be told."""

import pytest

from pistegate_edge.core.inputs import CodeSeen
from pistegate_edge.core.owed import OWED_S
from pistegate_simulators.storm import watched
from pistegate_simulators.storm.world import World


def test_full_disk_does_not_end_a_gate_that_forgets_whom_it_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room to delete an owed entry that is over: it is deleted when there is, and the gate goes on."""
    monkeypatch.setattr(watched, "CHECKPOINT_SOONER", 0)  # every commit makes the log longer
    world = World(0)
    node = world.gates[0]
    node.boot(power=True)
    world.timeline.run(5.0)
    code = next(ticket.codes[0] for ticket in world.tickets if ticket.codes)
    world.guests.opened = lambda *_: None  # type: ignore[method-assign]  # nobody goes through
    node.take(CodeSeen(code))
    world.timeline.run(30.0)
    assert node.journal is not None
    assert len(node.journal.owed()) == 1
    node.disk.capacity = 0
    world.timeline.run(30.0 + OWED_S + 90.0)
    assert node.gate is not None
    node.disk.capacity = None
    world.timeline.run(30.0 + OWED_S + 240.0)
    assert not node.journal.owed()
    world.close()
