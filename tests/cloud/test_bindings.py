# SPDX-License-Identifier: Apache-2.0
"""Tickets bound to documents: at the sale, found again, withdrawn, told to gates in time, and forgotten in time."""

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from card_stock import card_key_settings
from documents_down import document_keys, issuer_keys, pushed
from tortoise import Model
from tortoise.context import get_current_context

from pistegate_cloud.bindings import numbers, tables
from pistegate_cloud.bindings import service as binding_service
from pistegate_cloud.bindings.sweeping import sweep
from pistegate_cloud.cli import main
from pistegate_cloud.settings import BindingSettings
from pistegate_cloud.tickets import service as ticket_service
from pistegate_cloud.tickets.models import Ticket
from pistegate_edge.bindings.download import Download
from pistegate_edge.bindings.presenting import presented
from pistegate_edge.bindings.store import BindingStore
from pistegate_edge.bindings.tables import Denied
from pistegate_protocol.bindings import HandleKeys
from pistegate_protocol.documents import DenyList
from pistegate_protocol.handle_keys import parse_handle_keys
from pistegate_protocol.identity import DocumentKind, check_character
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, open_claim
from pistegate_protocol.tables import BINDINGS, DENIALS

DAY_MS = 86_400_000


def a_number(guest: int) -> str:
    """Of a region that does not exist."""
    digits = f"99999919900307{guest:03}"
    return digits + check_character(digits)


def document(guest: int = 1) -> dict[str, str]:
    return {"kind": "resident_id", "number": a_number(guest)}


async def sold(cloud: Any, product: int = 1, day: str = "2026-01-17") -> int:
    return int((await cloud.sell_on(day, product))["tickets"][0]["number"])


async def bind(cloud: Any, ticket: int, guest: int = 1, **more: Any) -> Any:
    return await cloud.post("/bindings", {"ticket": ticket, "document": document(guest)} | more)


async def refusal(cloud: Any, path: str, body: dict[str, Any]) -> str:
    answer = await cloud.http.post(path, json=body)
    assert answer.status_code >= 400
    return str(answer.json()["code"])


class Gate:
    """A gate of a site that fetches its tables from the cloud under test, piece by piece."""

    def __init__(self, cloud: Any, directory: Path, site: int = 1) -> None:
        directory.mkdir(exist_ok=True)
        self.cloud, self.directory, self.site = cloud, directory, site
        self.store = BindingStore(directory, document_keys(cloud), site)
        self.settings = cloud.services.settings.bindings
        self.fetched: list[int] = []

    async def fetch(self, name: str = BINDINGS) -> list[tuple[int, int]]:
        """Everything newer; (since, version) of each file."""
        applied = []
        while True:
            have = self.store.versions().get(name, 0)
            keys = self.store.handle_keys() if name == BINDINGS else 0
            query = {"site": self.site, "have": have, "keys": keys}
            offered = await self.cloud.get(f"/tables/{name}/next", **query)
            if offered["version"] is None:
                return applied
            await self._get(name, offered)
            applied.append((offered["since"], offered["version"]))

    async def _get(self, name: str, offered: Any) -> None:
        download = Download(self.directory / "part", document_keys(self.cloud), self.site)
        download.discard()
        where = {"site": self.site, "since": offered["since"], "version": offered["version"]}
        while not download.complete:
            header = {"Range": f"bytes={download.wanted}-"}
            answer = await self.cloud.http.get(f"/tables/{name}/file", params=where, headers=header)
            assert answer.status_code == 206, answer.text
            download.take(answer.content)
        self.fetched.append(download.path.stat().st_size)
        assert self.fetched[-1] == offered["bytes"]
        self.store.apply(download.path)

    def tickets(self, guest: int = 1, settings: BindingSettings | None = None) -> list[int] | Reason:
        """What a guest's document is good for here."""
        keys = numbers.handle_keys(settings or self.settings, self.site)
        medium = _medium(guest, keys)
        found = [open_claim(each.signed, medium, issuer_keys(self.cloud)) for each in self.store.bindings(medium)]
        ordered = sorted(found, key=lambda claim: (claim.valid_from, claim.ticket))
        return [claim.ticket for claim in ordered] or Reason.NOT_BOOKED


