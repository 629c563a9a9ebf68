# SPDX-License-Identifier: Apache-2.0
"""All queries of devices' keys, certificates and codes."""

from collections.abc import Iterable
from typing import Any

from tortoise.expressions import F, Q

from pistegate_cloud.authority.models import DeviceCertificate, DeviceKey, EnrolmentCode
from pistegate_cloud.encoders.models import Encoder
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.ingest.models import CloudState
from pistegate_protocol.topics import Device, Role


async def changed() -> None:
    """Let every process look at its devices anew, in the caller's transaction."""
    await CloudState.filter(id=1).update(devices=F("devices") + 1)


async def is_registered(device: Device) -> bool:
    """Whether there is such a device, in this role."""
    if device.role is Role.ENCODER:
        return await Encoder.exists(site_id=device.site, number=device.number)
    return await Gate.exists(site_id=device.site, number=device.number, role=device.role)


def _of(device: Device) -> dict[str, Any]:
    return {"site_id": device.site, "role": device.role.value, "number": device.number}


async def active_key(device: Device) -> DeviceKey | None:
    """The key that a device has now."""
    return await DeviceKey.get_or_none(**_of(device), state="active")


async def key_by_public(public: str) -> DeviceKey | None:
    """A key by itself, whoever has it and whatever became of it."""
    return await DeviceKey.get_or_none(public=public)


async def keys_of(device: Device) -> list[DeviceKey]:
    """Every key that a device ever had, the newest last."""
    return await DeviceKey.filter(**_of(device)).order_by("id")


async def keys_at(addresses: Iterable[tuple[int, int]]) -> dict[tuple[int, int], list[DeviceKey]]:
    """Keys of devices by (site, number), of any role."""
    wanted = set(addresses)
    rows = await DeviceKey.filter(site_id__in={site for site, _ in wanted}, number__in={number for _, number in wanted})
    found: dict[tuple[int, int], list[DeviceKey]] = {}
    for row in rows:
        found.setdefault((row.site_id, row.number), []).append(row)
    return {address: keys for address, keys in found.items() if address in wanted}


async def all_keys(site: int | None) -> list[DeviceKey]:
    """Keys of one site or of all, by device, the newest last."""
    query = DeviceKey.all() if site is None else DeviceKey.filter(site_id=site)
    return await query.order_by("site_id", "number", "role", "id")


async def end_key(key: DeviceKey, state: str, now_ms: int, reason: str, actor: str) -> bool:
    """Replace or revoke a key; False when it was ended before."""
    rows = DeviceKey.filter(id=key.id, state="active")
    return bool(await rows.update(state=state, ended_ms=now_ms, reason=reason, actor=actor))


async def note_asked(key: DeviceKey, now_ms: int) -> None:
    """A device asks for a renewal that a person must agree to."""
    await DeviceKey.filter(id=key.id, asked_ms=None).update(asked_ms=now_ms)


async def approve(key: DeviceKey, now_ms: int) -> bool:
    """Agree to the renewal that a key waits for; whether it waits."""
    waiting = DeviceKey.filter(id=key.id, state="active", asked_ms__not_isnull=True, approved_ms=None)
    return bool(await waiting.update(approved_ms=now_ms))


async def renewed(key: DeviceKey) -> None:
    """Its renewal is done: the next one needs a person's word again."""
    await DeviceKey.filter(id=key.id).update(asked_ms=None, approved_ms=None)


async def newest_certificate(key: DeviceKey) -> DeviceCertificate | None:
    """What a key was certified with last."""
    return await DeviceCertificate.filter(key_id=key.id).order_by("-id").first()


async def newest_certificates(keys: Iterable[DeviceKey]) -> dict[int, DeviceCertificate]:
    """By key."""
    rows = await DeviceCertificate.filter(key_id__in=[key.id for key in keys]).order_by("id")
    return {row.key_id: row for row in rows}


async def ended_certificates(now_ms: int) -> list[DeviceCertificate]:
    """Every certificate that still runs though its key does not, with the key."""
    ended = ~Q(key__state="active")
    return await DeviceCertificate.filter(ended, until_ms__gt=now_ms).select_related("key").order_by("id")


async def active_by_serials(serials: Iterable[str]) -> list[DeviceCertificate]:
    """Certificates among these whose keys are active, with the keys."""
    rows = DeviceCertificate.filter(serial__in=list(serials), key__state="active")
    return await rows.select_related("key").order_by("id")


async def code_by_digest(digest: str) -> EnrolmentCode | None:
    """A code that was made and not thrown away."""
    return await EnrolmentCode.get_or_none(digest=digest)


async def use_code(code: EnrolmentCode, public: str, now_ms: int) -> bool:
    """Take a code for a key; False when somebody else was first."""
    return bool(await EnrolmentCode.filter(id=code.id, used_ms=None).update(used_ms=now_ms, public=public))


async def drop_codes(device: Device) -> None:
    """Codes of a device that nobody used: the next one is the one that counts."""
    await EnrolmentCode.filter(**_of(device), used_ms=None).delete()
