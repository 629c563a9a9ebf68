# SPDX-License-Identifier: Apache-2.0
"""Sample profiles of every lane kind with every drive, for tests; the real ones are hardware/lanes/*.toml."""

BEAMS = [[-700, 400], [-500, 900], [-300, 400], [-200, 900], [0, 200], [0, 900], [200, 900], [300, 400], [500, 900]]
"""[x_mm, z_mm], x positive on the way in, the leaf at 0."""

COMMON: dict[str, object] = {
    "timeout_ms": 5000,
    "lease_ms_max": 10000,
    "late_pass_ms": 1000,
    "loiter_ms": 8000,
    "stay_ms": 8000,
    "weather_ms": 20000,
    "debounce_ms": 20,
}
CONTROLLER: dict[str, object] = {**COMMON, "pulse_ms": 200, "gap_ms": 120, "pass_debounce_ms": 50, "ready_ms": 0}
LEAF: dict[str, object] = {
    **COMMON,
    "drive": "own",
    "debounce_ms": 10,
    "beam_debounce_ms": 12,
    "clear_ms": 2000,
    "travel_ms": 500,
    "travel_max_ms": 1500,
    "stall_retries": 3,
    "reverse_ms": 200,
    "dwell_ms": 300,
    "beams": BEAMS,
    "sweep": [3, 4, 5, 6],
    "free_on_power_loss": "spring",
}

PROFILES: dict[str, dict[str, object]] = {
    "tripod_pulse": {**CONTROLLER, "kind": "tripod", "drive": "pulse"},
    "tripod_level": {**CONTROLLER, "kind": "tripod", "drive": "level"},
    "flap_pulse": {**CONTROLLER, "kind": "flap", "drive": "pulse"},
    "flap_level": {**CONTROLLER, "kind": "flap", "drive": "level"},
    "swing_pulse": {**CONTROLLER, "kind": "swing", "drive": "pulse"},
    "swing_level": {**CONTROLLER, "kind": "swing", "drive": "level"},
    "tripod_own": {
        **COMMON,
        "kind": "tripod",
        "drive": "own",
        "debounce_ms": 10,
        "travel_max_ms": 30000,
        "free_on_power_loss": "arm_drop",
    },
    "flap_own": {**LEAF, "kind": "flap"},
    "swing_own": {**LEAF, "kind": "swing"},
}


def profile(name: str, **changed: object) -> dict[str, object]:
    """A copy of a sample, changed."""
    return {**PROFILES[name], **changed}
