# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud backup and restore."""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

_BACKUP = "Copy the database as of now into one file, while the cloud serves."
_RESTORE = "Put a backup in the place of the database. Gates then send everything that they still have."


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Both commands."""
    example = "example:\n  pistegate-cloud backup --config cloud.toml --out /srv/backup/cloud-2026-11-28.backup\n"
    backup = commands.add_parser("backup", help=_BACKUP, description=_BACKUP, **shape | {"epilog": example})
    backup.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
    backup.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to make")
    backup.add_argument("--json", action="store_true", help="print JSON")
    backup.set_defaults(run=_backup)
    example = (
        "example (the cloud is stopped):\n"
        "  pistegate-cloud restore --config cloud.toml --from /srv/backup/cloud-2026-11-28.backup\n"
        "  pistegate-cloud serve --config cloud.toml\n"
    )
    restore = commands.add_parser("restore", help=_RESTORE, description=_RESTORE, **shape | {"epilog": example})
    restore.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
    restore.add_argument("--from", dest="source", type=Path, required=True, metavar="FILE", help="the backup")
    restore.add_argument("--json", action="store_true", help="print JSON")
    restore.set_defaults(run=_restore)


def _backup(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.backups import service
    from pistegate_cloud.settings import load_settings

    size = service.backup(load_settings(arguments.config).database, arguments.out)
    words = f"{arguments.out}: {size / 1e6:.1f} MB. Bring it off this machine; try a restore of it once a season."
    print(json.dumps({"file": str(arguments.out), "bytes": size}) if arguments.json else words)
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.backups import service
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.settings import load_settings

    settings = load_settings(arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    done = asyncio.run(service.restore(settings.database, arguments.source, now_ms, f"{now_ms // 1000}"))
    kept = None if done.kept is None else str(done.kept)
    if arguments.json:
        print(json.dumps({"generation": done.generation, "kept": kept, "migrated": done.migrated}))
        return 0
    print(f"restored as generation {done.generation}" + (f"; the database before is kept as {kept}" if kept else ""))
    print("Start the cloud: gates send what they have since, and the documents in force there.")
    print("Sales since the backup are not in it: compare with the payment provider's bill and the windows' slips.")
    return 0
