# SPDX-License-Identifier: Apache-2.0
"""Documents: a version of its own for each site and name, sent to whoever uses them, and again until it is told."""

import asyncio
from typing import Any

import pytest
from documents_down import GATE_1, opened, pushed

from pistegate_cloud.documents import service
from pistegate_cloud.documents.models import Document
from pistegate_cloud.errors import Problem
from pistegate_protocol.codec import CODEC_VERSION
from pistegate_protocol.documents import (
    DOCUMENT_MAX,
    AmendmentList,
    CalendarList,
    DenyList,
    SuspensionList,
)
from pistegate_protocol.messages import DOWN, UP, Ack, Hello, SignedDocument
from pistegate_protocol.topics import Device, Role

TILL, HANDHELD = Device(1, Role.TILL, 21), Device(1, Role.INSPECT, 22)


async def suspend(cloud: Any, area: int = 0) -> Any:
    return await cloud.post("/suspensions", {"site": 1, "area": area, "reason": "wind"})


async def revoked_ticket(cloud: Any) -> int:
    number = (await cloud.sell())["tickets"][0]["number"]
    await cloud.post(f"/tickets/{number}/revoke", {"reason": "stolen"})
    return int(number)


async def publish(cloud: Any, kind: type[Any], entries: list[Any], site: int = 1) -> None:
    await service.publish(site, kind, entries, cloud.services.settings.documents, cloud.clock.now_ms)


async def test_each_name_counts_its_own_versions(cloud: Any) -> None:
    """Two suspensions and one revocation: version 2 of the one, version 1 of the other, whole each time."""
    await suspend(cloud, 0)
    await suspend(cloud, 1)
    number = await revoked_ticket(cloud)
    assert [(doc.version, [entry[0] for entry in doc.entries]) for doc in pushed(cloud, SuspensionList)] == [
        (1, [0]),
        (2, [0, 1]),
    ]
    assert [(doc.version, doc.entries) for doc in pushed(cloud, DenyList)] == [(1, [(number, 1)])]


async def test_gates_tills_and_handhelds_are_told_and_encoders_are_not(cloud: Any) -> None:
    """A document goes at once to every device of the site that uses documents."""
    await cloud.post("/gates", {"site": 1, "number": 21, "name": "Restaurant", "role": "till"})
    await cloud.post("/gates", {"site": 1, "number": 22, "name": "Attendant", "role": "inspect"})
    await suspend(cloud)
    told = {topic for topic, payload in cloud.wire.sent if isinstance(DOWN.decode(payload), SignedDocument)}
    gates = {Device(1, Role.GATE, number).down for number in (1, 2, 3)}
    assert told == gates | {TILL.down, HANDHELD.down}


async def test_who_tells_an_older_version_gets_the_newest_denials_first(cloud: Any, new_gate: Any) -> None:
    """At Hello everything newer is sent again, before any acknowledgement; what is told is not."""
    await suspend(cloud)
    await revoked_ticket(cloud)
    await revoked_ticket(cloud)
    gate = new_gate()

    async def answered(told: dict[str, int]) -> list[Any]:
        return [message for _, message in await cloud.receive([gate.hello(told)])]

    answers = await answered({})
    assert [type(document) for document in opened(cloud, 1, answers)] == [DenyList, SuspensionList]
    assert isinstance(answers[-1], Ack)
    assert isinstance(answers[2], Ack)
    assert [document.version for document in opened(cloud, 1, answers)] == [2, 1]
    again = opened(cloud, 1, await answered({"deny_list": 1, "suspensions": 1}))
    assert [type(document) for document in again] == [DenyList]
    assert opened(cloud, 1, await answered({"deny_list": 2, "suspensions": 1, "nonsense": 7})) == []


async def test_a_till_that_tells_an_older_version_gets_the_newest(cloud: Any) -> None:
    """The same for the other roles: an unreachable till learns of it when it is back."""
    await cloud.post("/gates", {"site": 1, "number": 21, "name": "Restaurant", "role": "till"})
    cloud.wire.reachable = False
    await suspend(cloud)
    cloud.wire.reachable = True
    answers = [message for _, message in await cloud.receive([hello(TILL)])]
    assert [type(document) for document in opened(cloud, 1, answers)] == [SuspensionList]


