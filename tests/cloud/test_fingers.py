# SPDX-License-Identifier: Apache-2.0
"""Consents to fingerprints: recorded before anything is taken, withdrawn for good, with a receipt of each gate."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from documents_down import issuer_keys, opened, pushed

from pistegate_cloud.fingers import service
from pistegate_cloud.fingers.deletions import SILENT_MS
from pistegate_cloud.fingers.sweeping import sweep
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.documents import FINGER_LIST, FingerList, SuspensionList
from pistegate_protocol.events import EVENTS, FingerErased
from pistegate_protocol.fingers import holder_of, medium_of
from pistegate_protocol.messages import Ack, SignedDocument
from pistegate_protocol.signing import open_claim
from pistegate_protocol.topics import Device, Role

WORDS = "May we keep a template of your finger until your pass ends?"
YES = {"staff": "Li Na 李娜", "text_version": "finger-1", "words": WORDS, "locale": "en"}
HOLDS = {"finger_templates": 1, "finger_waiting": 0}


async def ticket_of(cloud: Any, product: int = 1) -> int:
    return int((await cloud.sell(product))["tickets"][0]["number"])


async def agree(cloud: Any, ticket: int, **more: Any) -> Any:
    return await cloud.post("/fingers", {"ticket": ticket} | YES | more)


async def withdraw(cloud: Any, finger: int) -> Any:
    return await cloud.post("/fingers/withdrawals", {"finger": finger, "reason": "the guest asked for it"})


def told(cloud: Any) -> dict[bytes, bytes]:
    """What the gates were told last."""
    return dict(pushed(cloud, FingerList)[-1].entries)


async def hear(cloud: Any, gate: Any, **documents: int) -> list[Any]:
    """A gate says hello; what it is sent."""
    return [message for _, message in await cloud.receive([gate.hello(documents)])]


async def erased(cloud: Any, gate: Any, holder: str, why: str = "withdrawn", slot: int | None = None) -> None:
    """A gate tells a receipt, and it is applied."""
    gate.add(FingerErased(cloud.clock.now_ms, bytes.fromhex(holder), why, slot))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()


def stages(answer: Any) -> dict[int, str]:
    return {gate["gate"]: gate["stage"] for gate in answer["gates"]}


async def test_a_consent_is_on_record_before_there_is_a_finger(cloud: Any) -> None:
    """Who asked, what words, when, for a child by whom; its answer names the finger, until the pass is over."""
    ticket = await ticket_of(cloud)
    given = await agree(cloud, ticket, guardian=True)
    assert bytes.fromhex(given["holder"]) == holder_of(ticket, 1)
    assert (given["staff"], given["guardian"], given["words"], given["by"]) == ("Li Na 李娜", True, WORDS, "test")
    midnight = datetime(2026, 1, 17, 16, tzinfo=UTC)  # in Shanghai, after the ticket's day
    assert given["until_ms"] == midnight.timestamp() * 1000
    assert (await cloud.get("/fingers", ticket=ticket))["items"] == [given]


@pytest.mark.parametrize("missing", ["staff", "text_version", "words", "locale"])
async def test_without_all_of_it_there_is_no_consent(sqlite_cloud: Any, missing: str) -> None:
    """Nobody can prove later what a guest agreed to."""
    body = {"ticket": await ticket_of(sqlite_cloud)} | YES
    for broken in (body | {missing: " "}, {key: value for key, value in body.items() if key != missing}):
        answer = await sqlite_cloud.http.post("/fingers", json=broken)
        assert answer.json()["code"] == "invalid_request"


async def test_no_template_is_taken_by_the_cloud(sqlite_cloud: Any) -> None:
    """A desk that sends one along is refused, and nothing of it is repeated."""
    body = {"ticket": await ticket_of(sqlite_cloud), "sealed": "0101c0ffee"} | YES
    answer = await sqlite_cloud.http.post("/fingers", json=body)
    assert answer.status_code == 422
    assert "c0ffee" not in answer.text


async def test_whose_ticket_is_over_or_for_several_gives_no_finger(sqlite_cloud: Any) -> None:
    """Each by its own code."""
    cloud = sqlite_cloud
    ticket = await ticket_of(cloud)
    party = await cloud.http.post("/fingers", json={"ticket": await ticket_of(cloud, 3)} | YES)
    assert party.json()["code"] == "finger_party"
    assert (await cloud.http.post("/fingers", json={"ticket": 7} | YES)).json()["code"] == "not_found"
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "refund"})
    assert (await cloud.http.post("/fingers", json={"ticket": ticket} | YES)).json()["code"] == "ticket_revoked"
    other = await ticket_of(cloud)
    cloud.clock.now_ms += 86_400_000
    assert (await cloud.http.post("/fingers", json={"ticket": other} | YES)).json()["code"] == "visit_date_past"


async def test_a_finger_that_opens_alone_is_told_with_its_claim(cloud: Any) -> None:
    """Bound to the finger, so that it is worth nothing as a code; one beside a card is not told at all."""
    alone, beside = await ticket_of(cloud), await ticket_of(cloud)
    given = await agree(cloud, alone, alone=True)
    await agree(cloud, beside)
    (entry,) = told(cloud).items()
    assert entry[0].hex() == given["holder"]
    assert open_claim(entry[1], medium_of(entry[0]), issuer_keys(cloud)).ticket == alone


async def test_only_so_many_open_alone(sqlite_cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's chance grows with each; the next one comes by card and finger."""
    monkeypatch.setattr(service, "ALONE_MAX", 1)
    first, second = await ticket_of(sqlite_cloud), await ticket_of(sqlite_cloud)
    await agree(sqlite_cloud, first, alone=True)
    answer = await sqlite_cloud.http.post("/fingers", json={"ticket": second, "alone": True} | YES)
    assert answer.json()["code"] == "finger_full"
    await agree(sqlite_cloud, first, alone=True)  # another finger in its place
    await agree(sqlite_cloud, second)


