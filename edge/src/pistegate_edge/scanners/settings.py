# SPDX-License-Identifier: Apache-2.0
"""[[scanner]] of gate.toml: scanners of codes and readers of resident IDs."""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from pistegate_edge.errors import ConfigError
from pistegate_edge.scanners.opening import KEYBOARD
from pistegate_edge.scanners.profiles import load_profile

SCANNERS_MAX: Final = (
    4  # of one gate: a thread and a serial line each; two ways in with a scanner and an ID reader each
)


class ScannerLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A scanner of codes or a reader of resident IDs: a serial device, or one that plays a keyboard (`keyboard`).

    `passports`: a scanner of codes that reads machine-readable zones too.
    """

    path: Annotated[str, Meta(min_length=1)]
    profile: Annotated[str, Meta(min_length=1)] = "lines-9600"
    passports: bool = False

    @property
    def reads_ids(self) -> bool:
        """Whether it gives numbers of resident IDs; ConfigError for an unknown profile."""
        return self.profile != KEYBOARD and load_profile(self.profile).delivers == "resident_id"


def problems(scanners: Sequence[ScannerLine], kinds: Sequence[str]) -> list[str]:
    """What is wrong with them, at a gate that takes documents of these kinds; each with its remedy."""
    found = [problem for scanner in scanners for problem in _problems(scanner, kinds)]
    paths = [scanner.path for scanner in scanners]
    found += [
        f"scanner.path = {path!r} stands twice: give each device its own [[scanner]]"
        for path in sorted({path for path in paths if paths.count(path) > 1})
    ]
    if len(scanners) > SCANNERS_MAX:
        found.append(f"[[scanner]] stands {len(scanners)} times: a gate has {SCANNERS_MAX} at most")
    return found


def _problems(scanner: ScannerLine, kinds: Sequence[str]) -> list[str]:
    try:
        reads_ids = scanner.reads_ids
    except ConfigError as error:
        return [f"scanner.profile: {problem}" for problem in error.problems]
    if reads_ids and "resident_id" not in kinds:
        remedy = 'add [documents] with kinds = ["resident_id"], or write the profile of a scanner of codes'
        return [f"scanner.profile = {scanner.profile!r} reads resident IDs: {remedy}"]
    if scanner.passports and (reads_ids or "passport" not in kinds):
        remedy = 'add "passport" to [documents] kinds, and write the profile of a scanner of codes'
        return [f"scanner.passports = true: {remedy}"]
    return []
