# SPDX-License-Identifier: Apache-2.0
"""Enrolment as devices and people see it: codes, certificates, renewal, revocation, doubted batches; both databases."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from enrolled import Keyed, new_authority

from pistegate_cloud.authority import service
from pistegate_cloud.authority.attempts import PER_MINUTE
from pistegate_cloud.authority.models import DeviceCertificate, DeviceKey
from pistegate_cloud.authority.service import DAY_MS
from pistegate_cloud.ingest.models import Quarantine
from pistegate_cloud.settings import EnrolmentSettings
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.enrolment import authority_pin, named_device, parse_code
from pistegate_protocol.topics import Device, Role

GATE = Device(1, Role.GATE, 1)
API = "/api/v1"
RENEW = "/enrolment/renew"


@pytest.fixture
def signing(cloud: Any, tmp_path: Path) -> Any:
    """The cloud with an authority, hearing nobody who is not enrolled."""
    where = new_authority(tmp_path / "authority", cloud.clock.now_ms)
    settings = EnrolmentSettings(
        authority=str(where), url="https://cloud.example", broker="mqtts://broker.example:8883"
    )
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, enrolment=settings)
    cloud.services.ingest._unsigned = False
    return cloud


async def code_for(cloud: Any, device: Keyed) -> str:
    answer = await cloud.post("/devices/codes", device.body)
    return str(answer["code"])


async def enrolled(cloud: Any, number: int = 1) -> Keyed:
    """A gate that has its certificate."""
    device = Keyed(Device(1, Role.GATE, number))
    code = await code_for(cloud, device)
    await cloud.post("/enrolment", device.body | {"code": code, "csr": device.csr()})
    return device


async def refusal(cloud: Any, path: str, body: dict[str, Any], **headers: str) -> str:
    answer = await cloud.http.post(path, json=body, headers=headers)
    assert not answer.is_success
    return str(answer.json()["code"])


async def renew(cloud: Any, device: Keyed, at_ms: int | None = None, csr: str | None = None) -> Any:
    """The answer to a signed request for the next certificate."""
    body = json.dumps({"csr": csr or device.csr()}).encode()
    headers = device.headers("POST", API + RENEW, at_ms or cloud.clock.now_ms, body)
    return await cloud.http.post(RENEW, content=body, headers=headers | {"Content-Type": "application/json"})


async def test_a_gate_is_enrolled_and_heard(signing: Any, new_gate: Any) -> None:
    """Its certificate names it, and what it needs to believe and to reach comes along; signed batches are stored."""
    device = Keyed(GATE)
    made = await signing.post("/devices/codes", device.body)
    assert made["command"].endswith(made["code"])
    answer = await signing.post("/enrolment", device.body | {"code": made["code"].lower(), "csr": device.csr()})
    certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
    root = x509.load_pem_x509_certificate(answer["authority"].encode())
    certificate.verify_directly_issued_by(root)
    assert named_device(certificate.subject.rfc4514_string().removeprefix("CN=")) == GATE
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 90
    assert parse_code(made["code"]).pin == authority_pin(root.public_bytes(Encoding.DER))
    assert answer["place"] == {"area": 0, "post_gates": [1, 2], "zone": "Asia/Shanghai"}
    assert (answer["broker"], set(answer["issuer_keys"]), set(answer["document_keys"])) == (
        "mqtts://broker.example:8883",
        {"1"},
        {"2"},
    )
    [(_, ack)] = await signing.receive([device.signed(new_gate().batch())])
    assert ack.seq == 1


async def test_unsigned_batches_of_an_enrolled_gate_are_kept_and_not_acknowledged(signing: Any, new_gate: Any) -> None:
    """Whoever only knows its address writes nothing into its books; also where the unsigned are heard."""
    await enrolled(signing)
    signing.services.ingest._unsigned = True
    assert await signing.receive([new_gate().batch()]) == []
    assert await signing.exceptions() == ["quarantined_unsigned"]
    [(_, ack)] = await signing.receive([new_gate(2).batch()])  # never enrolled
    assert ack.seq == 1


async def test_who_is_not_enrolled_is_not_heard_unless_the_operator_says_so(signing: Any, new_gate: Any) -> None:
    """The default."""
    assert await signing.receive([new_gate(2).batch()]) == []
    assert await signing.exceptions() == ["quarantined_unsigned"]


@pytest.mark.parametrize("changed", ["payload", "epoch", "site", "number", "first_seq", "key"])
async def test_a_batch_changed_on_the_way_is_kept_and_not_acknowledged(
    signing: Any, new_gate: Any, changed: str
) -> None:
    """The signature covers its place and its events; one made for another gate is none."""
    device = await enrolled(signing)
    await enrolled(signing, 2)
    gate = new_gate()
    topic, payload = device.signed(gate.batch())
    match changed:
        case "payload":
            payload = payload.replace(b"test", b"tESt")
        case "epoch":
            payload = device.signed(new_gate(epoch=6 << 32).batch())[1].replace(
                (6 << 32).to_bytes(8, "big"), (7 << 32).to_bytes(8, "big")
            )
        case "site":
            await signing.post("/sites", {"number": 2, "group": 1, "name": "x", "zone": "Asia/Shanghai"})
            await signing.post("/areas", {"site": 2, "number": 0, "name": "x"})
            await signing.post("/posts", {"site": 2, "number": 1, "area": 0, "name": "x"})
            await signing.post("/gates", {"site": 2, "number": 1, "post": 1, "name": "x"})
            other = Keyed(Device(2, Role.GATE, 1))
            body = other.body | {"code": await code_for(signing, other), "csr": other.csr()}
            await signing.post("/enrolment", body)
            topic = other.device.up
        case "number":
            topic, payload = Keyed(GATE, device.key).signed(new_gate(2).batch())
        case "first_seq":
            gate.add_raw(b"\x01x")
            whole = device.signed(gate.batch(2))
            topic, payload = whole[0], whole[1].replace(b"\x02\xc4\x20", b"\x03\xc4\x20", 1)
        case "key":
            topic, payload = Keyed(GATE).signed(gate.batch())
    assert await signing.receive([(topic, payload)]) == []
    assert await signing.exceptions() == ["quarantined_bad_signature"]


async def test_a_revoked_gate_is_not_heard_from_its_next_message_on(signing: Any, new_gate: Any) -> None:
    """Batch and hello go unanswered at once, and for good; what it sent is kept whole, once, for a person to accept."""
    device = await enrolled(signing)
    gate = new_gate()
    assert await signing.receive([device.signed(gate.batch()), device.signed(gate.hello())])
    gate.add_raw(b"\x01after")
    answer = await signing.http.post("/devices/revoke", json=device.body | {"reason": "stolen"})
    assert answer.status_code == 204
    for _ in range(3):  # it resends, signed anew each time
        assert await signing.receive([device.signed(gate.batch(2)), device.signed(gate.hello())]) == []
    assert set(await signing.exceptions()) == {"quarantined_revoked_device"}
    assert await Quarantine.filter(reason="revoked_device").count() == 2  # the batch, and that it said hello
    [status] = [
        each for each in (await signing.get("/devices"))["items"] if each["number"] == 1 and each["state"] == "revoked"
    ]
    assert (status["reason"], status["quarantined"]) == ("stolen", 2)
    [shown] = (await signing.get("/devices/quarantine", site=1, number=1))["items"]
    assert (shown["reason"], shown["first"], shown["last"], shown["kinds"]) == (
        "revoked_device",
        2,
        2,
        {"unreadable": 1},
    )
    taken = await signing.post("/devices/accept", device.body)
    assert taken == {"batches": 1, "events": 1, "waiting": 0}
    assert await signing.post("/devices/accept", device.body) == {"batches": 0, "events": 0, "waiting": 0}
    crl = x509.load_pem_x509_crl((Path(signing.services.settings.enrolment.authority) / "revoked.crl").read_bytes())
    assert [f"{each.serial_number:x}" for each in crl] == [status["serial"]]


@pytest.mark.parametrize("bad", ["unsigned", "stranger", "of another gate", "changed"])
async def test_a_false_hello_tells_nothing_of_an_enrolled_gate(signing: Any, new_gate: Any, bad: str) -> None:
    """Nobody but the gate says that it has told everything; the cloud would take tickets back on that word."""
    device, other = await enrolled(signing), await enrolled(signing, 2)
    hello = new_gate().hello()
    message = {
        "unsigned": hello,
        "stranger": Keyed(GATE).signed(hello),
        "of another gate": (GATE.up, Keyed(GATE, other.key).signed(hello)[1]),
        "changed": (GATE.up, device.signed(hello)[1].replace(b"in_service", b"on_service")),
    }[bad]
    assert await signing.receive([message]) == []
    assert await signing.exceptions() == ["quarantined_unsigned" if bad == "unsigned" else "quarantined_bad_signature"]
    [status] = [gate["status"] for gate in (await signing.get("/gates"))["items"] if gate["number"] == 1]
    assert (status["told"], status["last_seen"]) == (None, None)
    assert await signing.receive([device.signed(hello)])


async def test_a_revocation_by_another_process_is_in_force_at_the_next_message(signing: Any, new_gate: Any) -> None:
    """What is known of devices is kept in memory only until the database says that it changed."""
    device = await enrolled(signing)
    gate = new_gate()
    assert await signing.receive([device.signed(gate.batch())])
    settings = signing.services.settings.enrolment
    await service.revoke(GATE, "stolen", "another process", settings, signing.clock.now_ms)
    assert await signing.receive([device.signed(gate.batch())]) == []


async def test_a_replaced_gate_tells_what_it_has_and_its_old_disk_waits_for_a_person(
    signing: Any, new_gate: Any
) -> None:
    """A new key under the old number signs from now on; the old one's batches are kept apart."""
    old = await enrolled(signing)
    before = new_gate()
    new = await enrolled(signing)
    assert await signing.receive([old.signed(before.batch())]) == []
    assert await signing.exceptions() == ["quarantined_replaced_device"]
    [(_, ack)] = await signing.receive([new.signed(new_gate(epoch=6 << 32).batch())])
    assert ack.seq == 1
    assert (await signing.post("/devices/accept", old.body))["events"] == 1


