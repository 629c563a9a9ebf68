# SPDX-License-Identifier: Apache-2.0
"""Write docs/prompts.md: every prompt's lamp, buzzer and words, from the data that the gate plays.

With --check nothing is written; exit status 1 if the page is stale.
"""

import sys
from pathlib import Path

from pistegate_edge.signals import Screen
from pistegate_edge.signals.display import rows
from pistegate_edge.signals.table import Holder, Prompt, table
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.texts import text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "prompts.md"
SCREEN = Screen(16, 2)
STEP_MS = 40  # one character of a drawn pattern
SHOWN_MS = 2000
EXAMPLE: dict[str, object] = {
    "n": 3,
    "ends": "16:30",
    "until": "16:30",
    "gate": 4,
    "left_minutes": 95,
    "left_days": 2,
    "left_total": 12,
    "left_today": 2,
}
LAMPS = {"dark": "dark", "green": "🟢 green", "red": "🔴 red", "amber": "🟡 amber", "keep": "as it was"}
SECTIONS = {
    "prompt": ("Guests: the way in", "Second lines stand below an admission: two at most, the first that matter."),
    "reason": ("Guests: refused", "Shown for `[signals] refuse_ms`, then the gate's own state again."),
    "gate": ("The gate itself", "Until it is over."),
    "incident": ("Incidents, for the attendant", "Lamps of guests only while nobody is admitted or refused."),
    "lane": ("States of the lane", "While they last; incidents of the lane are above."),
}
HEAD = """# Prompts 声光提示: lamps, buzzer, words

Made by `tools/prompt_page.py` from `edge/src/pistegate_edge/signals/prompts.toml` and the texts; do not edit here.

What a guest is answered goes before everything on the guest's lamps; then an incident, for its time; then the gate's
own state. An admission stays until the passage is over. Amber needs a lamp (`[signals] amber_pin`) or a two-coloured
one (`amber_mixed = true`: red and green together); without either it is red, never green. The attendant's lamp
(`attendant_pin`) is optional, and so is a display's size: without `[display] columns` and `rows` the full words are
written as one line. Displays here have two rows of 16 cells; the words at the right are for wider ones.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, _patterns(), _holders()]
    for section, (title, note) in SECTIONS.items():
        parts.append(f"## {title}\n\n{note}\n\n{_section(section)}")
    return "\n".join(parts)


def _patterns() -> str:
    used = table()
    lines = [f"## Patterns\n\nOne character is {STEP_MS} ms.\n", "| loop, over and over | |", "|---|---|"]
    lines += [f"| {name} | `{(_drawn(steps) * 20)[: SHOWN_MS // STEP_MS]}` |" for name, steps in used.loops.items()]
    lines += ["", "| sound, once | |", "|---|---|"]
    lines += [f"| {name} | `{_drawn(steps)}` |" for name, steps in used.sounds.items() if steps]
    return "\n".join(lines) + "\n"


def _drawn(steps: list[int]) -> str:
    """On and off once, a character per STEP_MS."""
    return "".join(("█" if place % 2 == 0 else "·") * round(ms / STEP_MS) for place, ms in enumerate(steps))


def _holders() -> str:
    lines = [
        "## Whose ticket 票种\n",
        "Attendants see and hear whom a ticket was sold for: a child's ticket in an adult's hand is noticed 安检.\n",
        "| | buzzer | attendant's lamp | green lamp, if `class_on_green` | letter 中文 | letter |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_holder(*entry) for entry in table().holders.items())]) + "\n"


def _holder(holder: HolderClass, how: Holder) -> str:
    sound, attendant, green = how.words
    name = holder.name.lower()
    marks = [text(f"holder.{name}", locale) if how.mark else "" for locale in ("zh-CN", "en")]
    words = f"{text(f'card.holder_{name}', 'zh-CN')} {text(f'card.holder_{name}', 'en')}"
    return f"| {words} | {sound} | {'dark' if attendant == 'none' else attendant} | {green} | {marks[0]} | {marks[1]} |"


def _section(section: str) -> str:
    lines = [
        "| code | lamp | buzzer | attendant's lamp | display 中文 | 中文 | display | English |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key, prompt in table().prompts.items():
        if key.startswith(f"{section}."):
            cells = [f"`{key.partition('.')[2]}`", *_how(prompt)]
            for locale in ("zh-CN", "en"):
                cells += [_display(key, locale), text(key, locale, **EXAMPLE)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _how(prompt: Prompt) -> list[str]:
    lamp, blink, sound, attendant = prompt.words
    lasts = f", {prompt.for_ms / 1000:g} s" if prompt.for_ms else ""
    shown = LAMPS[lamp] + (f", {blink}" if lamp not in ("dark", "keep") and blink != "steady" else "")
    return [
        shown + (lasts if lamp != "keep" else ""),
        "" if sound == "none" else sound,
        "" if attendant == "none" else attendant + lasts,
    ]


def _display(key: str, locale: str) -> str:
    return "<br>".join(f"`{row}`" for row in rows(key, EXAMPLE, (), locale, SCREEN))


def main() -> None:
    fresh = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text("utf-8") != fresh:
            sys.exit(f"{PAGE.name} is stale: run tools/prompt_page.py")
        return
    PAGE.write_text(fresh, "utf-8")


if __name__ == "__main__":
    main()