async def test_another_finger_ends_the_one_of_before(sqlite_cloud: Any) -> None:
    """It gets another name: what is on its way to be erased never meets the new one."""
    ticket = await ticket_of(sqlite_cloud)
    first = await agree(sqlite_cloud, ticket, alone=True)
    second = await agree(sqlite_cloud, ticket, alone=True)
    entries = told(sqlite_cloud)
    assert entries[bytes.fromhex(first["holder"])] == b""
    assert entries[bytes.fromhex(second["holder"])] != b""
    (old, new) = (await sqlite_cloud.get("/fingers", ticket=ticket))["items"]
    assert (old["ended_as"], new["ended"]) == ("replaced", None)


async def test_a_withdrawal_reaches_every_gate_and_is_answered_by_each(cloud: Any, new_gate: Any) -> None:
    """Pushed at once; a receipt of each gate that holds fingers; then it is complete, and says when."""
    given = await agree(cloud, await ticket_of(cloud))
    one, two, without = new_gate(1), new_gate(2), new_gate(3)
    for gate in (one, two):
        await hear(cloud, gate, **HOLDS)
    await hear(cloud, without)
    answer = await withdraw(cloud, given["id"])
    assert told(cloud) == {bytes.fromhex(given["holder"]): b""}
    assert (stages(answer), answer["complete"]) == ({1: "not_told", 2: "not_told"}, False)
    await hear(cloud, one, **HOLDS, **{FINGER_LIST: 1})
    await erased(cloud, one, given["holder"], slot=4)
    answer = await cloud.get(f"/fingers/withdrawals/{given['id']}")
    assert (stages(answer), answer["complete"]) == ({1: "erased", 2: "not_told"}, False)
    assert "Gate 2" in answer["sentence"]
    await erased(cloud, two, given["holder"])
    answer = await cloud.get(f"/fingers/withdrawals/{given['id']}")
    assert (stages(answer), answer["complete"]) == ({1: "erased", 2: "erased"}, True)
    assert answer["gates"][0]["sentence"] == "Gate 1: erased at 2026-01-17 04:00 UTC."
    assert await cloud.exceptions() == []


async def test_withdrawn_twice_is_withdrawn_once(sqlite_cloud: Any) -> None:
    """The same answer, no second version."""
    given = await agree(sqlite_cloud, await ticket_of(sqlite_cloud))
    first = await withdraw(sqlite_cloud, given["id"])
    assert await withdraw(sqlite_cloud, given["id"]) == first
    assert len(pushed(sqlite_cloud, FingerList)) == 1
    assert first["sentence"] == "No gate of the site has a finger sensor: nothing is to be erased."


async def test_what_a_gate_waits_for_is_said_with_what_to_do(sqlite_cloud: Any, new_gate: Any) -> None:
    """Not told yet, told, without its sensor, not heard for a while, taken out of use: a sentence for each."""
    cloud, gate = sqlite_cloud, new_gate()
    given = await agree(cloud, await ticket_of(cloud))
    await hear(cloud, gate, **HOLDS)
    await withdraw(cloud, given["id"])

    async def stage() -> tuple[str, str]:
        (found,) = (await cloud.get(f"/fingers/withdrawals/{given['id']}"))["gates"]
        return found["stage"], found["sentence"]

    assert (await stage())[0] == "not_told"
    await hear(cloud, gate, **HOLDS, **{FINGER_LIST: 1})
    assert (await stage())[0] == "told"
    await hear(cloud, gate, **HOLDS | {"finger_waiting": 1}, **{FINGER_LIST: 1})
    assert (await stage())[0] == "sensor"
    assert "finger wipe" in (await stage())[1]
    cloud.clock.now_ms += SILENT_MS + 1
    assert (await stage())[0] == "not_heard"
    assert "since 2026-01-17 04:00 UTC" in (await stage())[1]
    answer = await cloud.http.post("/gates/retire", json={"site": 1, "number": 1})
    assert answer.status_code == 204
    assert (await stage())[0] == "retired"
    chinese = await cloud.http.get(f"/fingers/withdrawals/{given['id']}", headers={"Accept-Language": "zh-CN"})
    assert "闸机 1" in chinese.json()["sentence"]