async def test_a_database_from_yesterday_does_not_bring_a_revoked_gate_back(signing: Any, new_gate: Any) -> None:
    """The broker's list is no part of the database: what it names stays ended, and is never dropped from it."""
    stolen, old, settings = await enrolled(signing, 1), await enrolled(signing, 2), signing.services.settings.enrolment
    await signing.http.post("/devices/revoke", json=stolen.body | {"reason": "stolen"})
    await enrolled(signing, 2)
    listed = x509.load_pem_x509_crl((Path(settings.authority) / "revoked.crl").read_bytes())
    assert len(listed) == 2
    # As a backup from before has it: both keys active, the new one of gate 2 unknown.
    await DeviceCertificate.filter(key__state="active").delete()
    await DeviceKey.filter(state="active").delete()
    await DeviceKey.all().update(state="active", ended_ms=None, reason=None)
    assert await service.keep_revoked(settings, signing.clock.now_ms) == 2
    assert await service.keep_revoked(settings, signing.clock.now_ms) == 0
    assert {key.number: key.state for key in await DeviceKey.all()} == {1: "revoked", 2: "replaced"}
    assert await signing.receive([stolen.signed(new_gate().batch()), old.signed(new_gate(2).batch())]) == []
    await DeviceCertificate.all().delete()
    await service.write_crl(settings, signing.clock.now_ms)
    kept = x509.load_pem_x509_crl((Path(settings.authority) / "revoked.crl").read_bytes())
    assert {each.serial_number for each in kept} == {each.serial_number for each in listed}