def _medium(guest: int, keys: HandleKeys) -> Medium:
    return presented(DocumentKind.RESIDENT_ID, a_number(guest), {keys.number: keys})[keys.number]


def handle(cloud: Any, guest: int) -> str:
    keys = numbers.handle_keys(cloud.services.settings.bindings, 1)
    return _medium(guest, keys).id.hex()


@pytest.fixture
def gate(cloud: Any, tmp_path: Path) -> Any:
    """Gate 1 of site 1."""
    made = Gate(cloud, tmp_path / "gate")
    yield made
    made.store.close()


async def test_a_ticket_bound_at_the_sale_opens_by_the_document(cloud: Any, gate: Gate) -> None:
    """From the window to the gate, by the gate's own code: sold, bound, fetched, presented, believed."""
    ticket = await sold(cloud)
    bound = await bind(cloud, ticket, entered="scanned")
    assert (bound["last4"], bound["told"], bound["entered"], bound["by"]) == (a_number(1)[-4:], True, "scanned", "test")
    assert await gate.fetch() == [(0, 1)]
    assert gate.tickets() == [ticket]
    assert gate.tickets(2) is Reason.NOT_BOOKED
    assert await gate.fetch() == []


async def test_binding_again_is_the_same_binding(cloud: Any, gate: Gate) -> None:
    """A lost answer, or a guest who comes twice; however it is typed."""
    ticket = await sold(cloud)
    first = await bind(cloud, ticket)
    spaced = {"kind": "resident_id", "number": f" {a_number(1)[:6]} {a_number(1)[6:].lower()}"}
    assert await cloud.post("/bindings", {"ticket": ticket, "document": spaced}) == first
    assert await gate.fetch() == [(0, 1)]


async def test_what_cannot_be_bound_is_told(cloud: Any) -> None:
    """Each in its own words: wrong check digit, one too many, cancelled, past, unknown, a chip where none counts."""
    ticket = await sold(cloud)
    wrong = document() | {"number": a_number(1)[:-1] + ("1" if a_number(1)[-1] != "1" else "2")}
    assert await refusal(cloud, "/bindings", {"ticket": ticket, "document": wrong}) == "identity_wrong"
    no_country = {"kind": "passport", "number": "E1234567"}
    assert await refusal(cloud, "/bindings", {"ticket": ticket, "document": no_country}) == "identity_wrong"
    chip = {"kind": "chip", "number": "00" * 8}
    assert await refusal(cloud, "/bindings", {"ticket": ticket, "document": chip}) == "binding_kind_off"
    assert await refusal(cloud, "/bindings", {"ticket": 1, "document": document()}) == "not_found"
    await bind(cloud, ticket)
    assert await refusal(cloud, "/bindings", {"ticket": ticket, "document": document(2)}) == "party_bound"
    revoked = await sold(cloud)
    await cloud.post(f"/tickets/{revoked}/revoke", {"reason": "test"})
    assert await refusal(cloud, "/bindings", {"ticket": revoked, "document": document()}) == "ticket_revoked"
    past = await sold(cloud)
    cloud.clock.now_ms += DAY_MS
    assert await refusal(cloud, "/bindings", {"ticket": past, "document": document()}) == "visit_date_past"


