# SPDX-License-Identifier: Apache-2.0
"""A cloud restored from yesterday's backup: gates send again, and what they were told since is not undone."""

from pathlib import Path
from typing import Any

import pytest
from documents_down import document_keys, pushed

from pistegate_cloud.backups import service
from pistegate_cloud.documents import recovery
from pistegate_cloud.documents.asking import ANSWER_S, first_after
from pistegate_cloud.errors import CloudError
from pistegate_cloud.settings import DatabaseSettings, Settings
from pistegate_protocol.amendments import Amendment, sign_amendment
from pistegate_protocol.documents import (
    AMENDMENT_LIST,
    DENY_LIST,
    LOST_CARDS,
    AmendmentList,
    DenyList,
    LostCards,
    sign_document,
    verify_document,
)
from pistegate_protocol.events import Refused, Stream
from pistegate_protocol.messages import UP, Ack, DocumentWanted, HeldDocument, SignedDocument

NOON_MS = 1768622400000  # 2026-01-17 12:00 in Shanghai


def held(gate: Any, document: SignedDocument) -> tuple[str, bytes]:
    """The gate's answer to DocumentWanted."""
    message = HeldDocument(gate.device.number, document.key_id, document.body, document.signature)
    return gate.device.up, UP.encode(message)


def signed(cloud: Any, document: Any) -> SignedDocument:
    """As the cloud signed it before the disaster."""
    key = cloud.services.settings.documents
    return sign_document(document, key.key_id, key.load())


async def answers(cloud: Any, gate: Any, versions: dict[str, int]) -> list[Any]:
    """What a gate is told for its hello."""
    return [message for _, message in await cloud.receive([gate.hello(versions)])]


async def take_returned(cloud: Any) -> None:
    """As `serve` does with what came back."""
    while not cloud.services.ingest.returned.empty():
        await recovery.take(*cloud.services.ingest.returned.get_nowait(), cloud.services)


async def restored(settings: Settings, backup: Path, make_dsn: Any, now_ms: int = NOON_MS) -> Settings:
    """Settings of a database restored from the backup."""
    url = settings.database.url if settings.database.is_sqlite else make_dsn()
    database = DatabaseSettings(url)
    await service.restore(database, backup, now_ms, str(now_ms))
    return Settings(**{name: getattr(settings, name) for name in settings.__struct_fields__} | {"database": database})


@pytest.fixture
def make_dsn(request: pytest.FixtureRequest) -> Any:
    """A function that makes an empty PostgreSQL database."""
    return lambda: str(request.getfixturevalue("postgres_server").create_database())