async def test_batches_after_a_gap_wait_when_a_person_accepts(signing: Any, new_gate: Any) -> None:
    """They are neither taken nor lost."""
    gate = new_gate(2)
    gate.add_raw(b"\x01a")
    gate.add_raw(b"\x01b")
    await signing.receive([gate.batch(3)])
    body = Keyed(gate.device).body
    assert await signing.post("/devices/accept", body) == {"batches": 0, "events": 0, "waiting": 1}
    await signing.receive([gate.batch(1, 2)])
    assert await signing.post("/devices/accept", body) == {"batches": 2, "events": 3, "waiting": 0}


async def test_a_code_enrols_one_key_of_one_device(signing: Any) -> None:
    """The same key may ask again, for its answer may be lost; another key or device may not."""
    device, thief = Keyed(GATE), Keyed(GATE)
    code = await code_for(signing, device)
    asked = device.body | {"code": code, "csr": device.csr()}
    other = Keyed(Device(1, Role.GATE, 2), device.key)
    assert await refusal(signing, "/enrolment", other.body | {"code": code, "csr": other.csr()}) == "code_refused"
    await signing.post("/enrolment", asked)
    await signing.post("/enrolment", asked)
    assert await refusal(signing, "/enrolment", thief.body | {"code": code, "csr": thief.csr()}) == "code_used"
    signing.clock.now_ms += 49 * 3_600_000
    assert await refusal(signing, "/enrolment", asked) == "code_expired"


async def test_a_newer_code_voids_the_one_before(signing: Any) -> None:
    """Only one is on paper at a time."""
    device = Keyed(GATE)
    old = await code_for(signing, device)
    await code_for(signing, device)
    assert await refusal(signing, "/enrolment", device.body | {"code": old, "csr": device.csr()}) == "code_refused"


@pytest.mark.parametrize("bad", ["garbage", "of another gate", "of another curve"])
async def test_a_request_for_a_certificate_must_be_the_devices_own(signing: Any, bad: str) -> None:
    """Bad input: nothing is granted, and the code is not used up."""
    device = Keyed(GATE)
    code = await code_for(signing, device)
    csr = {
        "garbage": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "of another gate": Keyed(Device(1, Role.GATE, 2), device.key).csr(),
        "of another curve": Keyed(GATE, ec.generate_private_key(ec.SECP384R1())).csr(),
    }[bad]
    assert (await refusal(signing, "/enrolment", device.body | {"code": code, "csr": csr})).startswith("csr_")
    await signing.post("/enrolment", device.body | {"code": code, "csr": device.csr()})


