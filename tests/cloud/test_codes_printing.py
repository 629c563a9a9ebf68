# SPDX-License-Identifier: Apache-2.0
"""Pictures and printed pages of codes, and the command that writes them: what comes out is read back by a camera."""

import asyncio
import io
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import segno
from code_camera import read
from code_cases import largest_claim, static_text
from PIL import Image
from skips import missing_system

from pistegate_cloud.cards.keys import new_section
from pistegate_cloud.cli import main
from pistegate_cloud.codes import images
from pistegate_cloud.codes.pdf import Printed, pdf
from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import PrintSettings, Settings
from pistegate_protocol.codes import TicketCode, parse

TEXT = static_text(largest_claim())
PRINTED = Printed(
    site="Snow Valley 雪谷",
    name={"en": "Family ticket, two adults and a child", "zh-CN": "家庭全日票（两大一小）"},
    number=281_474_976_710_655,
    holder="adult",
    party=3,
    valid_from=date(2026, 12, 24),
    valid_until=date(2026, 12, 25),
)
# Where Debian puts TrueType fonts with Chinese; none of them is needed, or comes with Pistegate.
CHINESE_FONTS = [
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
]


def pixels(image: Image.Image) -> Any:
    return np.asarray(image.convert("L"), dtype=np.float32) / 255


def page_of(data: bytes) -> tuple[Any, str, tuple[float, float]]:
    """A PDF's only page: its picture at 150 dots per inch, its words, its size in points."""
    document = pypdfium2.PdfDocument(data)
    try:
        assert len(document) == 1
        page = document[0]
        words = page.get_textpage().get_text_bounded()
        return pixels(page.render(scale=150 / 72).to_pil()), words, page.get_size()
    finally:
        document.close()


def painted(svg: str) -> Any:
    """The picture of one of segno's SVGs: rows of strokes, a module wide."""
    side = int(re.search(r'viewBox="0 0 (\d+) \d+"', svg).group(1))  # type: ignore[union-attr]
    strokes = re.findall(
        r'class="qrline" d="([^"]+)"|stroke="#000" [^>]*d="([^"]+)"|<path [^>]*stroke[^>]*d="([^"]+)"', svg
    )
    d = next(each for found in strokes for each in found if each)
    picture = np.ones((side, side), dtype=np.float32)
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-0-9. ]+)", d):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            picture[int(y), round(x) : round(x + values[0])] = 0
            x += values[0]
        elif command == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    return np.kron(picture, np.ones((8, 8), dtype=np.float32))


def test_a_png_is_read_back() -> None:
    """Black on white, with the quiet zone, ten pixels a module."""
    image = Image.open(io.BytesIO(images.png(TEXT)))
    assert image.size == (490, 490)
    assert read(pixels(image)) == [TEXT]
    assert images.png(TEXT) == images.png(TEXT)


def test_an_svg_is_read_back_and_is_white_behind() -> None:
    """A dark page does not swallow it; it takes the size of its place."""
    svg = images.svg(TEXT).decode()
    assert "viewBox" in svg
    assert 'width="' not in svg.split(">", 2)[1]
    assert re.search(r'fill="(#fff|white)"', svg)
    assert read(painted(svg)) == [TEXT]


def test_a_printed_page_is_read_back_and_says_everything_twice() -> None:
    """A6; the code 58 mm wide; English and Chinese words, also where the viewer has no Chinese font."""
    picture, words, size = page_of(pdf(TEXT, PRINTED, PrintSettings()))
    assert (round(size[0] / 72 * 25.4), round(size[1] / 72 * 25.4)) == (105, 148)
    assert read(picture) == [TEXT]
    for expected in (
        "Snow Valley",
        "雪谷",
        "Family ticket",
        "家庭全日票",
        "2026-12-24",
        "2026-12-25",
        "281474976710655",
        "Hold this code to the scanner",
        "请将此码对准闸机扫码口",
        "Whoever shows it first goes in",
        "先出示者先入场",
        "adult",
        "成人",
    ):
        assert expected in words, expected


def test_every_module_is_where_it_belongs() -> None:
    """58 mm with four modules of quiet zone, 8 + 14 + 2 mm below the edge: sampled at the middle of each."""
    picture, _, (width, height) = page_of(pdf(TEXT, PRINTED, PrintSettings()))
    rows, _ = picture.shape
    matrix = np.pad(np.array(images.qr(TEXT).matrix), images.QUIET)
    mm = 72 / 25.4
    module, left, top = 58 * mm / len(matrix), (width - 58 * mm) / 2, 24 * mm
    middles = [(np.arange(len(matrix)) + 0.5) * module + begin for begin in (top, left)]
    y, x = ((at * rows / height).astype(int) for at in middles)
    assert np.array_equal(picture[np.ix_(y, x)] < 0.5, matrix == 1)


