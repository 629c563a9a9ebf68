# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate journal: what is recorded, whether it is as it was written, and what to do when it is not."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import OK, command
from pistegate_edge.errors import ConfigError

if TYPE_CHECKING:
    from pistegate_edge.config import Config


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The journal's commands."""
    inner = commands.add_parser("journal", help="look at the journal, salvage a damaged one").add_subparsers(
        required=True, metavar="COMMAND"
    )
    show = command(
        inner, "show", "what is recorded and not yet acknowledged; changes nothing", "journal show --config gate.toml"
    )
    show.set_defaults(do=_show)
    verify = command(
        inner,
        "verify",
        "whether every event is as it was written; changes nothing",
        "journal verify --config gate.toml",
    )
    verify.set_defaults(do=_verify)
    for parser in (show, verify):
        parser.add_argument(
            "--file",
            metavar="NAME",
            help="a kept journal in the same directory, such as journal-20260115T020000Z.sqlite",
        )
    salvage = command(
        inner,
        "salvage",
        "take what is valid of a damaged journal into a new one; the file is kept (a start does the same)",
        "journal salvage --config gate.toml",
    )
    salvage.set_defaults(do=_salvage)
    for parser in (show, verify, salvage):
        parser.add_argument("--json", action="store_true", help="one JSON object")
    aside = command(
        inner,
        "set-aside",
        "keep the journal under a name with its date; the next start begins a new one, with nothing of it",
        "journal set-aside --config gate.toml",
    )
    aside.set_defaults(do=_set_aside)


def _directory(config: "Config") -> Path:
    if config.storage is None:
        raise ConfigError(["an encoder keeps no journal: use this command with the configuration of a gate or till"])
    return Path(config.storage.directory)


def _show(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.journal.show import kept, summary

    directory = _directory(config)
    found = summary(directory, arguments.file) | {"kept": kept(directory)}
    if arguments.json:
        print(json.dumps(found))
        return OK
    print(
        f"journal {found['path']}: {found['events']} events, {found['unacknowledged']} not acknowledged, "
        f"{found['bytes'] // 1024} KiB"
    )
    for line in found["epochs"]:
        first = f" from {line['first']}" if line["first"] > 1 else ""
        count = f"{line['events']} events{first}, acknowledged to {line['acked']}"
        print(f"  {line['stream']:6} epoch {line['epoch']}: {count}")
    print(f"unfinished admissions: {found['unfinished']}, unsettled: {found['unsettled']}, owed: {found['owed']}")
    for name, size in found["kept"].items():
        print(f"kept: {name}, {size // 1024} KiB; give it to support, then delete it")
    return OK


def _verify(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.journal import opening
    from pistegate_edge.journal.files import Files
    from pistegate_edge.journal.show import summary

    directory = _directory(config)
    name = arguments.file or opening.FILE_NAME
    found = summary(directory, name)
    opening.verify(Files(directory), config.device.site, config.device.number, name)
    told = {"path": found["path"], "events": found["events"], "chains": len(found["epochs"])}
    _tell(
        arguments, told, f"{told['path']}: {told['events']} events of {told['chains']} chains are as they were written"
    )
    return OK


def _salvage(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.errors import JournalBroken
    from pistegate_edge.journal import opening
    from pistegate_edge.journal.files import Files
    from pistegate_edge.journal.salvage import salvage

    files = Files(_directory(config))
    if not files.exists(opening.FILE_NAME):
        raise FileNotFoundError(
            f"there is no journal at {files.directory / opening.FILE_NAME}: has this gate ever run?"
        )
    site, gate = config.device.site, config.device.number
    lock = files.lock()
    try:
        opening.verify(files, site, gate)
    except JournalBroken as broken:
        mark = salvage(files, site, gate, _stamp(config), broken.what)
        told = {"kept_as": mark.kept, "told": mark.told}
        _tell(arguments, told, f"{mark.told}\nthe damaged file is kept as {mark.kept}; give it to support")
    else:
        _tell(arguments, {"kept_as": None, "told": ""}, "the journal is not damaged: nothing was changed")
    finally:
        lock.close()
    return OK


def _set_aside(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.journal.aside import set_aside
    from pistegate_edge.journal.files import Files

    directory = _directory(config)
    kept = directory / set_aside(Files(directory), _stamp(config))
    print(f"kept as {kept}; give it to support. The next start begins a new journal and reports it to the cloud.")
    return OK


def _stamp(config: "Config") -> str:
    from pistegate_edge.clock import open_clock

    return open_clock(config.clock.source).wall().strftime("%Y%m%dT%H%M%SZ")


def _tell(arguments: argparse.Namespace, told: dict[str, Any], words: str) -> None:
    print(json.dumps(told) if arguments.json else words)
