# SPDX-License-Identifier: Apache-2.0
"""A board and a lane as a wiring drawing: inputs left, outputs right, and below what works without software.

Two branches of the 24 V behind the UPS, each with its fuse: F2 feeds electronics, contacts and lamps, F3 magnets,
solenoids and motors. So a lane that has lost its power is told apart from a fire.
"""

from tools.hardware_svg import PALE, SAFE, Sheet

from pistegate_edge.lane.pinmap import INPUTS, SIGNALS, Board, PinUse

ROW = 37
WIDTH = 1240
TOP = 96
RAIL_LEFT, RAIL_RIGHT = 40, 1200
CONTACT, TERMINAL, COUPLER = 226, 296, 330  # where things stand in an input's row
BOARD, BOARD_WIDTH = 450, 290
DRIVER = BOARD + BOARD_WIDTH + 44
FAR = DRIVER + 120  # an output's field side begins

# What stands between the rail and the terminal of an input.
BY_SIGNAL = {
    "power_lost": "behind fuse F3",
    "fire": "contact of K1, see below",
    "stall": "driver's fault contact",
}


class Wiring:
    """What one drawing shows. `lane`: what the drawing is of (`tripod`, `flap`, `swing`)."""

    def __init__(self, name: str, board: Board, lane: str, pins: dict[str, PinUse], beams: list[list[int]]) -> None:
        self.name = name
        self.board = board
        self.lane = lane
        self.own = bool(board.wiring(lane)) and not board.controller
        self.inputs = {signal: use for signal, use in pins.items() if signal in INPUTS}
        self.outputs = {signal: use for signal, use in pins.items() if signal not in INPUTS}
        self.beams = beams
        self.terminals = 0

    def title(self) -> str:
        """What is drawn, in words."""
        how = "driven by the lane board" if self.own else "with its maker's controller"
        return f"{self.lane.capitalize()} lane {how}, on a {self.board.title}"

    def place(self, use: PinUse) -> int:
        """Where a pin is on the board's edge."""
        return self.board.place_of_pin[self.board.pins.index(use.pin)]

    def next_terminal(self) -> int:
        """The number of another terminal."""
        self.terminals += 1
        return self.terminals

    def device(self, signal: str, use: PinUse) -> str:
        """What is in the field, in words."""
        if signal.startswith("beam_"):
            x, z = self.beams[int(signal[5:])]
            return f"{use.to}: x {x:+d}, z {z} mm"
        return use.to


def draw(wiring: Wiring) -> str:
    """The SVG; counts the terminals on the way."""
    wiring.terminals = 0
    rows = max(len(wiring.inputs), len(wiring.outputs) + 3)
    below = TOP + rows * ROW + 40
    rungs = _rungs(wiring)
    height = below + 66 + len(rungs) * 58 + 130
    sheet = Sheet(WIDTH, height)
    sheet.text(20, 30, wiring.title(), size=19, font_weight="bold")
    note = "Drawn at rest: power on, no alarm, nobody in the lane. Circles: terminals. Red: acts without software."
    sheet.text(20, 50, note, fill=PALE)
    _board(sheet, wiring, rows)
    _inputs(sheet, wiring)
    _outputs(sheet, wiring)
    _safety(sheet, wiring, below, rungs)
    _legend(sheet, below + 76 + len(rungs) * 58)
    return sheet.svg()


def _board(sheet: Sheet, wiring: Wiring, rows: int) -> None:
    board = wiring.board
    sheet.box(BOARD, TOP - 26, BOARD_WIDTH, rows * ROW + 26, fill="#f4f7f4")
    middle = BOARD + BOARD_WIDTH / 2
    sheet.text(middle, TOP - 8, board.title, "middle", 13, font_weight="bold")
    bottom = TOP + rows * ROW - 12
    supply = f"3.3 V: {board.supply_place}   GND: {board.ground_place}"
    sheet.text(BOARD + BOARD_WIDTH - 8, bottom, supply, "end", 11, fill=PALE)
    link = "USB: to the Pi" if wiring.own else "8, 10: PN532 reader (UART)"
    sheet.text(BOARD + BOARD_WIDTH - 8, bottom - 16, link, "end", 11, fill=PALE)


