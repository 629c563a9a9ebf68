# SPDX-License-Identifier: Apache-2.0
"""A gate on the bench: keys, cards, configuration, and a whole gate in this process on a simulated reader."""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from pistegate_edge.clock import Clock
from pistegate_edge.config import Config, check_config
from pistegate_edge.gate import Gate, open_gate
from pistegate_edge.timekeeping.told import Kernel, Sources
from pistegate_protocol.amendments import Amendment, sign_amendment
from pistegate_protocol.card_layout import AMENDMENT_FILE, LOADS_FILE, CardKey, KeySet, claim_file_content, padded
from pistegate_protocol.claims import Claim, Scope
from pistegate_protocol.gate_keys import GateKeys, format_gate_keys
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import Usage, decode_usage, encode_usage
from pistegate_protocol.wallet import LoadStatement, sign_load
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import (
    CardMasters,
    personalised_card,
    put_amendment,
    put_claim,
    put_loads,
    put_purse,
    put_rental,
    put_spent,
    put_usage,
    usage_content,
)

ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DOCUMENTS = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
MASTERS = CardMasters.drawn(Random("gate bench"))
UNLOCK, PASS, GREEN, RED, BUZZER = 17, 27, 22, 23, 24
WAIT_S = 10.0


def public(key: Ed25519PrivateKey) -> bytes:
    """The raw public key."""
    return key.public_key().public_bytes_raw()


def gate_keys(
    prefer: KeySet = KeySet.FIRST,
    *,
    roll: bool = False,
    sets: Iterable[KeySet] | None = None,
    masters: CardMasters = MASTERS,
) -> GateKeys:
    """What the cloud exports for a gate or till: the first set's GATE master; after a theft both, and the ROLL master.

    Before a theft: `gate_keys()`. After it: `gate_keys(KeySet.SECOND, roll=True)`. `sets` overrides which are held.
    """
    held = sets or (KeySet if roll or prefer is KeySet.SECOND else (KeySet.FIRST,))
    gate = {number: masters.sets[number][CardKey.GATE] for number in held}
    return GateKeys(masters.system, prefer, gate, masters.sets[KeySet.FIRST][CardKey.ROLL] if roll else None)


def key_file(directory: Path, keys: GateKeys | None = None) -> Path:
    """A bare key file beside `directory`, replaced if it is there: for [key_store] path."""
    path = directory.with_name(directory.name + ".keys")
    path.touch(0o600)
    path.write_text(format_gate_keys(keys or gate_keys()))
    return path


def gate_tree(directory: Path, reader: str = "/dev/ttyAMA0", /, **changes: Any) -> dict[str, Any]:
    """A gate.toml as parsed; `changes` replace whole sections. Without `key_store` among them, a key file is made."""
    if "key_store" not in changes:
        changes["key_store"] = {"path": str(key_file(directory))}
    tree: dict[str, Any] = {
        "role": "gate",
        "device": {"site": 1, "group": 1, "number": 3},
        "place": {"area": 0, "post_gates": [3, 4], "zone": "Asia/Shanghai"},
        "storage": {"directory": str(directory), "reserve_kib": 128},
        "reader": {"path": reader, "baud": 115200},
        "key_store": {},
        "issuer_keys": {"1": public(ISSUER).hex()},
        "document_keys": {"1": public(DOCUMENTS).hex()},
        "broker": {"host": "127.0.0.1", "port": 1, "keepalive_s": 30},
        "lane": {"kind": "tripod_pulse", "unlock_pin": UNLOCK, "pass_pin": PASS, "pulse_ms": 100, "timeout_ms": 400},
        "signals": {"green_pin": GREEN, "red_pin": RED, "buzzer_pin": BUZZER, "refuse_ms": 300},
        "display": {"locale": "en"},
    }
    return tree | changes


def gate_config(directory: Path, reader: str = "/dev/ttyAMA0", /, **changes: Any) -> Config:
    """A checked configuration."""
    return check_config(gate_tree(directory, reader, **changes))