async def test_a_chip_counts_where_operator_and_product_both_say_so(cloud: Any) -> None:
    """It is more easily copied than the print: neither the one nor the other alone is enough."""
    product = {"site": 1, "number": 9, "code": "CHIP", "name": {"en": "Chip", "zh-CN": "芯片票"}, "price": 100}
    product |= {"currency": "CNY", "areas": [0], "holder": "adult", "terms": {"chip": True}}
    await cloud.post("/products", product)
    plain, taken = [(await cloud.sell(number))["tickets"][0]["number"] for number in (1, 9)]
    chip = {"kind": "chip", "number": "1122334455667788"}
    assert await refusal(cloud, "/bindings", {"ticket": taken, "document": chip}) == "binding_kind_off"
    settings = cloud.services.settings
    bindings = msgspec.structs.replace(settings.bindings, chip=True)
    cloud.services.settings = msgspec.structs.replace(settings, bindings=bindings)
    assert await refusal(cloud, "/bindings", {"ticket": plain, "document": chip}) == "binding_kind_off"
    assert (await cloud.post("/bindings", {"ticket": taken, "document": chip}))["kind"] == "chip"


async def test_a_party_is_bound_person_by_person(cloud: Any, gate: Gate) -> None:
    """Three documents point to one ticket, a fourth does not; each of them opens for it."""
    ticket = await sold(cloud, 3)
    for guest in (1, 2, 3):
        await bind(cloud, ticket, guest)
    assert await refusal(cloud, "/bindings", {"ticket": ticket, "document": document(4)}) == "party_bound"
    await gate.fetch()
    assert [gate.tickets(guest) for guest in (1, 2, 3)] == [[ticket]] * 3


async def test_withdrawn_it_opens_nothing_and_may_be_bound_anew(cloud: Any, gate: Gate) -> None:
    """The next delta takes it away; the ticket goes to another guest's document, or back."""
    ticket = await sold(cloud)
    bound = await bind(cloud, ticket)
    await gate.fetch()
    gone = await cloud.post(f"/bindings/{bound['id']}/withdraw", {"reason": "wrong guest"})
    assert (gone["told"], gone["withdrawn_by"], gone["reason"]) == (False, "test", "wrong guest")
    assert await cloud.post(f"/bindings/{bound['id']}/withdraw", {"reason": "again"}) == gone
    assert await gate.fetch() == [(1, 2)]
    assert gate.tickets() is Reason.NOT_BOOKED
    await bind(cloud, ticket, 2)
    await bind(cloud, await sold(cloud), 1)
    await gate.fetch()
    assert gate.tickets(2) == [ticket]
    assert len((await cloud.get("/bindings", ticket=ticket))["items"]) == 2


async def test_a_document_finds_its_tickets_at_window_rental_and_till(cloud: Any) -> None:
    """By its number, without the number being kept in the clear anywhere; who asked is on record."""
    tickets = [await sold(cloud, day=day) for day in ("2026-01-17", "2026-01-18")]
    ids = [(await bind(cloud, ticket))["id"] for ticket in tickets]
    found = (await cloud.post("/bindings/find", {"site": 1, "document": document()}))["items"]
    assert [item["ticket"] for item in found] == tickets[::-1]
    assert (await cloud.post("/bindings/find", {"site": 1, "document": document(2)}))["items"] == []
    await cloud.post(f"/bindings/{ids[0]}/withdraw", {"reason": "asked"})
    found = (await cloud.post("/bindings/find", {"site": 1, "document": document()}))["items"]
    assert [item["ticket"] for item in found] == tickets[1:]


async def test_gates_know_the_coming_days_only(cloud: Any, gate: Gate) -> None:
    """A stolen gate tells of few guests: a ticket in ten days comes to it in three, and leaves it after its day."""
    ticket = await sold(cloud, day="2026-01-27")
    assert (await bind(cloud, ticket))["told"] is False
    await sweep(cloud.services)
    await gate.fetch()
    assert gate.tickets() is Reason.NOT_BOOKED
    cloud.clock.now_ms += 3 * DAY_MS
    await sweep(cloud.services)
    await gate.fetch()
    assert gate.tickets() == [ticket]
    cloud.clock.now_ms += 8 * DAY_MS  # the day after: a gate's clock may be behind
    await sweep(cloud.services)
    await gate.fetch()
    assert gate.tickets() == [ticket]
    cloud.clock.now_ms += DAY_MS
    await sweep(cloud.services)
    await gate.fetch()
    assert gate.tickets() is Reason.NOT_BOOKED


