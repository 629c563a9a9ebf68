# SPDX-License-Identifier: Apache-2.0
"""How every device stands: enrolled or not, until when, revoked why, what of it lies in quarantine."""

from collections.abc import Sequence

from pistegate_cloud.authority import queries, takeovers
from pistegate_cloud.authority.models import DeviceCertificate, DeviceKey
from pistegate_cloud.authority.schemas import DeviceAnswer
from pistegate_cloud.encoders import queries as encoders
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.ingest import store
from pistegate_cloud.schemas import iso
from pistegate_protocol.topics import Device, Role


async def devices(site: int | None, now_ms: int) -> list[DeviceAnswer]:
    """Every registered device, in order of site, role and number."""
    held: dict[Device, list[DeviceKey]] = {}
    for key in await queries.all_keys(site):
        held.setdefault(Device(key.site_id, Role(key.role), key.number), []).append(key)
    certificates = await queries.newest_certificates(key for keys in held.values() for key in keys)
    places = await takeovers.standing(site)
    waiting = await store.quarantined_by_topic()
    seen = {Device(row.site_id, Role(row.role), row.number): row.last_seen_ms for row in await gates.gates(site)}
    seen |= {Device(row.site_id, Role.ENCODER, row.number): row.last_seen_ms for row in await encoders.encoders(site)}
    found = []
    for device in sorted(seen, key=lambda each: (each.site, each.role, each.number)):
        answer = _standing(device, held.get(device, []), certificates, now_ms)
        last = seen[device]
        more = {
            "quarantined": waiting.get(device.up, 0),
            "last_seen": None if last is None else iso(last),
            "stands_for": places.get((device.site, device.number)) if device.role is Role.GATE else None,
        }
        found.append(answer.model_copy(update=more))
    return found


def _standing(
    device: Device, keys: Sequence[DeviceKey], certificates: dict[int, DeviceCertificate], now_ms: int
) -> DeviceAnswer:
    if not keys:
        return DeviceAnswer(site=device.site, role=device.role.value, number=device.number, state="unsigned")
    key = next((each for each in keys if each.state == "active"), keys[-1])
    certificate = certificates.get(key.id)
    state = key.state
    if state == "active" and certificate is not None and now_ms >= certificate.until_ms:
        state = "waiting" if key.asked_ms is not None and key.approved_ms is None else "expired"
    return DeviceAnswer(
        site=device.site,
        role=device.role.value,
        number=device.number,
        state=state,
        enrolled=iso(key.enrolled_ms),
        certificate_until=iso(certificate.until_ms) if certificate else None,
        serial=certificate.serial if certificate else None,
        ended=iso(key.ended_ms) if key.ended_ms is not None else None,
        reason=key.reason,
    )
