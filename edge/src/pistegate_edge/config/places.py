# SPDX-License-Identifier: Apache-2.0
"""What a device knows of where it stands, from its configuration."""

from zoneinfo import ZoneInfo

from pistegate_edge.config.sections import Device, Place
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.decide import GateProfile


def placeless(device: Device, zone: str) -> GateProfile:
    """What a device that stands at no lane knows of itself: enough to say what a ticket still holds."""
    return GateProfile(
        site=device.site,
        group=device.group,
        gate=device.number,
        post_gates=frozenset({device.number}),
        area=0,
        zone=ZoneInfo(zone),
    )


def lane_profile(device: Device, place: Place) -> GateProfile:
    """What a gate knows of its place; or a handheld of the post that its attendant stands at."""
    return GateProfile(
        site=device.site,
        group=device.group,
        gate=device.number,
        post_gates=frozenset({device.number, *place.post_gates}),
        area=place.area,
        zone=ZoneInfo(place.zone),
        holders=holder_classes(place),
        exit=place.exit,
    )


def holder_classes(place: Place) -> frozenset[HolderClass] | None:
    """Holder classes a lane serves; None: all."""
    return None if place.holders is None else frozenset(HolderClass[name.upper()] for name in place.holders)
