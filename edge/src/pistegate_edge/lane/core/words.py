# SPDX-License-Identifier: Apache-2.0
"""The words that lane cores and their hosts share: input and output bits, directions, modes, events, codes.

Plain integers and strings, so that CPython and MicroPython read them alike. A word has at most 30 bits: a small
integer of a 32-bit MicroPython has 31.
"""

# Directions: A leads in, B leads out.
ENTRY = "entry"
EXIT = "exit"

# Inputs; 1 is active, whatever the polarity of the pin.
BEAMS_MAX = 12
BEAM = tuple(1 << bit for bit in range(BEAMS_MAX))  # something is in this beam
BEAMS = (1 << BEAMS_MAX) - 1
ARM_A = 1 << 12  # a tripod's arm sensors, a quarter turn apart: A leads when the arm turns in
ARM_B = 1 << 13
ARM_HOME = 1 << 14  # an arm stands across the way
LIMIT_OPEN_A = 1 << 15  # leaf fully open (swing: towards the exit side, the way an entering person pushes)
LIMIT_OPEN_B = 1 << 16  # swing only: leaf fully open the other way
LIMIT_SHUT = 1 << 17
STALL = 1 << 18  # the motor driver meets more current than the leaf's own weight takes
PASS_A = 1 << 19  # a maker's controller tells that a person went in
PASS_B = 1 << 20
NOT_READY = 1 << 21  # the controller's Ready contact fell
ALARM = 1 << 22
FIRE = 1 << 23  # the normally closed fire loop is broken
POWER_LOST = 1 << 24  # the lane's own supply is gone
KEY_ONE = 1 << 25  # key switch: let one person through
KEY_FREE = 1 << 26  # key switch: free flow
KEY_OUT = 1 << 27  # key switch: out of service
RESET = 1 << 28  # reset button of latched faults

# Outputs; 1 is driven.
UNLOCK_A = 1 << 0
UNLOCK_B = 1 << 1
HOLD = 1 << 2  # the magnet that keeps a tripod's arm up: 0 lets it drop
MOTOR_OPEN_A = 1 << 3
MOTOR_OPEN_B = 1 << 4
MOTOR_SHUT = 1 << 5
INHIBIT = 1 << 6  # a maker's controller is told to stay shut
CLOSING = MOTOR_SHUT  # outputs that move something into the way of a person

# Modes of a lane.
NORMAL = "normal"
GROUP = "group"  # n persons, counted, no ticket
FREE = "free"  # open and counted: rescue sledge, evacuation
OUT = "out"  # shut, out of service

# Events: (name, value).
PASSED = "passed"
CLOSED = "closed"
COUNTED = "counted"
INCIDENT = "incident"
FAULT = "fault"
CLEAR = "clear"
MODE = "mode"
RESET_REFUSED = "reset_refused"

# Incidents: happened and over.
FORCED = "forced_arm"
TAILGATING = "tailgating"
REVERSE = "reverse_entry"
CRAWLING = "crawling"
LOITERING = "loitering"
TURNED_BACK = "turned_back"
PINCH = "pinch"
STALLED_ONCE = "stall"
LEASE_OVER = "lease_over"
CHATTER = "chatter"
INCIDENTS = (
    FORCED,
    TAILGATING,
    REVERSE,
    CRAWLING,
    LOITERING,
    TURNED_BACK,
    PINCH,
    STALLED_ONCE,
    LEASE_OVER,
    CHATTER,
)

# Faults that latch until `reset`.
STALLED = "stalled"
BROKEN_ARM = "broken_arm"
LIMIT_FAULT = "limit_fault"
ARM_DOWN = "arm_down"
MOTION_FAULT = "motion_fault"
LATCHED = (STALLED, BROKEN_ARM, LIMIT_FAULT, ARM_DOWN, MOTION_FAULT)
# Faults and states that clear themselves.
BEAM_WEATHER = "beam_weather"
CONTROLLER_NOT_READY = "controller_not_ready"
CONTROLLER_ALARM = "controller_alarm"
ON_FIRE = "fire"
NO_POWER = "power_lost"
PASSING = (BEAM_WEATHER, CONTROLLER_NOT_READY, CONTROLLER_ALARM, ON_FIRE, NO_POWER)