def toml_of(tree: dict[str, Any]) -> str:
    """The tree as a gate.toml."""
    lines = [f"{name} = {_toml(value)}" for name, value in tree.items() if not isinstance(value, dict)]
    for section, table in tree.items():
        if isinstance(table, dict):
            lines += [f"[{section}]", *(f"{name} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def claim(**terms: Any) -> Claim:
    """A claim that holds at the bench's gate for years, unless told otherwise."""
    values: dict[str, Any] = {
        "key_id": 1,
        "ticket": 4711,
        "scope": Scope(1),
        "product": 1,
        "areas": frozenset({0}),
        "valid_from": date(2020, 1, 1),
        "valid_until": date(2099, 12, 31),
    }
    return Claim(**(values | terms))


def signed_for(card: DesfireCard, what: Claim | None = None) -> bytes:
    """A claim as signed for this card."""
    return sign_claim(what or claim(), Medium(MediumKind.CARD, card.uid), ISSUER)


def ski_card(
    number: int = 1,
    what: Claim | None = None,
    *,
    masters: CardMasters = MASTERS,
    amendment: Amendment | None = None,
    purse: int = 0,
    loaded: int = 0,
    spent: int = 0,
    rental: bytes = b"",
    **usage: Any,
) -> DesfireCard:
    """A personalised card with a signed claim on it; `number` seeds its UID, `usage` is what is used of the claim.

    `amendment`: signed and on the card, and usage says so. `purse`, `loaded` (by a signed statement, number 1) and
    `spent` of it: minor units of CNY. `rental`: the rental file.
    """
    card = personalised_card(Random(number), masters)
    signed = signed_for(card, what)
    put_claim(card, claim_file_content(signed))
    if amendment is not None:
        usage.setdefault("amended", True)
        put_amendment(card, padded(sign_amendment(amendment, ISSUER), AMENDMENT_FILE))
    put_usage(card, encode_usage(Usage(claim=claim_digest(signed), **usage)))
    put_purse(card, purse)
    if loaded:
        statement = LoadStatement(key_id=1, uid=card.uid, number=1, loaded=loaded, currency="CNY")
        put_loads(card, padded(sign_load(statement, ISSUER), LOADS_FILE))
    put_spent(card, -spent)
    if rental:
        put_rental(card, rental)
    return card


def usage_of(card: DesfireCard) -> Usage:
    """What the card tells."""
    return decode_usage(usage_content(card))


def wait_for(what: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """The first true value of `what`; AssertionError when it does not come."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"not within {timeout_s} s")


@dataclass
class Bench:
    """A running gate and its surroundings."""

    gate: Gate
    reader: SimulatedReader
    directory: Path
    pins: MockFactory
    failed: list[BaseException]

    def level(self, pin: int) -> bool:
        """Whether an output is on."""
        return bool(self.pins.pin(pin).state)

    def unlocks(self) -> int:
        """How often the unlock output went on."""
        states = [bool(state.state) for state in self.pins.pin(UNLOCK).states]
        return sum(1 for before, after in itertools.pairwise(states) if after and not before)

    def turn(self) -> None:
        """The arm turns once: a PASS contact of 60 ms."""
        self.pins.pin(PASS).drive_low()
        time.sleep(0.06)
        self.pins.pin(PASS).drive_high()

    def state(self) -> str:
        """The passage protocol's state."""
        return self.gate._passage.state.value

    def in_service(self) -> bool:
        """Whether nothing keeps the gate out of service."""
        return self.gate._passage.service() == "in_service"


class BenchClock(Clock):
    """The machine's clock as where a time service keeps it, which is not so everywhere that tests run."""

    def sources(self) -> Sources:
        """See Clock."""
        return Sources(Kernel(True, 5))


@contextmanager
def running_gate(
    directory: Path, reader: SimulatedReader, /, *, wait: bool = True, clock: Clock | None = None, **changes: Any
) -> Iterator[Bench]:
    """A whole gate on threads of this process; stopped in order at the end."""
    pins = MockFactory()
    Device.pin_factory = pins
    link = reader.link
    assert link is not None
    config = gate_config(directory, str(link), **changes)
    started: queue.SimpleQueue[Gate | BaseException] = queue.SimpleQueue()
    failed: list[BaseException] = []

    def run() -> None:
        # Built here, as SQLite's connections belong to the thread that made them.
        try:
            with ExitStack() as opened:
                gate = open_gate(config, clock or BenchClock(), opened)
                started.put(gate)
                gate.run()
        except BaseException as error:  # noqa: BLE001 - shown by the test that owns the bench
            failed.append(error)
            started.put(error)

    thread = threading.Thread(target=run, name="gate loop", daemon=True)
    thread.start()
    gate = started.get(timeout=WAIT_S)
    if isinstance(gate, BaseException):
        raise gate
    bench = Bench(gate, reader, directory, pins, failed)
    try:
        if wait:
            wait_for(bench.in_service)
        yield bench
    finally:
        gate.stop()
        thread.join(WAIT_S)
        pins.reset()
        assert not thread.is_alive(), "the gate did not stop"
        if failed:
            raise failed[0]