def hello(device: Device) -> tuple[str, bytes]:
    message = Hello(device.number, 5 << 32, 1768622400000, "test 1", {}, "in_service", 0)
    return device.up, UP.encode(message)


async def test_a_site_has_versions_of_its_own(cloud: Any) -> None:
    """Another site's document neither counts up nor reaches this one."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Other", "zone": "Asia/Shanghai"})
    await publish(cloud, SuspensionList, [(0, 1, None, False)], site=2)
    await suspend(cloud)
    assert [document.version for document in pushed(cloud, SuspensionList)] == [1]
    assert await service.newer(2, {"suspensions": 1}) == []
    assert len(await service.newer(2, {})) == 1


async def test_a_document_that_does_not_fit_says_how_many_do(cloud: Any) -> None:
    """Refused with the number that fits, and exactly that many do; nothing is stored."""
    entries = [(2**47 + number, 1) for number in range(130_000)]
    with pytest.raises(Problem) as refused:
        await publish(cloud, DenyList, entries)
    assert refused.value.code == "document_full"
    fits, count = refused.value.values["fits"], refused.value.values["count"]
    assert count == 130_000
    assert await Document.all().count() == 0
    await publish(cloud, DenyList, entries[:fits])
    with pytest.raises(Problem):
        await publish(cloud, DenyList, entries[: fits + 1])
    assert len(bytes((await Document.get()).body)) <= DOCUMENT_MAX


async def test_the_caller_is_told_how_many_denials_fit(cloud: Any, monkeypatch: Any) -> None:
    """Over HTTP it is a problem with both figures, and the ticket stays as it was."""
    number = (await cloud.sell())["tickets"][0]["number"]

    async def many(*_: Any) -> list[tuple[int, int]]:
        return [(2**47 + at, 1) for at in range(130_000)]

    monkeypatch.setattr("pistegate_cloud.tickets.queries.denials", many)
    answer = await cloud.http.post(f"/tickets/{number}/revoke", json={"reason": "stolen"})
    assert (answer.status_code, answer.json()["code"]) == (409, "document_full")
    assert "130000 entries of deny_list" in answer.json()["detail"]
    assert (await cloud.get(f"/tickets/{number}"))["status"] == "sold"


async def test_a_deny_list_of_release_0_1_goes_on(cloud: Any, new_gate: Any) -> None:
    """A row that release 0.1 stored is sent at Hello, and the next version follows it."""
    key = cloud.services.settings.documents
    # Version byte, MessagePack array: tag 1, site 1, version 7, issued_at, [[ticket 5, revision 1]].
    body = bytes([CODEC_VERSION]) + bytes.fromhex("95010107cf0000019bc987d80091920501")
    signature = key.load().sign(b"pistegate document\x00" + body)
    await Document.create(
        site_id=1, name="deny_list", version=7, key_id=key.key_id, body=body, signature=signature, created_ms=1
    )
    answers = [message for _, message in await cloud.receive([new_gate().hello()])]
    assert [(doc.version, doc.entries) for doc in opened(cloud, 1, answers)] == [(7, [(5, 1)])]
    await revoked_ticket(cloud)
    assert [document.version for document in pushed(cloud, DenyList)] == [8]


async def test_old_versions_are_dropped(cloud: Any) -> None:
    """Every version is whole, so only the newest ones stay stored; their numbers go on."""
    for number in range(service.KEPT_VERSIONS + 5):
        await publish(cloud, CalendarList, [(1, [number])])
    stored = [row.version for row in await Document.all().order_by("version")]
    assert stored == list(range(6, service.KEPT_VERSIONS + 6))


async def test_publishers_at_the_same_time_lose_nothing(cloud: Any) -> None:
    """Ten suspensions at once: ten versions, and the last one holds all ten."""
    await asyncio.gather(*(suspend(cloud, number % 2) for number in range(10)))
    versions = sorted(document.version for document in pushed(cloud, SuspensionList))
    assert versions == list(range(1, 11))
    newest = max(pushed(cloud, SuspensionList), key=lambda document: document.version)
    assert len(newest.entries) == 10


async def test_a_value_that_no_document_can_carry_is_a_fault_and_not_a_full_list(cloud: Any) -> None:
    """It must not be told as "too many"."""
    with pytest.raises(ValueError, match="AmendmentList"):
        await publish(cloud, AmendmentList, [b"x" * 97])
    assert pushed(cloud, AmendmentList, GATE_1) == []
