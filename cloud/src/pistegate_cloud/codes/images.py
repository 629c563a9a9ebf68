# SPDX-License-Identifier: Apache-2.0
"""Pictures of a code: PNG and SVG by segno. Dark on light with the quiet zone of the standard."""

import io
from typing import Final

import segno

QUIET: Final = 4  # modules; ISO/IEC 18004 asks for as many, and scanners at an angle need them
_SCALE = 10  # pixels of a module in a PNG: 25 mm of a version 6 code at 500 dots per inch


def qr(text: str) -> segno.QRCode:
    """The code at ECC M, or better where the same size holds it."""
    return segno.make_qr(text, error="m")


def png(text: str, scale: int = _SCALE) -> bytes:
    """As PNG, black on white."""
    out = io.BytesIO()
    qr(text).save(out, kind="png", scale=scale, border=QUIET)
    return out.getvalue()


def svg(text: str) -> bytes:
    """As SVG that takes the size of its place; white behind it, or a dark page would swallow it."""
    out = io.BytesIO()
    qr(text).save(out, kind="svg", border=QUIET, light="white", omitsize=True)
    return out.getvalue()
