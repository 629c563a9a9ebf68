# SPDX-License-Identifier: Apache-2.0
"""A host and its board, real firmware and core between them: what happens when either of them, or the line, fails."""

import logging

import pytest
from board_bench import LEASE_MS, Bench, Board, Trouble, clean

from pistegate_edge.lane.board import codes, session
from pistegate_edge.lane.core import messages, wire, words
from pistegate_edge.lane.core.wire import unframe


def cut(frame: bytes) -> list[tuple[int, bytes]]:
    """Nothing comes through."""
    return []


@pytest.fixture
def bench() -> Bench:
    """Linked."""
    bench = Bench()
    bench.link()
    return bench


def opened(bench: Bench, persons: int = 1) -> Bench:
    """With an opening under way."""
    bench.told(bench.session.open(bench.now, persons, words.ENTRY))
    bench.run(50)
    assert bench.board is not None
    assert bench.board.out(words.UNLOCK_A)
    return bench


def test_a_party_passes_and_is_counted(bench: Bench) -> None:
    """Two persons in: each is told, then the end."""
    opened(bench, 2)
    bench.pass_one()
    bench.run(400)
    bench.pass_one()
    bench.run(200)
    assert [event[1:] for event in bench.events] == [("passed", 1), ("passed", 2), ("closed", 2)]
    assert bench.session.mark == ("b0000001", 2)


def test_a_board_is_silent_until_asked() -> None:
    """At its start a board sends nothing and drives nothing."""
    board = Board("b0000001")
    for now in range(0, 3000, 2):
        board.turn(now)
    assert board.says == []
    assert not board.out(words.UNLOCK_A)


def test_an_opening_asked_for_again_and_again_opens_once(bench: Bench) -> None:
    """The board's answers are lost: the host asks 14 times, the lane opens once."""
    bench.to_host = cut
    opened(bench)
    bench.pass_one()
    bench.run(900)
    bench.to_host = clean
    bench.run(300)
    assert bench.names("closed") == [1]
    assert bench.opened == 1


def test_a_board_that_reboots_in_an_opening_ends_it_with_what_was_known(bench: Bench) -> None:
    """One of two is through; after the reboot nobody is let in, and the host says one."""
    opened(bench, 2)
    bench.pass_one()
    bench.reboot()
    bench.run(2500)
    assert bench.board is not None
    assert not bench.board.out(words.UNLOCK_A)
    assert bench.names("closed") == [1]
    assert bench.names("incident") == [codes.REBOOTED]
    assert bench.session.mark == ("b0000002", 0)
    opened(bench)


def test_a_board_that_reboots_before_it_answered_opens_for_nobody(bench: Bench) -> None:
    """The order was on the way: it names the boot before, and does nothing to the next one."""
    bench.told(bench.session.open(bench.now, 1, words.ENTRY))
    bench.turn()
    bench.reboot()
    bench.run(3000)
    assert bench.opened == 0
    assert bench.names("closed") == [0]


def test_an_idle_board_that_reboots_is_told(bench: Bench) -> None:
    """No opening, no end of one."""
    bench.reboot()
    bench.run(2500)
    assert [event[1:] for event in bench.events] == [
        ("fault", "board_silent"),
        ("incident", codes.REBOOTED),
        ("clear", "board_silent"),
    ]


def test_a_silent_host_leaves_no_lane_open_beyond_its_lease(bench: Bench) -> None:
    """Not a byte of the host comes through: the lane ends the opening, and the lamp says out of service."""
    opened(bench)
    board = bench.board
    assert board is not None
    bench.to_board = cut
    bench.run(LEASE_MS + 50)
    assert not board.out(words.UNLOCK_A)
    reds = set()
    for _ in range(600):
        bench.turn()
        reds.add(board.link.mixer.levels(bench.now - board._born))
    assert reds == {0, 2}
    bench.to_board = clean
    bench.run(2000)
    assert bench.names("closed") == [0]
    assert bench.names("incident") == [words.LEASE_OVER]


