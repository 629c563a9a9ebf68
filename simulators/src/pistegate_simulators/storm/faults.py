# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a storm: drawn by seed, each at its time, and healed before the end."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from pistegate_simulators.storm.network import CALM, Weather

if TYPE_CHECKING:
    from pistegate_simulators.storm.world import World

DOWN_S = (1.0, 40.0)  # seconds that a machine is off
DAY_MS = 86_400_000
JUMPS_MS = (-DAY_MS, -3_600_000, -40_000, 2_000, 90_000, 3_600_000, DAY_MS)
BACKUP_S = 120.0  # seconds; a backup is restored when it is so old at most, and gates keep events for longer
CUT_WITHIN = 30  # operations of a disk of which one is the last

Fault = Callable[["World", Random], None]


def power_cut(world: "World", rng: Random) -> None:
    """A gate loses its power between two operations of its disk."""
    node = rng.choice(world.gates)
    node.power_cut()
    _lane_power(world, rng, node.number)
    world.boots(node, rng.uniform(*DOWN_S), power=True)


def cut_in_write(world: "World", rng: Random) -> None:
    """A gate loses its power at one of the next operations of its disk."""
    node = rng.choice(world.gates)
    node.disk.cut_at = node.disk.operations + rng.randint(1, CUT_WITHIN)
    world.trace("world", f"gate {node.number} will lose its power at write {node.disk.cut_at}")


def cut_at_lane(world: "World", rng: Random) -> None:
    """A gate loses its power just as somebody is at its lane."""
    node = rng.choice(world.gates)
    node.cut_after_opening = rng.uniform(0.0, 6.0)


def kill(world: "World", rng: Random) -> None:
    """A gate's process is killed."""
    node = rng.choice(world.gates)
    node.kill()
    world.boots(node, rng.uniform(0.5, 10.0), power=False)


def wan_cut(world: "World", rng: Random) -> None:
    """Some gates, or all, lose the cloud without a word."""
    cut = world.gates if rng.random() < 0.4 else [rng.choice(world.gates)]
    world.trace("network", f"cuts gates {', '.join(str(node.number) for node in cut)} off")
    for node in cut:
        node.line.sever()

    def mend() -> None:
        for node in cut:
            node.line.mend()

    world.timeline.after(rng.uniform(5.0, 240.0), mend)


def bad_weather(world: "World", rng: Random) -> None:
    """Messages are late, lost, doubled and out of order for a while, and there is much to be told."""
    for _ in range(3):
        world.timeline.after(rng.uniform(0.0, 30.0), world.revoke)
    delay_s, again_s = (0.02, rng.uniform(0.1, 4.0)), rng.uniform(0.0, 60.0)
    weather = Weather(rng.uniform(0.02, 0.35), rng.uniform(0.0, 0.3), delay_s, again_s)
    world.trace("network", f"loses {weather.loss:.0%}, doubles {weather.twice:.0%}")
    for node in world.gates:
        node.line.weather = weather

    def over() -> None:
        for node in world.gates:
            node.line.weather = CALM

    world.timeline.after(rng.uniform(30.0, 300.0), over)


def cloud_crash(world: "World", rng: Random) -> None:
    """The cloud dies; what it had not committed is gone."""
    world.trace("cloud", "crashes")
    world.cloud.crash()
    for node in world.gates:
        node.line.drop()

    def starts() -> None:
        world.trace("cloud", "starts")
        world.cloud.start()

    world.timeline.after(rng.uniform(0.5, 60.0), starts)


def clock_jump(world: "World", rng: Random) -> None:
    """A gate's wall clock is wrong from now on, until the end."""
    node = rng.choice(world.gates)
    node.clock.offset_ms += rng.choice(JUMPS_MS)
    world.trace(f"gate {node.number}", f"clock is off by {node.clock.offset_ms} ms")


def reader_fails(world: "World", rng: Random) -> None:
    """A reader is unplugged for a while."""
    node = rng.choice(world.gates)
    if node.reader is not None:
        world.trace(f"gate {node.number}", "reader is unplugged")
        node.reader.fail(rng.uniform(0.5, 20.0))


def disk_full(world: "World", rng: Random) -> None:
    """No room on a gate's disk for a while."""
    node = rng.choice(world.gates)
    node.disk.capacity = node.disk.used + rng.choice((0, 5_000, 40_000))
    world.trace(f"gate {node.number}", "disk is full")

    def room() -> None:
        node.disk.capacity = None

    world.timeline.after(rng.uniform(5.0, 90.0), room)


def sd_restored(world: "World", rng: Random) -> None:
    """Somebody writes a gate's SD card anew from an image taken a while ago."""
    node = rng.choice(world.gates)
    image, knows = node.disk.image(), world.truth.image_taken(node.number)
    world.trace(f"gate {node.number}", "an image of its SD card is taken")

    def restore() -> None:
        if world.healed:
            return
        node.power_cut()
        node.disk.restore(image)
        world.truth.restored(node.number, *knows)
        world.trace(f"gate {node.number}", "its SD card is written anew from the image")
        world.boots(node, rng.uniform(*DOWN_S), power=True)

    world.timeline.after(rng.uniform(20.0, 400.0), restore)


