# SPDX-License-Identifier: Apache-2.0
"""The simulated site: starts and stops broker, cloud, gates and encoders, and everything simulated around them."""

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import httpx

from pistegate_simulators.day import broker, files
from pistegate_simulators.day.office import Api, Window, open_site
from pistegate_simulators.day.processes import Process, free_port, program
from pistegate_simulators.day.settings import ENCODERS, EVE, SITE, DaySettings
from pistegate_simulators.day.station import Station
from pistegate_simulators.network import Wire
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.timesource import TimeSource
from pistegate_simulators.turnstile.wired import WiredTripod, Wiring

_READY_S = 40.0


class World:
    """Use as an async context; everything it started is stopped at the end, the files stay when asked for."""

    def __init__(self, settings: DaySettings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()
        self.keys = files.SiteKeys.from_seed(Random(f"keys {settings.seed}"))
        self.http_port = settings.http_port or free_port()
        self.broker_port = free_port()
        self.mosquitto = broker.find_mosquitto(settings.broker)
        self.stations: list[Station] = []
        self.windows: list[Window] = []
        self.token = ""

    @property
    def base(self) -> str:
        """Address of the cloud."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def broker_name(self) -> str:
        """Which broker carries the day."""
        return "mosquitto" if self.mosquitto else "embedded (amqtt)"

    async def __aenter__(self) -> "World":
        try:
            await self._build()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _build(self) -> None:
        # Unix socket paths hold about 100 characters: sockets and reader links live in a short folder of their own.
        self._short = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-")))
        self.folder = self._folder()
        self.time = TimeSource(self.folder / "time.page", EVE)
        self._stack.callback(self.time.close)
        if self.mosquitto:
            await self._start_mosquitto(self.mosquitto)
        self.wire = Wire(self.broker_port)
        await self.wire.start()
        self._stack.push_async_callback(self.wire.stop)
        await self._start_cloud()
        self.api = Api(self.base, self.token)
        self._stack.push_async_callback(self.api.close)
        # Devices come to a site that knows them: what a stranger sends is put in quarantine.
        await open_site(self.api, self.settings)
        await self._start_stations()
        await self._all_seen()

    async def _all_seen(self) -> None:
        """Until the cloud has heard of every gate and encoder."""
        async with asyncio.timeout(_READY_S):
            while True:
                gates = (await self.api.get("/gates", site=SITE))["items"]
                encoders = (await self.api.get("/encoders", site=SITE))["items"]
                seen = [gate["status"]["last_seen"] for gate in gates] + [each["last_seen"] for each in encoders]
                if all(seen):
                    return
                await asyncio.sleep(0.1)

    def _folder(self) -> Path:
        keep = self.settings.keep
        if keep is None:
            return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pistegate-day-")))
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise FileExistsError(f"{keep} is not empty: name a new folder with --keep, or empty this one")
        return keep.resolve()

    async def _run(self, process: Process) -> None:
        self._stack.push_async_callback(process.stop)
        await process.start()

    async def _start_mosquitto(self, path: str) -> None:
        process = broker.mosquitto(path, self.broker_port, self.folder)
        await self._run(process)
        await broker.wait_for_port(self.broker_port, process)

    async def _start_cloud(self) -> None:
        config = self.folder / "cloud.toml"
        scheme = "mqtt" if self.mosquitto else "embedded"
        config.write_text(
            files.cloud_toml(
                self.keys,
                database=f"sqlite://{self.folder / 'cloud.sqlite3'}",
                http_port=self.http_port,
                broker=f"{scheme}://127.0.0.1:{self.broker_port}",
                time_page=self.time.path,
                authority=self.folder / "authority",
            ),
            "utf-8",
        )
        await _run_once("authority", "init", "--directory", str(self.folder / "authority"), "--name", "Snow Valley")
        await _run_once("migrate", "--config", str(config))
        told = await _run_once("token", "create", "--config", str(config), "--name", "simulated day", "--json")
        self.token = json.loads(told)["token"]
        command = [program("pistegate-cloud"), "serve", "--config", str(config)]
        self.cloud = Process("cloud", command, self.folder / "cloud.log")
        await self._run(self.cloud)
        await self._cloud_answers()

    async def _cloud_answers(self) -> None:
        async with asyncio.timeout(_READY_S), httpx.AsyncClient() as client:
            while True:
                self.cloud.check()
                try:
                    if (await client.get(f"{self.base}/api/v1/health")).is_success:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    def _reader(self, name: str) -> SimulatedReader:
        reader = SimulatedReader(self._short / name)
        self._stack.callback(reader.close)
        return reader

    async def _start_stations(self) -> None:
        for index in range(self.settings.gates):
            self.stations.append(await self._station(index))
        encoders = [self._encoder(number) for number in range(1, ENCODERS + 1)]
        await asyncio.gather(*(self._enrol(station) for station in self.stations))
        await asyncio.gather(*(station.start() for station in self.stations), *encoders)

    async def _station(self, index: int) -> Station:
        number = index + 1
        lane = WiredTripod(self._short / f"lane{number}", Wiring(), self.settings.lane_timeout_ms)
        await lane.start()
        self._stack.push_async_callback(lane.stop)
        reader = self._reader(f"gate{number}")
        config = self.folder / f"gate{number}.toml"
        display = self.folder / f"gate{number}.display"
        areas = self.settings.gate_areas
        key_file = self.folder / f"gate{number}.keys"
        files.write_gate_keys(self.keys, key_file)
        config.write_text(
            files.gate_toml(
                self.keys,
                number,
                area=areas[index],
                post_gates=[other + 1 for other, area in enumerate(areas) if area == areas[index]],
                reader=self._short / f"gate{number}",
                broker_port=self.wire.port,
                time_page=self.time.path,
                storage=self._storage(f"gate{number}"),
                key_file=key_file,
                display=display,
                lane_timeout_ms=self.settings.lane_timeout_ms,
            ),
            "utf-8",
        )
        station = Station(number, config, reader, lane, self.folder / f"gate{number}.log", display)
        self._stack.push_async_callback(station.process.stop)
        return station

    async def _enrol(self, station: Station) -> None:
        """As a technician would, over this computer's own wire; encoders tell no events and need no key."""
        body = {"site": SITE, "role": "gate", "number": station.number}
        code = (await self.api.post("/devices/codes", body))["code"]
        words = ("enrol", "--config", str(station.config), "--cloud", self.base, "--code", code)
        await _run_once(*words, command="pistegate-gate")

    async def _encoder(self, number: int) -> None:
        # An encoder reaches the broker by the box office's own line, which is not the one that is cut.
        reader = self._reader(f"encoder{number}")
        self.windows.append(Window(number, reader))
        config = self.folder / f"encoder{number}.toml"
        port = self.broker_port
        link = self._short / f"encoder{number}"
        text = files.encoder_toml(number, reader=link, broker_port=port, time_page=self.time.path)
        config.write_text(text, "utf-8")
        command = [program("pistegate-gate"), "run", "--config", str(config)]
        process = Process(f"encoder {number}", command, self.folder / f"encoder{number}.log")
        await self._run(process)

    def _storage(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


async def _run_once(*arguments: str, command: str = "pistegate-cloud") -> str:
    process = await asyncio.create_subprocess_exec(
        program(command), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} {arguments[0]} failed:\n{err.decode()[-2000:]}")
    return out.decode()
