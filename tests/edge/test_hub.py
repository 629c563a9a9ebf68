# SPDX-License-Identifier: Apache-2.0
"""A site with a hub: what gates share, whom any lane of a post lets in again, what happens when the hub is not well."""

from collections.abc import Iterator

import pytest
from hub_bench import Site

from pistegate_edge.core.passage import State

SINGLE, PARTY, TWICE = 1, 2, 3
KINDS = {SINGLE: {"entries_total": 1}, PARTY: {"entries_total": 1, "party": 4, "batch": 2}, TWICE: {"entries_total": 2}}


@pytest.fixture
def site() -> Iterator[Site]:
    """Three gates of one post, at rest."""
    site = Site(3, KINDS)
    site.calm()
    yield site
    site.close()


def ride(site: Site, gate: int, ticket: int, passed: int = 1) -> bool:
    """A guest with a code; whether the lane opened."""
    lane = site.gates[gate]
    lane.show(site.texts[ticket])
    site.settle()
    if lane.state is not State.OPEN:
        assert lane.state is State.IDLE
        return False
    lane.close(passed)
    site.wait(0.1)
    site.settle()
    return True


def test_ticket_used_at_one_gate_is_used_at_all(site: Site) -> None:
    """One entry: in at the first lane, refused at every other, and another ticket is not concerned."""
    assert ride(site, 1, SINGLE)
    assert not ride(site, 2, SINGLE)
    assert not ride(site, 3, SINGLE)
    assert ride(site, 2, TWICE)
    assert ride(site, 3, TWICE)
    assert not ride(site, 1, TWICE)
    assert all(made.granted for made in site.made)


def test_two_who_show_one_ticket_at_once_are_one(site: Site) -> None:
    """A reservation that is not decided counts as used."""
    for number in (1, 2):
        site.gates[number].show(site.texts[SINGLE])
    site.settle()
    assert sorted(site.gates[number].state for number in (1, 2)) == [State.IDLE, State.OPEN]
    assert site.charged(SINGLE) == 1


def test_turned_back_guest_may_try_any_lane_of_the_post_once(site: Site) -> None:
    """Nobody went through: the next lane lets in the same person uncharged, and after that nobody any more."""
    assert ride(site, 1, SINGLE, passed=0)
    assert ride(site, 2, SINGLE)
    assert [made.reoffer_of for made in site.made] == [None, site.made[0].name]
    assert site.charged(SINGLE) == 1
    assert not ride(site, 1, SINGLE)
    assert not ride(site, 3, SINGLE)


def test_turned_back_guest_may_try_the_same_lane(site: Site) -> None:
    """The lane handed over whom it owes, so that it has to ask for them."""
    assert ride(site, 1, SINGLE, passed=0)
    assert not site.gates[1].owed
    assert ride(site, 1, SINGLE)
    assert not ride(site, 1, SINGLE)


def test_rest_of_a_batch_is_owed_wherever_they_go(site: Site) -> None:
    """Of two persons one passed: the other may come by another lane, and the party's other two after that."""
    assert ride(site, 1, PARTY, passed=1)
    assert ride(site, 2, PARTY, passed=1)
    assert site.made[1].n == 1
    assert ride(site, 3, PARTY, passed=2)
    assert not ride(site, 1, PARTY)
    assert site.charged(PARTY) == 4


def test_what_is_owed_is_over_after_two_minutes(site: Site) -> None:
    """At other lanes as at its own."""
    assert ride(site, 1, SINGLE, passed=0)
    site.wait(121)
    site.calm()
    assert not ride(site, 2, SINGLE)
    assert not ride(site, 1, SINGLE)


def test_other_posts_do_not_honour_what_is_owed() -> None:
    """Each gate is a post of its own: whoever was turned back at one goes back to it."""
    site = Site(2, KINDS, one_post=False)
    site.calm()
    assert ride(site, 1, SINGLE, passed=0)
    assert not ride(site, 2, SINGLE)
    assert ride(site, 1, SINGLE)
    site.close()


def test_owed_of_two_lanes_at_once_is_let_in_by_one(site: Site) -> None:
    """Two friends with one code run to two lanes: the hub gives the owed person to one of them."""
    assert ride(site, 1, SINGLE, passed=0)
    for number in (2, 3):
        site.gates[number].show(site.texts[SINGLE])
    site.settle()
    assert sorted(site.gates[number].state for number in (2, 3)) == [State.IDLE, State.OPEN]
    assert len(site.made) == 2