def _inputs(sheet: Sheet, wiring: Wiring) -> None:
    sheet.line(RAIL_LEFT, TOP - 14, RAIL_LEFT, TOP + len(wiring.inputs) * ROW - ROW / 2)
    sheet.text(RAIL_LEFT - 24, TOP - 19, "+24 V F2", "start", 12, font_weight="bold")
    for row, (signal, use) in enumerate(wiring.inputs.items()):
        y = TOP + row * ROW + ROW / 2
        ink = SAFE if signal == "fire" else "#1a1a1a"
        sheet.text(RAIL_LEFT + 8, y - 5, wiring.device(signal, use), size=11)
        sheet.text(RAIL_LEFT + 8, y + 11, BY_SIGNAL.get(signal, _rest(use)), size=9, fill=PALE)
        if signal == "power_lost":
            sheet.line(CONTACT, y, TERMINAL - 4, y)
            sheet.text(CONTACT - 6, y + 4, "+24 V F3", "end", 11, font_weight="bold")
        else:
            sheet.line(RAIL_LEFT, y, CONTACT, y, ink=ink)
            sheet.contact(CONTACT, y, closed=use.closed_at_rest, ink=ink)
            sheet.line(CONTACT + 40, y, TERMINAL - 4, y, ink=ink)
        sheet.terminal(TERMINAL, y, wiring.next_terminal(), ink)
        sheet.line(TERMINAL + 4, y, COUPLER, y)
        sheet.optocoupler(COUPLER, y)
        sheet.line(COUPLER + 56, y, BOARD, y)
        sheet.text(BOARD - 8, y - 5, str(wiring.place(use)), "end", 10, fill=PALE)
        sheet.text(BOARD + 8, y + 4, f"{use.pin}", font_weight="bold")
        sheet.text(BOARD + 32, y + 4, signal)


def _rest(use: PinUse) -> str:
    return "closed at rest" if use.closed_at_rest else "open at rest"


def _outputs(sheet: Sheet, wiring: Wiring) -> None:
    edge = BOARD + BOARD_WIDTH
    lamps = [row for row, signal in enumerate(wiring.outputs) if signal in SIGNALS]
    if lamps:
        sheet.line(RAIL_RIGHT, TOP - 14, RAIL_RIGHT, TOP + lamps[-1] * ROW + ROW / 2)
        sheet.text(RAIL_RIGHT + 20, TOP - 19, "+24 V F2", "end", 12, font_weight="bold")
    for row, (signal, use) in enumerate(wiring.outputs.items()):
        y = TOP + row * ROW + ROW / 2
        sheet.text(edge - 8, y + 4, f"{use.pin}", "end", font_weight="bold")
        sheet.text(edge - 32, y + 4, signal, "end")
        sheet.text(edge + 8, y - 5, str(wiring.place(use)), size=10, fill=PALE)
        sheet.line(edge, y, DRIVER, y)
        _DRIVERS[use.through](sheet, wiring, signal, use, y)


def _relay(sheet: Sheet, wiring: Wiring, signal: str, use: PinUse, y: float) -> None:
    sheet.coil(DRIVER, y, f"K{2 + list(wiring.outputs).index(signal)}")
    sheet.line(DRIVER + 40, y, FAR - 10, y, width=1, dash="3 3")
    sheet.terminal(FAR - 4, y, wiring.next_terminal())
    sheet.contact(FAR, y, closed=use.contact == "closed")
    sheet.terminal(FAR + 44, y, wiring.next_terminal())
    sheet.text(FAR + 58, y - 1, f"{use.to} and its GND", size=11)
    sheet.text(FAR + 58, y + 12, "at the turnstile's controller", size=9, fill=PALE)


def _mosfet(sheet: Sheet, wiring: Wiring, signal: str, use: PinUse, y: float) -> None:
    sheet.mosfet(DRIVER, y)
    sheet.line(DRIVER + 56, y, FAR - 4, y)
    sheet.terminal(FAR, y, wiring.next_terminal())
    if signal == "hold":
        sheet.line(FAR + 4, y, FAR + 40, y, ink=SAFE)
        sheet.text(FAR + 48, y + 4, "arm magnet, fed through K1: see below", size=11, fill=SAFE)
        return
    kind = "buzzer" if signal == "buzzer" else "coil" if signal.startswith("unlock") else "lamp"
    sheet.line(FAR + 4, y, FAR + 40, y)
    sheet.load(FAR + 40, y, kind)
    sheet.text(FAR + 78, y - 5, use.to, size=11)
    if kind == "coil":
        sheet.line(FAR + 68, y, RAIL_RIGHT - 90, y)
        sheet.text(RAIL_RIGHT - 84, y + 4, "+24 V F3", size=11, font_weight="bold")
    else:
        sheet.line(FAR + 68, y, RAIL_RIGHT, y)


