# SPDX-License-Identifier: Apache-2.0
"""Keys and configuration files of the simulated site: what an installer would write by hand."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.card_layout import CardKey, KeySet
from pistegate_protocol.gate_keys import GateKeys, format_gate_keys
from pistegate_simulators.day.settings import GROUP, LOCALE, SITE, ZONE
from pistegate_simulators.stock import CardMasters
from pistegate_simulators.turnstile.wired import Wiring

KEY_ID = 1


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """Every secret of the simulated site, from its seed."""

    issuer: bytes
    documents: bytes
    card: CardMasters

    @classmethod
    def from_seed(cls, rng: Random) -> "SiteKeys":
        """Fresh keys: two Ed25519 seeds of 32 bytes, and the masters of all cards."""
        card = CardMasters.drawn(rng)
        return cls(rng.randbytes(32), rng.randbytes(32), card)

    def gate(self) -> GateKeys:
        """What a gate holds of the card keys: the first set's alone, for nothing was stolen."""
        return GateKeys(self.card.system, KeySet.FIRST, {KeySet.FIRST: self.card.sets[KeySet.FIRST][CardKey.GATE]})


def public(private: bytes) -> str:
    """The public half in hex."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw().hex()


def cloud_toml(keys: SiteKeys, *, database: str, http_port: int, broker: str, time_page: Path, authority: Path) -> str:
    """Configuration of the cloud."""
    return f"""
[database]
url = "{database}"
[http]
host = "127.0.0.1"
port = {http_port}
[broker]
url = "{broker}"
[clock]
source = "{time_page}"
[enrolment]
authority = "{authority}"
[issuer]
key_id = {KEY_ID}
private_key = "{keys.issuer.hex()}"
[documents]
key_id = {KEY_ID}
private_key = "{keys.documents.hex()}"
[card_keys]
{_masters(keys.card)}
"""


def _masters(card: CardMasters) -> str:
    """The cloud's card keys: every master there is."""
    masters = {"system": card.system, "picc": card.picc, "transaction": card.transaction}
    for number in KeySet:
        masters |= {f"{key.name.lower()}_{int(number)}": card.sets[number][key] for key in CardKey}
    return "\n".join(f'{name} = "{value.hex()}"' for name, value in masters.items())


def write_gate_keys(keys: SiteKeys, path: Path) -> None:
    """The card keys of a gate as the cloud exports them, bare: for a simulated site that is what they are."""
    path.touch(0o600)
    path.write_text(format_gate_keys(keys.gate()), "utf-8")


def _device_toml(role: str, number: int, reader: Path, broker_port: int, time_page: Path) -> str:
    return f"""
role = "{role}"
[device]
site = {SITE}
group = {GROUP}
number = {number}
[reader]
path = "{reader}"
baud = 115200
[broker]
host = "127.0.0.1"
port = {broker_port}
[clock]
source = "{time_page}"
"""


def encoder_toml(number: int, *, reader: Path, broker_port: int, time_page: Path) -> str:
    """Configuration of an encoder: it holds no card key and keeps nothing."""
    return _device_toml("encoder", number, reader, broker_port, time_page)


def gate_toml(
    keys: SiteKeys,
    number: int,
    *,
    area: int,
    post_gates: list[int],
    reader: Path,
    broker_port: int,
    time_page: Path,
    storage: Path,
    key_file: Path,
    display: Path,
    lane_timeout_ms: int,
) -> str:
    """Configuration of a gate with a pulse-type tripod."""
    pins = Wiring()
    device = _device_toml("gate", number, reader, broker_port, time_page)
    return f"""{device}
[storage]
directory = "{storage}"
[place]
area = {area}
post_gates = {post_gates}
zone = "{ZONE.key}"
[key_store]
path = "{key_file}"
[issuer_keys]
{KEY_ID} = "{public(keys.issuer)}"
[document_keys]
{KEY_ID} = "{public(keys.documents)}"
[lane]
kind = "tripod_pulse"
unlock_pin = {pins.unlock}
pass_pin = {pins.passed}
pulse_ms = 120
timeout_ms = {lane_timeout_ms}
[signals]
green_pin = {pins.green}
red_pin = {pins.red}
buzzer_pin = {pins.buzzer}
refuse_ms = 300
[display]
locale = "{LOCALE}"
path = "{display}"
"""