def test_a_silent_board_is_a_fault_and_its_opening_ends(bench: Bench) -> None:
    """Dead in an opening: the fault after a second; the end when no lane could be open any more."""
    opened(bench, 2)
    bench.pass_one()
    bench.board = None
    at = bench.now
    bench.run(1300)
    assert bench.names("fault") == [codes.SILENT]
    assert bench.names("closed") == []
    bench.run(LEASE_MS + session.LOST_MS)
    assert bench.names("closed") == [1]
    closed = next(now for now, name, _ in bench.events if name == "closed")
    assert closed - at >= LEASE_MS + session.LOST_MS - 300
    assert bench.session.open(bench.now, 1, words.ENTRY) == [("closed", 0)]


def test_who_passed_while_the_board_was_not_heard_is_told_exactly(bench: Bench) -> None:
    """The same boot is back before the opening was given up: nothing was lost."""
    opened(bench, 3)
    bench.pass_one()
    bench.to_host = cut
    bench.pass_one()
    bench.run(300)
    bench.pass_one()
    bench.run(3000)
    bench.to_host = clean
    bench.run(500)
    assert bench.names("closed") == [3]
    assert bench.names("incident") == []


def test_who_passed_in_an_opening_that_was_given_up_is_counted_late(bench: Bench) -> None:
    """Back after the end was told: the person is counted, and an incident says why."""
    opened(bench, 2)
    bench.to_host = cut
    bench.pass_one()
    bench.run(LEASE_MS + session.LOST_MS + 500)
    assert bench.names("closed") == [0]
    bench.to_host = clean
    bench.run(600)
    assert bench.names("counted") == [words.ENTRY]
    assert codes.LATE_COUNT in bench.names("incident")
    bench.run(1000)
    assert bench.names("counted") == [words.ENTRY]


def test_a_restarted_host_learns_who_passed_since_its_mark(bench: Bench) -> None:
    """The gate dies in an opening; the board counted on, and the drain of the next run says exactly."""
    bench.pass_one()
    mark = bench.session.mark
    opened(bench, 3)
    bench.pass_one()
    bench.run(300)
    again = Bench(bench.board, since=mark, run="00000002")
    again.now = bench.now
    again.pass_one()
    again.told(again.session.drain(again.now))
    again.run(12_000)
    assert again.session.exact
    assert again.names("closed") == [2]
    assert again.names("passed") == []  # the journal may have some of them already: the end tells all


def test_a_restarted_host_after_a_reboot_knows_that_it_does_not_know() -> None:
    """Another boot than the mark's: the drain tells what it saw itself."""
    bench = Bench(since=("b0000000", 7), run="00000002")
    bench.told(bench.session.drain(bench.now))
    bench.run(300)
    bench.to_host = cut
    bench.pass_one()
    bench.pass_one(words.PASS_B)
    bench.to_host = clean
    bench.run(12_000)
    assert not bench.session.exact
    assert bench.names("passed") == [1, 2]  # one by one, as at any other lane, though one report told both
    assert bench.names("closed") == [2]


def test_a_drain_waits_for_a_board_that_is_not_there() -> None:
    """The journal's admission stays open until the board has told."""
    bench = Bench(since=("b0000001", 0))
    board, bench.board = bench.board, None
    bench.told(bench.session.drain(bench.now))
    bench.run(20_000)
    assert bench.names("closed") == []
    bench.board = board
    bench.run(12_000)
    assert bench.names("closed") == [0]
    assert bench.session.exact


def other_release(name: str, sender: str) -> Trouble:
    """The end that says `name` speaks another protocol."""

    def line(frame: bytes) -> list[tuple[int, bytes]]:
        told = messages.decode(unframe(frame[1:-1]), sender)
        if told is None or told[1] != name:
            return [(0, frame)]
        return [(0, wire.frame(messages.encode(told[0], name, told[2] | {"protocol": "11111111"})))]

    return line


def test_a_board_of_another_release_is_refused_and_the_remedy_said(caplog: pytest.LogCaptureFixture) -> None:
    """The host asks nothing of it and says what to run."""
    bench = Bench()
    bench.to_host = other_release("hello", messages.BOARD)
    with caplog.at_level(logging.ERROR):
        bench.run(800)
    assert bench.session.state == "refused"
    assert bench.names("fault") == [codes.OTHER_FIRMWARE]
    assert "pistegate-gate board flash --config gate.toml" in caplog.text
    assert bench.session.open(bench.now, 1, words.ENTRY) == [("closed", 0)]
    assert bench.opened == 0


