# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate keys: seal the card keys that the cloud exported, check what a gate would use."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys seal` and `keys check`."""
    keys = commands.add_parser("keys", help="seal or check the gate's card keys")
    inner = keys.add_subparsers(required=True, metavar="COMMAND")
    words = "encrypt keys that the cloud exported, of cards or of documents, with an unlock secret"
    example = "keys seal --bare export.toml --sealed /etc/pistegate/keys --unlock /etc/pistegate/unlock"
    seal = command(inner, "seal", words, example, config=False)
    seal.add_argument(
        "--bare", type=Path, required=True, metavar="FILE", help="what the cloud exported; delete it then"
    )
    seal.add_argument("--sealed", type=Path, required=True, metavar="FILE", help="where to write; [key_store] path")
    unlock = "a file with the secret, or credential:NAME; [key_store] unlock"
    seal.add_argument("--unlock", required=True, metavar="SECRET", help=unlock)
    seal.set_defaults(do=_seal)
    check = command(inner, "check", "open the keys as the gate does; shows no key", "keys check --config gate.toml")
    check.add_argument("--json", action="store_true", help="one JSON object")
    check.set_defaults(do=_check)


def _seal(arguments: argparse.Namespace) -> int:
    from pistegate_edge.errors import KeyStoreError
    from pistegate_edge.keystore.opening import read_private, unlock_secret
    from pistegate_edge.keystore.sealed import is_sealed, seal
    from pistegate_protocol.errors import CodecError
    from pistegate_protocol.gate_keys import parse_gate_keys
    from pistegate_protocol.handle_keys import holds_handle_keys

    text = read_private(arguments.bare, "--bare")
    if is_sealed(text):
        raise KeyStoreError(f"{arguments.bare} is sealed already")
    try:
        if not holds_handle_keys(text):
            parse_gate_keys(text)
    except CodecError as error:
        raise KeyStoreError(f"{arguments.bare}: {error}; export it again from the cloud") from error
    _write_private(arguments.sealed, seal(text, unlock_secret(arguments.unlock)))
    print(f"sealed into {arguments.sealed}; now delete {arguments.bare} and every copy of it")
    return OK


def _write_private(path: Path, text: str) -> None:
    """Write for the owner alone; whoever reads meanwhile finds the old file or the new one, whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _check(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.bindings.keys import open_handle_keys
    from pistegate_edge.keystore.opening import open_key_store

    if config.key_store is None:
        print(f"an {config.role} holds no card keys")
        return FAILED
    store = open_key_store(config.key_store)
    roll = store.roll_key(bytes(7)) is not None
    found = {
        "path": config.key_store.path,
        "sealed": store.warning is None,
        "sets": [int(number) for number in store.sets],
        "rolls_cards": roll,
    }
    if config.documents is not None:
        found["documents"] = sorted(
            open_handle_keys(config.documents.keys, config.documents.unlock, config.device.site)
        )
    if arguments.json:
        print(json.dumps(found))
        return OK
    sets = ", then ".join(str(number) for number in found["sets"])  # type: ignore[attr-defined]
    print(f"{config.key_store.path}: {'sealed' if found['sealed'] else store.warning}; tries key set {sets}")
    print("cards of set 0 are rolled to set 1" if roll else "no roll key: cards stay with the set they are on")
    if config.documents is not None:
        numbers = ", ".join(str(number) for number in found["documents"])  # type: ignore[attr-defined]
        print(f"{config.documents.keys}: handle keys {numbers}")
    return OK
