# SPDX-License-Identifier: Apache-2.0
"""Enrolment of devices: a code that is shown once, a certificate for the key that comes with it, renewal, revocation.

A code is bound to one device and to this authority. The same key may use it again while it is valid, for the answer
may have been lost on the way.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.authority import files, issuing, queries
from pistegate_cloud.authority.issuing import Authority, CsrRefused, Revoked
from pistegate_cloud.authority.models import DeviceCertificate, DeviceKey, EnrolmentCode
from pistegate_cloud.errors import CloudError, Problem, SettingsError
from pistegate_cloud.settings import EnrolmentSettings
from pistegate_protocol.enrolment import (
    CERTIFICATE_DAYS,
    RENEW_FROM_DAY,
    device_name,
    new_code,
    public_bytes,
)
from pistegate_protocol.enrolment import EnrolmentCode as CodeText
from pistegate_protocol.errors import CodecError
from pistegate_protocol.topics import Device, Role

CODE_HOURS = 48
DAY_MS = 86_400_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a device gets: its certificate and the authority's, PEM."""

    certificate: str
    authority: str


def authority_of(settings: EnrolmentSettings) -> Authority:
    """The authority; Problem enrolment_off without one."""
    if settings.authority is None:
        raise Problem("enrolment_off")
    return files.load(Path(settings.authority))


async def new_device_code(device: Device, actor: str, settings: EnrolmentSettings, now_ms: int) -> CodeText:
    """A code for a registered device, valid CODE_HOURS; one made before and not used is void."""
    authority = authority_of(settings)
    if not await queries.is_registered(device):
        raise Problem("unknown_reference", what=f"{device.role} {device.number} of site {device.site}")
    code = new_code(secrets.token_bytes(8), authority.certificate.public_bytes(Encoding.DER))
    async with in_transaction():
        await queries.drop_codes(device)
        await EnrolmentCode.create(
            site_id=device.site,
            role=device.role.value,
            number=device.number,
            digest=_digest(code.secret),
            actor=actor,
            created_ms=now_ms,
            expires_ms=now_ms + CODE_HOURS * 3_600_000,
        )
        await note_here("device.code", device.site, _subject(device), now_ms=now_ms)
    return code


async def enrol(device: Device, secret: str, csr: str, settings: EnrolmentSettings, now_ms: int) -> Granted:
    """A certificate for the key in `csr`; the device's key before is replaced.

    Problem code_refused, code_used, code_expired, csr_unreadable, csr_of_another, key_in_use.
    """
    authority = authority_of(settings)
    code = await queries.code_by_digest(_digest(secret))
    if code is None or (code.site_id, code.role, code.number) != (device.site, device.role.value, device.number):
        raise Problem("code_refused", device=device_name(device))
    if now_ms >= code.expires_ms:
        raise Problem("code_expired", hours=CODE_HOURS)
    key, public = _asked(csr, device)
    async with in_transaction():
        known = await queries.key_by_public(public)
        if code.used_ms is not None or not await queries.use_code(code, public, now_ms):
            # The same key again, before the code runs out: its answer was lost.
            if known is None or code.public != public or known.state != "active":
                raise Problem("code_used", device=device_name(device))
            return await _granted(authority, known, key, device, now_ms)
        if known is not None:
            raise Problem("key_in_use", device=f"{known.site_id}/{known.role}/{known.number}")
        before = await queries.active_key(device)
        if before is not None:
            await queries.end_key(before, "replaced", now_ms, "another key was enrolled", code.actor)
        row = await DeviceKey.create(
            site_id=device.site, role=device.role.value, number=device.number, public=public, enrolled_ms=now_ms
        )
        await queries.changed()
        granted = await _granted(authority, row, key, device, now_ms)
    if before is not None:
        await write_crl(settings, now_ms)
    return granted


async def renew(key: DeviceKey, csr: str, settings: EnrolmentSettings, now_ms: int) -> Granted | None:
    """The certificate to use from now on: a new one from day RENEW_FROM_DAY, else the same as before.

    None: it has run out, and a person must agree first. Problem csr_of_another when it is for another key or device.
    """
    authority, device = authority_of(settings), device_of(key)
    asked, public = _asked(csr, device)
    if public != key.public:
        raise Problem("csr_of_another", device=device_name(device), detail="another key than the enrolled one")
    newest = await queries.newest_certificate(key)
    if newest is not None and now_ms < newest.issued_ms + RENEW_FROM_DAY * DAY_MS:
        return Granted(newest.pem, files.certificate_pem(authority.certificate).decode())
    if newest is not None and now_ms >= newest.until_ms and key.approved_ms is None:
        await queries.note_asked(key, now_ms)
        return None
    async with in_transaction():
        await queries.renewed(key)
        return await _granted(authority, key, asked, device, now_ms)


