# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim reader`: one simulated reader for anybody's own tools."""

import argparse
import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pistegate_simulators.reader import control, pocket
from pistegate_simulators.reader.pocket import KINDS, NOTHING, Held
from pistegate_simulators.reader.port import SimulatedReader

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_BY_SIGNAL = {
    signal.SIGINT: control.QUIT,
    signal.SIGTERM: control.QUIT,
    signal.SIGUSR1: "take",
    signal.SIGUSR2: "hold",
}
_READ_SIZE = 4096
_EXAMPLE = """\
cards (--card may be repeated: a pocket full):
{kinds}

{commands}
example:
  pistegate-sim reader --card personalised --card phone --image card.json
starts a PN532 with our card and a phone on it, on a pseudo terminal, until Ctrl-C.
"""
_HOW_TO = """\
A PN532 reader is at {path}{cards}. Ctrl-C ends it. Try it from another terminal:

  libnfc       LIBNFC_DEFAULT_DEVICE=pn532_uart:{path}:115200 nfc-list -v
  libfreefare  LIBNFC_DEFAULT_DEVICE=pn532_uart:{path}:115200 mifare-desfire-info
               (Debian: apt-get install libnfc-bin libfreefare-bin)
  python-desfire (pip install 'python-desfire[pn532]'), in one line:
               python -c "from desfire import DESFire, PN532UARTDevice; \
d = PN532UARTDevice('{path}', baudrate=115200, timeout=0.3); \
print(bytes(d.wait_for_card()).hex(), DESFire(d).get_card_version())"
  nfcpy, in one line:
               python -c "import nfc.clf.pn532, nfc.clf.transport; from nfc.clf import RemoteTarget; \
d = nfc.clf.pn532.init(nfc.clf.transport.TTY('{path}')); \
print(d.sense_tta(RemoteTarget('106A')))"
  by hand      type help here; kill -USR1 {pid} takes the cards away, kill -USR2 {pid} brings them back
"""


def add_parser(subparsers: "Subparsers") -> None:
    """Add the `reader` command."""
    kinds = "\n".join(f"  {kind:<15}{text}" for kind, (text, _) in KINDS.items())
    parser = subparsers.add_parser(
        "reader",
        help="run one simulated PN532 reader on a pseudo terminal",
        epilog=_EXAMPLE.format(kinds=kinds, commands=control.HELP),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--card",
        action="append",
        choices=(*KINDS, NOTHING),
        metavar="KIND",
        help="what lies on the reader (desfire), see below",
    )
    parser.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="memory of the first DESFire card: read at the start if it exists, written at the end",
    )
    parser.add_argument("--link", type=Path, metavar="PATH", help="also name the device by this symbolic link")
    parser.add_argument("--paced", action="store_true", help="take the time that UART, 106 kbit/s and card take")
    parser.add_argument(
        "--print-path", action="store_true", help="path alone on standard output's first line, the rest on error"
    )
    parser.add_argument("--json", action="store_true", help="one JSON line on standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Until a stop signal or `quit`; 0, or 2 when card image or link cannot be used."""
    try:
        held = pocket.pocket(args.card or ["desfire"], args.image)
        with _signals() as signals, SimulatedReader(args.link, args.paced) as reader:
            for one in held:
                reader.present(one.card)
            _announce(args, reader, held)
            _obey(control.Controls(reader, held), signals)
        if args.image is not None:
            pocket.save(held, args.image)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"pistegate-sim reader: {error}\ncheck --image, --card and --link", file=sys.stderr)
        return 2
    return 0


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A file descriptor that gives the number of each signal that arrives, one byte each."""

    def noticed(_number: int, _frame: FrameType | None) -> None:
        """The byte on the pipe says it all."""

    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    handlers = {number: signal.signal(number, noticed) for number in _BY_SIGNAL}
    before = signal.set_wakeup_fd(theirs)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(ours)
        os.close(theirs)


def _obey(controls: control.Controls, signals: int) -> None:
    """Signals and lines of standard input, until one says quit; the end of input ends nothing."""
    watched, typed = [signals], b""
    if _may_read_stdin():
        watched.append(sys.stdin.fileno())
    while True:
        ready, _, _ = select.select(watched, [], [])
        lines: list[str] = []
        if signals in ready:
            lines += [_BY_SIGNAL[signal.Signals(number)] for number in os.read(signals, _READ_SIZE)]
        for source in set(ready) - {signals}:
            data = os.read(source, _READ_SIZE)
            if not data:
                watched.remove(source)
            *whole, typed = (typed + data).split(b"\n")
            lines += [line.decode("utf-8", "replace") for line in whole]
        for line in lines:
            if line.strip() == control.QUIT:
                return
            reply = controls.obey(line)
            if reply:
                print(reply, flush=True)


def _may_read_stdin() -> bool:
    """Not when it is closed, or a terminal that another job has: reading it would stop this one."""
    try:
        descriptor = sys.stdin.fileno()
        return not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


def _announce(args: argparse.Namespace, reader: SimulatedReader, held: list[Held]) -> None:
    path = str(args.link or reader.path)
    named = [f"{one.kind} {one.card.uid.hex().upper()}" for one in held]
    if args.json:
        cards = [{"kind": one.kind, "uid": one.card.uid.hex(), "keys": one.keys()} for one in held]
        first = cards[0]["uid"] if cards else None
        print(json.dumps({"path": path, "device": reader.path, "uid": first, "cards": cards}), flush=True)
    elif args.print_path:
        print(path, flush=True)
    if args.json:
        return
    out = sys.stderr if args.print_path else sys.stdout
    shown = f", {' and '.join(named)} on it" if named else ", nothing on it"
    print(_HOW_TO.format(path=path, cards=shown, pid=os.getpid()), file=out, flush=True)
    for one in held:
        for name, key in one.keys().items():
            print(f"  key {name:<8}{key}  (of the lab, known to all)", file=out, flush=True)
