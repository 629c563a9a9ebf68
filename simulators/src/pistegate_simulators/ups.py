# SPDX-License-Identifier: Apache-2.0
"""A UPS behind NUT's server: answers on TCP as upsd 2.8.0 does, byte for byte in what is asked of it here.

Tests compare it with the real upsd. `pistegate-sim ups` runs one, told by lines on its standard input: `off` (mains
lost), `low`, `on`, `silent` (answers nothing), `stale` (its driver lost the UPS), `worn`, `end`.
"""

import argparse
import shlex
import socketserver
import sys
import threading
from typing import Self

STATES = {"on": "OL CHRG", "off": "OB DISCHRG", "low": "OB DISCHRG LB", "worn": "OL RB", "forced": "FSD OB LB"}


class SimulatedUps:
    """One server with one UPS on 127.0.0.1; `port` 0 takes a free one."""

    def __init__(self, name: str = "ups", port: int = 0) -> None:
        self.name = name
        self.variables = {"battery.charge": "100", "ups.mfr": 'Maker "X" \\ Co', "ups.status": STATES["on"]}
        self.trouble: str | None = None
        """A code that every question about the UPS is answered with, such as DATA-STALE."""
        self.deaf = False
        """It hears, and answers nothing."""
        self.asked: list[str] = []
        self._server = _Server(("127.0.0.1", port), _Session)
        self._server.ups = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.server_address[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, hang up on everybody."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    def be(self, state: str) -> None:
        """One of STATES, or the flags themselves."""
        self.variables["ups.status"] = STATES.get(state, state)

    def answer(self, line: str) -> str:
        """What upsd answers to a line; always ends with a newline."""
        self.asked.append(line)
        try:
            words = shlex.split(line)
        except ValueError:
            words = []
        command = words[0].upper() if words else ""
        if command in ("GET", "LIST"):
            return self._get(words[1:]) if command == "GET" else self._list(words[1:])
        fixed = {
            "VER": "Network UPS Tools upsd 2.8.0 - http://www.networkupstools.org/",
            "NETVER": "1.3",
            "HELP": "Commands: HELP VER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS",
            "LOGOUT": "OK Goodbye",
        }
        return fixed.get(command, "ERR UNKNOWN-COMMAND") + "\n"

    def _get(self, words: list[str]) -> str:
        if len(words) < 3 or words[0].upper() != "VAR":
            return "ERR INVALID-ARGUMENT\n"
        if words[1] != self.name:
            return "ERR UNKNOWN-UPS\n"
        if self.trouble:
            return f"ERR {self.trouble}\n"
        if words[2] not in self.variables:
            return "ERR VAR-NOT-SUPPORTED\n"
        return self._line(words[2])

    def _list(self, words: list[str]) -> str:
        if words == ["UPS"]:
            return f'BEGIN LIST UPS\nUPS {self.name} "Description unavailable"\nEND LIST UPS\n'
        if len(words) != 2 or words[0] != "VAR":
            return "ERR INVALID-ARGUMENT\n"
        if words[1] != self.name:
            return "ERR UNKNOWN-UPS\n"
        if self.trouble:
            return f"ERR {self.trouble}\n"
        lines = "".join(self._line(variable) for variable in sorted(self.variables))
        return f"BEGIN LIST VAR {self.name}\n{lines}END LIST VAR {self.name}\n"

    def _line(self, variable: str) -> str:
        value = self.variables[variable].replace("\\", "\\\\").replace('"', '\\"')
        return f'VAR {self.name} {variable} "{value}"\n'


class _Server(socketserver.ThreadingTCPServer):
    """Knows its UPS and who is connected."""

    allow_reuse_address = True
    daemon_threads = True
    ups: SimulatedUps

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self.sessions: set[_Session] = set()
        super().__init__(address, handler)

    def hang_up(self) -> None:
        """Every connection ends."""
        for session in list(self.sessions):
            self.shutdown_request(session.request)


class _Session(socketserver.StreamRequestHandler):
    """One client."""

    server: _Server

    def handle(self) -> None:
        """A line in, an answer out, until either hangs up."""
        self.server.sessions.add(self)
        ups = self.server.ups
        try:
            for line in self.rfile:
                answer = ups.answer(line.decode("ascii", "replace").strip())
                if not ups.deaf:
                    self.wfile.write(answer.encode())
                if answer == "OK Goodbye\n":
                    return
        except OSError:
            pass
        finally:
            self.server.sessions.discard(self)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`pistegate-sim ups`."""
    parser = commands.add_parser(
        "ups",
        help="a UPS behind NUT's server",
        description=__doc__,
        epilog="example: pistegate-sim ups --port 3493",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=3493, help="where it listens on 127.0.0.1; 0: a free one")
    parser.add_argument("--name", default="ups", help="the UPS's name")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        ups = SimulatedUps(args.name, args.port)
    except (OSError, OverflowError) as error:
        print(f"port {args.port}: {error}; name another with --port", file=sys.stderr)
        return 1
    with ups:
        print(f"UPS {ups.name} at 127.0.0.1:{ups.port}; say {', '.join(STATES)}, silent, stale or end", flush=True)
        for line in sys.stdin:
            word = line.strip()
            if word == "end":
                break
            ups.deaf, ups.trouble = word == "silent", "DATA-STALE" if word == "stale" else None
            if word in STATES:
                ups.be(word)
            elif word not in ("silent", "stale"):
                print(f"{word!r} is unknown", file=sys.stderr)
            print(f"ups.status: {'silent' if ups.deaf else ups.trouble or ups.variables['ups.status']}", flush=True)
    return 0
