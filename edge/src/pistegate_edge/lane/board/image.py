# SPDX-License-Identifier: Apache-2.0
"""What lies on a lane board: its firmware, the lane's core, the lane's profile, and the list of all that, last."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pistegate_edge.lane.board.errors import BoardError
from pistegate_edge.lane.core.messages import short_hash
from pistegate_protocol.version import __version__

PROFILE = "lane_profile.json"
BUILD = "lane_build.json"
CRASH = "lane_crash.txt"
SERVICE = "service"
_HERE = Path(__file__).resolve()
_PACKED = _HERE.parent / "firmware"  # in a wheel (edge/pyproject.toml puts it there)
FIRMWARE = _PACKED if _PACKED.is_dir() else _HERE.parents[5] / "edge" / "lane_board"
CORE = _HERE.parents[1] / "core"
_PACKAGE = "pistegate_edge/lane/core"


@dataclass(frozen=True, slots=True)
class Image:
    """`files`: bytes by path on the board, in the order of writing. `build`: hash of the program, profile left out."""

    files: dict[str, bytes]
    build: str

    @property
    def listing(self) -> bytes:
        """lane_build.json: a board without it was not flashed to the end."""
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}
        told = {"version": __version__, "build": self.build, "files": hashes}
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @property
    def folders(self) -> list[str]:
        """Folders that must be there, parents first."""
        found = {"/".join(name.split("/")[:depth]) for name in self.files for depth in range(1, name.count("/") + 1)}
        return sorted(found)


def image_of(profile: bytes) -> Image:
    """Everything for a board with this lane_profile.json; BoardError when the firmware is not installed."""
    program = {"pistegate_edge/__init__.py": b"", "pistegate_edge/lane/__init__.py": b""}
    program |= {f"{_PACKAGE}/{path.name}": path.read_bytes() for path in sorted(CORE.glob("*.py"))}
    firmware = sorted(FIRMWARE.glob("*.py"))
    if not firmware:
        raise BoardError(f"the board's firmware is not in {FIRMWARE}: install pistegate-edge again")
    program |= {f"lane_board/{path.name}": path.read_bytes() for path in firmware if path.name != "main.py"}
    # main.py last: a board without it leaves the console to whoever comes.
    program["main.py"] = (FIRMWARE / "main.py").read_bytes()
    text = "\n".join(f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(program.items()))
    return Image({PROFILE: profile, **program}, short_hash(text.encode()))


def build_now() -> str:
    """The build that this computer would flash."""
    return image_of(b"").build
