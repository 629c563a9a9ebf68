# SPDX-License-Identifier: Apache-2.0
"""The rungs of being alone: what a gate can still ask, and for how long it has not heard of the cloud. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Rung(StrEnum):
    """From the best to the worst; each is told in Hello and shown at the lane."""

    CONNECTED = "connected"
    SITE_ONLY = "site_only"
    """No cloud; the site's hub serves."""
    ALONE = "alone"
    STALE = "stale"
    """Nothing was heard of the cloud for longer than the operator trusts what the gate knows."""
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Reach:
    """`cloud`: its broker is connected. `hub`: the site's hub serves. `silent_s`: seconds since the cloud spoke."""

    cloud: bool
    hub: bool
    silent_s: float


def rung_of(reach: Reach, stale_after_s: float) -> Rung:
    """Of a gate without faults the worst that holds; a connected cloud that says nothing for so long is none."""
    if reach.silent_s >= stale_after_s:
        return Rung.STALE
    if reach.cloud:
        return Rung.CONNECTED
    return Rung.SITE_ONLY if reach.hub else Rung.ALONE
