# SPDX-License-Identifier: Apache-2.0
"""The searches that `make test` makes, by name; together well below a minute. The long ones are of the slow tests."""

from collections.abc import Callable

from lane_search import Action, World
from lane_small import HOST, MODES, RESET, controller, counted, leaf, tripod

from pistegate_edge.lane.core import words as w

BOTH_WAYS: tuple[Action, ...] = (("open", w.ENTRY, 2), ("open", w.EXIT, 1), ("renew",))
KEYS = (w.KEY_ONE, w.KEY_FREE, w.KEY_OUT)
BEAM = w.BEAM[0]
LOOSE = (w.STALL, w.LIMIT_OPEN_A, w.LIMIT_SHUT)

CONTROLLER: dict[str, Callable[[], World]] = {
    "pulse, both contacts": lambda: controller((w.PASS_A, w.PASS_B), HOST + MODES[:1], weather_ms=2),
    "pulse, fire": lambda: controller((w.PASS_A, w.FIRE, w.POWER_LOST), BOTH_WAYS + MODES + RESET),
    "pulse, slow contacts": lambda: controller((w.PASS_A, w.FIRE, w.NOT_READY), BOTH_WAYS, debounce_ms=1),
    "pulse, key switch": lambda: controller((w.PASS_A, *KEYS, w.RESET), BOTH_WAYS),
    "level, both contacts": lambda: controller((w.PASS_A, w.PASS_B), HOST, drive="level", weather_ms=2),
    "level, fire": lambda: controller((w.PASS_A, w.FIRE, w.POWER_LOST), BOTH_WAYS + MODES + RESET, drive="level"),
    "level, Ready": lambda: controller(
        (w.PASS_A, w.NOT_READY, w.ALARM, w.FIRE), HOST, drive="level", ready_ms=1, weather_ms=2
    ),
    "pulse, Ready and modes": lambda: controller((w.PASS_A, w.NOT_READY), BOTH_WAYS[:1] + MODES),
    "pulse, long gap": lambda: controller((w.PASS_A,), BOTH_WAYS, gap_ms=3),
}
TRIPOD: dict[str, Callable[[], World]] = {
    "tripod, fire": lambda: tripod((w.FIRE, w.POWER_LOST), BOTH_WAYS + MODES + RESET),
    "tripod, key switch": lambda: tripod((*KEYS, w.RESET), BOTH_WAYS[:1]),
    "tripod, slow contacts": lambda: tripod((w.FIRE,), BOTH_WAYS, debounce_ms=1),
}
LEAF: dict[str, Callable[[], World]] = {
    "flap, modes": lambda: leaf("flap", (BEAM, w.POWER_LOST), BOTH_WAYS[:1] + MODES),
    "flap, supply that lasts": lambda: leaf("flap", (BEAM, w.POWER_LOST), BOTH_WAYS, free_on_power_loss="ups"),
    "flap, stalls": lambda: leaf("flap", (BEAM, w.STALL), BOTH_WAYS[::2] + RESET),
    "flap, stalls and fire": lambda: leaf("flap", (BEAM, w.FIRE, w.STALL), BOTH_WAYS[:1]),
    "flap, stalls and power": lambda: leaf("flap", (BEAM, w.POWER_LOST, w.STALL), BOTH_WAYS[:1]),
    "flap, loose limit switches": lambda: leaf("flap", LOOSE, BOTH_WAYS[1:2]),
    "flap, real counter": lambda: counted("flap", w.BEAM[:3], BOTH_WAYS[:2]),
    "swing, fire": lambda: leaf("swing", (BEAM, w.FIRE), BOTH_WAYS[:2]),
}
SEARCHES = {**CONTROLLER, **TRIPOD, **LEAF}

LONG: dict[str, Callable[[], World]] = {
    "flap, all inputs": lambda: leaf("flap", (BEAM, w.FIRE, w.STALL, w.POWER_LOST), BOTH_WAYS[:1] + RESET),
    "flap, all modes": lambda: leaf("flap", (BEAM, w.FIRE, w.POWER_LOST), BOTH_WAYS + MODES),
    "flap, slow contacts": lambda: leaf("flap", (BEAM, w.FIRE), BOTH_WAYS, debounce_ms=1),
    "flap, two retries": lambda: leaf("flap", (BEAM, w.STALL), BOTH_WAYS[:1], stall_retries=2, reverse_ms=2),
    "swing, stalls": lambda: leaf("swing", (BEAM, w.FIRE, w.STALL), BOTH_WAYS[1:2]),
    "swing, power": lambda: leaf("swing", (BEAM, w.FIRE, w.POWER_LOST), BOTH_WAYS + RESET),
    "swing, real counter": lambda: counted("swing", (*w.BEAM[:3], w.FIRE), BOTH_WAYS + MODES[:3]),
    "tripod, all": lambda: tripod((w.FIRE, w.POWER_LOST, *KEYS), HOST + MODES + RESET),
    "pulse, fire and both contacts": lambda: controller((w.PASS_A, w.PASS_B, w.FIRE), HOST + MODES, weather_ms=2),
    "level, Ready and both contacts": lambda: controller(
        (w.PASS_A, w.PASS_B, w.NOT_READY), HOST + MODES, drive="level", ready_ms=1, weather_ms=2
    ),
}
