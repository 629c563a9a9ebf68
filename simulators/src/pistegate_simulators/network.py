# SPDX-License-Identifier: Apache-2.0
"""The wire between the gates and the broker, as a TCP relay that can be cut and mended without any rights."""

import asyncio
import contextlib

_CHUNK = 65536  # bytes


class Wire:
    """Relays TCP from a free loopback port to `target_port`; while cut, nothing passes and nobody can connect."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self.port = 0
        self.is_cut = False
        self.cuts = 0

    async def start(self) -> None:
        """Listen; `port` is known afterwards."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break every connection, refuse new ones."""
        self.is_cut = True
        self.cuts += 1
        for writer in tuple(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        """Let new connections through again."""
        self.is_cut = False

    async def stop(self) -> None:
        """Close the relay for good."""
        self.cut()
        if self._server:
            self._server.close()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(self._serve(reader, writer))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._open |= pair
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        self._open -= pair


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
