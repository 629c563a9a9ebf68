# SPDX-License-Identifier: Apache-2.0
"""The section [finger] of gate.toml."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Finger(Struct, frozen=True, forbid_unknown_fields=True):
    """A fingerprint sensor. `keys`, `unlock`: the site's keys for templates, and what opens their file.

    `watch`: fingers that are enrolled for it open alone (1:N). `ask`: cards and codes whose finger is on file ask for
    it too (1:1).
    """

    path: Annotated[str, Meta(min_length=1)]
    keys: Annotated[str, Meta(min_length=1)]
    unlock: Annotated[str, Meta(min_length=1)] | None = None
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 57600
    watch: bool = False
    ask: Literal["never", "if_on_file"] = "if_on_file"


def problems(finger: Finger) -> list[str]:
    """What does not go together."""
    if finger.watch or finger.ask != "never":
        return []
    remedy = 'write ask = "if_on_file" or watch = true, or remove the section'
    return [f'finger.ask = "never" and finger.watch = false: the sensor would do nothing; {remedy}']
