# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate upload: what a dead gate's disk holds, brought to the cloud by any enrolled device of the site.

Where the old gate's own key can be read, its batches are signed with it and count at once. Where not, or where that key
has ended, the cloud keeps them for a person to accept.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config
    from pistegate_edge.enrolment.identity import Identity


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `upload`."""
    words = "bring another gate's journal to the cloud, from its old disk; nothing on that disk is changed"
    upload = command(commands, "upload", words, "upload --config gate.toml --from /mnt/old/var/lib/pistegate")
    upload.add_argument("--from", dest="old", type=Path, required=True, metavar="DIR", help="its [storage] directory")
    upload.add_argument("--all", action="store_true", help="also what the cloud acknowledged: it takes nothing twice")
    upload.add_argument("--json", action="store_true", help="one JSON object")
    upload.set_defaults(do=_upload)


def _upload(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.enrolment.http import API, ask
    from pistegate_edge.enrolment.opening import open_identity
    from pistegate_edge.enrolment.signing import signed_batch
    from pistegate_edge.errors import IdentityError
    from pistegate_edge.journal.foreign import read_foreign
    from pistegate_protocol.messages import UP

    identity = open_identity(config)
    if identity is None:
        raise IdentityError("this device is not enrolled, so the cloud would not listen: `pistegate-gate enrol` first")
    journal = read_foreign(arguments.old, everything=arguments.all)
    if journal.site != identity.device.site:
        raise IdentityError(f"that journal is of site {journal.site}, this device is of site {identity.device.site}")
    old = _old_key(arguments.old, journal.gate)
    path = f"{API}/devices/batches?site={journal.site}&number={journal.gate}"
    clock = open_clock(config.clock.source)
    taken = waiting = 0
    for batch in journal.batches:
        body = UP.encode(signed_batch(batch, old) if old else batch)
        answer = ask(identity, "POST", path, clock.wall_ms(), identity.since, body)
        if answer.json().get("acknowledged") is None:
            waiting += 1
        else:
            taken += 1
    told = {"gate": journal.gate, "events": journal.events, "signed": old is not None}
    told |= {"batches_taken": taken, "batches_waiting": waiting}
    if arguments.json:
        print(json.dumps(told | {"broken": journal.broken}))
    else:
        print(f"gate {journal.gate}: {journal.events} events in {len(journal.batches)} batches, {taken} stored")
        if waiting:
            print(f"{waiting} wait for a person: pistegate-cloud gate accept --site {journal.site} {journal.gate}")
        if journal.broken:
            print(f"not all of it could be read: {journal.broken}; give the disk to support")
    return FAILED if journal.broken else OK


def _old_key(directory: Path, gate: int) -> "Identity | None":
    """The old gate's identity, where it lies beside its journal and can be read."""
    from pistegate_edge.enrolment.identity import DIRECTORY, load_identity
    from pistegate_edge.errors import IdentityError

    try:
        found = load_identity(directory / DIRECTORY)
    except IdentityError:
        return None
    return found if found is not None and found.device.number == gate else None
