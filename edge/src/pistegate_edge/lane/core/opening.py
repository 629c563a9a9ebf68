# SPDX-License-Identifier: Apache-2.0
"""One opening of a lane: n persons one way, a time-out, a host's lease. Nothing here moves anything."""

from pistegate_edge.lane.core.contacts import after, left

NONE = "none"  # nobody may pass; another opening may begin
RUNNING = "running"  # persons may pass; the lane lets them
LATE = "late"  # time-out or lease over: the lane shuts, and who is already on the way still counts
DRAIN = "drain"  # after a host's restart: the lane shuts, whoever passes belongs to the last run's opening

TABLE = {
    NONE: {"open": RUNNING, "drain": DRAIN},
    RUNNING: {"one": RUNNING, "last": NONE, "time_out": LATE, "lease_over": LATE, "end": NONE, "drain": DRAIN},
    LATE: {"one": LATE, "last": NONE, "end": NONE, "drain": DRAIN},
    DRAIN: {"one": DRAIN, "end": NONE, "drain": DRAIN},
}


class Opening:
    """`until` is when the state ends by itself, `lease` when the host must have renewed."""

    TABLE = TABLE

    def __init__(self) -> None:
        self.state = NONE
        self.direction = ""
        self.persons = 0
        self.passed = 0
        self.ticket = True
        self.until: int | None = None
        self.lease: int | None = None
        self.limit: int | None = None

    def begin(self, direction: str, persons: int, ticket: bool, until: int, lease: int | None) -> None:
        """Persons may pass in `direction`; `ticket` is False for a group that staff lets through."""
        self.go("open")
        self.direction = direction
        self.persons = persons
        self.ticket = ticket
        self.passed = 0
        self.until = until
        self.lease = lease
        self.limit = None

    def drain(self, until: int) -> None:
        """Count what passes until then; an opening under way is taken over, its `closed` is the drain's."""
        self.go("drain")
        self.direction = ""
        self.persons = 0
        self.ticket = True
        self.passed = 0
        self.until = until
        self.lease = None
        self.limit = None

    def late(self, event: str, until: int, limit: int) -> None:
        """No more persons are let in; who is on the way counts until `until`, at most until `limit`."""
        self.go(event)
        self.until = until
        self.limit = limit
        self.lease = None

    def takes(self, direction: str) -> bool:
        """Whether a person that way belongs to this opening."""
        return self.state == DRAIN or (self.state != NONE and self.direction == direction)

    def one(self) -> bool:
        """A person passed; True when nobody is left to come."""
        self.passed += 1
        if self.state != DRAIN and self.passed == self.persons:
            return True
        self.go("one")
        return False

    def end(self, event: str) -> int:
        """Over: `last` or `end`; the persons that passed."""
        self.go(event)
        self.direction = ""
        self.until = self.lease = self.limit = None
        return self.passed

    def go(self, event: str) -> None:
        """The one door to another state; ValueError for what is not in the table."""
        following = self.TABLE[self.state].get(event)
        if following is None:
            raise ValueError("opening is " + self.state + ": no " + event)
        self.state = following

    def snapshot(self, now: int) -> tuple[object, ...]:
        """Hashable, relative to `now`; an opening that is over is alike however it was."""
        if self.state == NONE:
            return (NONE,)
        who = (self.state, self.direction, self.persons, self.passed, self.ticket)
        return who + (left(now, self.until), left(now, self.lease), left(now, self.limit))  # noqa: RUF005

    def restore(self, now: int, told: tuple[object, ...]) -> None:
        """Back to a snapshot."""
        if len(told) == 1:
            told = (NONE, "", 0, 0, True, None, None, None)
        self.state, self.direction, self.persons, self.passed, self.ticket = told[:5]  # type: ignore[assignment]
        self.until, self.lease, self.limit = [after(now, ms) for ms in told[5:]]  # type: ignore[arg-type]
