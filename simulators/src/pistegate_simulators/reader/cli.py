# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim reader`: one simulated reader for anybody's own tools."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader.port import SimulatedReader

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}
_EXAMPLE = """\
example:
  pistegate-sim reader --card desfire --image card.json
starts a PN532 with a DESFire card on it, on a pseudo terminal, until Ctrl-C.
"""
_HOW_TO = """\
A PN532 reader is at {path}{card}. Ctrl-C ends it. Try it from another terminal:

  libnfc       LIBNFC_DEFAULT_DEVICE=pn532_uart:{path}:115200 nfc-list -v
  libfreefare  LIBNFC_DEFAULT_DEVICE=pn532_uart:{path}:115200 mifare-desfire-info
               (Debian: apt-get install libnfc-bin libfreefare-bin)
  nfcpy        python -c "import nfc.clf.pn532, nfc.clf.transport; from nfc.clf import RemoteTarget
               device = nfc.clf.pn532.init(nfc.clf.transport.TTY('{path}'))
               print(device.sense_tta(RemoteTarget('106A')))"
"""


def add_parser(subparsers: "Subparsers") -> None:
    """Add the `reader` command."""
    parser = subparsers.add_parser(
        "reader",
        help="run one simulated PN532 reader on a pseudo terminal",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--card", choices=("desfire", "none"), default="desfire", help="what lies on the reader")
    parser.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="the card's memory: read at the start if it exists, written at the end",
    )
    parser.add_argument("--link", type=Path, metavar="PATH", help="also name the device by this symbolic link")
    parser.add_argument("--paced", action="store_true", help="take the time that UART and 106 kbit/s take")
    parser.add_argument("--print-path", action="store_true", help="path alone on standard output, the rest on error")
    parser.add_argument("--json", action="store_true", help="one JSON line on standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Until a stop signal; 0, or 2 when card image or link cannot be used."""
    # Before the reader's thread starts, so that it inherits the mask and the signals wait for `sigwait`.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        card = _card(args)
        with SimulatedReader(args.link, args.paced) as reader:
            if card is not None:
                reader.present(card)
            _announce(args, reader, card)
            signal.sigwait(_STOP_SIGNALS)
        if card is not None and args.image is not None:
            args.image.write_text(json.dumps(card.image(), indent=1) + "\n", encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"pistegate-sim reader: {error}\ncheck --image and --link", file=sys.stderr)
        return 2
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 0


def _card(args: argparse.Namespace) -> DesfireCard | None:
    if args.card == "none":
        return None
    if args.image is None or not args.image.exists():
        return DesfireCard()
    try:
        return DesfireCard.from_image(json.loads(args.image.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{args.image} is no card image: {error}") from error


def _announce(args: argparse.Namespace, reader: SimulatedReader, card: DesfireCard | None) -> None:
    path = str(args.link or reader.path)
    shown = f", DESFire {card.uid.hex().upper()} on it" if card else ", nothing on it"
    if args.json:
        print(json.dumps({"path": path, "device": reader.path, "uid": card.uid.hex() if card else None}), flush=True)
    elif args.print_path:
        print(path, flush=True)
    if not args.json:
        print(_HOW_TO.format(path=path, card=shown), file=sys.stderr if args.print_path else sys.stdout, flush=True)