def cloud_restored(world: "World", rng: Random) -> None:
    """The cloud loses its database and is restored from a backup."""
    backup = world.cloud.tables.copy()
    world.trace("cloud", "is backed up")

    def restore() -> None:
        if world.healed:
            return
        world.trace("cloud", "is restored from its backup")
        world.cloud.crash()
        world.cloud.restore(backup)
        for node in world.gates:
            node.line.drop()
        world.timeline.after(rng.uniform(1.0, 60.0), world.cloud.start)

    world.timeline.after(rng.uniform(20.0, BACKUP_S), restore)


def lan_cut(world: "World", rng: Random) -> None:
    """Some gates, or all, lose the site's hub without a word."""
    cut = world.gates if rng.random() < 0.3 else [rng.choice(world.gates)]
    lines = [node.site_line for node in cut if node.site_line is not None]
    world.trace("network", f"cuts gates {', '.join(str(node.number) for node in cut)} off the hub")
    for line in lines:
        line.sever()

    def mend() -> None:
        for line in lines:
            line.mend()

    world.timeline.after(rng.uniform(2.0, 90.0), mend)


def lan_weather(world: "World", rng: Random) -> None:
    """The hub's answers are late, lost, doubled and out of order for a while."""
    weather = Weather(rng.uniform(0.0, 0.2), rng.uniform(0.0, 0.2), (0.001, rng.uniform(0.02, 0.4)))
    world.trace("network", f"the site's network loses {weather.loss:.0%} and is late by {weather.delay_s[1]:.2f} s")
    lines = [node.site_line for node in world.gates if node.site_line is not None]
    for line in lines:
        line.weather = weather

    def over() -> None:
        for line in lines:
            line.weather = line.calm

    world.timeline.after(rng.uniform(10.0, 90.0), over)


def hub_dies(world: "World", rng: Random) -> None:
    """The hub loses its power, in a write or between two, or is killed."""
    hub = world.hub
    if hub is None or not hub.up:
        return
    how = rng.randrange(3)
    if how == 0:
        hub.disk.cut_at = hub.disk.operations + rng.randint(1, CUT_WITHIN)
        return
    hub.power_cut() if how == 1 else hub.kill()
    world.timeline.after(rng.uniform(0.5, 60.0), hub.boot)


def hub_restored(world: "World", rng: Random) -> None:
    """Somebody writes the hub's SD card anew from an image taken a while ago."""
    hub = world.hub
    if hub is None:
        return
    image = hub.disk.image()

    def restore() -> None:
        if world.healed:
            return
        world.trace("hub", "its SD card is written anew from an image")
        hub.power_cut()
        hub.disk.restore(image)
        hub.doubtful = True
        world.timeline.after(rng.uniform(1.0, 20.0), hub.boot)

    world.timeline.after(rng.uniform(10.0, 120.0), restore)


def hub_lies(world: "World", rng: Random) -> None:
    """The hub is in somebody's hands."""
    if world.hub is not None:
        world.trace("hub", "lies from now on")
        world.hub.lies = world.truth.lying_hub = True


def gate_lies(world: "World", rng: Random) -> None:
    """A gate in somebody's hands tells the cloud what never was, for a while."""
    world.trace("liar", "begins")
    for _ in range(rng.randint(5, 20)):
        world.timeline.after(rng.uniform(0.0, 60.0), world.liar.lie)


def _lane_power(world: "World", rng: Random, gate: int) -> None:
    """The lane's own board may lose its power too, and with it its count."""
    node = world.gate(gate)
    if node.arms.board is not None and rng.random() < 0.5:
        node.arms.board, node.arms.counted, node.arms.left = f"{node.arms.board}'", 0, 0


FAULTS: dict[str, tuple[Fault, int]] = {
    "power_cut": (power_cut, 3),
    "cut_in_write": (cut_in_write, 4),
    "cut_at_lane": (cut_at_lane, 4),
    "kill": (kill, 4),
    "wan_cut": (wan_cut, 4),
    "bad_weather": (bad_weather, 3),
    "cloud_crash": (cloud_crash, 3),
    "clock_jump": (clock_jump, 2),
    "reader_fails": (reader_fails, 1),
    "disk_full": (disk_full, 2),
    "sd_restored": (sd_restored, 2),
    "cloud_restored": (cloud_restored, 2),
    "gate_lies": (gate_lies, 2),
}
HUB_FAULTS: dict[str, tuple[Fault, int]] = {
    "lan_cut": (lan_cut, 6),
    "lan_weather": (lan_weather, 6),
    "hub_dies": (hub_dies, 8),
    "hub_restored": (hub_restored, 2),
    "hub_lies": (hub_lies, 1),
}
"""Of a site with a hub, besides. Name -> fault and weight."""


EVERY = FAULTS | HUB_FAULTS


def plan(world: "World", rng: Random, count: int, first_s: float, last_s: float) -> None:
    """So many faults, at any time between."""
    kinds = EVERY if world.hub is not None else FAULTS
    names, weights = list(kinds), [weight for _, weight in kinds.values()]
    for name in rng.choices(names, weights, k=count):
        world.timeline.at(rng.uniform(first_s, last_s), lambda name=name: world.strike(name))  # type: ignore[misc]
