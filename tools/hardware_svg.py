# SPDX-License-Identifier: Apache-2.0
"""Lines, words and the few symbols of a wiring drawing, as SVG. Lengths are pixels; y grows downwards."""

from xml.sax.saxutils import escape

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
    'font-family="DejaVu Sans, Arial, sans-serif" font-size="12">\n'
    '<rect width="100%" height="100%" fill="#ffffff"/>\n'
)
INK, PALE, SAFE = "#1a1a1a", "#5f6b7a", "#b3261e"  # SAFE: circuits that work without software


class Sheet:
    """A drawing under way."""

    def __init__(self, width: int, height: int) -> None:
        self._parts = [HEAD.format(width=width, height=height)]

    def text(self, x: float, y: float, words: str, anchor: str = "start", size: int = 12, **style: str) -> None:
        """Words on a base line; anchor start, middle or end."""
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
        place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}"'
        fill = "" if "fill" in style else f' fill="{INK}"'
        self._parts.append(f"<text {place}{fill}{extra}>{escape(words)}</text>\n")

    def line(self, *points: float, ink: str = INK, width: float = 1.5, dash: str = "") -> None:
        """x, y, x, y, ..."""
        pairs = " ".join(f"{x:g},{y:g}" for x, y in zip(points[::2], points[1::2], strict=True))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<polyline points="{pairs}" fill="none" stroke="{ink}" stroke-width="{width}"{dashed}/>\n')

    def box(self, x: float, y: float, width: float, height: float, fill: str = "#ffffff", ink: str = INK) -> None:
        """A rectangle."""
        size = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self._parts.append(f'<rect {size} fill="{fill}" stroke="{ink}" stroke-width="1.5"/>\n')

    def circle(self, x: float, y: float, radius: float, fill: str = "#ffffff", ink: str = INK) -> None:
        """A circle."""
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{ink}" stroke-width="1.5"/>\n'
        )

    def svg(self) -> str:
        """The whole file."""
        return "".join(self._parts) + "</svg>\n"

    # Symbols; each on a line at height y.

    def terminal(self, x: float, y: float, number: int, ink: str = INK) -> None:
        """A numbered terminal."""
        self.circle(x, y, 4, ink=ink)
        self.text(x, y - 7, str(number), "middle", 10, fill=PALE)

    def contact(self, x: float, y: float, *, closed: bool, ink: str = INK) -> None:
        """A contact, 40 wide, as it is at rest: open, or closed (drawn with a bar across)."""
        self.line(x, y, x + 10, y, ink=ink)
        self.line(x + 30, y, x + 40, y, ink=ink)
        if closed:
            self.line(x + 10, y, x + 33, y - 6, ink=ink)
            self.line(x + 30, y - 9, x + 30, y, ink=ink)
        else:
            self.line(x + 10, y, x + 29, y - 11, ink=ink)

    def optocoupler(self, x: float, y: float, ink: str = INK) -> None:
        """56 wide: diode left, transistor right."""
        self.box(x, y - 13, 56, 26, ink=ink)
        self.line(x, y, x + 9, y, ink=ink)
        self.line(x + 9, y - 6, x + 9, y + 6, x + 19, y, x + 9, y - 6, ink=ink)
        self.line(x + 19, y - 6, x + 19, y + 6, ink=ink)
        for up in (-3, 3):
            self.line(x + 24, y + up, x + 31, y + up, ink=ink, width=1)
            self.line(x + 28, y + up - 2, x + 31, y + up, x + 28, y + up + 2, ink=ink, width=1)
        self.line(x + 38, y - 7, x + 38, y + 7, ink=ink, width=2)
        self.line(x + 38, y - 3, x + 46, y - 9, ink=ink)
        self.line(x + 38, y + 3, x + 46, y + 9, ink=ink)

    def mosfet(self, x: float, y: float, ink: str = INK) -> None:
        """56 wide: gate left, drain right."""
        self.box(x, y - 13, 56, 26, ink=ink)
        self.line(x, y, x + 18, y, ink=ink)
        self.line(x + 18, y - 7, x + 18, y + 7, ink=ink)
        for part in (-6, 0, 6):
            self.line(x + 23, y + part - 2, x + 23, y + part + 2, ink=ink, width=2)
        self.line(x + 23, y - 6, x + 40, y - 6, x + 40, y, x + 56, y, ink=ink)
        self.line(x + 23, y + 6, x + 40, y + 6, x + 40, y + 10, ink=ink)
        self.line(x + 35, y + 10, x + 45, y + 10, ink=ink)

    def coil(self, x: float, y: float, name: str, ink: str = INK) -> None:
        """A relay's coil, 40 wide, on its line."""
        self.box(x, y - 10, 40, 20, ink=ink)
        self.text(x + 20, y + 4, name, "middle", 11, fill=ink)

    def load(self, x: float, y: float, kind: str, ink: str = INK) -> None:
        """What an output drives, 28 wide: `lamp`, `buzzer`, or a `coil` of a magnet or solenoid."""
        if kind == "lamp":
            self.circle(x + 14, y, 10, ink=ink)
            self.line(x + 7, y - 7, x + 21, y + 7, ink=ink)
            self.line(x + 7, y + 7, x + 21, y - 7, ink=ink)
            self.line(x, y, x + 4, y, ink=ink)
            self.line(x + 24, y, x + 28, y, ink=ink)
        elif kind == "buzzer":
            self.line(x + 4, y + 8, x + 4, y - 8, x + 24, y - 8, x + 24, y + 8, ink=ink)
            self.line(x + 1, y + 8, x + 27, y + 8, ink=ink)
            self.line(x, y, x + 4, y, ink=ink)
            self.line(x + 24, y, x + 28, y, ink=ink)
        else:
            self.box(x, y - 8, 28, 16, ink=ink)
            self.line(x + 6, y + 8, x + 22, y - 8, ink=ink)
