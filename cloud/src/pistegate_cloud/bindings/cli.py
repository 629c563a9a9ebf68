# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud bindings: a section for cloud.toml, and the keys of a site's gates. Heavy imports wait."""

import argparse
import sys
from pathlib import Path
from typing import Any

from pistegate_cloud.errors import SettingsError

_EXAMPLE = """example:
  pistegate-cloud bindings new --numbers >> cloud.toml
  pistegate-cloud bindings export --config cloud.toml --site 1 > site-1.toml
"""
_WARNING = """pistegate-cloud: who has this file and a gate's table can try identity numbers against it.
Bring it to the gate by hand, seal it there with the gate's other keys, and delete it. Do not mail it."""


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Add `bindings new` and `bindings export`."""
    bindings = commands.add_parser("bindings", help="Tickets bound to identity documents.", **shape)
    verbs = bindings.add_subparsers(required=True, metavar="COMMAND")
    shape = shape | {"epilog": _EXAMPLE}
    new = verbs.add_parser("new", help="Print a fresh [bindings] section for cloud.toml.", **shape)
    new.add_argument("--numbers", action="store_true", help="keep the numbers, sealed: where the law asks for them")
    new.set_defaults(run=_new)
    words = "Print the keys with which gates of a site find guests by their documents."
    export = verbs.add_parser("export", help=words, description=words, **shape)
    export.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
    export.add_argument("--site", type=int, required=True, metavar="N", help="whose gates")
    export.add_argument("--number", type=int, metavar="N", help="of the keys (default: those in force)")
    export.set_defaults(run=_export)


def _new(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.bindings.numbers import new_section

    print(new_section(keep_numbers=arguments.numbers), end="")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.bindings.numbers import export_for_gates
    from pistegate_cloud.settings import load_settings

    settings = load_settings(arguments.config).bindings
    if settings is None:
        raise SettingsError(f"{arguments.config} has no section [bindings]: `pistegate-cloud bindings new` prints one")
    print(_WARNING, file=sys.stderr)
    print(export_for_gates(settings, arguments.site, arguments.number), end="")
    return 0