async def test_two_gates_with_one_key_are_refused_at_enrolment(signing: Any) -> None:
    """A copied disk: the key has an owner."""
    first = await enrolled(signing)
    copy = Keyed(Device(1, Role.GATE, 2), first.key)
    code = await code_for(signing, copy)
    assert await refusal(signing, "/enrolment", copy.body | {"code": code, "csr": copy.csr()}) == "key_in_use"


async def test_guessing_codes_is_slowed_down(signing: Any) -> None:
    """After some wrong ones from an address, right ones wait a minute too."""
    device = Keyed(GATE)
    code = await code_for(signing, device)
    wrong = device.body | {"code": "0" * 28, "csr": device.csr()}
    for _ in range(PER_MINUTE):
        assert await refusal(signing, "/enrolment", wrong) == "code_refused"
    right = device.body | {"code": code, "csr": device.csr()}
    assert await refusal(signing, "/enrolment", right) == "too_many_attempts"
    signing.clock.seconds += 61
    await signing.post("/enrolment", right)


async def test_a_certificate_is_renewed_from_day_30_and_after_its_end_on_a_persons_word(signing: Any) -> None:
    """Before day 30 the same comes back; past its end the known key waits for approval, and a stranger gets nothing."""
    device = await enrolled(signing)
    first = (await renew(signing, device)).json()["certificate"]
    signing.clock.now_ms += 29 * DAY_MS
    assert (await renew(signing, device)).json()["certificate"] == first
    signing.clock.now_ms += 2 * DAY_MS
    second = (await renew(signing, device)).json()["certificate"]
    assert second != first
    signing.clock.now_ms += 91 * DAY_MS
    answer = await renew(signing, device)
    assert (answer.status_code, answer.json()["certificate"]) == (202, None)
    status = {
        each["number"]: each["state"] for each in (await signing.get("/devices"))["items"] if each["role"] == "gate"
    }
    assert status == {1: "waiting", 2: "unsigned", 3: "unsigned"}
    assert (await signing.http.post("/devices/approve", json=device.body)).status_code == 204
    assert (await renew(signing, device)).json()["certificate"] not in (None, first, second)
    assert (await signing.http.post("/devices/approve", json=device.body)).status_code == 422  # nothing waits


@pytest.mark.parametrize("bad", ["stranger", "old", "another key", "revoked", "changed body"])
async def test_renewal_is_for_the_known_key_alone(signing: Any, bad: str) -> None:
    """Bad input: a signature by another key, a request of an hour ago, a request for another key, a revoked gate."""
    device = await enrolled(signing)
    at_ms, csr, asks = signing.clock.now_ms, None, device
    match bad:
        case "stranger":
            asks = Keyed(GATE)
        case "old":
            at_ms -= 3_600_000
        case "another key":
            csr = Keyed(GATE).csr()
        case "revoked":
            await signing.http.post("/devices/revoke", json=device.body | {"reason": "stolen"})
        case "changed body":
            body = json.dumps({"csr": device.csr()}).encode()
            headers = device.headers("POST", API + RENEW, at_ms, body) | {"Content-Type": "application/json"}
            answer = await signing.http.post(RENEW, content=body + b" ", headers=headers)
            assert answer.json()["code"] == "device_refused"
            return
    answer = await renew(signing, asks, at_ms, csr)
    expected = {"old": "request_time", "another key": "csr_of_another"}.get(bad, "device_refused")
    assert answer.json()["code"] == expected


async def test_a_devices_signature_serves_for_tables_and_for_nothing_else(signing: Any) -> None:
    """Gates fetch tables with the key that they have; what people do needs a token."""
    device = await enrolled(signing)
    signing.http.headers.pop("Authorization")
    path = "/tables?site=1"
    headers = device.headers("GET", API + path, signing.clock.now_ms)
    assert (await signing.http.get(path, headers=headers)).status_code == 200
    assert (await signing.http.get("/tables?site=2", headers=headers)).json()["code"] == "device_refused"
    for path in ("/tables?site=2", "/tables/bindings/next?site=2", "/tables/denials/file?site=2&since=0&version=1"):
        headers = device.headers("GET", API + path, signing.clock.now_ms)
        assert (await signing.http.get(path, headers=headers)).json()["code"] == "device_refused"  # another site's
    path = "/gates?site=1"
    headers = device.headers("GET", API + path, signing.clock.now_ms)
    assert (await signing.http.get(path, headers=headers)).json()["code"] == "token_missing"


async def test_enrolling_needs_its_scope(signing: Any) -> None:
    """A till's token makes no gates."""
    headers = await signing.token(Scope.SITES_WRITE)
    assert await refusal(signing, "/devices/codes", Keyed(GATE).body, **headers) == "scope_missing"
    assert await refusal(signing, "/devices/revoke", Keyed(GATE).body | {"reason": "x"}, **headers) == "scope_missing"
