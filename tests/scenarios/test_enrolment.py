# SPDX-License-Identifier: Apache-2.0
"""Gates that enrol with a real cloud over HTTPS, and speak with it over a real Mosquitto with TLS."""

import json
import queue
import signal
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from gate_bench import gate_tree, running_gate, ski_card, toml_of, wait_for
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from secured_cloud import HOST, SecuredCloud, run, secured_cloud

from pistegate_cloud.authority.files import certificate_pem, key_pem, load
from pistegate_cloud.authority.issuing import issue_client, new_authority
from pistegate_edge.config import Config, check_config
from pistegate_edge.enrolment.http import API, ask
from pistegate_edge.enrolment.identity import DIRECTORY, KEY, Identity, load_identity
from pistegate_edge.enrolment.signing import signed_batch
from pistegate_edge.enrolment.tls import device_context
from pistegate_edge.uplink.mqtt import Arrived, LinkUp
from pistegate_edge.uplink.opening import open_link
from pistegate_protocol.events import EVENTS, EpochOpened, Incident, Stream, first_head
from pistegate_protocol.messages import DOWN, UP, Ack, Batch
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.reader import SimulatedReader

WITHIN_S = 30.0
EPOCH = 5 << 32


pytestmark = pytest.mark.timeout(600)  # real processes, on a loaded machine


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCloud]:
    """One cloud for all; each test has a gate of its own number."""
    with secured_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def tree(folder: Path, cloud: SecuredCloud, number: int) -> dict[str, Any]:
    """A gate's configuration with TLS."""
    folder.mkdir(exist_ok=True)
    broker = {"host": HOST, "port": cloud.broker.port, "keepalive_s": 30, "tls": True}
    device = {"site": 1, "group": 1, "number": number}
    place = {"area": 0, "post_gates": [1, 2, 3, 4, 5, 6], "zone": "Asia/Shanghai"}
    return gate_tree(folder, broker=broker, device=device, place=place)


def enrol(folder: Path, cloud: SecuredCloud, number: int) -> Identity:
    """As a technician does: a code from the cloud, one line at the gate."""
    config = folder.with_suffix(".toml")
    config.write_text(toml_of(tree(folder, cloud, number)))
    code = cloud.gate("enrol", number)["code"]
    done = run("pistegate-gate", "enrol", "--config", str(config), "--cloud", cloud.url, "--code", code)
    assert f"1/gate/{number}" in done.stdout
    identity = load_identity(folder / DIRECTORY)
    assert identity is not None
    return identity


class Line:
    """A gate's line to the cloud, and one chain of events."""

    def __init__(self, config: Config, identity: Identity) -> None:
        self.identity = identity
        self.told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.link = open_link(config, self.told.put)
        self.payloads = [EVENTS.encode(EpochOpened(1, 0, b"", "test"))]
        self.link.start()
        self.until(LinkUp)

    def until(self, kind: type, timeout: float = WITHIN_S) -> Any:
        """The next of this kind."""
        while True:
            found = self.told.get(timeout=timeout)
            if isinstance(found, kind):
                return found

    def send(self) -> None:
        """All events, signed."""
        number = self.identity.device.number
        head = first_head(number, Stream.LEDGER, EPOCH)
        batch = Batch(number, Stream.LEDGER, EPOCH, 1, head, self.payloads)
        self.link.publish(UP.encode(signed_batch(batch, self.identity)))

    def acknowledged(self) -> int:
        """Up to which event, by the next acknowledgement."""
        while True:
            message = DOWN.decode(self.until(Arrived).payload)
            if isinstance(message, Ack):
                return message.seq


def line(folder: Path, cloud: SecuredCloud, number: int) -> Line:
    """Enrolled and connected."""
    identity = enrol(folder, cloud, number)
    return Line(check_config(tree(folder, cloud, number)), identity)