async def approve(device: Device, now_ms: int) -> None:
    """Agree to the renewal that a device asks for; CloudError when it asks for none."""
    key = await queries.active_key(device)
    async with in_transaction():
        if key is None or not await queries.approve(key, now_ms):
            raise CloudError(f"{device_name(device)} does not wait for anybody's word: `gate status` shows who does")
        await note_here("device.approve", device.site, _subject(device), now_ms=now_ms)


async def revoke(device: Device, reason: str, actor: str, settings: EnrolmentSettings, now_ms: int) -> list[str]:
    """End every key of a device, for good: from its next message on it is not heard. The certificates' serials.

    CloudError when it has none. The broker's list of revoked certificates is written anew.
    """
    ended = []
    async with in_transaction():
        for key in await queries.keys_of(device):
            if await queries.end_key(key, "revoked", now_ms, reason, actor):
                ended.append(key)
        if not ended:
            raise CloudError(f"{device_name(device)} has no key in use: there is nothing to revoke")
        await queries.changed()
        await note_here("device.revoke", device.site, _subject(device), {"reason": reason}, now_ms=now_ms)
    certificates = await queries.newest_certificates(ended)
    _log.warning("%s revoked by %s: %s", device_name(device), actor, reason)
    if settings.authority is not None:
        await write_crl(settings, now_ms)
    return [row.serial for row in certificates.values()]


def _subject(device: Device) -> str:
    return f"{device.role}:{device.site}:{device.number}"


async def write_crl(settings: EnrolmentSettings, now_ms: int) -> Path:
    """The list for the broker, as it must be now. What it held stays: a restored database does not know of all."""
    authority = authority_of(settings)
    directory = Path(settings.authority or "")
    revoked = {each.serial: each for each in _listed(authority, directory)}
    for row in await queries.ended_certificates(now_ms):
        replaced = row.key.state == "replaced"
        found = Revoked(int(row.serial, 16), at(int(row.key.ended_ms or now_ms)), replaced)
        revoked[found.serial] = found
    return files.write_crl(directory, issuing.issue_crl(authority, revoked.values(), at(now_ms)))


async def keep_revoked(settings: EnrolmentSettings, now_ms: int) -> int:
    """End the keys that the broker's list names and this database holds for active; how many.

    So a database from yesterday's backup does not bring back a gate that was stolen this morning.
    """
    authority = authority_of(settings)
    listed = {f"{each.serial:x}": each for each in _listed(authority, Path(settings.authority or ""))}
    ended = 0
    async with in_transaction():
        for row in await queries.active_by_serials(listed):
            state = "replaced" if listed[row.serial].replaced else "revoked"
            ended += await queries.end_key(row.key, state, now_ms, f"{state} before this database was restored", "crl")
        if ended:
            await queries.changed()
    if ended:
        _log.warning("%d keys of devices were ended again: the broker's list says so, the database did not", ended)
    await write_crl(settings, now_ms)
    return ended


def _listed(authority: Authority, directory: Path) -> list[Revoked]:
    found = files.read_crl(directory)
    try:
        return [] if found is None else issuing.read_crl(authority, found)
    except CodecError as error:
        raise SettingsError(f"{directory / files.CRL}: {error}; put the directory back from its copy") from error


def device_of(key: DeviceKey) -> Device:
    """Whose key it is."""
    return Device(key.site_id, Role(key.role), key.number)


def _asked(csr: str, device: Device) -> tuple[EllipticCurvePublicKey, str]:
    try:
        key = issuing.read_csr(csr, device)
    except CsrRefused as error:
        raise Problem(error.why, device=device_name(device), detail=str(error)) from error
    return key, public_bytes(key).hex()


async def _granted(
    authority: Authority, row: DeviceKey, key: EllipticCurvePublicKey, device: Device, now_ms: int
) -> Granted:
    certificate = issuing.issue_client(authority, device_name(device), key, at(now_ms))
    pem = files.certificate_pem(certificate).decode()
    await DeviceCertificate.create(
        key_id=row.id,
        serial=f"{certificate.serial_number:x}",
        issued_ms=now_ms,
        until_ms=now_ms + CERTIFICATE_DAYS * DAY_MS,
        pem=pem,
    )
    return Granted(pem, files.certificate_pem(authority.certificate).decode())


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def at(ms: int) -> datetime:
    """Aware UTC in whole seconds, as certificates have them."""
    return datetime.fromtimestamp(ms / 1000, UTC).replace(microsecond=0)
