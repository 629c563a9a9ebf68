# SPDX-License-Identifier: Apache-2.0
"""Enrolling a finger at a desk: consent first, two touches, the template sealed before anybody else can have it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pistegate_edge.errors import EdgeError
from pistegate_edge.fingers import flows
from pistegate_edge.fingers.consent import Consent, require_other_way
from pistegate_edge.fingers.flows import LIVE, PUSHED, Seen
from pistegate_edge.fingers.sealing import TemplateKeys, seal_template
from pistegate_edge.fingers.sensor import Sensor
from pistegate_protocol.signing import Medium

TOUCH_S = 20.0  # for a guest to take off a glove and touch
_LOOK_S = 0.1


class Touch(StrEnum):
    """What the guest is to do, or what was wrong with what it did."""

    PUT = "put"
    LIFT = "lift"
    AGAIN = "again"
    """It could not be read: dry it, press a little longer."""


class NotEnrolled(EdgeError):
    """No template came of it; nothing was kept. The guest goes on with the card or code."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What goes to the card or the gates, and what was agreed to."""

    sealed: bytes = field(repr=False)
    consent: Consent
    other_way: Medium
    alike: int
    """How well the two touches match; the guest's next ones will, about as well."""


@dataclass(frozen=True, slots=True)
class EnrolmentDesk:
    """One sensor at a desk. `show` tells the guest what to do; `pause` waits."""

    sensor: Sensor
    keys: TemplateKeys
    show: Callable[[Touch], None]
    monotonic: Callable[[], float]
    pause: Callable[[float], None] = time.sleep

    def enrol(self, consent: Consent, other_way: Medium | None) -> Enrolled:
        """ConsentMissing, NotEnrolled, or OSError when the sensor fails; nothing of the finger is kept then."""
        other = require_other_way(other_way)
        self._touch(LIVE)
        self._lift()
        self._touch(PUSHED)
        alike = self.sensor.run(flows.compare())
        template = self.sensor.run(flows.merge()) if alike is not None else None
        if alike is None or template is None:
            raise NotEnrolled("the two touches are not of one finger, or too different: begin again")
        return Enrolled(seal_template(template, consent.holder, self.keys), consent, other, alike)

    def _touch(self, buffer: int) -> None:
        until = self.monotonic() + TOUCH_S
        self.show(Touch.PUT)
        while (seen := self.sensor.run(flows.look(buffer))) is not Seen.FINGER:
            if self.monotonic() >= until:
                raise NotEnrolled("no finger that can be read came in time: go on with the card or code")
            if seen is Seen.UNREADABLE:
                self.show(Touch.AGAIN)
            self.pause(_LOOK_S)

    def _lift(self) -> None:
        """Looks into PUSHED, which the second touch fills: a finger half lifted must not take the first one's place."""
        until = self.monotonic() + TOUCH_S
        self.show(Touch.LIFT)
        while self.sensor.run(flows.look(PUSHED)) is not Seen.NOTHING:
            if self.monotonic() >= until:
                raise NotEnrolled("the finger was not lifted: begin again")
            self.pause(_LOOK_S)