async def test_a_gate_that_was_away_for_a_month_is_told_before_its_upload_is_acknowledged(
    sqlite_cloud: Any, new_gate: Any
) -> None:
    """The first things that a returning gate hears are who is shut out and who is to be erased."""
    cloud, gate = sqlite_cloud, new_gate()
    given = await agree(cloud, await ticket_of(cloud))
    await cloud.post("/suspensions", {"site": 1, "area": 1, "reason": "wind"})
    await withdraw(cloud, given["id"])
    cloud.clock.now_ms += 30 * 86_400_000
    answers = await hear(cloud, gate, **HOLDS)
    first_ack = next(at for at, message in enumerate(answers) if isinstance(message, Ack))
    sent = [message for message in answers[:first_ack] if isinstance(message, SignedDocument)]
    kinds = [type(document) for document in opened(cloud, 1, sent)]
    assert kinds == [FingerList, SuspensionList]
    assert not any(isinstance(message, SignedDocument) for message in answers[first_ack:])


async def test_a_receipt_that_comes_twice_keeps_its_first_time(sqlite_cloud: Any, new_gate: Any) -> None:
    """A gate killed between its ledger and its own file tells it again; another run of it too."""
    cloud = sqlite_cloud
    given = await agree(cloud, await ticket_of(cloud))
    gate = new_gate()
    await withdraw(cloud, given["id"])
    await erased(cloud, gate, given["holder"])
    cloud.clock.now_ms += 60_000
    gate.add(FingerErased(cloud.clock.now_ms, bytes.fromhex(given["holder"]), "withdrawn", None))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    (found,) = (await cloud.get(f"/fingers/withdrawals/{given['id']}"))["gates"]
    assert found["sentence"] == "Gate 1: erased at 2026-01-17 04:00 UTC."


async def test_a_cancelled_ticket_and_a_pass_that_ends_take_their_finger_along(cloud: Any, new_gate: Any) -> None:
    """Nobody need remember it; each is told to the gates, and is done once every gate has answered."""
    cancelled, ends = await ticket_of(cloud), await ticket_of(cloud)
    first, second = await agree(cloud, cancelled, alone=True), await agree(cloud, ends)
    gate = new_gate()
    await hear(cloud, gate, **HOLDS)
    await cloud.post(f"/tickets/{cancelled}/revoke", {"reason": "refund"})
    await sweep(cloud.services)
    assert told(cloud) == {bytes.fromhex(first["holder"]): b""}
    cloud.clock.now_ms = second["until_ms"]
    await sweep(cloud.services)
    assert told(cloud) == {bytes.fromhex(first["holder"]): b"", bytes.fromhex(second["holder"]): b""}
    listed = (await cloud.get("/fingers/withdrawals", site=1))["items"]
    assert [each["ended_as"] for each in listed] == ["revoked", "expired"]
    versions = len(pushed(cloud, FingerList))
    await sweep(cloud.services)
    assert len(pushed(cloud, FingerList)) == versions  # nothing new, nothing sent
    await hear(cloud, gate, **HOLDS)
    await erased(cloud, gate, first["holder"])
    gate.add(FingerErased(cloud.clock.now_ms, bytes.fromhex(second["holder"]), "expired", None))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    await sweep(cloud.services)
    assert told(cloud) == {}


async def test_a_withdrawn_finger_stays_told_until_its_pass_would_have_ended(sqlite_cloud: Any, new_gate: Any) -> None:
    """A gate that is added later, with a file of before, erases it too."""
    cloud, gate = sqlite_cloud, new_gate()
    given = await agree(cloud, await ticket_of(cloud))
    await hear(cloud, gate, **HOLDS)
    await withdraw(cloud, given["id"])
    await erased(cloud, gate, given["holder"])
    await sweep(cloud.services)
    assert told(cloud) == {bytes.fromhex(given["holder"]): b""}
    cloud.clock.now_ms = given["until_ms"]
    await sweep(cloud.services)
    assert told(cloud) == {}