def _opto_out(sheet: Sheet, wiring: Wiring, signal: str, use: PinUse, y: float) -> None:
    sheet.optocoupler(DRIVER, y)
    sheet.line(DRIVER + 56, y, FAR - 4, y)
    sheet.terminal(FAR, y, wiring.next_terminal())
    sheet.line(FAR + 4, y, FAR + 40, y)
    sheet.text(FAR + 48, y - 1, use.to, size=11)
    sheet.text(FAR + 48, y + 12, "input of the motor driver", size=9, fill=PALE)


_DRIVERS = {"relay": _relay, "mosfet": _mosfet, "optocoupler": _opto_out}


def _rungs(wiring: Wiring) -> list[str]:
    rungs = ["fire"]
    if wiring.lane == "tripod":
        rungs.append("magnet")
    elif wiring.own:
        rungs.append("motor")
    return rungs + (["pi_fire"] if wiring.own else ["controller", "pi_fire"])


def _safety(sheet: Sheet, wiring: Wiring, top: float, rungs: list[str]) -> None:
    sheet.text(20, top, "Fire release and power loss: wired, no software in the loop", size=14, fill=SAFE)
    first, last = top + 50, top + 50 + (len(rungs) - 1) * 58
    sheet.line(RAIL_LEFT, first - 20, RAIL_LEFT, last, ink=SAFE)
    sheet.line(RAIL_RIGHT, first - 20, RAIL_RIGHT, last, ink=SAFE)
    sheet.text(RAIL_LEFT - 24, first - 25, "+24 V F2", "start", 12, font_weight="bold")
    sheet.text(RAIL_RIGHT, first - 25, "0 V", "middle", 12, font_weight="bold")
    for number, rung in enumerate(rungs):
        _RUNGS[rung](sheet, wiring, first + number * 58)


def _rung(sheet: Sheet, y: float, contact: str, supply: str = "") -> None:
    """From the rail, or another supply, over a contact of K1 that is closed while all is well."""
    start = RAIL_LEFT
    if supply:
        sheet.text(RAIL_LEFT + 12, y + 4, supply, size=11, font_weight="bold")
        start += 20 + 7 * len(supply)
    sheet.line(start, y, CONTACT, y, ink=SAFE)
    sheet.contact(CONTACT, y, closed=True, ink=SAFE)
    sheet.text(CONTACT + 20, y - 14, contact, "middle", 11, fill=SAFE)


def _fire(sheet: Sheet, wiring: Wiring, y: float) -> None:
    for x in (CONTACT - 40, CONTACT + 80):
        sheet.terminal(x, y, wiring.next_terminal(), SAFE)
    sheet.line(RAIL_LEFT, y, CONTACT - 44, y, ink=SAFE)
    sheet.line(CONTACT - 36, y, CONTACT, y, ink=SAFE)
    sheet.contact(CONTACT, y, closed=True, ink=SAFE)
    sheet.text(CONTACT + 20, y - 14, "B1", "middle", 11, fill=SAFE)
    sheet.line(CONTACT + 40, y, CONTACT + 76, y, ink=SAFE)
    sheet.line(CONTACT + 84, y, 560, y, ink=SAFE)
    sheet.coil(560, y, "K1", SAFE)
    sheet.line(600, y, RAIL_RIGHT, y, ink=SAFE)
    sheet.text(CONTACT - 36, y + 22, "contact of the building's fire alarm, opens on fire", size=11)
    sheet.text(620, y - 6, "energised while all is well; drops on fire, on power loss, on a torn wire", size=11)


