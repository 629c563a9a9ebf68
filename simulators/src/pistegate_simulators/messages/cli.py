# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim messages`: a gateway of short messages and WeChat's template messages on one port."""

import argparse
import secrets
import threading
from pathlib import Path
from typing import Any

from pistegate_simulators.messages.server import MessageProviders


def add_parser(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "messages",
        help="providers of messages to guests: SMS and WeChat",
        description=__doc__,
        epilog="It prints a [notifications] section for cloud.toml.\n\n"
        "example: pistegate-sim messages --keys /tmp/messages --slow 0.5",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keys", type=Path, required=True, metavar="DIR", help="where the two secrets are put")
    parser.add_argument("--port", type=int, default=0, help="where it listens on 127.0.0.1 (default: a free one)")
    parser.add_argument("--slow", type=float, default=0.0, metavar="S", help="wait before each answer")
    parser.set_defaults(run=_run)


def section(address: str, directory: Path, secret: str, appsecret: str) -> str:
    """[notifications] for cloud.toml; writes the secrets' files."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in (("sms.secret", secret), ("wechat.secret", appsecret)):
        (directory / name).write_text(value, "utf-8")
    return f"""[notifications]
seal = "{secrets.token_hex(32)}"
ticket_page = "http://127.0.0.1:8000/api/v1/t/"

[notifications.sms]
url = "{address}/sms"
secret = "{directory / "sms.secret"}"

[notifications.wechat]
appid = "wx0000000000000000"
secret = "{directory / "wechat.secret"}"
gateway = "{address}"

[notifications.wechat.templates.order_paid]
id = "paid-0001"
fields = {{ thing1 = "site", amount2 = "amount" }}
"""


def _run(args: argparse.Namespace) -> int:
    secret, appsecret = secrets.token_hex(16), secrets.token_hex(16)
    try:
        providers = MessageProviders(secret, appsecret, port=args.port)
        told = section(providers.address, args.keys, secret, appsecret)
    except OSError as error:
        print(f"pistegate-sim messages: {error}: choose another --port or --keys")
        return 1
    providers.habits.slow_s = args.slow
    with providers:
        print(f"{told}\nlistening on {providers.address}; end with Ctrl-C", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0
