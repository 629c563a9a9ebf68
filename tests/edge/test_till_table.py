# SPDX-License-Identifier: Apache-2.0
"""The till protocol's table: every state with every input, and what each may lead to."""

from collections.abc import Callable

import pytest
from till_bench import NOW, ModelCard, debit, later, till, token_of, told

from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.codes import EVENT_OF, Code
from pistegate_edge.till.core.machine import TABLE, ImpossibleInput, State, TillCore
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.messages import RelayRequest

NAME = b"use-name"
RELAY = RelayRequest(7, 1, [])
EVERY_INPUT: dict[type, i.Input] = {
    i.Asked: debit("other"),
    i.Cancelled: i.Cancelled(9, "nothing"),
    i.Gone: i.Gone(9),
    i.CardMet: i.CardMet(99, b"\x04other!"),
    i.CardRead: i.CardRead(99, ModelCard().files()),
    i.CardUnread: i.CardUnread(99, i.Unread.TORN),
    i.CardWritten: i.CardWritten(99, i.WriteResult.OK, Proof(1, bytes(8))),
    i.UseRecorded: i.UseRecorded(77, 2, NAME),
    i.UseFailed: i.UseFailed("full"),
    i.RelayAsked: i.RelayAsked(RELAY),
    i.RelayOver: i.RelayOver(1),
    i.DocumentsArrived: i.DocumentsArrived(frozenset(), {}),
    i.ReaderReady: i.ReaderReady(),
    i.ReaderLost: i.ReaderLost("pulled"),
    i.FaultChanged: i.FaultChanged(i.Fault.DISK, True),
    i.Tick: i.Tick(),
}
ANYWHERE = set(EVERY_INPUT) - {i.UseRecorded, i.UseFailed}
ALLOWED = dict.fromkeys(State, ANYWHERE) | {State.COMMITTING: set(EVERY_INPUT)}


def idle() -> TillCore:
    return till()


def waiting() -> TillCore:
    machine = idle()
    assert token_of(machine.handle(debit(), NOW)) == 1
    return machine


def committing() -> TillCore:
    machine = waiting()
    machine.handle(i.CardRead(1, ModelCard(purse=5000).files()), NOW)
    return machine


def writing() -> TillCore:
    machine = committing()
    machine.handle(i.UseRecorded(77, 2, NAME), NOW)
    return machine


def relaying() -> TillCore:
    machine = idle()
    machine.handle(i.RelayAsked(RELAY), NOW)
    return machine


REACH: dict[State, Callable[[], TillCore]] = {
    State.IDLE: idle,
    State.WAITING: waiting,
    State.COMMITTING: committing,
    State.WRITING: writing,
    State.RELAYING: relaying,
}


def test_every_state_is_reached_as_the_tests_believe() -> None:
    """The builders of this file end in the state they are named for."""
    assert {state: reach().state for state, reach in REACH.items()} == {state: state for state in State}


def test_the_table_names_exactly_the_allowed_inputs() -> None:
    """Nothing is in the table by accident, and every input is known."""
    assert {state: set(entries) for state, entries in TABLE.items()} == ALLOWED


def test_every_code_belongs_to_one_kind_of_line() -> None:
    """What a till tells is either a prompt, or ends its request in one way."""
    assert set(EVENT_OF) == set(Code)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("kind", list(EVERY_INPUT))
def test_every_state_with_every_input(state: State, kind: type) -> None:
    """What is not in the table raises and changes nothing; nothing of another session ever writes a card."""
    machine = REACH[state]()
    if kind not in ALLOWED[state]:
        with pytest.raises(ImpossibleInput):
            machine.handle(EVERY_INPUT[kind], NOW)
        assert machine.state is state
        return
    actions = machine.handle(EVERY_INPUT[kind], NOW)
    expected = 1 if (state, kind) == (State.COMMITTING, i.UseRecorded) else 0
    assert len(told(actions, a.Write)) == expected
    assert not told(actions, a.RecordUse)


def test_a_card_is_written_only_after_the_change_is_durable() -> None:
    """The write order comes with the name that the journal gave, and not before."""
    machine = waiting()
    actions = machine.handle(i.CardRead(1, ModelCard(purse=5000).files()), NOW)
    assert told(actions, a.RecordUse)
    assert not told(actions, a.Write)
    (write,) = told(machine.handle(i.UseRecorded(77, 2, NAME), NOW), a.Write)
    assert write.record[-5:] == NAME[:5]


@pytest.mark.parametrize("state", [State.COMMITTING, State.WRITING])
def test_too_late_to_cancel_once_the_card_is_being_changed(state: State) -> None:
    """The operator is told, and the change goes on."""
    machine = REACH[state]()
    (tell,) = told(machine.handle(i.Cancelled(1, "r1"), NOW), a.Tell)
    assert tell.answer.code is Code.TOO_LATE
    assert machine.state is state


@pytest.mark.parametrize("state", [State.WAITING, State.COMMITTING, State.WRITING])
def test_the_clouds_relay_is_refused_while_the_operator_is_served(state: State) -> None:
    """One reader, one desk at a time."""
    machine = REACH[state]()
    assert told(machine.handle(i.RelayAsked(RELAY), NOW), a.RefuseRelay)
    assert machine.state is state


def test_the_operator_waits_while_the_cloud_uses_the_reader() -> None:
    """And is told so; once the cloud's session is over, the reader is the operator's."""
    machine = relaying()
    (tell,) = told(machine.handle(debit(), NOW), a.Tell)
    assert tell.answer.code is Code.BUSY_CLOUD
    machine.handle(i.RelayOver(1), NOW)
    assert machine.state is State.IDLE
    assert told(machine.handle(debit(), NOW), a.Want)


def test_a_relay_request_that_crosses_the_end_of_the_session_before_keeps_the_reader() -> None:
    """The end names how many requests it saw; one that came since is still to be served."""
    machine = relaying()
    machine.handle(i.RelayAsked(RelayRequest(8, 1, [])), NOW)
    machine.handle(i.RelayOver(1), NOW)
    assert machine.state is State.RELAYING
    machine.handle(i.RelayOver(2), NOW)
    assert machine.state is State.IDLE


def test_a_silent_reader_thread_leaves_the_change_unconfirmed() -> None:
    """No report within seconds: nobody knows, and the operator is asked to hold the card again."""
    machine = writing()
    actions = machine.handle(i.Tick(), later(5.0))
    assert [tell.answer.code for tell in told(actions, a.Tell)] == [Code.HOLD_SAME_AGAIN]
    assert told(actions, a.RecordEnd)[0].unsettled
    assert machine.state is State.WAITING
