# SPDX-License-Identifier: Apache-2.0
"""HTTP API of enrolment: what people do, and what devices ask."""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Depends, Query, Request, Response

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.authority import doubted, files, service, status, takeovers
from pistegate_cloud.authority.asking import asking_key
from pistegate_cloud.authority.doubted import DoubtedAnswer
from pistegate_cloud.authority.schemas import (
    CertificateAnswer,
    CodeAnswer,
    DeviceAnswer,
    DeviceBody,
    EnrolAnswer,
    EnrolBody,
    PlaceAnswer,
    RenewBody,
    RevokeBody,
    RoleName,
    TakeoverBody,
    UploadAnswer,
)
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import CloudError, Problem
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import DeviceNumber, Page, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import Services, WithServices, require
from pistegate_cloud.settings import Settings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.enrolment import parse_code
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import DOWN, Ack
from pistegate_protocol.topics import Device, Role

router = APIRouter(tags=["enrolment"])
_writer = require(Scope.DEVICES_WRITE)
Writer = Annotated[Caller, Depends(_writer)]


@router.get("/devices", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_devices(services: WithServices, site: SiteFilter = None) -> Page[DeviceAnswer]:
    """Every device and whether it is enrolled, until when, or revoked."""
    return Page(items=await status.devices(site, services.clock.wall_ms()))


@router.post("/devices/codes", status_code=201, responses=documented("unknown_reference", "enrolment_off"))
async def make_code(body: DeviceBody, services: WithServices, caller: Writer) -> CodeAnswer:
    """A code that enrols this device once; it is shown this once. An unused one made before is void."""
    return await code_answer(body.device, caller.name, services.settings, services.clock.wall_ms())


async def code_answer(device: Device, actor: str, settings: Settings, now_ms: int) -> CodeAnswer:
    """A new code, and the line to type."""
    code = await service.new_device_code(device, actor, settings.enrolment, now_ms)
    url = settings.enrolment.url or f"http://{settings.http.host}:{settings.http.port}"
    command = f"pistegate-gate enrol --config /etc/pistegate/gate.toml --cloud {url} --code {code}"
    return CodeAnswer(code=str(code), expires=iso(now_ms + service.CODE_HOURS * 3_600_000), command=command)


@router.post("/devices/revoke", status_code=204, responses=documented("unknown_reference"))
async def revoke(body: RevokeBody, services: WithServices, caller: Writer) -> None:
    """End a device's key for good: from its next message on nothing of it is taken."""
    try:
        await service.revoke(
            body.device, body.reason, caller.name, services.settings.enrolment, services.clock.wall_ms()
        )
    except CloudError as error:
        if isinstance(error, Problem):
            raise
        raise Problem("unknown_reference", what=f"key in use of {body.role} {body.number}") from error


@router.post(
    "/devices/approve",
    status_code=204,
    dependencies=[Depends(_writer)],
    responses=documented("unknown_reference"),
)
async def approve(body: DeviceBody, services: WithServices) -> None:
    """Agree that a device whose certificate has run out gets another for the same key."""
    try:
        await service.approve(body.device, services.clock.wall_ms())
    except CloudError as error:
        raise Problem("unknown_reference", what=f"renewal waiting for {body.role} {body.number}") from error


@router.get("/devices/quarantine", dependencies=[Depends(require(Scope.PASSAGES_READ))], responses=documented())
async def list_doubted(
    site: Annotated[SiteNumber, Query()],
    number: Annotated[DeviceNumber, Query()],
    role: Annotated[RoleName, Query()] = "gate",
) -> Page[DoubtedAnswer]:
    """What this device sent while it was doubted, before somebody accepts it."""
    return Page(items=await doubted.of_device(Device(site, Role(role), number)))


@router.post("/devices/accept", dependencies=[Depends(_writer)], responses=documented("unknown_reference"))
async def accept(body: DeviceBody, services: WithServices, caller: Writer) -> dict[str, int]:
    """Take in what this device sent while it was doubted: unsigned, wrongly signed, or with a key that had ended."""
    await sites.site(body.site)
    batches, events, waiting = await services.ingest.accept(body.device, caller.name)
    told = {"batches": batches, "events": events, "waiting": waiting}
    await note_here(
        "device.accept", body.site, f"{body.role}:{body.site}:{body.number}", told, now_ms=services.clock.wall_ms()
    )
    return {"batches": batches, "events": events, "waiting": waiting}


@router.post(
    "/takeovers",
    status_code=204,
    responses=documented("unknown_reference", "document_full"),
)
async def allow_takeover(body: TakeoverBody, services: WithServices, caller: Writer) -> None:
    """Let a spare stand at gates' places if they die, also without the WAN; what it was allowed before is replaced."""
    key, now_ms = services.settings.documents, services.clock.wall_ms()
    messages = await takeovers.allow(body.site, body.spare, body.gates, body.days, caller.name, key, now_ms)
    await documents.push_all(messages, services)


@router.post("/devices/batches", responses=documented("device_refused", "request_time", "unknown_reference"))
async def upload(
    request: Request,
    services: WithServices,
    site: Annotated[SiteNumber, Query()],
    number: Annotated[DeviceNumber, Query()],
) -> UploadAnswer:
    """One batch of another gate's disk, as MQTT would have brought it; asked by any enrolled device of the site.

    Who brings it does not vouch for it: the batch's own signature does, or a person (`gate accept`).
    """
    key = await asking_key(request, services.clock.wall_ms())
    if key.site_id != site:
        raise Problem("device_refused")
    topic = Device(site, Role.GATE, number).up
    answers = await services.ingest.receive([(topic, await request.body())])
    acks = [message for _, payload in answers if isinstance(message := DOWN.decode(payload), Ack)]
    return UploadAnswer(acknowledged=acks[-1].seq if acks else None)


@router.get("/enrolment/authority", responses=documented("enrolment_off"), response_class=Response)
async def authority(services: WithServices) -> Response:
    """The authority's certificate, PEM: public, and believed only by who knows its fingerprint."""
    found = service.authority_of(services.settings.enrolment)
    return Response(files.certificate_pem(found.certificate), media_type="application/x-pem-file")


@router.post(
    "/enrolment",
    status_code=201,
    responses=documented(
        "too_many_attempts", "enrolment_off", "code_refused", "code_expired", "csr_of_another", "key_in_use"
    ),
)
async def enrol(body: EnrolBody, request: Request, services: WithServices) -> EnrolAnswer:
    """A certificate for the key that a device made, against its code."""
    address = request.client.host if request.client else ""
    now = services.clock.monotonic()
    if not services.attempts.allowed(address, now):
        raise Problem("too_many_attempts")
    try:
        secret = parse_code(body.code).secret
        granted = await service.enrol(
            body.device, secret, body.csr, services.settings.enrolment, services.clock.wall_ms()
        )
    except CodecError as error:
        services.attempts.failed(address, now)
        raise Problem("code_refused", device=f"{body.role} {body.number}") from error
    except Problem as problem:
        if problem.code.startswith("code_"):
            services.attempts.failed(address, now)
        raise
    return await _answer(body.device, granted, services)


@router.post("/enrolment/renew", responses=documented("device_refused", "request_time", "csr_of_another"))
async def renew(body: RenewBody, request: Request, response: Response, services: WithServices) -> CertificateAnswer:
    """For an enrolled device, signed by its key: the certificate to use from now on. 202: a person must agree first."""
    now_ms = services.clock.wall_ms()
    key = await asking_key(request, now_ms)
    granted = await service.renew(key, body.csr, services.settings.enrolment, now_ms)
    if granted is None:
        response.status_code = 202
        root = service.authority_of(services.settings.enrolment).certificate
        return CertificateAnswer(certificate=None, authority=files.certificate_pem(root).decode())
    return CertificateAnswer(certificate=granted.certificate, authority=granted.authority)


async def _answer(device: Device, granted: service.Granted, services: Services) -> EnrolAnswer:
    settings = services.settings
    site = await sites.site(device.site)
    return EnrolAnswer(
        certificate=granted.certificate,
        authority=granted.authority,
        group=site.group_number,
        issuer_keys={settings.issuer.key_id: _public(settings.issuer.load())},
        document_keys={settings.documents.key_id: _public(settings.documents.load())},
        broker=settings.enrolment.broker,
        place=await _place(device, site.zone) if device.role is Role.GATE else None,
    )


async def _place(device: Device, zone: str) -> PlaceAnswer | None:
    gate = await gates.gate(device.site, device.number)
    if gate is None or gate.post is None:
        return None
    numbers = [row.number for row in await gates.gates(device.site) if row.post_id == gate.post_id]
    return PlaceAnswer(area=gate.post.area.number, post_gates=numbers, zone=zone)


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()
