# SPDX-License-Identifier: Apache-2.0
"""The operator's side: programs connect to a Unix socket and ask, one JSON object a line; answers go back the same way.

A thread of its own, so that nobody who writes slowly, or does not read, holds the till up. Everything is limited.
"""

import contextlib
import errno
import json
import logging
import os
import queue
import selectors
import shutil
import socket
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pistegate_edge.errors import EdgeError
from pistegate_edge.till.core.requests import LINE_MAX, BadRequest, Request, parse_request

log = logging.getLogger(__name__)

CLIENTS_MAX = 8  # programs at once; a counter has one or two
UNSENT_MAX = 65_536  # bytes that wait for a program that does not read; a card shown has about 4,000
IDLE_S = 3600.0  # seconds without a word either way after which a connection is closed
BAD_LINES_MAX = 20  # of one connection; whoever speaks another language will not learn it
_READ_BYTES = 4096
_PATH_MAX = 107  # bytes of a Unix socket's path, the closing zero left out


class SocketUnusable(EdgeError, OSError):
    """The till's socket cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request came over connection `client`."""

    client: int
    request: Request


@dataclass(frozen=True, slots=True)
class Misheard:
    """A line that is no request."""

    client: int
    error: BadRequest


@dataclass(frozen=True, slots=True)
class HungUp:
    """A connection has ended."""

    client: int


Word = Heard | Misheard | HungUp


@dataclass(slots=True)
class _Client:
    """One connection."""

    number: int
    connection: socket.socket
    heard_at: float
    received: bytes = b""
    unsent: bytes = b""
    bad_lines: int = 0


@dataclass(slots=True)
class _Inbox:
    """What the loop wants sent, and a pipe that wakes the thread up."""

    lines: queue.SimpleQueue[tuple[int, bytes]] = field(default_factory=queue.SimpleQueue)
    pipe: tuple[int, int] = field(default_factory=os.pipe)


class TillServer:
    """`tell` is called from the server's thread; `send` and `stop` from the loop."""

    def __init__(
        self, path: Path, group: str | None, tell: Callable[[Word], None], monotonic: Callable[[], float]
    ) -> None:
        self._path = path
        self._tell = tell
        self._monotonic = monotonic
        self._listener = listen(path, group)
        self._inode = path.stat().st_ino
        self._inbox = _Inbox()
        self._clients: dict[int, _Client] = {}
        self._last = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="till socket", daemon=True)

    def start(self) -> None:
        """Serve, on a thread of its own."""
        self._thread.start()

    def send(self, client: int, line: Mapping[str, Any]) -> None:
        """Send a line; nothing happens when that connection has ended."""
        self._inbox.lines.put((client, json.dumps(line, ensure_ascii=False).encode() + b"\n"))
        self._wake()

    def stop(self) -> None:
        """Send what is still to be sent, as far as it goes at once, and end."""
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(2.0)
        self._listener.close()
        for end in self._inbox.pipe:
            with contextlib.suppress(OSError):
                os.close(end)
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._inbox.pipe[1], b"!")

    # The thread

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._listener.setblocking(False)
            selector.register(self._listener, selectors.EVENT_READ, None)
            selector.register(self._inbox.pipe[0], selectors.EVENT_READ, None)
            while not self._stopping:
                for key, _ in selector.select(timeout=1.0):
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif key.fileobj == self._inbox.pipe[0]:
                        os.read(self._inbox.pipe[0], _READ_BYTES)
                    else:
                        self._serve(key.data)
                self._deliver()
                self._tidy(selector)
            self._deliver()
            for client in list(self._clients.values()):
                self._close(client)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log.warning("till socket: %s", error)
            return
        connection.setblocking(False)
        if len(self._clients) >= CLIENTS_MAX:
            log.warning("till socket: more than %d programs at once; one was turned away", CLIENTS_MAX)
            connection.close()
            return
        self._last += 1
        client = self._clients[self._last] = _Client(self._last, connection, self._monotonic())
        selector.register(connection, selectors.EVENT_READ, client)

    def _serve(self, client: _Client) -> None:
        try:
            received = client.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._close(client)
            return
        client.heard_at = self._monotonic()
        *lines, client.received = (client.received + received).split(b"\n")
        for line in lines:
            self._line(client, line)
        if len(client.received) > LINE_MAX:
            self._misheard(client, BadRequest(f"a line of more than {LINE_MAX} bytes"))
            self._close(client)

    def _line(self, client: _Client, line: bytes) -> None:
        if not line.strip() or client.number not in self._clients:
            return
        try:
            request = parse_request(line)
        except BadRequest as error:
            self._misheard(client, error)
            return
        self._tell(Heard(client.number, request))

    def _misheard(self, client: _Client, error: BadRequest) -> None:
        client.bad_lines += 1
        self._tell(Misheard(client.number, error))
        if client.bad_lines >= BAD_LINES_MAX:
            log.warning("till socket: a program sent %d lines that are no requests; it is cut off", client.bad_lines)
            self._close(client)

    def _deliver(self) -> None:
        """Put what the loop wants sent to its connections, and send as much as goes at once."""
        while True:
            try:
                number, line = self._inbox.lines.get_nowait()
            except queue.Empty:
                break
            if number in self._clients:
                self._clients[number].unsent += line
        for client in list(self._clients.values()):
            self._send(client)

    def _send(self, client: _Client) -> None:
        if not client.unsent:
            return
        try:
            sent = client.connection.send(client.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(client)
            return
        if sent:
            client.heard_at = self._monotonic()
        client.unsent = client.unsent[sent:]
        if len(client.unsent) > UNSENT_MAX:
            log.warning("till socket: a program does not read its answers; it is cut off")
            self._close(client)

    def _tidy(self, selector: selectors.BaseSelector) -> None:
        """Forget closed connections, and close those that nobody uses."""
        now = self._monotonic()
        for client in list(self._clients.values()):
            if now - client.heard_at > IDLE_S:
                self._close(client)
        for key in list(selector.get_map().values()):
            if isinstance(key.data, _Client) and key.data.number not in self._clients:
                selector.unregister(key.fileobj)
                key.data.connection.close()

    def _close(self, client: _Client) -> None:
        if self._clients.pop(client.number, None) is not None:
            with contextlib.suppress(OSError):
                client.connection.shutdown(socket.SHUT_RDWR)
            self._tell(HungUp(client.number))


def listen(path: Path, group: str | None) -> socket.socket:
    """A listening socket that only its owner, and `group` if one is named, may use.

    SocketUnusable with the remedy; what is there and is no socket, or a socket that somebody listens on, stays.
    """
    if len(os.fsencode(path)) > _PATH_MAX:
        raise SocketUnusable(f"[till] socket {path} is too long: at most {_PATH_MAX} bytes")
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        if group is not None:
            shutil.chown(path, group=group)
            path.chmod(0o660)
        listener.listen(CLIENTS_MAX)
    except (OSError, LookupError) as error:
        listener.close()
        raise SocketUnusable(
            f"[till] socket {path}: {error}; its folder must be there and belong to the till's user, "
            "and that user must be in [till] group"
        ) from error
    finally:
        os.umask(before)
    return listener


def _clear(path: Path) -> None:
    """Remove the socket of a till that was killed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(f"[till] socket {path}: there is something that is no socket; name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.ENOENT):
                raise SocketUnusable(f"[till] socket {path}: {error}") from error
            path.unlink(missing_ok=True)
            return
    raise SocketUnusable(f"[till] socket {path}: another till listens on it; stop that one first")
