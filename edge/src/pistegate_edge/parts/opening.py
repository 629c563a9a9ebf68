# SPDX-License-Identifier: Apache-2.0
"""From a gate's configuration to its parts."""

from pathlib import Path

from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.config import Config, lane_profile
from pistegate_edge.enrolment.standing import standing
from pistegate_edge.journal.files import Files
from pistegate_edge.parts.fingers import open_fingers
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.parts.powering import Powering
from pistegate_edge.parts.presenting import document_parts
from pistegate_edge.parts.reserving import HubPart
from pistegate_edge.parts.rungs import Rungs
from pistegate_edge.parts.standing import Standing
from pistegate_edge.parts.timekeeping import Timekeeping
from pistegate_edge.reserving.opening import GateLine
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_protocol.signing import KeyRing


def open_parts(config: Config, ports: Ports, presenter: Presenter | None) -> tuple[Powering | None, list[Part]]:
    """The part that may end the computer, where there is one, and all parts in the order in which they start."""
    parts: list[Part] = []
    _, permission = standing(config, ports.clock.wall_ms())
    if permission is not None:
        parts.append(Standing(permission, ports))  # first: its word is about everything that follows
    if isinstance(ports.clock, GuardedClock) and config.storage is not None:
        keys, directory = KeyRing(config.document_keys), Path(config.storage.directory)
        device = config.device
        parts.append(Timekeeping(ports.clock, ports, device.number, device.site, keys, directory))
    parts += document_parts(config, ports, presenter)
    fingers = None if config.storage is None else open_fingers(config.finger, Path(config.storage.directory), ports)
    if fingers is not None:
        parts.append(fingers)
    site_hub: HubPart | None = None
    if config.hub is not None and config.place is not None:
        hub, profile = config.hub, lane_profile(config.device, config.place)
        site_hub = HubPart(profile, ports, lambda tell: GateLine(config, hub, tell))
        parts.append(site_hub)
    power = None if config.power is None else Powering(config.power, ports)
    if power is not None:
        parts.append(power)
    if config.storage is not None:  # last: its words come after those that ask for something
        parts.append(_rungs(config, ports, Path(config.storage.directory), site_hub))
    return power, parts


def _rungs(config: Config, ports: Ports, directory: Path, hub: HubPart | None) -> Rungs:
    stale = config.stale
    return Rungs(
        ports,
        Files(directory),
        stale.after_hours * 3600,
        stale.policy,
        hub=lambda: hub is not None and hub.serves,
        group=lambda: 1 if hub is None else hub.group,
    )