def test_a_host_of_another_release_is_refused_by_the_board() -> None:
    """It says hello, so that the host learns of it, and listens to nothing else."""
    bench = Bench()
    bench.to_board = other_release("ask", messages.HOST)
    bench.run(800)
    assert bench.board is not None
    assert bench.board.link._run == messages.NOBODY
    assert bench.session.hello is not None
    assert bench.session.report is None


def test_a_board_of_another_lane_is_refused_by_both(caplog: pytest.LogCaptureFixture) -> None:
    """Other pins or times than the gate's: nothing moves, and the log says what to run."""
    bench = Bench(Board("b0000001", profile="ffffffff"))
    with caplog.at_level(logging.ERROR):
        bench.run(800)
    assert bench.session.state == "refused"
    assert bench.names("fault") == [codes.OTHER_PROFILE]
    assert "pistegate-gate board flash --config gate.toml" in caplog.text
    assert bench.board is not None
    assert bench.board.link._run == messages.NOBODY


def test_a_board_that_was_flashed_meanwhile_is_taken() -> None:
    """Refused, flashed, linked: the fault clears without a restart of the gate."""
    bench = Bench(Board("b0000001", profile="ffffffff"))
    bench.run(600)
    bench.reboot()
    bench.run(2500)
    assert bench.session.state == "linked"
    assert bench.names("fault")[0] == codes.OTHER_PROFILE
    assert len(bench.names("clear")) == len(bench.names("fault"))


def test_a_latched_board_tells_why_and_starts_anew_by_reset(caplog: pytest.LogCaptureFixture) -> None:
    """It opens nothing; the host knows the error's text; `reset` asks for a new start."""
    bench = Bench(Board("b0000001", crash="ZeroDivisionError: in leaf"))
    with caplog.at_level(logging.ERROR):
        bench.link()
    assert "ZeroDivisionError: in leaf" in caplog.text
    assert bench.names("fault") == [messages.CRASHED]
    bench.told(bench.session.open(bench.now, 1, words.ENTRY))
    bench.run(200)
    assert bench.names("closed") == [0]
    bench.told(bench.session.reset(bench.now))
    bench.run(100)
    assert bench.board is not None
    assert bench.board.link.unlatch


def test_the_reset_button_unlatches_a_board(bench: Bench) -> None:
    """Without any host."""
    board = Board("b0000003", crash="x")
    board.turn(0)
    assert not board.link.unlatch
    board.set(words.RESET, True)
    board.turn(2)
    assert board.link.unlatch


def test_a_stuck_reset_button_unlatches_nothing() -> None:
    """Pressed since the start: a board that fails at each start would otherwise try for ever."""
    board = Board("b0000003", crash="x")
    board.set(words.RESET, True)
    for now in range(0, 1000, 2):
        board.turn(now)
    assert not board.link.unlatch


def test_a_reset_does_not_go_on_by_itself() -> None:
    """Asked once, of a board that fails again at its next start: the next latch waits for the next person."""
    bench = Bench(Board("b0000001", crash="x"))
    bench.link()
    bench.told(bench.session.reset(bench.now))
    bench.turn()
    bench.reboot("b0000002", crash="x again")
    bench.run(3000)
    assert bench.board is not None
    assert bench.session.report is not None
    assert bench.session.report["boot"] == "b0000002"
    assert not bench.board.link.unlatch
    bench.board = None
    bench.run(1500)
    bench.told(bench.session.reset(bench.now))
    bench.reboot("b0000003", crash="x again")
    bench.run(3000)
    assert not bench.board.link.unlatch


def test_fire_frees_the_way_and_ends_the_opening(bench: Bench) -> None:
    """Told as a fault that clears itself; the persons so far stand."""
    opened(bench, 3)
    bench.pass_one()
    assert bench.board is not None
    bench.board.set(words.FIRE, True)
    bench.run(100)
    assert bench.board.out(words.UNLOCK_A)
    assert bench.board.out(words.UNLOCK_B)
    bench.run(300)
    assert bench.names("fault") == [words.ON_FIRE]
    assert bench.names("closed") == [1]
    bench.board.set(words.FIRE, False)
    bench.run(300)
    assert bench.names("clear") == [words.ON_FIRE]


