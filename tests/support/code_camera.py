# SPDX-License-Identifier: Apache-2.0
"""A code as a scanner's camera sees it: rendered, damaged the same way each time, and read by an independent decoder.

Pictures are arrays of light, 0 dark to 1 bright, as sampled by a cheap fixed-focus camera: PX_PER_MM at the distance at
which people hold a phone. A code is given by its width in mm, quiet zone included, so that what has more modules gets
smaller ones. Levels of damage are 0 (none) to 1 (what a guest would be told to do better).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import segno
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Picture = NDArray[np.float32]
Damage = Callable[[Picture, np.random.Generator, float], Picture]

PX_PER_MM: Final = 8  # 640 pixels over 80 mm; estimate for a GM65-class module at 10 cm
_QUIET = 4  # modules
_MARGIN = 0.35  # of the code's width, on each side: the phone or sheet around it
_OVERSAMPLE = 4
OTHERS_CHARACTERS: Final = 128  # of a signed ticket as another system prints it: digits, letters and + / . = (base64)


def others_text(rng: np.random.Generator) -> str:
    """A static code of the kind that other systems print: 128 characters of base64 and dots."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/."
    return "".join(alphabet[place] for place in rng.integers(0, len(alphabet), OTHERS_CHARACTERS))


def photograph(text: str, width_mm: float) -> Picture:
    """The code at ECC M on a light ground, as the camera's pixels sample it."""
    matrix = np.array(segno.make_qr(text, error="m", boost_error=False).matrix, dtype=np.float32)
    modules = np.pad(1 - matrix, _QUIET, constant_values=1)
    side = round(width_mm * PX_PER_MM)
    fine = Image.fromarray((np.kron(modules, np.ones((8, 8))) * 255).astype(np.uint8))
    fine = fine.resize((side * _OVERSAMPLE, side * _OVERSAMPLE), Image.Resampling.BOX)
    margin = round(side * _MARGIN)
    picture = np.full((side + 2 * margin, side + 2 * margin), 0.92, dtype=np.float32)
    picture[margin : margin + side, margin : margin + side] = _light(fine.resize((side, side), Image.Resampling.BOX))
    return picture


def read(picture: Picture) -> list[str]:
    """What the independent decoder finds, QR codes only."""
    pixels = np.ascontiguousarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    return [found.text for found in zxingcpp.read_barcodes(pixels, formats=zxingcpp.BarcodeFormat.QRCode)]


def untouched(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """Only what every camera adds."""
    return noise(picture, rng, 0.2)


def noise(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """Of a sensor in poor light; 1: a tenth of full light."""
    return picture + rng.normal(0, 0.1 * level, picture.shape).astype(np.float32)


def blur(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """Out of focus and moving; 1: a radius of 1.6 pixels."""
    soft = _image(picture).filter(ImageFilter.GaussianBlur(1.6 * level))
    return noise(_light(soft), rng, 0.2)


def glare(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """A lamp in the screen: a round blot burns out 18 % of the width, and a veil lies around it."""
    side = picture.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    at = rng.uniform(0.4, 0.6, 2) * side
    away = np.hypot(x - at[0], y - at[1]) / side
    veil = 0.35 * level * np.exp(-((away / 0.35) ** 2))
    spot = 1.5 * level * np.exp(-((away / (0.09 * max(level, 0.01))) ** 4))
    return noise((picture + veil + spot).astype(np.float32), rng, 0.2)


def rotation(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """Turned by any angle and tilted: the far side up to 22 % narrower."""
    side = picture.shape[0]
    turned = _image(picture).rotate(float(rng.uniform(0, 360)), Image.Resampling.BICUBIC, expand=True, fillcolor=235)
    width, height = turned.size
    inset = 0.11 * level * width
    corners = [(0, 0), (inset, height), (width - inset, height), (width, 0)]  # upper left, lower left, lower right, ...
    keystone = turned.transform(
        (width, height), Image.Transform.PERSPECTIVE, _perspective(corners, width, height), Image.Resampling.BICUBIC,
        fillcolor=235,
    )  # fmt: skip
    return noise(_light(keystone), rng, 0.2) if side else picture


def low_resolution(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """Held farther away; 1: 1.7 times as far."""
    side = max(8, round(picture.shape[0] / (1 + 0.7 * level)))
    return noise(_light(_image(picture).resize((side, side), Image.Resampling.BOX)), rng, 0.3)


def moire(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """A screen's dots beat with the camera's: bands across the code, and its lines of refresh."""
    side = picture.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    bands = np.zeros_like(picture)
    for period, turn in ((3.3, 0.02), (3.7, 1.55), (17.0, 0.8)):
        angle = turn + rng.normal(0, 0.05)
        wave = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period
        bands += np.sin(wave + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    return noise(picture * (1 + 0.22 * level * bands / 3 * 1.7) - 0.05 * level, rng, 0.3)


def cracked_dim(picture: Picture, rng: np.random.Generator, level: float) -> Picture:
    """A dim phone with a cracked glass: a quarter of the contrast, cracks from one point across the code."""
    side = picture.shape[0]
    image = _image(picture)
    draw = ImageDraw.Draw(image)
    at = rng.uniform(0.25, 0.75, 2) * side
    for _ in range(round(7 * level)):
        angle, points = rng.uniform(0, 2 * np.pi), [tuple(at)]
        for reach in np.linspace(0.15, 0.9, 6) * side:
            angle += rng.normal(0, 0.15)
            points.append((at[0] + reach * np.cos(angle), at[1] + reach * np.sin(angle)))
        draw.line(points, fill=int(rng.choice([30, 225])), width=2)
    dim = 0.12 + _light(image) * (1 - 0.75 * level)
    return noise(dim, rng, 0.25)


DAMAGES: Final[dict[str, Damage]] = {
    "none": untouched,
    "blur": blur,
    "glare": glare,
    "rotation": rotation,
    "low resolution": low_resolution,
    "moire": moire,
    "cracked, dim": cracked_dim,
}


def damaged(text: str, width_mm: float, damage: str, level: float, seed: int) -> Picture:
    """The picture of a code after one kind of damage; the same for the same arguments."""
    return DAMAGES[damage](
        photograph(text, width_mm), np.random.default_rng([seed, sorted(DAMAGES).index(damage)]), level
    )


def _image(picture: Picture) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))


def _light(image: Image.Image) -> Picture:
    return np.asarray(image, dtype=np.float32) / 255


def _perspective(corners: list[tuple[float, float]], width: int, height: int) -> list[float]:
    """PIL's eight numbers that bring a rectangle to `corners`."""
    plain = [(0, 0), (0, height), (width, height), (width, 0)]
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(corners, plain, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    flat = np.array([number for corner in plain for number in corner], dtype=float)
    return [float(number) for number in np.linalg.solve(np.array(rows, dtype=float), flat)]
