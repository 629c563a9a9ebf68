# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim payment`: the provider on a port, for any software that speaks WeChat Pay's API v3."""

import argparse
import threading
import time
from datetime import datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from pistegate_simulators.payment.keys import ProviderKeys
from pistegate_simulators.payment.notices import Fate
from pistegate_simulators.payment.server import CODES, PaymentProvider, Ways

_EPILOG = """It prints a [wechat] section for cloud.toml; other software takes the same files from --keys.
A guest pays order N:  curl -X POST http://127.0.0.1:PORT/simulator/pay/N
The merchant pays in:  curl -X POST http://127.0.0.1:PORT/simulator/refill/FEN
Payment codes are 18 digits that begin with 10 to 15; their last two say what happens (all others pay):
""" + "".join(f"  {end}  {words}\n" for end, words in CODES.items())


def add_parser(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "payment",
        help="a payment provider: WeChat Pay API v3",
        description=__doc__,
        epilog=f"{_EPILOG}\nexample: pistegate-sim payment --keys /tmp/wechat --lose 0.2 --dry-at 16:30",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keys", type=Path, required=True, metavar="DIR", help="where the merchant's files are put")
    parser.add_argument("--port", type=int, default=0, help="where it listens on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--notify",
        default="http://127.0.0.1:8000/api/v1/payments/wechat/notifications",
        metavar="URL",
        help="what the printed section names for notifications (default: %(default)s)",
    )
    parser.add_argument("--lose", type=_share, default=0.0, metavar="SHARE", help="of notifications, 0 to 1")
    parser.add_argument("--duplicate", type=_share, default=0.0, metavar="SHARE", help="of notifications, 0 to 1")
    parser.add_argument(
        "--delay", type=float, default=0.0, metavar="S", help="each notification up to S late, so out of order"
    )
    parser.add_argument("--slow", type=float, default=0.0, metavar="S", help="wait before each answer")
    parser.add_argument(
        "--password", type=float, default=5.0, metavar="S", help="until a password is typed (default: 5)"
    )
    parser.add_argument(
        "--dry-at", type=_clock, metavar="HH:MM", help="the merchant's balance is gone from then, today"
    )
    parser.add_argument("--seed", type=int, default=0, help="of chance (default: 0)")
    parser.set_defaults(run=_run)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("a share from 0 to 1 is expected")
    return value


def _clock(text: str) -> float:
    try:
        at = clock_time.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a time such as 16:30 is expected") from None
    return datetime.now().astimezone().replace(hour=at.hour, minute=at.minute, second=0, microsecond=0).timestamp()


def _run(args: argparse.Namespace) -> int:
    keys = ProviderKeys.new()
    fate = Fate(args.lose, args.duplicate, (0.0, args.delay), seed=args.seed)
    ways = Ways(slow_s=args.slow, password_s=args.password)
    try:
        provider = PaymentProvider(keys, port=args.port, ways=ways, fate=fate, wall=time.time)
        section = keys.write(args.keys, provider.gateway, args.notify)
    except OSError as error:
        print(f"pistegate-sim payment: {error}: choose another --port or --keys")
        return 1
    provider.books.dry_at_s = args.dry_at
    with provider:
        print(f"{section}\nlistening on {provider.gateway}; end with Ctrl-C", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0
