# SPDX-License-Identifier: Apache-2.0
"""A hub process and two gate processes on a real Mosquitto: shared tickets, and a hub that is frozen, killed, back."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import wait_for
from hub_process import START_S, HubProcess, Lane, code, lanes
from servers import Mosquitto

OPEN_MS = 4000
TOGETHER = "hub of 2 gates"


@pytest.fixture
def hub(tmp_path: Path, mosquitto_broker: Mosquitto) -> Iterator[HubProcess]:
    """Running."""
    hub = HubProcess(tmp_path / "hub", mosquitto_broker)
    hub.start()
    yield hub
    hub.kill()


def together(first: Lane, second: Lane) -> None:
    """Both gates are served by the hub."""
    wait_for(lambda: first.hub() == second.hub() == TOGETHER, START_S)


def test_two_gates_share_tickets_by_the_hub(tmp_path: Path, mosquitto_broker: Mosquitto, hub: HubProcess) -> None:
    """Used at one lane, refused at the other while the first is open; turned back there, let in at the other, once."""
    with lanes(tmp_path, mosquitto_broker, (3, 4), OPEN_MS) as (one, two):
        together(one, two)
        assert ": admitted ticket 1 " in one.show(code(ticket=1, entries_total=1))
        assert "refused used_up" in two.show(code(ticket=1, entries_total=1))
        assert ": admitted ticket 2 " in two.show(code(ticket=2, entries_total=1))
        wait_for(lambda: one.lines("handed over") and two.lines("handed over"), START_S)
        assert ": admitted ticket 2 " in one.show(code(ticket=2, entries_total=1))
        assert "refused used_up" in two.show(code(ticket=2, entries_total=1))


def test_hub_frozen_and_killed_amid_a_reservation(tmp_path: Path, mosquitto_broker: Mosquitto, hub: HubProcess) -> None:
    """The gate goes alone and works on; what it did alone is known everywhere once there is a hub again."""
    with lanes(tmp_path, mosquitto_broker, (3, 4), OPEN_MS) as (one, two):
        together(one, two)
        hub.tell(signal.SIGSTOP)
        assert ": admitted ticket 5 " in one.show(code(ticket=5, entries_total=1))
        hub.kill()
        wait_for(lambda: one.hub() == two.hub() == "no hub", START_S)
        hub.start()
        together(one, two)
        assert ": admitted ticket 5 " in two.show(code(ticket=5, entries_total=1))  # nobody passed the first lane
        wait_for(lambda: two.lines("handed over"), START_S)
        assert ": admitted ticket 5 " in one.show(code(ticket=5, entries_total=1))
        assert "refused used_up" in two.show(code(ticket=5, entries_total=1))  # while the first lane is open
        wait_for(lambda: one.lines("not_passed 0 of 1") == 2, START_S)
        assert ": admitted ticket 6 " in two.show(code(ticket=6, entries_total=1))


def test_slow_hub_is_done_without_and_asked_again_when_it_answers(
    tmp_path: Path, mosquitto_broker: Mosquitto, hub: HubProcess
) -> None:
    """Its late grant is released: the ticket's second person comes by the other lane."""
    with lanes(tmp_path, mosquitto_broker, (3, 4), 800) as (one, two):
        together(one, two)
        hub.tell(signal.SIGSTOP)
        assert ": admitted ticket 7 " in one.show(code(ticket=7, entries_total=1, party=2, batch=1))
        hub.tell(signal.SIGCONT)
        wait_for(lambda: one.lines("handed over"), START_S)
        together(one, two)
        first = two.show(code(ticket=7, entries_total=1, party=2, batch=1))  # whom the first lane owes
        assert ": admitted ticket 7 " in first
        wait_for(lambda: two.lines("handed over"), START_S)
        assert ": admitted ticket 8 " in one.show(code(ticket=8))
