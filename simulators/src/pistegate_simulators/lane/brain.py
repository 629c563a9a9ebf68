# SPDX-License-Identifier: Apache-2.0
"""What each person does in each step: what a guest sees is the lamp, the leaf or arm, and the person ahead."""

from math import inf
from typing import TYPE_CHECKING

from pistegate_simulators.lane.gatehouse import AGAIN_MS
from pistegate_simulators.lane.people import TOUCH_MM, TURN_ROUND_MS, Does, Person, Stage

if TYPE_CHECKING:
    from pistegate_simulators.lane.world import World

AT_READER_MM = 40
HURRY = 2200.0  # mm/s a follower can do to keep up
PATIENCE_MS = 4000  # so long somebody without a ticket stands before what is shut
SECOND_TIME_MS = 400  # who missed an opening is quick at the next
STEP_BACK = 400.0  # mm/s, out of the way of a leaf that swings towards one
TRIES = 4  # a guest presents so often before giving up
BACKWARDS = 0.6  # share of the walking speed when leaving backwards

STOPPING = (Does.STANDS, Does.TURNS_BACK, Does.WANDERS)
UNGUIDED = (Does.FOLLOWS, Does.FORCES, Does.WANDERS)


def act(world: "World", person: Person) -> None:
    """One step of one person."""
    while person.ahead is not None and person.ahead.stage in (Stage.BACK, Stage.GONE):
        person.ahead = person.ahead.ahead
    if person.stage is Stage.COMES:
        _come(world, person)
    elif person.stage is Stage.GOES:
        _go(world, person)
    elif person.stage is Stage.STANDS:
        _stand(world, person)
    elif person.stage is Stage.BACK:
        _back(world, person)


def _come(world: "World", person: Person) -> None:
    """To the reader, there to wait for the lane."""
    now = world.now
    _notice_the_end(world, person)
    if person.does in UNGUIDED:
        person.stage = Stage.GOES
    elif person.does is Does.SNEAKS:
        _watch_for_a_chance(world, person)
    elif person.go_at is not None and now >= person.go_at and not world.oncoming(person):
        person.stage = Stage.GOES
    limit, pace = world.site.reader, 0.0
    if person.ahead is not None:
        behind = person.ahead.rear - person.queue_gap - person.body.front
        if behind < limit:
            limit, pace = behind, person.ahead.v
    if person.u > limit and pace == 0.0:
        person.stand(world.step_ms)
    else:
        person.walk(world.step_ms, person.speed, limit, inf, pace)
    if person.ticket and person.go_at is None and person.party is not None:
        _present(world, person)


def _present(world: "World", person: Person) -> None:
    """Hold the ticket to the reader, when it is one's turn."""
    party, now = person.party, world.now
    assert party is not None
    if world.free_flow:
        person.go_at = now + person.reaction if person.u > world.site.reader - 400 else None
        return
    opening = world.gatehouse.opening
    if opening is not None and opening.party is party:
        if len(opening.assigned) < opening.persons:
            opening.assigned.append(person)
            person.opening, person.go_at = opening, now + person.reaction
            if person.does is Does.NO_SHOW:
                person.stage = Stage.BACK
        return
    waits = person.ahead is not None and person.ahead.stage is Stage.COMES and person.ahead.ticket
    if waits or party.owed <= 0 or person.u < world.site.reader - AT_READER_MM:
        return
    if party.present_at is None:
        party.present_at = now + party.present_ms
    if now >= party.present_at and world.gatehouse.presented(now, party):
        party.present_at = now + AGAIN_MS
        party.tries += 1
    elif party.tries >= TRIES and opening is None:
        person.stage = Stage.BACK


def _notice_the_end(world: "World", person: Person) -> bool:
    """Whether the opening that the person was to go by is over; the next time it is quicker."""
    if person.opening is None or person.opening is world.gatehouse.opening:
        return False
    person.opening = person.go_at = None
    person.reaction = min(person.reaction, SECOND_TIME_MS)
    return True


def _watch_for_a_chance(world: "World", person: Person) -> None:
    opening = world.gatehouse.opening
    chance = opening is not None and opening.direction != person.direction and world.room_for(person)
    if not chance:
        person.sneak_seen = None
    elif person.sneak_seen is None:
        person.sneak_seen = world.now
    elif world.now - person.sneak_seen >= person.reaction:
        person.stage = Stage.GOES


def _go(world: "World", person: Person) -> None:
    """Through, unless the way is shut or somebody is ahead."""
    if person.front < world.site.first_beam - AT_READER_MM and _notice_the_end(world, person):
        person.stage = Stage.COMES
        return
    limit, pace, wall = person.u + 10_000, 0.0, inf
    wish = person.speed
    ahead = person.ahead
    if ahead is not None:
        limit, pace = ahead.rear - person.gap - person.body.front, ahead.v
        wall = ahead.rear - TOUCH_MM - person.body.front
        if person.does is Does.FOLLOWS:
            wish = HURRY
    if person.front < 0 and person.does is not Does.FORCES and not world.invites(person):
        before_leaf = person.u - person.front - world.stand_off(person)
        if before_leaf < limit:
            limit, pace = before_leaf, 0.0
        if before_leaf < person.u and person.v <= STEP_BACK and world.swings_at(person):
            person.retreat(world.step_ms, STEP_BACK, before_leaf, -inf)
            return
        if person.v == 0 and _gives_up(world, person):
            return
    else:
        person.pause_until = None
    if not person.stopped and person.does in STOPPING:
        stop = person.u - person.front + person.at
        if person.u >= stop - 5 and person.v < 50:
            person.stopped, person.stage = True, Stage.STANDS
            person.pause_until = world.now + person.linger_ms
            return
        if stop < limit:
            limit, pace = stop, 0.0
    hard, fastest = world.wall(person)
    before = person.u
    person.walk(
        world.step_ms, min(wish, fastest), max(limit, person.u - 1) if pace == 0 else limit, min(wall, hard), pace
    )
    if person.does is Does.FORCES:
        world.push(person, person.speed * world.step_ms / 1000 - (person.u - before))
    if person.u > world.site.end:
        person.stage = Stage.GONE


def _gives_up(world: "World", person: Person) -> bool:
    """Before a way that is shut: whether the person turns to something else."""
    if person.ticket and not world.free_flow:
        if person.opening is not None and person.opening is world.gatehouse.opening:
            return False
        _notice_the_end(world, person)
        person.stage = Stage.COMES
        return True
    if person.pause_until is None:
        person.pause_until = world.now + PATIENCE_MS
    if world.now < person.pause_until or (
        person.ahead is not None and person.does is Does.FOLLOWS and person.ahead.u < 0
    ):
        return False
    person.stage = Stage.BACK
    return True


def _stand(world: "World", person: Person) -> None:
    person.stand(world.step_ms)
    if person.pause_until is not None and world.now >= person.pause_until:
        person.pause_until = None
        person.stage = Stage.GOES if person.does is Does.STANDS else Stage.BACK


def _back(world: "World", person: Person) -> None:
    """Turn round and leave where one came from; with skis or a board on, backwards."""
    bound = person.body.kind in ("skis_on", "snowboarder", "crawler")
    if person.face == 1 and not bound:
        if person.turn_until is None:
            person.turn_until = world.now + TURN_ROUND_MS
        person.stand(world.step_ms)
        if world.now < person.turn_until:
            return
        person.face, person.v = -1, 0.0
    person.retreat(
        world.step_ms, person.speed * (BACKWARDS if bound else 1.0), person.start - 1, world.back_wall(person)
    )
    if person.u <= person.start:
        person.stage = Stage.GONE
