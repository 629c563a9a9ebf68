# SPDX-License-Identifier: Apache-2.0
"""A ticket to be printed: one page A6 with a place for the logo, the code, and words in both languages.

Chinese: a font named in the settings is embedded, only the characters used, and shows everywhere. Without one the page
names STSong-Light, which viewers with a Chinese font replace by theirs, and others leave blank: the English beside it
and the code need no font. No font comes with Pistegate (decision 0019).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Final

from reportlab.lib.pagesizes import A6
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from pistegate_cloud.codes.images import QUIET, qr
from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import PrintSettings
from pistegate_protocol.texts import text

_WIDTH, _HEIGHT = A6
_MARGIN: Final = 8 * mm
_CODE: Final = 58 * mm  # with its quiet zone: 1.18 mm a module of version 6; hotel printers smear 0.2 mm
_LOGO_WIDTH, _LOGO_HEIGHT = 40 * mm, 14 * mm
_LATIN: Final = "Helvetica"
_UNEMBEDDED: Final = "STSong-Light"
_BIG, _SMALL = 13, 9  # points


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What a page says besides its code; `name`: the product's, by language."""

    site: str
    name: dict[str, str]
    number: int
    holder: str
    party: int
    valid_from: date
    valid_until: date


def pdf(code: str, printed: Printed, settings: PrintSettings) -> bytes:
    """The page; the same each time. SettingsError when logo or font cannot be used."""
    return pages([(code, printed)], settings)


def pages(tickets: Sequence[tuple[str, Printed]], settings: PrintSettings) -> bytes:
    """As `pdf`, a page for each of several tickets, in their order."""
    chinese = _chinese_font(settings.font)
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A6, invariant=1)
    canvas.setTitle(f"{text('print.ticket', 'en')} {tickets[0][1].number}")
    for code, printed in tickets:
        _page(canvas, code, printed, settings, chinese)
    canvas.save()
    return out.getvalue()


def _page(canvas: Canvas, code: str, printed: Printed, settings: PrintSettings, chinese: str) -> None:
    _logo(canvas, printed.site, settings.logo, chinese)
    top = _HEIGHT - _MARGIN - _LOGO_HEIGHT - 2 * mm - _CODE
    _code(canvas, code, (_WIDTH - _CODE) / 2, top)
    y = top - 5 * mm
    for words, size in _lines(printed):
        _line(canvas, words, _MARGIN, y, size, chinese)
        y -= size * 1.35
    canvas.showPage()


def _lines(printed: Printed) -> Iterator[tuple[str, int]]:
    """Words and size of each line."""
    yield f"{printed.name['zh-CN']}  {printed.name['en']}", _BIG
    yield f"{_both('print.valid')}: {printed.valid_from} – {printed.valid_until}", _SMALL
    holder = f"card.holder_{printed.holder}"
    party = f"  ·  {_both('print.party')}: {printed.party}" if printed.party > 1 else ""
    yield f"{_both(holder)}{party}  ·  {_both('print.number')} {printed.number}", _SMALL
    for key in ("print.show", "print.keep"):
        yield text(key, "zh-CN"), _SMALL
        yield text(key, "en"), _SMALL


def _both(key: str) -> str:
    return f"{text(key, 'zh-CN')} {text(key, 'en')}"


def _code(canvas: Canvas, code: str, left: float, bottom: float) -> None:
    """As filled rows of modules, exact at any resolution."""
    matrix = qr(code).matrix
    module = _CODE / (len(matrix) + 2 * QUIET)
    path = canvas.beginPath()
    for row, modules in enumerate(matrix):
        y = bottom + _CODE - (row + QUIET + 1) * module
        column = 0
        for dark, run in groupby(modules):
            length = len(list(run))
            if dark:
                path.rect(left + (column + QUIET) * module, y, length * module, module)
            column += length
    canvas.drawPath(path, stroke=0, fill=1)


def _logo(canvas: Canvas, site: str, logo: str | None, chinese: str) -> None:
    """The picture, or its empty place with the site's name."""
    bottom = _HEIGHT - _MARGIN - _LOGO_HEIGHT
    if logo is not None:
        try:
            picture = ImageReader(logo)
        except OSError as error:
            raise SettingsError(f"print.logo {logo} is no picture that can be read: {error}") from error
        canvas.drawImage(
            picture, _MARGIN, bottom, _LOGO_WIDTH, _LOGO_HEIGHT, mask="auto", preserveAspectRatio=True, anchor="w"
        )
    else:
        canvas.saveState()
        canvas.setDash(2, 2)
        canvas.setStrokeGray(0.6)
        canvas.rect(_MARGIN, bottom, _LOGO_WIDTH, _LOGO_HEIGHT)
        canvas.restoreState()
    left = _MARGIN + (_LOGO_WIDTH + 3 * mm if logo is not None else 2 * mm)
    _line(canvas, site, left, bottom + _LOGO_HEIGHT / 2 - 3, _SMALL, chinese)


def _line(canvas: Canvas, words: str, left: float, y: float, size: int, chinese: str) -> None:
    """One line, smaller where it is too long; Latin in Helvetica, the rest in the Chinese font."""
    parts = [(_LATIN if latin else chinese, "".join(run)) for latin, run in groupby(words, _is_latin)]
    width = sum(pdfmetrics.stringWidth(part, font, size) for font, part in parts)
    fitting = min(size, size * (_WIDTH - left - _MARGIN) / width) if width else size
    for font, part in parts:
        canvas.setFont(font, fitting)
        canvas.drawString(left, y, part)
        left += pdfmetrics.stringWidth(part, font, fitting)


def _is_latin(character: str) -> bool:
    return character in "–·" or ord(character) < 0x100


def _chinese_font(path: str | None) -> str:
    """Registers and names it."""
    if path is None:
        if _UNEMBEDDED not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont(_UNEMBEDDED))
        return _UNEMBEDDED
    name = f"file {Path(path).resolve()}"
    if name not in pdfmetrics.getRegisteredFontNames():
        try:
            pdfmetrics.registerFont(TTFont(name, path))
        except (TTFError, OSError) as error:
            raise SettingsError(
                f"print.font {path} cannot be embedded ({error}): name a TrueType file (.ttf, .ttc) with Chinese, "
                "such as wqy-microhei.ttc; OpenType fonts with PostScript outlines (Noto CJK) cannot be"
            ) from error
    return name