def test_a_page_is_the_same_each_time() -> None:
    """Repeating a request prints no second kind of ticket."""
    assert pdf(TEXT, PRINTED, PrintSettings()) == pdf(TEXT, PRINTED, PrintSettings())


def test_nothing_on_a_page_lies_on_the_code_or_beyond_the_paper() -> None:
    """The longest names too: lines get smaller, the code stays."""
    long = PRINTED.name | {"en": "A" * 80, "zh-CN": "票" * 80}
    picture, _, _ = page_of(
        pdf(TEXT, Printed(**{**_fields(PRINTED), "name": long, "site": "站" * 80}), PrintSettings())
    )
    assert read(picture) == [TEXT]
    margin = 10
    assert picture[:, :margin].min() == 1
    assert picture[:, -margin:].min() == 1
    assert picture[-margin:].min() == 1


def _fields(printed: Printed) -> dict[str, Any]:
    return {name: getattr(printed, name) for name in printed.__slots__}


def test_a_logo_takes_its_place(tmp_path: Path) -> None:
    """In the upper left, its shape kept; without one the place is drawn with the site's name."""
    logo = tmp_path / "logo.png"
    Image.new("RGB", (200, 100), (0, 0, 0)).save(logo)
    picture, _, _ = page_of(pdf(TEXT, PRINTED, PrintSettings(logo=str(logo))))
    corner = picture[60:120, 60:120]
    assert corner.max() == 0
    assert read(picture) == [TEXT]
    empty, _, _ = page_of(pdf(TEXT, PRINTED, PrintSettings()))
    assert empty[60:120, 60:120].mean() > 0.7


@pytest.mark.parametrize("name", ["logo", "font"])
def test_what_cannot_be_used_is_named_with_its_remedy(name: str, tmp_path: Path) -> None:
    """A missing file, and one of another kind."""
    wrong = tmp_path / "wrong"
    for content in (None, b"no picture, no font"):
        if content is not None:
            wrong.write_bytes(content)
        with pytest.raises(SettingsError, match=f"print.{name} .*wrong"):
            pdf(TEXT, PRINTED, PrintSettings(**{name: str(wrong)}))


@pytest.mark.system
def test_a_chinese_font_is_embedded() -> None:
    """Only what is used of it, so that every viewer shows the words."""
    found = [font for font in CHINESE_FONTS if Path(font).exists()]
    if not found:
        missing_system("a TrueType font with Chinese, such as fonts-wqy-microhei")
    data = pdf(TEXT, PRINTED, PrintSettings(font=found[0]))
    picture, words, _ = page_of(data)
    assert "家庭全日票" in words
    assert b"/FontFile2" in data
    assert len(data) < 200_000
    without = pdf(TEXT, PRINTED, PrintSettings())
    assert b"/FontFile2" not in without
    # A viewer that finds a Chinese font on its machine draws as much without; one that does not draws less.
    assert picture.mean() <= page_of(without)[0].mean()
    assert read(picture) == [TEXT]


def test_the_printed_modules_are_large_enough() -> None:
    """1.18 mm each of the largest static code, four times what a worn thermal printer smears."""
    modules = segno.make_qr(TEXT, error="m", boost_error=False).symbol_size()[0]
    assert 58 / modules > 1.15


async def test_pictures_come_by_the_api(sqlite_cloud: Any) -> None:
    """Each of the kinds, of one code, never kept by a proxy."""
    cloud = sqlite_cloud
    ticket = int((await cloud.sell(3))["tickets"][0]["number"])
    text = (await cloud.post(f"/tickets/{ticket}/code", {}))["text"]
    for answer in (
        await cloud.http.post(f"/tickets/{ticket}/code", json={}),
        await cloud.http.get(f"/tickets/{ticket}/code"),
    ):
        assert answer.headers["cache-control"] == "no-store"
    kinds = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
    for kind, media_type in kinds.items():
        answer = await cloud.http.get(f"/tickets/{ticket}/code.{kind}")
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.headers["cache-control"] == "no-store"
        picture = {
            "png": lambda data: pixels(Image.open(io.BytesIO(data))),
            "svg": lambda data: painted(data.decode()),
            "pdf": lambda data: page_of(data)[0],
        }[kind](answer.content)
        assert read(picture) == [text], kind


COMMAND = str(Path(sys.executable).with_name("pistegate-cloud"))


async def ticket_code(config: Path, ticket: int, *arguments: str) -> tuple[int, str, str]:
    """Exit status and what the command says."""
    words = [COMMAND, "ticket", "code", str(ticket), "--config", str(config), *arguments]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def bytes_of(file: str) -> bytes:
    return Path(file).read_bytes()


