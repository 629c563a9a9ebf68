# SPDX-License-Identifier: Apache-2.0
"""The time source and the wire of a simulated site."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pistegate_protocol.timepage import decode_page
from pistegate_simulators.network import Wire
from pistegate_simulators.timesource import TimeSource

BROKEN = (ConnectionError, EOFError)
START = datetime(2026, 1, 17, 0, 30, tzinfo=UTC)


def test_time_page_runs_at_its_rate(tmp_path: Path) -> None:
    """A reader of the page sees the compressed day, and slowing down does not jump."""
    source = TimeSource(tmp_path / "page", START, rate=3600.0)
    page = decode_page((tmp_path / "page").read_bytes())
    assert page.wall_at(page.monotonic_ns + 2_000_000_000) - page.wall_ns == 7200 * 1_000_000_000
    before = source.now()
    source.slow_down(1.0)
    assert timedelta(0) <= source.now() - before < timedelta(hours=1)
    source.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every line."""
    while line := await reader.readline():
        writer.write(line)
    writer.close()


async def say(port: int, line: bytes) -> bytes:
    """Send a line over a new connection; the answer; EOFError when the other side just closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(line)
        return await asyncio.wait_for(reader.readuntil(b"\n"), 2)
    finally:
        writer.close()
        await asyncio.sleep(0.05)


def test_cut_wire_breaks_connections_and_lets_nobody_in_until_mended() -> None:
    """What a gate sees of a network cut: a broken connection, then refusal, then service."""

    async def scenario() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        wire = Wire(server.sockets[0].getsockname()[1])
        await wire.start()
        assert await say(wire.port, b"up\n") == b"up\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        await asyncio.sleep(0.1)
        wire.cut()
        with pytest.raises(BROKEN):
            await asyncio.wait_for(reader.readexactly(1), 2)
        writer.close()
        with pytest.raises(BROKEN):
            assert await say(wire.port, b"cut\n")
        wire.mend()
        assert await say(wire.port, b"back\n") == b"back\n"
        await wire.stop()
        server.close()
        await asyncio.sleep(0.05)

    asyncio.run(scenario())