def _magnet(sheet: Sheet, wiring: Wiring, y: float) -> None:
    _rung(sheet, y, "K1.1", "+24 V F3" if wiring.own else "turnstile's supply")
    sheet.line(CONTACT + 40, y, 460, y, ink=SAFE)
    sheet.terminal(464, y, wiring.next_terminal(), SAFE)
    sheet.line(468, y, 560, y, ink=SAFE)
    sheet.load(560, y, "coil", SAFE)
    sheet.text(574, y + 22, "arm magnet", "middle", 11)
    sheet.line(588, y, 700, y, ink=SAFE)
    if wiring.own:
        sheet.mosfet(700, y, SAFE)
        sheet.text(728, y + 28, f"hold (pin {wiring.outputs['hold'].pin})", "middle", 11)
        sheet.line(756, y, RAIL_RIGHT, y, ink=SAFE)
        sheet.text(780, y - 6, "the arm drops if K1 drops or the board lets go, whichever comes first", size=11)
    else:
        sheet.line(700, y, RAIL_RIGHT, y, ink=SAFE)
        sheet.text(
            620, y - 6, "the arm drops without current (a controller with a Fire input feeds it itself)", size=11
        )


def _motor(sheet: Sheet, wiring: Wiring, y: float) -> None:
    _rung(sheet, y, "K1.1", "+24 V F3")
    sheet.line(CONTACT + 40, y, 460, y, ink=SAFE)
    sheet.terminal(464, y, wiring.next_terminal(), SAFE)
    sheet.line(468, y, 520, y, ink=SAFE)
    sheet.box(520, y - 14, 130, 28, ink=SAFE)
    sheet.text(585, y + 4, "motor driver supply", "middle", 11)
    sheet.line(650, y, RAIL_RIGHT, y, ink=SAFE)
    sheet.text(670, y - 6, "without supply the brake is off and springs open the leaf", size=11)


def _controller(sheet: Sheet, wiring: Wiring, y: float) -> None:
    for x in (CONTACT - 40, CONTACT + 80):
        sheet.terminal(x, y, wiring.next_terminal(), SAFE)
    sheet.line(CONTACT - 36, y, CONTACT, y, ink=SAFE)
    sheet.contact(CONTACT, y, closed=True, ink=SAFE)
    sheet.text(CONTACT + 20, y - 14, "K1.2", "middle", 11, fill=SAFE)
    sheet.line(CONTACT + 40, y, CONTACT + 76, y, ink=SAFE)
    sheet.line(CONTACT + 84, y, 560, y, ink=SAFE)
    sheet.line(560, y + 14, CONTACT - 70, y + 14, CONTACT - 70, y, CONTACT - 44, y, ink=SAFE)
    sheet.box(560, y - 14, 240, 36, ink=SAFE)
    sheet.text(680, y + 4, "Fire input of the turnstile's controller", "middle", 11)
    sheet.text(820, y + 4, "dry loop, closed while all is well: open, it frees the way both ways", size=11)


def _pi_fire(sheet: Sheet, wiring: Wiring, y: float) -> None:
    use = wiring.inputs["fire"]
    _rung(sheet, y, "K1.3")
    sheet.line(CONTACT + 40, y, 560, y, ink=SAFE)
    sheet.optocoupler(560, y)
    sheet.text(588, y + 28, f"fire (pin {use.pin}), drawn above too", "middle", 11)
    sheet.line(616, y, RAIL_RIGHT, y, dash="3 3", width=1)
    sheet.text(640, y - 6, "tells the software, which unlocks, opens nothing more, and writes it down", size=11)


_RUNGS = {"fire": _fire, "magnet": _magnet, "motor": _motor, "controller": _controller, "pi_fire": _pi_fire}


def _legend(sheet: Sheet, y: float) -> None:
    lines = (
        "F2, F3: fuses of the 24 V behind the UPS. F2: electronics, contacts, lamps; F3: magnets, solenoids, motors. "
        "0 V of the field and GND meet at one point.",
        "Optocoupler at an input: its diode with 4.7 kOhm from the terminal to 0 V, its transistor from pin to GND, "
        "pulled up.",
        "Relay, MOSFET, optocoupler at an output: input with 10 kOhm to GND, so that nothing moves while a pin floats.",
        "Small numbers at the board: places on its edge. K1 has force-guided contacts: try it every season.",
    )
    for number, words in enumerate(lines):
        sheet.text(20, y + 16 * number, words, size=11, fill=PALE)