async def test_a_cancelled_ticket_leaves_the_gates(cloud: Any, gate: Gate) -> None:
    """It is denied at once, and no longer in the table after the next sweep."""
    ticket = await sold(cloud)
    await bind(cloud, ticket)
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "refund"})
    await sweep(cloud.services)
    await gate.fetch()
    await gate.fetch(DENIALS)
    assert gate.tickets() is Reason.NOT_BOOKED
    assert gate.store.denied_below(ticket) == 1


async def test_a_reissued_ticket_is_told_with_its_new_revision(cloud: Any, gate: Gate) -> None:
    """Else the denial of the old card's revision would shut out the document too."""
    ticket = await sold(cloud)
    await bind(cloud, ticket)
    await gate.fetch()
    await Ticket.filter(number=ticket).update(revision=1)
    await sweep(cloud.services)
    assert await gate.fetch() == [(1, 2)]
    medium = _medium(1, numbers.handle_keys(gate.settings, 1))
    found = [open_claim(each.signed, medium, issuer_keys(cloud)) for each in gate.store.bindings(medium)]
    assert [claim.revision for claim in found] == [1]
    await sweep(cloud.services)
    assert await gate.fetch() == []


async def test_a_group_ticket_opens_at_every_site_under_other_handles(cloud: Any, gate: Gate, tmp_path: Path) -> None:
    """The tables of two sites have nothing in common by which they could be joined."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Two", "zone": "Asia/Shanghai"})
    body = {
        "site": 1,
        "number": 9,
        "code": "ALL",
        "name": {"en": "All", "zh-CN": "通票"},
        "price": 1,
        "currency": "CNY",
    }
    await cloud.post("/products", body | {"areas": [0], "holder": "adult", "scope": "group"})
    ticket = await sold(cloud, 9)
    await bind(cloud, ticket)
    other = Gate(cloud, tmp_path / "other", 2)
    for each in (gate, other):
        await each.fetch()
        assert each.tickets() == [ticket]
    other.site = 1
    assert other.tickets() is Reason.NOT_BOOKED
    other.store.close()


async def test_after_35_days_alone_a_gate_gets_a_whole(cloud: Any, gate: Gate) -> None:
    """What was taken away is remembered for 35 days: before, a delta; after, everything."""
    ticket = await sold(cloud, day="2026-01-20")
    await bind(cloud, ticket)
    await gate.fetch()
    gone = await bind(cloud, await sold(cloud), 2)
    await cloud.post(f"/bindings/{gone['id']}/withdraw", {"reason": "test"})
    cloud.clock.now_ms += 34 * DAY_MS
    await sweep(cloud.services)
    query = {"site": 1, "have": 1, "keys": 1}
    assert (await cloud.get("/tables/bindings/next", **query))["since"] == 1
    cloud.clock.now_ms += 36 * DAY_MS
    await sweep(cloud.services)
    assert (await cloud.get("/tables/bindings/next", **query))["since"] == 0
    await gate.fetch()
    assert gate.tickets() is Reason.NOT_BOOKED


async def test_a_whole_is_the_same_bytes_while_versions_go_on(cloud: Any, gate: Gate) -> None:
    """A slow line fetches it in pieces for hours; the delta since then follows."""
    await bind(cloud, await sold(cloud))
    first = await cloud.get("/tables/bindings/next", site=1)
    await bind(cloud, await sold(cloud), 2)
    assert await cloud.get("/tables/bindings/next", site=1) == first
    assert await gate.fetch() == [(0, 1), (1, 2)]
    assert gate.fetched[0] == first["bytes"]
    cloud.clock.now_ms += DAY_MS
    assert (await cloud.get("/tables/bindings/next", site=1))["version"] == 2


async def test_pieces_of_a_file_join_to_it(cloud: Any, gate: Gate) -> None:
    """Any range, across head and chunks; one that is no longer offered is a 404, a range beyond the end a 416."""
    for guest in range(1, 4):
        await bind(cloud, await sold(cloud, 3), guest)
    offered = await cloud.get("/tables/bindings/next", site=1)
    where = {"site": 1, "since": 0, "version": offered["version"]}

    async def got(header: str, **other: Any) -> Any:
        return await cloud.http.get("/tables/bindings/file", params=where | other, headers={"Range": header})

    whole = (await got("bytes=0-")).content
    assert len(whole) == offered["bytes"]
    for start, end in ((0, 0), (3, 200), (100, 10_000), (offered["bytes"] - 1, offered["bytes"])):
        assert (await got(f"bytes={start}-{end}")).content == whole[start : end + 1]
    assert (await got(f"bytes={offered['bytes']}-")).status_code == 416
    assert (await got("bytes=-5")).status_code == 422
    assert (await got("bytes=0-", version=99)).status_code == 404
    assert (await got("bytes=0-", version=99, since=1)).status_code == 404


async def test_after_a_theft_every_site_has_new_handles(cloud: Any, gate: Gate) -> None:
    """`number` is raised: a whole under new keys, made without anybody's number; the old keys find nothing."""
    ticket = await sold(cloud)
    await bind(cloud, ticket)
    await gate.fetch()
    newer = msgspec.structs.replace(gate.settings, number=2, numbers=None)
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, bindings=newer)
    await sweep(cloud.services)
    assert (await gate.fetch())[0][0] == 0
    assert gate.store.handle_keys() == 2
    assert gate.tickets(settings=newer) == [ticket]
    assert gate.tickets() is Reason.NOT_BOOKED


