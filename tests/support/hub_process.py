# SPDX-License-Identifier: Apache-2.0
"""A hub process on a real broker, to be stopped, frozen and killed; and gate processes with scanners beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate_bench import ISSUER, claim, gate_tree, toml_of, wait_for
from servers import Mosquitto

from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.signing import sign_claim
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner.scanner import SimulatedScanner

HUB = 9
START_S = 30.0  # seconds; a loaded machine


def code(**terms: Any) -> str:
    """A static code."""
    return ticket_text(sign_claim(claim(**terms), BEARER, ISSUER))


def hub_section(broker: Mosquitto) -> dict[str, Any]:
    """A gate's [hub]."""
    return {"number": HUB, "host": broker.host, "port": broker.port}


class HubProcess:
    """`pistegate-gate run` as hub 9 of site 1."""

    def __init__(self, directory: Path, broker: Mosquitto) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "hub.toml"
        tree = {
            "role": "hub",
            "device": {"site": 1, "group": 1, "number": HUB},
            "storage": {"directory": str(directory / "journal")},
            "hub": hub_section(broker),
        }
        self.config.write_text(toml_of(tree))
        self.log = directory / "hub.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Connected when this returns."""
        before = self.log.read_text().count("connected") if self.log.exists() else 0
        command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)
        wait_for(lambda: self.log.read_text().count("connected") > before, START_S)

    def tell(self, number: signal.Signals) -> None:
        """A signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut would, frozen or not."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@dataclass
class Lane:
    """One gate process with its scanner."""

    scanner: SimulatedScanner
    log: Path

    def lines(self, words: str) -> int:
        """How often the log says so."""
        return self.log.read_text().count(words)

    def show(self, text: str) -> str:
        """A code; the line of the log with its decision."""
        before = len(self._decisions())
        self.scanner.show(text)
        wait_for(lambda: len(self._decisions()) > before, START_S)
        return self._decisions()[before]

    def hub(self) -> str:
        """What the gate said of its hub last."""
        told = [
            line.rpartition("site's hub: ")[2] for line in self.log.read_text().splitlines() if "site's hub: " in line
        ]
        return told[-1] if told else ""

    def _decisions(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if ": admitted " in line or ": refused " in line]


@contextmanager
def lanes(directory: Path, broker: Mosquitto, numbers: tuple[int, ...], timeout_ms: int) -> Iterator[list[Lane]]:
    """Gate processes of one post, in service; `timeout_ms`: how long their lanes stay open (nobody ever passes)."""
    with ExitStack() as stack:
        found = []
        for number in numbers:
            home = directory / f"gate-{number}"
            home.mkdir()
            reader = stack.enter_context(SimulatedReader(home / "reader"))
            scanner = stack.enter_context(SimulatedScanner(link=home / "scanner"))
            assert reader.link is not None
            tree = gate_tree(
                home,
                str(home / "reader"),
                device={"site": 1, "group": 1, "number": number},
                place={"area": 0, "post_gates": list(numbers), "zone": "Asia/Shanghai"},
                scanner={"path": str(home / "scanner"), "profile": "lines-9600"},
                hub=hub_section(broker),
            )
            tree["lane"] = tree["lane"] | {"timeout_ms": timeout_ms}
            (home / "gate.toml").write_text(toml_of(tree))
            found.append(Lane(scanner, home / "log"))
            stack.enter_context(_gate(home))
        for lane in found:
            wait_for(lambda lane=lane: ": in service" in lane.log.read_text(), START_S)  # type: ignore[misc]
        yield found


@contextmanager
def _gate(home: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(home / "gate.toml")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env=os.environ | {"GPIOZERO_PIN_FACTORY": "mock"})
    try:
        yield
    finally:
        process.kill()
        process.wait()