async def test_restored_cloud_has_another_generation_and_what_gates_resend(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """Events after the backup come again, are stored once, and nothing is a fork; the operator is told."""
    gate, backup = new_gate(), tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        gate.add(Refused(1, "used_up", None, None), stream=Stream.NOTES)
        await cloud.receive([gate.batch(), gate.batch(stream=Stream.NOTES)])
        generation = (await cloud.receive([gate.batch()]))[0][1].generation
        assert service.backup(settings.database, backup) > 10_000
        gate.add(Refused(2, "used_up", None, None), stream=Stream.NOTES)
        await cloud.receive([gate.batch(stream=Stream.NOTES)])
    again = await restored(settings, backup, make_dsn)
    async with running_cloud(again) as cloud:
        acks = [answer for answer in await answers(cloud, gate, {}) if isinstance(answer, Ack)]
        assert {ack.generation for ack in acks} != {generation}
        assert [ack.seq for ack in acks] == [1, 2]
        await cloud.receive([gate.batch(), gate.batch(stream=Stream.NOTES)])
        acks = [answer for answer in await answers(cloud, gate, {}) if isinstance(answer, Ack)]
        assert [ack.seq for ack in acks] == [1, 3]
        assert await cloud.exceptions() == ["restored"]


async def test_denial_after_the_backup_survives_the_restore(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """The gate's newer list is asked for before any other is sent, and its denials are told again, above it."""
    gate, backup = new_gate(), tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        order = await cloud.sell()
        known = order["tickets"][0]["number"]
        service.backup(settings.database, backup)
        before = (pushed(cloud, DenyList) or [DenyList(1, 0, 1, [])])[-1]
        lost = signed(cloud, DenyList(1, before.version + 3, 1, sorted([(known, 1), (4711, 2)])))
    again = await restored(settings, backup, make_dsn)
    async with running_cloud(again) as cloud:
        told = {DENY_LIST: before.version + 3}
        first = await answers(cloud, gate, told)
        assert DocumentWanted(DENY_LIST) in first
        assert not [each for each in first if isinstance(each, SignedDocument) and is_deny(cloud, each)]
        await cloud.receive([held(gate, lost)])
        await take_returned(cloud)
        (list_,) = pushed(cloud, DenyList)
        assert list_.version > before.version + 3
        assert dict(list_.entries) == {known: 1, 4711: 2}
        assert DocumentWanted(DENY_LIST) not in await answers(cloud, gate, told)
        assert "document_recovered" in await cloud.exceptions()
        await cloud.post(f"/tickets/{order['tickets'][0]['number']}/revoke", {"reason": "later"})
        assert (4711, 2) in pushed(cloud, DenyList)[-1].entries, "what came back goes on being told"


async def test_nothing_is_pushed_over_a_newer_list_that_is_to_be_asked_for(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """Gate 1 gives back less than gate 2 still knows: what comes of it waits for gate 2's own, or its denials are gone.

    Found by the storm: a denied ticket went in at a gate that had been told of it.
    """
    first, second, silent = new_gate(1), new_gate(2), new_gate(3)
    backup = tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        service.backup(settings.database, backup)
        older = signed(cloud, DenyList(1, 3, 1, [(4711, 2)]))
        newer = signed(cloud, DenyList(1, 5, 1, [(4711, 2), (4712, 2)]))
    again = await restored(settings, backup, make_dsn)
    async with running_cloud(again) as cloud:
        await answers(cloud, first, {DENY_LIST: 3})
        await answers(cloud, second, {DENY_LIST: 5})
        await cloud.receive([held(first, older)])
        await take_returned(cloud)
        assert [topic for topic, _ in cloud.wire.sent] == [first.device.down]
        await cloud.receive([held(second, newer)])
        await take_returned(cloud)
        assert [topic for topic, _ in cloud.wire.sent][1:] == [first.device.down, second.device.down]
        assert dict(pushed(cloud, DenyList)[-1].entries) == {4711: 2, 4712: 2}
        assert any(isinstance(each, SignedDocument) for each in await answers(cloud, silent, {}))
        await cloud.post(f"/tickets/{(await cloud.sell())['tickets'][0]['number']}/revoke", {"reason": "later"})
        assert silent.device.down in [topic for topic, _ in cloud.wire.sent]


def is_deny(cloud: Any, document: SignedDocument) -> bool:
    """Whether it is a deny list."""
    return isinstance(verify_document(document, document_keys(cloud), 1), DenyList)


async def test_amendment_after_the_backup_holds_and_the_next_goes_on_from_it(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """An extension sold since is the ticket's again; a hold laid on it then keeps the extension."""
    gate, backup = new_gate(), tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        number = (await cloud.sell())["tickets"][0]["number"]
        service.backup(settings.database, backup)
        issuer = cloud.services.settings.issuer
        longer = sign_amendment(
            Amendment(key_id=issuer.key_id, ticket=number, number=1, areas=frozenset({0})), issuer.load()
        )
        lost = signed(cloud, AmendmentList(1, 7, 1, [longer]))
    again = await restored(settings, backup, make_dsn)
    async with running_cloud(again) as cloud:
        assert DocumentWanted(AMENDMENT_LIST) in await answers(cloud, gate, {AMENDMENT_LIST: 7})
        await cloud.receive([held(gate, lost)])
        await take_returned(cloud)
        assert pushed(cloud, AmendmentList)[-1].entries == [longer]
        held_ = await cloud.post(f"/tickets/{number}/hold", {"reason": "asked"})
        assert held_["number"] == 2
        assert held_["areas"] == [0]


async def test_document_that_the_cloud_never_signed_is_not_taken_back(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """A bit turned, another key, a version that was never lost: nothing changes, nothing is told."""
    gate, backup = new_gate(), tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        service.backup(settings.database, backup)
        good = signed(cloud, LostCards(1, 7, 1, [bytes(7)]))
        beyond = signed(cloud, LostCards(1, first_after(0, NOON_MS) + 7, 1, [bytes(7)]))
    again = await restored(settings, backup, make_dsn)
    async with running_cloud(again) as cloud:
        await answers(cloud, gate, {LOST_CARDS: 7})
        turned = SignedDocument(good.key_id, good.body[:-1] + bytes([good.body[-1] ^ 1]), good.signature)
        for each in (turned, SignedDocument(99, good.body, good.signature), beyond):
            await cloud.receive([held(gate, each)])
        await take_returned(cloud)
        assert not pushed(cloud, LostCards)
        await cloud.receive([held(gate, good)])
        await take_returned(cloud)
        assert pushed(cloud, LostCards)[-1].entries == [bytes(7)]


async def test_document_of_a_first_restore_is_asked_back_after_a_second_one(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """Restored twice from one backup: what the first one published is lost too, and below what the second one does."""
    gate, backup = new_gate(), tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        sold = (await cloud.sell(1, 2))["tickets"]
        service.backup(settings.database, backup)
    first = await restored(settings, backup, make_dsn, NOON_MS)
    async with running_cloud(first) as cloud:
        await answers(cloud, gate, {})
        await cloud.post(f"/tickets/{sold[0]['number']}/revoke", {"reason": "between the restores"})
        between = pushed(cloud, DenyList)[-1]
        lost = signed(cloud, between)
    second = await restored(first, backup, make_dsn, NOON_MS + 3_600_000)
    async with running_cloud(second) as cloud:
        assert DocumentWanted(DENY_LIST) in await answers(cloud, gate, {DENY_LIST: between.version})
        await cloud.receive([held(gate, lost)])
        await take_returned(cloud)
        again = pushed(cloud, DenyList)[-1]
        assert again.version > between.version
        assert again.entries == between.entries
        later = tmp_path / "later.backup"
        service.backup(second.database, later)
    third = await restored(second, later, make_dsn, NOON_MS - 3_600_000)
    async with running_cloud(third) as cloud:
        await answers(cloud, gate, {DENY_LIST: again.version})
        await cloud.post(f"/tickets/{sold[1]['number']}/revoke", {"reason": "with a clock that is behind"})
        assert pushed(cloud, DenyList)[-1].version > again.version


async def test_gate_that_never_answers_gets_documents_in_the_end(
    settings: Settings, tmp_path: Path, make_dsn: Any, running_cloud: Any, new_gate: Any
) -> None:
    """Who is asked for a document and silent is sent the cloud's own after two minutes."""
    gate, backup = new_gate(), tmp_path / "cloud.backup"
    async with running_cloud(settings) as cloud:
        service.backup(settings.database, backup)
    again = await restored(settings, backup, make_dsn)
    async with running_cloud(again) as cloud:
        number = (await cloud.sell())["tickets"][0]["number"]
        await cloud.post(f"/tickets/{number}/revoke", {"reason": "after the restore"})
        told = {DENY_LIST: 3}
        assert not [each for each in await answers(cloud, gate, told) if isinstance(each, SignedDocument)]
        cloud.clock.seconds += ANSWER_S
        sent = [each for each in await answers(cloud, gate, told) if isinstance(each, SignedDocument)]
        assert [is_deny(cloud, each) for each in sent] == [True]


def test_backup_into_a_file_that_is_there_is_refused(sqlite_settings: Settings, tmp_path: Path) -> None:
    """Nobody's last good backup is written over."""
    out = tmp_path / "cloud.backup"
    out.write_text("yesterday's")
    with pytest.raises(CloudError, match="is there already"):
        service.backup(sqlite_settings.database, out)
    assert out.read_text() == "yesterday's"


async def test_damaged_backup_replaces_nothing(sqlite_settings: Settings, tmp_path: Path) -> None:
    """The database stays as it was."""
    backup = tmp_path / "cloud.backup"
    service.backup(sqlite_settings.database, backup)
    content = bytearray(backup.read_bytes())
    content[8192:12288] = bytes(4096)
    backup.write_bytes(content)
    before = sqlite_settings.database.sqlite_path.read_bytes()
    with pytest.raises(CloudError, match=r"no sound backup|is damaged"):
        await service.restore(sqlite_settings.database, backup, 1, "test")
    assert sqlite_settings.database.sqlite_path.read_bytes() == before


async def test_restore_under_a_running_cloud_is_refused(
    sqlite_settings: Settings, tmp_path: Path, running_cloud: Any
) -> None:
    """It would go on writing into a file that nobody reads any more."""
    backup = tmp_path / "cloud.backup"
    service.backup(sqlite_settings.database, backup)
    async with running_cloud(sqlite_settings) as cloud:
        await cloud.sell()
        with pytest.raises(CloudError, match="stop pistegate-cloud first"):
            await service.restore(sqlite_settings.database, backup, 1, "test")