async def test_a_pass_on_a_new_card_keeps_its_finger(cloud: Any) -> None:
    """Its claim follows the ticket's revision: else the gates would refuse the finger as cancelled."""
    ticket = await ticket_of(cloud)
    given = await agree(cloud, ticket, alone=True)
    before = told(cloud)[bytes.fromhex(given["holder"])]
    await cloud.services.database.execute_query(f"UPDATE ticket SET revision = 2 WHERE number = {ticket}")
    await sweep(cloud.services)
    after = told(cloud)[bytes.fromhex(given["holder"])]
    claim = open_claim(after, medium_of(bytes.fromhex(given["holder"])), issuer_keys(cloud))
    assert (claim.revision, after != before) == (2, True)


async def test_a_finger_of_a_group_ticket_is_erased_at_every_site(sqlite_cloud: Any, new_gate: Any) -> None:
    """Told at both sites, and a receipt is owed by the gates of both."""
    cloud = sqlite_cloud
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Other", "zone": "Asia/Shanghai"})
    await cloud.post("/areas", {"site": 2, "number": 0, "name": "A"})
    await cloud.post("/posts", {"site": 2, "number": 1, "area": 0, "name": "P"})
    await cloud.post("/gates", {"site": 2, "number": 1, "post": 1, "name": "Lane"})
    product = {"site": 1, "number": 9, "code": "ALL", "name": {"en": "All", "zh-CN": "通票"}, "price": 1}
    await cloud.post("/products", product | {"currency": "CNY", "areas": [0], "holder": "adult", "scope": "group"})
    given = await agree(cloud, await ticket_of(cloud, 9), alone=True)
    here, there = new_gate(1), new_gate(1)
    there.device = Device(2, Role.GATE, 1)
    for gate in (here, there):
        await hear(cloud, gate, **HOLDS)
    await withdraw(cloud, given["id"])
    for gate in (here, there):
        assert pushed(cloud, FingerList, gate.device)[-1].entries == [(bytes.fromhex(given["holder"]), b"")]
    await erased(cloud, here, given["holder"])
    answer = await cloud.get(f"/fingers/withdrawals/{given['id']}")
    assert [(gate["site"], gate["stage"]) for gate in answer["gates"]] == [(1, "erased"), (2, "not_told")]
    await erased(cloud, there, given["holder"])
    assert (await cloud.get(f"/fingers/withdrawals/{given['id']}"))["complete"]


async def test_rights_are_apart(sqlite_cloud: Any) -> None:
    """Who may look may not withdraw; who may neither sees nothing."""
    cloud = sqlite_cloud
    given = await agree(cloud, await ticket_of(cloud))
    reader, nobody = await cloud.token(Scope.FINGERS_READ), await cloud.token(Scope.TICKETS_READ)
    body = {"finger": given["id"], "reason": "x"}
    assert (await cloud.http.post("/fingers/withdrawals", json=body, headers=reader)).status_code == 403
    for path in (f"/fingers?ticket={given['ticket']}", "/fingers/withdrawals"):
        assert (await cloud.http.get(path, headers=reader)).status_code == 200
        assert (await cloud.http.get(path, headers=nobody)).status_code == 403


async def test_what_never_ended_is_no_withdrawal(sqlite_cloud: Any) -> None:
    """Unknown numbers and consents that hold are not found."""
    given = await agree(sqlite_cloud, await ticket_of(sqlite_cloud))
    for number in (given["id"], 99):
        answer = await sqlite_cloud.http.get(f"/fingers/withdrawals/{number}")
        assert answer.json()["code"] == "not_found"


async def test_nothing_in_the_database_is_a_template(sqlite_cloud: Any, new_gate: Any) -> None:
    """Every column of every finger table is named here: one that could hold a template needs a line and a reason."""
    given = await agree(sqlite_cloud, await ticket_of(sqlite_cloud), alone=True)
    await withdraw(sqlite_cloud, given["id"])
    await erased(sqlite_cloud, new_gate(), given["holder"])
    path = sqlite_cloud.services.settings.database.sqlite_path
    with sqlite3.connect(path) as db:
        columns = {
            f"{table}.{row[1]}": row[2].upper()
            for table in ("finger_text", "finger_consent", "finger_receipt")
            for row in db.execute(f"PRAGMA table_info({table})")
        }
        longest = db.execute("SELECT max(length(signed)) FROM finger_consent").fetchone()[0] or 0
    free = {name for name, kind in columns.items() if "BLOB" in kind or "TEXT" in kind or "JSON" in kind}
    assert free == {"finger_text.words"}  # the text that the guest was shown
    assert longest <= 240  # a signed claim in hex
    largest = EVENTS.encode(FingerErased(2**53 - 1, bytes(32), "x" * 200, 65535))
    assert len(largest) < 300  # a receipt has no room for one either