@pytest.fixture
def config(sqlite_settings: Settings, tmp_path: Path) -> Path:
    """The configuration of `sqlite_cloud` as a file."""
    path = tmp_path / "cloud.toml"
    issuer, documents = sqlite_settings.issuer, sqlite_settings.documents
    path.write_text(
        f'[database]\nurl = "{sqlite_settings.database.url}"\n'
        f'[issuer]\nkey_id = {issuer.key_id}\nprivate_key = "{issuer.private_key}"\n'
        f'[documents]\nkey_id = {documents.key_id}\nprivate_key = "{documents.private_key}"\n{new_section()}'
    )
    return path


async def test_the_command_prints_and_writes_the_code_that_the_api_gives(sqlite_cloud: Any, config: Path) -> None:
    """Text alone, as JSON, and as each picture; the first of them gives it out."""
    ticket = int((await sqlite_cloud.sell())["tickets"][0]["number"])
    status, text, _ = await ticket_code(config, ticket)
    assert status == 0
    assert text.strip() == (await sqlite_cloud.get(f"/tickets/{ticket}/code"))["text"]
    files = {kind: str(config.with_name(f"ticket.{kind}")) for kind in ("png", "svg", "pdf")}
    options = [word for kind, file in files.items() for word in (f"--{kind}", file)]
    status, told, _ = await ticket_code(config, ticket, "--json", *options)
    assert status == 0
    expected = {"ticket": ticket, "kind": "static", "revision": 0, "text": text.strip()}
    assert json.loads(told) == expected | {"files": list(files.values())}
    for kind, file in files.items():
        answer = await sqlite_cloud.http.get(f"/tickets/{ticket}/code.{kind}")
        assert bytes_of(file) == answer.content


async def test_what_one_command_prints_the_other_admits(sqlite_cloud: Any, config: Path) -> None:
    """`pistegate-cloud ticket code`, then `pistegate-gate verify` with the public key alone; later it has expired."""
    ticket = int((await sqlite_cloud.sell(3))["tickets"][0]["number"])
    _, code, _ = await ticket_code(config, ticket)
    public = sqlite_cloud.services.settings.issuer.load().public_key().public_bytes_raw().hex()
    keys = config.with_name("keys.toml")
    keys.write_text(f'[issuer_keys]\n1 = "{public}"\n')
    command = [str(Path(COMMAND).with_name("pistegate-gate")), "verify", "--text", "-", "--keys", str(keys), "--json"]
    command += ["--site", "1", "--area", "0", "--zone", "Asia/Shanghai", "--at"]
    for day, status, reason in (("2026-01-18T09:00", 0, None), ("2026-01-19T09:00", 4, "expired")):
        done = await asyncio.to_thread(
            subprocess.run, [*command, day], input=code, capture_output=True, text=True, check=False
        )
        told = json.loads(done.stdout)
        assert (done.returncode, told["reason"], told["claim"]["ticket"]) == (status, reason, ticket)
        assert told.get("n") == (3 if reason is None else None)


async def test_the_command_says_what_is_wrong(sqlite_cloud: Any, config: Path) -> None:
    """No such ticket; a rotating one has no picture; a revoked one no code. Nothing is written."""
    assert (await ticket_code(config, 5))[::2] == (1, "pistegate-cloud: Not found. There is no ticket 5.\n")
    phone = {"site": 1, "number": 20, "code": "PHONE", "name": {"en": "Phone", "zh-CN": "电子票"}, "price": 1}
    phone |= {"currency": "CNY", "areas": [0], "valid_until": "2189-01-01", "terms": {"rotating": True}}
    await sqlite_cloud.post("/products", phone)
    ticket = int((await sqlite_cloud.sell(20))["tickets"][0]["number"])
    status, text, _ = await ticket_code(config, ticket)
    assert status == 0
    code = parse(text.strip())
    assert isinstance(code, TicketCode)
    assert code.rotating is not None
    picture = config.with_name("ticket.png")
    status, _, error = await ticket_code(config, ticket, "--png", str(picture))
    assert status == 1
    assert "changes every 15 seconds" in error
    assert not picture.exists()
    await sqlite_cloud.post(f"/tickets/{ticket}/revoke", {"reason": "test"})
    assert "cancelled" in (await ticket_code(config, ticket))[2]


def test_help_of_the_command_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """As every command."""
    with pytest.raises(SystemExit) as end:
        main(["ticket", "code", "--help"])
    assert end.value.code == 0
    assert "pistegate-cloud ticket code 4000000001 --config cloud.toml --pdf ticket.pdf" in capsys.readouterr().out