def test_an_opening_that_the_lane_refuses_is_over_at_once(bench: Bench) -> None:
    """Fire: the board says no, the host does not wait for a time-out."""
    assert bench.board is not None
    bench.board.set(words.FIRE, True)
    bench.run(300)
    bench.told(bench.session.open(bench.now, 1, words.ENTRY))
    bench.run(60)
    assert bench.names("closed") == [0]


def test_free_flow_holds_over_a_reboot_and_counts(bench: Bench) -> None:
    """An evacuation does not end because the board began anew; who passes is counted, without tickets."""
    bench.told(bench.session.mode(bench.now, words.FREE, words.ENTRY, 0))
    bench.run(100)
    bench.pass_one()
    bench.reboot()
    bench.run(2500)
    bench.pass_one()
    bench.run(300)
    assert bench.names("counted") == [words.ENTRY] * 2
    assert bench.session.report is not None
    assert bench.session.report["mode"] == messages.MODES.index(words.FREE)


def test_a_group_waits_for_the_end_of_the_opening_before(bench: Bench) -> None:
    """Staff lets two in while a guest's opening is under way: its end is told first, with its persons."""
    opened(bench, 3)
    bench.pass_one()
    bench.told(bench.session.mode(bench.now, words.GROUP, words.ENTRY, 2))
    bench.run(600)
    assert bench.names("closed") == [1]
    bench.pass_one()
    bench.run(400)
    bench.pass_one()
    bench.run(400)
    assert bench.names("closed") == [1, 2]
    assert bench.names("passed") == [1]
    assert bench.names("counted") == [words.ENTRY] * 2


def test_a_mode_that_cannot_be_had_is_answered_by_the_one_that_holds(bench: Bench) -> None:
    """A group while the way is free by fire; any mode while there is no board."""
    assert bench.board is not None
    bench.board.set(words.FIRE, True)
    bench.run(300)
    bench.told(bench.session.mode(bench.now, words.GROUP, words.ENTRY, 2))
    bench.run(100)
    assert bench.names("mode") == [words.NORMAL]
    bench.board = None
    bench.run(1500)
    assert bench.session.mode(bench.now, words.FREE, words.ENTRY, 0) == [("mode", words.NORMAL)]


def test_incidents_are_told_once_each_though_the_line_doubles_and_drops(bench: Bench) -> None:
    """Twelve forced arms through a line that loses every other frame and doubles the rest."""
    turn = [0]

    def bad(frame: bytes) -> list[tuple[int, bytes]]:
        turn[0] += 1
        return [] if turn[0] % 2 else [(0, frame), (30, frame)]

    bench.to_host = bench.to_board = bad
    for _ in range(12):
        bench.pass_one()
        bench.run(200)
    bench.to_host = bench.to_board = clean
    bench.run(1000)
    assert bench.names("incident") == [words.FORCED] * 12


def test_events_of_hours_alone_are_cut_and_it_is_said(bench: Bench) -> None:
    """More than the board can keep: the newest 64, and an incident for the rest; the count is whole."""
    bench.to_host = cut
    for _ in range(80):
        bench.pass_one()
    bench.to_host = clean
    bench.run(4000)
    incidents = bench.names("incident")
    assert incidents.count(codes.EVENTS_LOST) == 1
    assert incidents.count(words.FORCED) == 64
    assert bench.session.mark == ("b0000001", 80)


def test_lamps_play_once_and_come_back_after_silence(bench: Bench) -> None:
    """A pattern is sent until it plays; after the board was alone it plays anew."""
    assert bench.board is not None
    levels = bench.board.link.mixer.levels
    bench.session.play(bench.now, 0, ((1, 400),), 400, ((2, 300), (0, 300)))
    bench.run(60)
    assert levels(bench.now - 1000) == 1
    bench.run(500)
    assert levels(bench.now - 1000) in (0, 2)
    bench.to_board = cut
    bench.run(1500)
    bench.session.play(bench.now, 0, (), 0, ((1, 100),))
    bench.to_board = clean
    bench.run(1500)
    assert levels(bench.now - 1000) == 1