def test_gate_without_an_answer_goes_alone_and_what_comes_late_is_released(site: Site) -> None:
    """Within 150 ms; the reservation ends with what the gate says next, and the hub knows of the admission."""
    lane = site.gates[1]
    lane.show(site.texts[TWICE])
    site.wait(0.1)
    assert lane.state is State.RESERVING
    site.wait(0.06)
    assert lane.state is State.OPEN
    site.settle()  # now the hub hears of it, and grants
    lane.close(1)
    site.calm()
    assert site.store is not None
    assert site.store.reservations(TWICE) == []
    assert not site.made[0].granted
    assert ride(site, 2, TWICE)
    assert not ride(site, 3, TWICE)


def test_gate_that_went_alone_does_not_wait_again_until_the_hub_answers_in_time(site: Site) -> None:
    """One guest waits 150 ms, those after him do not."""
    lane = site.gates[1]
    lane.show(site.texts[TWICE])
    site.wait(0.16)
    lane.close(1)
    lane.show(site.texts[TWICE])
    assert lane.state is State.OPEN
    lane.close(1)
    site.calm()
    assert lane.core.serves


def test_gates_without_a_hub_are_groups_of_one(site: Site) -> None:
    """Each lets the ticket in as often as sold, at once; when the hub is back nobody does any more."""
    site.kill_hub()
    site.wire.clear()
    site.wait(6)
    site.wire.clear()
    for number in (1, 2, 3):
        site.gates[number].show(site.texts[SINGLE])
        assert site.gates[number].state is State.OPEN
        site.gates[number].close(1)
        site.wire.clear()
    assert site.charged(SINGLE) == 3
    site.calm()
    assert site.gates[1].core.gates == 3
    assert not any(ride(site, number, SINGLE) for number in (1, 2, 3))


def test_killed_hub_remembers_what_it_granted(site: Site) -> None:
    """Killed between the grant and the admission: what it reserved is reserved when it runs again."""
    site.gates[1].show(site.texts[SINGLE])
    site.deliver(site.wire.pop(0))
    site.kill_hub()
    grant = site.wire.pop(0)
    site.start_hub()
    site.deliver(grant)
    assert site.gates[1].state is State.OPEN
    site.seconds += 4.0  # the first gate is busy with a lane that is open; the others join and ask
    for number in (2, 3):
        site.gates[number].tick()
    site.settle()
    assert not ride(site, 2, SINGLE)
    site.gates[1].close(1)
    site.calm()
    assert not ride(site, 3, SINGLE)
    assert site.charged(SINGLE) == 1


def test_reservation_of_a_gate_that_died_lasts_until_its_next_epoch_tells_all(site: Site) -> None:
    """Granted, then the gate's power went: nobody else gets the entry before the gate is back, then anybody does."""
    lane = site.gates[1]
    lane.show(site.texts[SINGLE])
    site.deliver(site.wire.pop(0))
    site.wire = [each for each in site.wire if each.gate != 1]
    site.wait(200)
    site.wire = [each for each in site.wire if each.gate != 1]
    site.settle()
    lane.made.clear()
    lane.ledger[lane.epoch] = lane.ledger[lane.epoch][:1]  # what it did alone meanwhile is lost with it
    lane.memory.tickets.clear()
    lane.open = None
    assert not ride(site, 2, SINGLE)
    lane.boot()
    site.calm()
    assert ride(site, 2, SINGLE)


def test_hub_that_forgot_everything_is_told_everything_again(site: Site) -> None:
    """A new hub on an empty journal: the gates' own journals are what it knows."""
    assert ride(site, 1, SINGLE)
    assert ride(site, 2, TWICE)
    site.kill_hub()
    for path in site.directory.iterdir():
        path.unlink()
    site.start_hub()
    site.cut.add(1)
    site.settle()
    assert not site.gates[3].core.serves  # the first gate has not told yet, and the hub cannot know that there is one
    site.cut.clear()
    site.calm()
    assert not ride(site, 3, SINGLE)
    assert ride(site, 3, TWICE)
    assert not ride(site, 1, TWICE)


def test_hub_restored_from_an_old_copy_is_told_what_it_lost_and_owes_nobody(site: Site) -> None:
    """Who was let in again since the copy is not let in once more."""
    assert ride(site, 1, SINGLE, passed=0)
    site.save()
    assert ride(site, 2, SINGLE)
    assert ride(site, 1, TWICE)
    site.restore()
    site.settle()
    site.calm()
    assert not ride(site, 3, SINGLE)
    assert ride(site, 3, TWICE)
    assert not ride(site, 2, TWICE)


def test_damaged_journal_of_the_hub_is_kept_and_begun_anew(site: Site) -> None:
    """The gates tell all again; the damaged file stays for whoever wants to look."""
    assert ride(site, 1, SINGLE)
    site.kill_hub()
    (site.directory / "hub.sqlite").write_bytes(b"no database at all, or half of one")
    site.start_hub()
    assert site.store is not None
    assert (site.directory / site.store.set_aside).exists()
    site.settle()
    site.calm()
    assert not ride(site, 2, SINGLE)
