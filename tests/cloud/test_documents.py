# SPDX-License-Identifier: Apache-2.0
"""Documents: a version of its own for each site and name, sent to whoever uses them, and again until it is told."""

import asyncio
from typing import Any

import msgspec
import pytest
from documents_down import GATE_1, issuer_keys, opened, pushed

from pistegate_cloud.documents import service
from pistegate_cloud.documents.models import Document
from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import SigningKey
from pistegate_protocol.amendments import open_amendment
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


def hello(device: Device, told: dict[str, int] | None = None) -> tuple[str, bytes]:
    message = Hello(device.number, 5 << 32, 1768622400000, "test 1", told or {}, "in_service", 0)
    return device.up, UP.encode(message)


async def test_a_site_has_versions_of_its_own(cloud: Any) -> None:
    """Another site's document neither counts up nor reaches this one."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Other", "zone": "Asia/Shanghai"})
    await publish(cloud, SuspensionList, [(0, 1, None, False)], site=2)
    await suspend(cloud)
    assert [document.version for document in pushed(cloud, SuspensionList)] == [1]
    assert await service.newer(2, everything(2)) == []
    assert len(await service.newer(2, everything(1))) == 1


def everything(suspensions: int) -> dict[str, int]:
    """What a device of a site that joined a group tells: everything at version 1, suspensions at another."""
    return dict.fromkeys(service.ORDER, 1) | {"suspensions": suspensions}


async def test_a_site_that_joins_a_group_is_told_all_of_the_group(cloud: Any) -> None:
    """A group ticket revoked, another held, a calendar of the group: the new site's gates know them from the start."""
    product = {"site": 1, "number": 9, "code": "G", "name": {"en": "G", "zh-CN": "通"}, "price": 1, "currency": "CNY"}
    await cloud.post("/products", product | {"areas": [0], "scope": "group"})
    revoked, held = [ticket["number"] for ticket in (await cloud.sell(9, 2))["tickets"]]
    await cloud.post(f"/tickets/{revoked}/revoke", {"reason": "stolen"})
    await cloud.post(f"/tickets/{held}/hold", {"reason": "hurt"})
    name = {"en": "Set", "zh-CN": "日历"}
    await cloud.post("/calendars", {"site": 1, "number": 7, "name": name, "scope": "group", "weekdays": ["mon"]})
    await suspend(cloud)
    before = len(cloud.wire.sent)
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Other", "zone": "Asia/Shanghai"})
    await cloud.post("/sites", {"number": 3, "group": 3, "name": "Alone", "zone": "Asia/Shanghai"})
    assert len(cloud.wire.sent) == before  # nobody is there yet; for the sites of before nothing is new
    messages = [DOWN.decode(message) for message in await service.newer(2, {})]
    told = entries(cloud, 2, messages)
    assert told[DenyList] == [(revoked, 1)]
    assert [open_amendment(signed, issuer_keys(cloud)).ticket for signed in told[AmendmentList]] == [held]
    assert [number for number, _ in told[CalendarList]] == [7]
    assert told[SuspensionList] == []
    assert await service.newer(3, {}) == []


async def test_documents_are_signed_anew_with_a_new_key(cloud: Any) -> None:
    """After the key was changed everything is sent again under it, as higher versions, and who is behind is shown."""
    await suspend(cloud)
    number = await revoked_ticket(cloud)
    cloud.services.settings = msgspec.structs.replace(
        cloud.services.settings, documents=SigningKey(key_id=3, private_key="03" * 32)
    )
    answer = await cloud.post("/documents/renew", {"site": 1})
    shown = {item["name"]: (item["version"], item["behind"]) for item in answer["items"]}
    assert shown["deny_list"] == shown["suspensions"] == (2, [1, 2, 3])
    newest = [DOWN.decode(payload) for topic, payload in cloud.wire.sent if topic == GATE_1.down][-len(service.ORDER) :]
    assert {message.key_id for message in newest} == {3}
    assert entries(cloud, 1, newest)[DenyList] == [(number, 1)]
    await cloud.receive([hello(GATE_1, {"deny_list": 2, "suspensions": 1})])
    shown = {item["name"]: item["behind"] for item in (await cloud.get("/documents", site=1))["items"]}
    assert (shown["deny_list"], shown["suspensions"]) == ([2, 3], [1, 2, 3])
    assert (await cloud.http.get("/documents", params={"site": 9})).json()["code"] == "unknown_reference"


def entries(cloud: Any, site: int, messages: list[Any]) -> dict[type[Any], list[Any]]:
    return {type(document): document.entries for document in opened(cloud, site, messages)}


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