def test_a_whole_gate_enrols_and_its_rides_reach_the_cloud(cloud: SecuredCloud, tmp_path: Path) -> None:
    """Over TLS, signed, acknowledged; its key is nowhere but in its own file, and gate status knows it."""
    folder = tmp_path / "gate"
    enrol(folder, cloud, 3)
    changes = {name: tree(folder, cloud, 3)[name] for name in ("broker", "device", "place")}
    with SimulatedReader(tmp_path / "reader") as reader, running_gate(folder, reader, **changes) as bench:
        reader.present(ski_card(1))
        wait_for(lambda: bench.state() == "open", WITHIN_S)
        bench.turn()
        wait_for(lambda: bench.state() == "idle", WITHIN_S)
        wait_for(lambda: bench.gate._uplink._core.backlog() == 0, WITHIN_S)
    assert (folder / DIRECTORY / KEY).stat().st_mode & 0o777 == 0o600
    status = cloud.statuses()[3]
    assert (status["state"], status["quarantined"]) == ("active", 0)
    assert status["last_seen"]
    told = cloud.command("gate", "status", "--site", "1")
    assert "not heard" in told.stdout  # devices that are not enrolled
    assert [line.split()[:4] for line in told.stdout.splitlines()[1:4]][2] == ["1", "gate", "3", "active"]
    told = run("pistegate-gate", "identity", "--config", str(folder.with_suffix(".toml")), "--test", "--json")
    assert {name: json.loads(told.stdout)[name] for name in ("api", "broker")} == {"api": "ok", "broker": "ok"}


def test_a_certificate_speaks_and_hears_under_its_own_topics_only(cloud: SecuredCloud, tmp_path: Path) -> None:
    """Gate 1 can neither tell as gate 2 nor hear what gate 2 is told: the broker says so."""
    identity = enrol(tmp_path / "gate", cloud, 1)
    other = Device(1, Role.GATE, 2)
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.tls_set_context(device_context(identity, identity.since))
    client.on_connect = lambda *_: answers.put(("up", None))
    client.on_publish = lambda _c, _d, _m, reason, _p: answers.put(("published", reason.value))
    client.on_subscribe = lambda _c, _d, _m, reasons, _p: answers.put(("subscribed", reasons[0].value))
    client.connect(HOST, cloud.broker.port)
    client.loop_start()
    try:
        assert answers.get(timeout=WITHIN_S)[0] == "up"
        for topic, refused in ((identity.device.up, False), (other.up, True), (other.down, True)):
            client.publish(topic, b"x", qos=1)
            assert answers.get(timeout=WITHIN_S) == ("published", 135 if refused else 0), topic
        # Mosquitto grants any subscription and filters what it delivers: what the cloud says to gate 2 never comes.
        received: queue.SimpleQueue[str] = queue.SimpleQueue()
        client.on_message = lambda _c, _d, message: received.put(message.topic)
        client.subscribe([(other.down, 1), (identity.device.down, 1), (other.up, 1)])
        assert answers.get(timeout=WITHIN_S)[0] == "subscribed"
        with open_cloud_line(cloud) as speak:
            speak(other.down, b"for gate 2")
            speak(identity.device.down, b"for gate 1")
        assert received.get(timeout=WITHIN_S) == identity.device.down
    finally:
        client.disconnect()
        client.loop_stop()