async def test_half_a_table_under_new_keys_is_not_offered(
    cloud: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filling takes minutes, or breaks off: gates go on with the old table, and nobody waits outside."""
    ticket = await sold(cloud)
    await bind(cloud, ticket)
    await gate.fetch()
    newer = msgspec.structs.replace(gate.settings, number=2)
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, bindings=newer)
    withdrawn = await bind(cloud, await sold(cloud), 3)
    await cloud.post(f"/bindings/{withdrawn['id']}/withdraw", {"reason": "before the first sweep"})
    await bind(cloud, await sold(cloud), 4)
    with monkeypatch.context() as broken:
        broken.setattr(binding_service, "tell", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await sweep(cloud.services)
    assert await gate.fetch() == []
    assert gate.tickets() == [ticket]
    await bind(cloud, await sold(cloud), 2)
    assert await gate.fetch() == []
    await sweep(cloud.services)
    await gate.fetch()
    assert gate.tickets(settings=newer) == [ticket]
    assert [isinstance(gate.tickets(guest, newer), list) for guest in (2, 3, 4)] == [True, False, True]


async def test_numbers_are_revealed_to_few_and_on_record(cloud: Any) -> None:
    """A right of its own, a reason, and a line that says who; sealed for its ticket with a key outside the database."""
    bound = await bind(cloud, await sold(cloud))
    shown = await cloud.post(f"/bindings/{bound['id']}/reveal", {"reason": "police request 17"})
    assert shown == {"kind": "resident_id", "number": a_number(1)}
    looks = (await cloud.get(f"/bindings/{bound['id']}/looks"))["items"]
    assert [(look["action"], look["by"], look["detail"]) for look in looks] == [
        ("bind", "test", ""),
        ("reveal", "test", "police request 17"),
    ]
    other = msgspec.structs.replace(cloud.services.settings.bindings, numbers="08" * 32)
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, bindings=other)
    assert await refusal(cloud, f"/bindings/{bound['id']}/reveal", {"reason": "x"}) == "number_unreadable"


async def test_an_operator_who_keeps_no_numbers_has_none(cloud: Any, gate: Gate) -> None:
    """Without the key nothing is sealed; the document is found all the same."""
    plain = msgspec.structs.replace(cloud.services.settings.bindings, numbers=None)
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, bindings=plain)
    bound = await bind(cloud, await sold(cloud))
    assert bound["number_kept"] is False
    assert await refusal(cloud, f"/bindings/{bound['id']}/reveal", {"reason": "x"}) == "number_not_kept"
    found = await cloud.post("/bindings/find", {"site": 1, "document": document()})
    assert [item["id"] for item in found["items"]] == [bound["id"]]


async def every_row(cloud: Any) -> str:
    """Everything in the database, as text: bytes in hex."""
    rows: list[Any] = []
    context = get_current_context()
    assert context is not None
    for model in context.apps["cloud"].values():
        assert issubclass(model, Model)
        rows += await model.all().values()
    return json.dumps(
        rows, default=lambda value: bytes(value).hex() if isinstance(value, (bytes, memoryview)) else str(value)
    )


async def test_thirty_days_after_nothing_personal_is_left(cloud: Any, gate: Gate) -> None:
    """Hash, last four and sealed number are gone; that a ticket was bound, when and by whom stays."""
    bound = await bind(cloud, await sold(cloud))
    withdrawn = await bind(cloud, await sold(cloud, day="2026-06-01"), 2)
    await cloud.post(f"/bindings/{withdrawn['id']}/withdraw", {"reason": "asked"})
    cloud.clock.now_ms += 30 * DAY_MS
    await sweep(cloud.services)
    kept = (await cloud.get("/bindings", ticket=bound["ticket"]))["items"][0]
    assert (kept["last4"], kept["erased"]) == (a_number(1)[-4:], None)
    cloud.clock.now_ms += DAY_MS
    await sweep(cloud.services)
    for each in (bound, withdrawn):
        kept = (await cloud.get("/bindings", ticket=each["ticket"]))["items"][0]
        assert (kept["last4"], kept["number_kept"], kept["told"]) == (None, False, False)
        assert kept["erased"] is not None
    assert (await cloud.post("/bindings/find", {"site": 1, "document": document()}))["items"] == []
    cloud.clock.now_ms += 40 * DAY_MS
    await sweep(cloud.services)
    everything = await every_row(cloud)
    assert [guest for guest in (1, 2) if handle(cloud, guest) in everything] == []
    assert (await cloud.get("/tables", site=1))["items"][0]["entries"] == 0


async def test_no_number_is_in_the_database_in_the_clear(cloud: Any) -> None:
    """A copy of the database alone tells nobody's number: neither whole nor without its check digit."""
    await bind(cloud, await sold(cloud))
    await cloud.post("/bindings/find", {"site": 1, "document": document()})
    everything = await every_row(cloud)
    assert a_number(1)[-4:] in everything
    assert a_number(1)[:14] not in everything
    assert a_number(1).encode().hex()[:28] not in everything


async def test_without_a_section_nothing_is_bound(cloud: Any) -> None:
    """An operator who does not offer it keeps nothing and sweeps nothing."""
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, bindings=None)
    assert await refusal(cloud, "/bindings", {"ticket": await sold(cloud), "document": document()}) == "bindings_off"
    await sweep(cloud.services)
    assert (await cloud.get("/tables", site=1))["items"] == []


