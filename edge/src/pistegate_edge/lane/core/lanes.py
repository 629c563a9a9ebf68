# SPDX-License-Identifier: Apache-2.0
"""A lane of any kind from its profile."""


def open_lane(profile: dict):  # type: ignore[type-arg, no-untyped-def]
    """The core of a lane: ControllerLane, TripodLane or LeafLane. ValueError names what the profile lacks.

    `kind` is "tripod", "flap" or "swing"; `drive` is "own", or "pulse" or "level" for a maker's own controller.
    """
    kind, drive = profile.get("kind"), profile.get("drive")
    if kind not in ("tripod", "flap", "swing") or drive not in ("pulse", "level", "own"):
        raise ValueError("lane profile: no lane of kind " + str(kind) + " with drive " + str(drive))
    # Imported here: a board's memory holds the code of its own kind only.
    if drive != "own":
        from pistegate_edge.lane.core.controller import ControllerLane

        return ControllerLane(profile)
    if kind == "tripod":
        from pistegate_edge.lane.core.tripod import TripodLane

        return TripodLane(profile)
    from pistegate_edge.lane.core.counter import Counter
    from pistegate_edge.lane.core.leaf import LeafLane

    return LeafLane(profile, Counter(profile))
