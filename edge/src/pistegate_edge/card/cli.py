# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate card show and pistegate-gate inspect: one card, looked at once."""

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.clock import Clock
    from pistegate_edge.config import Config
    from pistegate_edge.inspect.told import Told

REFUSED, NO_CARD = 4, 5
_EPILOG = "exit status: 0 a card was read, 1 failed, 2 usage, 4 not one of ours or refused here, 5 no card in time"
_WAIT_S = 30.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `card show` and `inspect`."""
    card = commands.add_parser("card", help="look at a card")
    inner = card.add_subparsers(required=True, metavar="COMMAND")
    words = "what is on a card: ticket, wallet, rental, last passages; changes nothing"
    _add(inner, "show", words, "card show --config gate.toml", here=False)
    words = "what a card is worth here and now, and what a lane would say; changes nothing"
    _add(commands, "inspect", words, "inspect --config handheld.toml", here=True)


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str, example: str, *, here: bool
) -> None:
    parser = command(commands, name, words, example)
    parser.epilog = f"{parser.epilog}; {_EPILOG}"
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--wait", type=float, default=_WAIT_S, metavar="S", help="seconds to wait for the card")
    parser.add_argument("--locale", choices=("en", "zh-CN"), help="language of the words; else [display] locale")
    parser.set_defaults(do=run, here=here)


def run(arguments: argparse.Namespace, config: "Config") -> int:
    """Look, tell, and give the exit status."""
    from pistegate_edge.card.once import ReaderInUse, reader_alone
    from pistegate_edge.clock import open_clock
    from pistegate_edge.errors import ConfigError
    from pistegate_protocol.texts import text

    if config.key_store is None:
        raise ConfigError([f'role is "{config.role}", which holds no card keys: name the gate.toml of a gate or till'])
    if arguments.here and config.place is None:
        raise ConfigError([f'role is "{config.role}", which stands at no lane: use `pistegate-gate card show`'])
    locale = arguments.locale or config.display.locale
    directory = None if config.storage is None else Path(config.storage.directory)
    clock = open_clock(config.clock.source)
    try:
        with reader_alone(directory):
            told = _look(arguments, config, clock, locale)
    except ReaderInUse:
        if config.till is not None:
            return _ask_till(arguments, config, locale)
        print(text("till.reader_in_use", locale, role=config.role, directory=directory), file=sys.stderr)
        return FAILED
    if arguments.here:
        _note(config, clock, told)
    return _print(told, arguments, locale)


def _look(arguments: argparse.Namespace, config: "Config", clock: "Clock", locale: str) -> "list[Told]":
    from pistegate_edge.card.assess import Assessor
    from pistegate_edge.card.looking import LookingKeys
    from pistegate_edge.card.once import look_once
    from pistegate_edge.card.stored import facts_of, stored_documents
    from pistegate_edge.config import lane_profile, placeless
    from pistegate_edge.inspect.told import Inspector
    from pistegate_edge.keystore.opening import open_key_store
    from pistegate_protocol.signing import KeyRing
    from pistegate_protocol.texts import text

    if config.key_store is None or (zone := _zone(config)) is None:
        raise ValueError("a checked configuration with card keys is needed")
    keys = LookingKeys(open_key_store(config.key_store))
    issuers, currency = KeyRing(config.issuer_keys), config.till.currency if config.till else None
    profile = lane_profile(config.device, config.place) if config.place is not None else placeless(config.device, zone)
    inspector = Inspector(Assessor(profile, issuers), issuers, currency, here=arguments.here)
    documents = None
    if config.storage is not None:
        directory = Path(config.storage.directory)
        documents = stored_documents(directory, KeyRing(config.document_keys), config.device.site)
    ask = text("card.wait", locale)
    seen = look_once(
        config.reader.path, config.reader.fastest, keys, clock, arguments.wait, lambda: print(ask, file=sys.stderr)
    )
    return [inspector.tell(one, facts_of(documents), clock.now()) for one in seen]


def _zone(config: "Config") -> str | None:
    if config.place is not None:
        return config.place.zone
    return None if config.till is None else config.till.zone


def _note(config: "Config", clock: "Clock", told: "list[Told]") -> None:
    """A handheld notes the cards that it refuses; what its process would send goes up when it next runs."""
    from pistegate_edge.journal.journal import Journal
    from pistegate_protocol.topics import Role
    from pistegate_protocol.version import __version__

    refused = [one.refused for one in told if one.refused is not None]
    if config.role is not Role.INSPECT or config.storage is None or not refused:
        return
    device, storage = config.device, config.storage
    directory = Path(storage.directory)
    directory.mkdir(parents=True, exist_ok=True)
    reserve, random32 = storage.reserve_kib * 1024, secrets.randbits(32)
    with Journal(directory, device.site, device.number, reserve, clock, random32, __version__) as journal:
        for note in refused:
            journal.note(note)


def _print(told: "list[Told]", arguments: argparse.Namespace, locale: str) -> int:
    from pistegate_protocol.texts import text

    if not told:
        print(json.dumps({"cards": []}) if arguments.json else text("till.no_card", locale))
        return NO_CARD
    if arguments.json:
        print(json.dumps({"cards": [one.card for one in told]}, ensure_ascii=False))
    else:
        print("\n\n".join("\n".join(one.lines(locale)) for one in told))
    ours = [one for one in told if "wallet" in one.card]
    if not ours or (arguments.here and all(one.refused is not None for one in ours)):
        return REFUSED
    return OK


def _ask_till(arguments: argparse.Namespace, config: "Config", locale: str) -> int:
    """A till runs on this reader: it looks."""
    from pistegate_edge.till import cli as till

    request: dict[str, Any] = {"ask": "show", "id": None, "count": 1, "locale": arguments.locale}
    return till.run(argparse.Namespace(**request, json=arguments.json, wait=arguments.wait), config)
