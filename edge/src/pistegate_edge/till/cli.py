# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate till: what an operator asks of a running till, from a terminal."""

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config
    from pistegate_edge.till.client import TillClient

REFUSED, NOT_DONE, UNCONFIRMED = 4, 5, 6
_STATUS = {"done": OK, "refused": REFUSED, "ended": NOT_DONE, "unconfirmed": UNCONFIRMED}
_EPILOG = "exit status: 0 done, 1 no till, 2 usage, 4 refused, 5 not done, nothing was changed, 6 not known yet"
_WAIT_S = 30.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `till show`, `debit`, `load`, `rent`, `return` and `last`."""
    till = commands.add_parser("till", help="ask a running till", epilog=_EPILOG)
    inner = till.add_subparsers(required=True, metavar="COMMAND")
    _add(inner, "show", "what is on the card", "till show --config till.toml")
    debit = _add(inner, "debit", "take money from the card", "till debit 18.00 --item coffee --config till.toml")
    debit.add_argument("amount", help="in the till's currency, such as 18.00")
    debit.add_argument("--item", default="", help="what it is for, up to 64 characters")
    _add(inner, "load", "write a load to the card that the cloud has signed for it", "till load --config till.toml")
    rent = _add(inner, "rent", "the guest takes equipment", "till rent boots skis=K2-0815 --config till.toml")
    rent.add_argument("kinds", nargs="+", metavar="KIND[=LABEL]", help="such as boots, or skis=K2-0815")
    back = _add(inner, "return", "the guest brings equipment back", "till return --config till.toml")
    back.add_argument("kinds", nargs="*", metavar="KIND[=LABEL]", help="none: everything that is out")
    last = _add(inner, "last", "the last requests that changed a card", "till last --count 5 --config till.toml")
    last.add_argument("--count", type=int, default=1, help="how many, up to 20")


def _add(
    inner: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str, example: str
) -> argparse.ArgumentParser:
    parser = command(inner, name, words, example)
    parser.epilog = f"{parser.epilog}; {_EPILOG}"
    parser.add_argument("--json", action="store_true", help="what the till tells, one JSON object a line")
    parser.add_argument("--locale", choices=("en", "zh-CN"), help="language of the words; else the till's own")
    parser.add_argument("--id", help="name of the request: asked again under it, it is not done again")
    if name != "last":
        parser.add_argument("--wait", type=float, default=_WAIT_S, metavar="S", help="seconds to wait for the card")
    if name not in ("show", "last"):
        parser.add_argument("--operator", default="", help="who asks, up to 64 characters")
    parser.set_defaults(do=run, ask=name)
    return parser


def run(arguments: argparse.Namespace, config: "Config") -> int:
    """Ask, tell, and give the exit status."""
    from pistegate_edge.errors import ConfigError
    from pistegate_edge.till.client import TillClient, TillUnreachable
    from pistegate_protocol.texts import text

    if config.till is None:
        raise ConfigError([f'role is "{config.role}": name the gate.toml of a till, with role = "till"'])
    locale = arguments.locale or config.display.locale
    request = _request(arguments, config.till.currency)
    try:
        with TillClient(Path(config.till.socket)) as client:
            try:
                return converse(client, request, arguments.json, locale)
            except TillUnreachable:
                print(text("till.no_answer", locale, id=request["id"]), file=sys.stderr)
                return FAILED
    except TillUnreachable:
        print(text("till.no_till", locale, socket=config.till.socket), file=sys.stderr)
        return FAILED


def converse(client: "TillClient", request: dict[str, Any], as_json: bool, locale: str) -> int:
    """One request to its end; interrupted from the keyboard, it is cancelled, and its end is told all the same."""
    client.send(request)
    answers = client.answers(request.get("wait_s", _WAIT_S))
    cancelled = False
    while True:
        try:
            line = next(answers)
        except KeyboardInterrupt:
            if cancelled:
                raise
            cancelled = True
            client.send({"do": "cancel", "id": request["id"]})
            answers = client.answers(_WAIT_S)
            continue
        _print(line, as_json, locale)
        if line["final"]:
            return _STATUS[line["event"]]


def _print(line: dict[str, Any], as_json: bool, locale: str) -> None:
    from pistegate_edge.card.view import card_lines
    from pistegate_protocol.texts import text

    if as_json:
        print(json.dumps(line, ensure_ascii=False), flush=True)
    elif "card" in line and isinstance(line["card"], dict):
        print("\n".join(card_lines(line["card"], locale)), flush=True)
    elif line["code"] == "last":
        told = [f"{one['id']}  {one['uid'].upper()}  {one['words']}" for one in line["requests"]]
        print("\n".join(told) or text("till.none_yet", locale), flush=True)
    else:
        # What is under way goes past; what it came to is the output.
        print(line["words"], file=sys.stdout if line["final"] else sys.stderr, flush=True)


def _request(arguments: argparse.Namespace, currency: str) -> dict[str, Any]:
    do = {"rent": "rental_out", "return": "rental_back"}.get(arguments.ask, arguments.ask)
    request: dict[str, Any] = {"do": do, "id": arguments.id or f"cli-{secrets.token_hex(8)}"}
    if arguments.locale:
        request["locale"] = arguments.locale
    if arguments.ask == "last":
        return request | {"count": arguments.count}
    request["wait_s"] = arguments.wait
    if arguments.ask == "debit":
        request |= {"amount": _amount(arguments.amount, currency), "currency": currency, "item": arguments.item}
    if "kinds" in arguments:
        request["kinds"] = arguments.kinds
    if getattr(arguments, "operator", ""):
        request["operator"] = arguments.operator
    return request


def _amount(written: str, currency: str) -> int:
    from pistegate_edge.errors import ConfigError
    from pistegate_edge.money import minor_units

    amount = minor_units(written, currency)
    if amount is None:
        raise ConfigError([f"amount {written!r}: write it in {currency}, such as 18 or 18.00"])
    return amount