async def test_denials_in_their_larger_form(cloud: Any, gate: Gate) -> None:
    """Beside the document, which goes on as before; lifted in one, lifted in the other."""
    gone = [await sold(cloud) for _ in range(3)]
    for ticket in gone:
        await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "test"})
    await sweep(cloud.services)
    assert await gate.fetch(DENIALS) == [(0, 1)]
    assert [gate.store.denied_below(ticket) for ticket in gone] == [1, 1, 1]
    await sweep(cloud.services)
    assert await gate.fetch(DENIALS) == []
    cloud.clock.now_ms += 3 * DAY_MS
    await sweep(cloud.services)
    assert await gate.fetch(DENIALS) == [(1, 2)]
    assert [gate.store.denied_below(ticket) for ticket in gone] == [0, 0, 0]


async def test_more_denials_than_a_document_holds(cloud: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document goes on with the newest, which must be heard of in seconds; the table holds them all."""
    monkeypatch.setattr(ticket_service, "LISTED_MAX", 2)
    gone = [await sold(cloud) for _ in range(4)]
    for ticket in gone:
        if ticket == gone[1]:
            await sweep(cloud.services)
        cloud.clock.now_ms += 1000
        await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "test"})
    listed = [dict(document.entries) for document in pushed(cloud, DenyList)]
    assert listed[0].keys() == {gone[0]}
    assert listed[-1].keys() == set(gone[2:])
    cloud.clock.now_ms += 61_000
    await sweep(cloud.services)
    await gate.fetch(DENIALS)
    assert [Denied(listed[-1], gate.store.denied_below).get(ticket, 0) for ticket in gone] == [1, 1, 1, 1]


def test_the_section_and_what_gates_get_of_it() -> None:
    """Gates get the salt and their site's key; the master, and what seals numbers, stay in the cloud."""
    section = msgspec.convert(tomllib.loads(numbers.new_section())["bindings"], BindingSettings)
    assert section.numbers is None
    keeping = msgspec.convert(tomllib.loads(numbers.new_section(keep_numbers=True))["bindings"], BindingSettings)
    for_gates = numbers.export_for_gates(keeping, 1)
    assert parse_handle_keys(for_gates, 1) == {1: numbers.handle_keys(keeping, 1)}
    assert keeping.master not in for_gates
    assert str(keeping.numbers) not in for_gates
    keys = [numbers.handle_keys(section, site).key for site in (1, 2)]
    next_keys = parse_handle_keys(numbers.export_for_gates(section, 1, 2), 1)
    assert len({*keys, next_keys[2].key}) == 3
    assert tables.DELTAS_MS == 35 * DAY_MS


def test_the_commands_print_them(tmp_path: Path, capsys: pytest.CaptureFixture[str], cloud_toml: str) -> None:
    """As a person types them; without the section, the command that makes one is named."""
    assert main(["bindings", "new", "--numbers"]) == 0
    config = tmp_path / "cloud.toml"
    config.write_text(cloud_toml + capsys.readouterr().out)
    assert main(["bindings", "export", "--config", str(config), "--site", "1"]) == 0
    told = capsys.readouterr()
    assert list(parse_handle_keys(told.out, 1)) == [1]
    assert "Do not mail it" in told.err
    config.write_text(cloud_toml)
    assert main(["bindings", "export", "--config", str(config), "--site", "1"]) == 1
    assert "pistegate-cloud bindings new" in capsys.readouterr().err


@pytest.fixture
def cloud_toml() -> str:
    """A whole cloud.toml without the section."""
    keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items())
    signing = "".join(f'[{name}]\nkey_id = 1\nprivate_key = "{"01" * 32}"\n' for name in ("issuer", "documents"))
    return f'[database]\nurl = "sqlite:///tmp/none"\n{signing}[card_keys]\n{keys}\n'


async def test_a_number_is_not_in_what_is_refused_or_logged(cloud: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Refusals go to screens, proxies and logs: too long, of a wrong kind, misspelled, wrong check digit."""
    caplog.set_level("DEBUG")
    number = a_number(1)[:-1] + "0"
    for body in (
        {"ticket": 1, "document": {"kind": "resident_id", "number": number}},
        {"ticket": 1, "document": {"kind": "resident_id", "number": number * 9}},
        {"ticket": 1, "document": {"kind": number, "number": "1"}},
        {"ticket": 1, "document": {"kind": "resident_id", "numbre": number}},
        {"ticket": number + "x", "document": number},
    ):
        answer = await cloud.http.post("/bindings", json=body)
        assert answer.status_code == 422
        assert number not in answer.text
    assert number not in caplog.text