class open_cloud_line:  # noqa: N801 - reads as a function
    """Publishes with the cloud's own certificate."""

    def __init__(self, cloud: SecuredCloud) -> None:
        folder = cloud.folder / "mosquitto"
        context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
        context.load_cert_chain(folder / "cloud.pem", folder / "cloud.key")
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.tls_set_context(context)
        self._client.connect(HOST, cloud.broker.port)
        self._client.loop_start()

    def __enter__(self) -> Callable[[str, bytes], None]:
        return lambda topic, payload: self._client.publish(topic, payload, qos=1).wait_for_publish(WITHIN_S)

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.parametrize("bad", ["none", "of another authority", "run out", "plain line"])
def test_the_broker_takes_no_other_certificates(cloud: SecuredCloud, tmp_path: Path, bad: str) -> None:
    """Bad input: no certificate, one that somebody else signed, one that has run out, no TLS at all."""
    authority = load(cloud.folder / "authority")
    now = datetime.now(UTC).replace(microsecond=0)
    context = ssl.create_default_context(cafile=str(cloud.folder / "authority" / "root.pem"))
    if bad in ("of another authority", "run out"):
        signer = new_authority("Thief", now) if bad == "of another authority" else authority
        key = ec.generate_private_key(ec.SECP256R1())
        since = now - timedelta(days=100 if bad == "run out" else 0)
        (tmp_path / "c.pem").write_bytes(certificate_pem(issue_client(signer, "1/gate/1", key.public_key(), since)))
        (tmp_path / "c.key").write_bytes(key_pem(key))
        context.load_cert_chain(tmp_path / "c.pem", tmp_path / "c.key")
    up: list[ReasonCode] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"bad-{bad}")
    client.on_connect = lambda _c, _d, _f, reason, _p: up.append(reason)
    if bad != "plain line":
        client.tls_set_context(context)
    try:
        client.connect(HOST, cloud.broker.port)
        for _ in range(20):
            if client.loop(0.2) != paho.MQTT_ERR_SUCCESS:
                break
        else:
            raise AssertionError("the broker keeps the line")
    except OSError:
        pass
    assert not [reason for reason in up if not reason.is_failure]


def test_a_revoked_gate_is_not_heard_from_its_next_message_on(cloud: SecuredCloud, tmp_path: Path) -> None:
    """By the cloud at once, though the broker still carries it; by the broker at its next connection."""
    gate = line(tmp_path / "gate", cloud, 2)
    gate.send()
    assert gate.acknowledged() == 1
    cloud.gate("revoke", 2, "--reason", "stolen")
    gate.payloads.append(EVENTS.encode(Incident(2, "test", "after the theft")))
    gate.send()
    status = wait_for(lambda: (found := cloud.statuses()[2])["quarantined"] and found, WITHIN_S)
    assert (status["state"], status["reason"]) == ("revoked", "stolen")
    with pytest.raises(queue.Empty):
        gate.until(Arrived, 0.5)
    gate.link.stop()
    assert cloud.broker.process is not None
    cloud.broker.process.send_signal(signal.SIGHUP)  # it reads revoked.crl anew
    again = run("pistegate-gate", "identity", "--config", str(tmp_path / "gate.toml"), "--test", "--json", check=False)
    assert again.returncode == 1
    assert "refused" in again.stdout or "revoked" in again.stdout
    assert cloud.gate("accept", 2)["events"] == 1


def test_a_gate_whose_clock_is_wrong_is_served_all_the_same(cloud: SecuredCloud, tmp_path: Path) -> None:
    """In 1970 or in 2099 by its own clock: its request is repeated with the cloud's time."""
    identity = enrol(tmp_path / "gate", cloud, 1)
    for now_ms in (0, 4_102_444_800_000):
        answer = ask(identity, "GET", f"{API}/tables?site=1", now_ms, identity.since)
        assert answer.status == 200


def test_a_mistyped_code_is_not_sent_to_whoever_answers(cloud: SecuredCloud, tmp_path: Path) -> None:
    """Bad input: a code that names another authority; one that nobody made; one that is none."""
    config = tmp_path / "gate.toml"
    config.write_text(toml_of(tree(tmp_path / "gate", cloud, 1)))
    code = cloud.gate("enrol", 1)["code"]
    words = ("enrol", "--config", str(config), "--cloud", cloud.url, "--code")
    for typed, told in (
        (code[:-1] + ("0" if code[-1] != "0" else "1"), "The code was not sent"),
        ("0000" + code[4:], "The code is not accepted"),
        ("12345", "no enrolment code"),
    ):
        done = run("pistegate-gate", *words, typed, check=False)
        assert done.returncode == 1
        assert told in done.stderr
    assert load_identity(tmp_path / "gate" / DIRECTORY) is None
    plain = cloud.url.replace("https", "http").replace(HOST, "192.0.2.1")
    done = run("pistegate-gate", *words[:4], plain, "--code", code, check=False)
    assert "use https" in done.stderr