def only(name: str, sender: str, kept: list[bytes]) -> Trouble:
    """Frames of that message are kept back, the others come through."""

    def line(frame: bytes) -> list[tuple[int, bytes]]:
        told = messages.decode(unframe(frame[1:-1]), sender)
        if told is None or told[1] != name:
            return [(0, frame)]
        kept.append(frame)
        return []

    return line


def lane_opens(board: Board) -> list[int]:
    """Grows with each opening of the core."""
    opens: list[int] = []
    real = board.lane.open

    def opened(*arguments: object) -> object:
        opens.append(1)
        return real(*arguments)

    board.lane.open = opened
    return opens


def test_a_stale_order_does_nothing(bench: Bench) -> None:
    """Held back while the host gave it up, then delivered: the board knows that it is old."""
    held: list[bytes] = []
    assert bench.board is not None
    opens = lane_opens(bench.board)
    bench.to_board = only("open", messages.HOST, held)
    bench.told(bench.session.open(bench.now, 1, words.ENTRY))
    bench.run(20)
    bench.to_board = cut
    bench.run(1600)
    bench.board.came += held[0]
    bench.run(100)
    assert opens == []
    bench.to_board = clean
    bench.run(3000)
    assert opens == []
    assert bench.names("closed") == [0]


def test_an_order_for_the_boot_before_does_nothing_to_the_next_one(bench: Bench) -> None:
    """It arrives when the new boot knows this host, has the same report out, and has dealt with no order yet."""
    held: list[bytes] = []
    bench.to_board = only("open", messages.HOST, held)
    bench.told(bench.session.open(bench.now, 1, words.ENTRY))
    bench.run(20)
    told = messages.decode(unframe(held[0][1:-1]), messages.HOST)
    assert told is not None
    bench.reboot()
    assert bench.board is not None
    opens = lane_opens(bench.board)
    while bench.board.link._report < told[2]["seen"]:
        bench.turn()
    bench.board.came += held[0]
    bench.run(50)
    assert opens == []


def test_a_report_from_before_changes_nothing(bench: Bench) -> None:
    """A report that was held back says less than is known: no fault clears by it, nobody is counted back."""
    seen: list[bytes] = []

    def watch(frame: bytes) -> list[tuple[int, bytes]]:
        seen.append(frame)
        return [(0, frame)]

    bench.to_host = watch
    bench.run(300)
    assert bench.board is not None
    bench.board.set(words.FIRE, True)
    bench.run(300)
    bench.pass_one()
    bench.run(300)
    assert bench.names("counted") == [words.ENTRY]
    before = list(bench.events)
    for frame in seen[:2]:
        bench.told(bench.session.hear(bench.now, frame))
    bench.run(600)
    assert bench.events == before


def test_the_end_of_an_opening_is_told_after_its_incidents(bench: Bench) -> None:
    """The event is lost at first, the report of the end is not: the gate learns both in their order."""
    opened(bench, 2)
    bench.to_host = only("event", messages.BOARD, [])
    bench.pass_one(words.PASS_B)
    bench.run(200)
    bench.told(bench.session.stop(bench.now))
    bench.run(600)
    assert bench.names("closed") == []
    bench.to_host = clean
    bench.run(300)
    assert [event[1] for event in bench.events][-2:] == ["incident", "closed"]


def test_who_passed_between_a_reboot_and_the_hello_is_counted(bench: Bench) -> None:
    """The new boot counts from nothing; its first report is not where the host begins to count."""
    bench.reboot()
    assert bench.board is not None
    bench.board.set(words.FIRE, True)
    bench.run(100)
    bench.pass_one()
    assert bench.session.mark == ("b0000001", 0)
    bench.run(2500)
    assert bench.names("counted") == [words.ENTRY]


def test_every_state_takes_every_event_or_none(bench: Bench) -> None:
    """The link's table: no state without a way out, nothing that leads nowhere."""
    for state, ways in session.TABLE.items():
        assert set(ways.values()) <= set(session.TABLE), state
        assert "line_down" in ways
