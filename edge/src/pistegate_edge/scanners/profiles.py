# SPDX-License-Identifier: Apache-2.0
"""Scanner profiles as data (profiles.toml), or one from a file of the site's own."""

import difflib
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from pistegate_edge.errors import ConfigError

Hex = Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2})+$", max_length=512)]


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes to send and what the device answers to them, in hex."""

    send: Hex
    answer: Hex


class Trigger(Struct, frozen=True, forbid_unknown_fields=True):
    """Begin and end one reading, and what the device answers to either, in hex."""

    on: Hex
    off: Hex
    answers: list[Hex] = field(default_factory=list)


class ScannerProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """One class of scanners; the fields as profiles.toml explains them."""

    title: str
    delivers: Literal["codes", "resident_id"]
    baud: Literal[1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200, 230400]
    breaks: Annotated[str, Meta(max_length=8)]
    gap_ms: Annotated[int, Meta(ge=20, le=2000)]
    protocol: Literal["lines", "sdt"] = "lines"
    start: list[Command] = field(default_factory=list)
    trigger: Trigger | None = None
    number: str | None = None
    confirmed: list[str] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)

    def extracted(self, text: str) -> str:
        """What of a line counts: the number in it, else all of it, for the parser to refuse."""
        found = re.search(self.number, text) if self.number is not None else None
        return found[1] if found else text


def profile_names() -> list[str]:
    """Of the built-in ones."""
    return sorted(_built_in())


def load_profile(name: str) -> ScannerProfile:
    """The built-in profile `name`, or that in the file `name` (a path); ConfigError says what is wrong with it."""
    profiles = _built_in()
    if "/" not in name:
        if name not in profiles:
            near = difflib.get_close_matches(name, profiles, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(profiles))}"
            raise ConfigError([f"scanner profile {name!r} is unknown{hint}"])
        return _checked(name, profiles[name])
    try:
        return _checked(name, tomllib.loads(Path(name).read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"scanner profile {name}: {error}"]) from error


def _built_in() -> dict[str, object]:
    return tomllib.loads(files(__package__).joinpath("profiles.toml").read_text())


def _checked(name: str, tree: object) -> ScannerProfile:
    try:
        profile = msgspec.convert(tree, ScannerProfile)
        if profile.number is not None and re.compile(profile.number).groups < 1:
            raise ConfigError([f"scanner profile {name}: number has no group"])
    except (msgspec.ValidationError, re.error) as error:
        raise ConfigError([f"scanner profile {name}: {error}"]) from error
    return profile
