# SPDX-License-Identifier: Apache-2.0
"""Persons given back: only those who surely did not pass, once, and only when no gate would let them in any more."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from documents_down import issuer_keys, pushed

from pistegate_cloud.amendments.rules import Amended, Given, chain, unpassed, with_return
from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_protocol.amendments import Amendment, open_amendment
from pistegate_protocol.claims import Claim, Scope, day_number
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.documents import AmendmentList
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind, Settled, admission_name
from pistegate_protocol.messages import UP, Hello
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import NO_ADMISSION, Usage, encode_counters

CARD = b"\x01" + bytes.fromhex("04a1b2c3d4e5f6")
CLAIM = b"claimdig"
NOON = datetime(2026, 1, 17, 4, tzinfo=UTC)  # in Shanghai
NOON_MS = int(NOON.timestamp() * 1000)
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
OWED = 120 * SECOND
DAY = date(2026, 1, 17)
ONE_RIDE, PARTY = 2, 3  # products of the open site: one entry in all; three persons, two entries a day, two days


@dataclass
class Site:
    """Gates 1 and 2 of post 1, gate 3 of post 2, and the cloud."""

    cloud: Any
    gates: dict[int, Any]

    @property
    def now(self) -> int:
        return int(self.cloud.clock.now_ms)

    def wait(self, milliseconds: int) -> None:
        self.cloud.clock.now_ms += milliseconds

    async def sold(self, product: int = ONE_RIDE) -> int:
        return int((await self.cloud.sell(product))["tickets"][0]["number"])

    def admit(self, ticket: int, n: int = 1, gate: int = 1, **more: Any) -> int:
        """An admission at a gate; its seq."""
        returns = more.pop("returns", 0)
        day = day_number(local_day(self.now, ZoneInfo("Asia/Shanghai")))
        usage = Usage(claim=CLAIM, used_total=n, used_on_day=n, day=day, last_entry=NOON, returns=returns)
        plain = {"charged": n, "prev": NO_ADMISSION, "counters": encode_counters(usage)} | more
        event = Admitted(at=self.now, ticket=ticket, medium=CARD, claim=CLAIM, n=n, **plain)
        return int(self.gates[gate].add(event))

    def ended(self, seq: int, kind: OutcomeKind = OutcomeKind.NOT_PASSED, gate: int = 1, **more: int) -> None:
        """How it ended."""
        plain = {"passed": 0} | more
        self.gates[gate].add(Outcome(at=self.now, epoch=self.gates[gate].epoch, seq=seq, kind=kind, **plain))

    def name(self, seq: int, gate: int = 1) -> bytes:
        return admission_name(gate, self.gates[gate].epoch, seq)

    async def told(self, *numbers: int, backlog: int = 0, late: int = 0) -> None:
        """Gates send all they have, and say so; `late`: how far their clocks are behind."""
        for number in numbers:
            gate = self.gates[number]
            await self.cloud.receive([gate.batch()])
            message = Hello(number, gate.epoch, self.now - late, "test 1", {}, "in_service", backlog)
            await self.cloud.receive([(gate.device.up, UP.encode(message))])
        await self.cloud.services.ingest.apply_pending()

    async def give_back(self, ticket: int, **body: Any) -> Any:
        return await self.cloud.post(f"/tickets/{ticket}/return", {"reason": "turned back"} | body)

    async def refused(self, ticket: int, **body: Any) -> str:
        answer = await self.cloud.http.post(f"/tickets/{ticket}/return", json={"reason": "turned back"} | body)
        assert not answer.is_success, answer.text
        return str(answer.json()["code"])

    def amendment(self) -> Amendment:
        return open_amendment(pushed(self.cloud, AmendmentList)[-1].entries[0], issuer_keys(self.cloud))


@pytest.fixture
def site(cloud: Any, new_gate: Any) -> Site:
    return Site(cloud, {number: new_gate(number) for number in (1, 2, 3)})


async def test_who_did_not_pass_is_given_back(site: Site) -> None:
    """After two minutes, told by both gates of the post: one person, the day, the admission, once."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.wait(10 * SECOND)
    site.ended(seq)
    await site.told(1, 2)
    site.wait(OWED)
    await site.told(1, 2)
    answer = await site.give_back(ticket)
    assert site.amendment() == Amendment(key_id=1, ticket=ticket, number=1, returns=1, return_day=DAY)
    assert (answer["persons"], answer["admission"]) == (1, site.name(seq).hex())
    assert await site.refused(ticket) == "nothing_to_return"
    assert await site.refused(ticket, admission=site.name(seq).hex()) == "nothing_to_return"


async def test_the_entry_is_there_again_at_the_gate(site: Site) -> None:
    """One ride, used up on the card: refused without the return, admitted with it, refused after that."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    await site.told(1, 2)
    site.wait(OWED)
    await site.told(1, 2)
    await site.give_back(ticket)
    sold = {"product": 2, "areas": frozenset({0}), "valid_from": DAY, "valid_until": DAY, "entries_total": 1}
    claim = Claim(key_id=1, ticket=ticket, scope=Scope(1), **sold)
    gate = GateProfile(site=1, group=1, gate=1, post_gates=frozenset({1, 2}), area=0, zone=ZoneInfo("Asia/Shanghai"))
    used = Usage(claim=CLAIM, used_total=1, used_on_day=1, day=day_number(DAY), last_entry=NOON, last_gate=1)
    later = NOON + timedelta(minutes=5)
    assert decide(claim, used, gate, later, Knowledge()) == Refuse(Reason.USED_UP)
    knowledge = Knowledge(amendment=site.amendment())
    admitted = decide(claim, used, gate, later, knowledge)
    assert isinstance(admitted, Admit)
    assert admitted.usage.returns == 1
    assert decide(claim, admitted.usage, gate, later, knowledge) == Refuse(Reason.USED_UP)


@pytest.mark.parametrize("early", ["never", "one_gate", "before_the_end", "backlog", "clock_behind"])
async def test_not_before_every_gate_of_the_post_has_told(site: Site, early: str) -> None:
    """While one of them may still let the person in, or may have done so; another post is not asked."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    await site.told(1)
    site.wait(OWED - 1)
    if early == "before_the_end":
        await site.told(1, 2)
    site.wait(1)
    if early == "one_gate":
        await site.told(1)
    if early == "backlog":
        await site.told(1)
        await site.told(2, backlog=1)
    if early == "clock_behind":
        await site.told(1, 2, late=1)
    assert await site.refused(ticket) == "return_too_early"
    await site.told(1, 2)
    await site.give_back(ticket)


async def test_what_came_in_late_is_waited_for_from_then(site: Site) -> None:
    """A gate whose clock is an hour behind tells of "an hour ago": the two minutes begin when it comes in."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    site.wait(HOUR)
    await site.told(1, 2)
    assert await site.refused(ticket) == "return_too_early"
    site.wait(OWED)
    await site.told(1, 2)
    await site.give_back(ticket)


async def test_a_gate_whose_clock_is_ahead_does_not_make_the_guest_wait(site: Site) -> None:
    """Its outcome is told as of an hour from now; two minutes after it came in it is over all the same."""
    ticket = await site.sold()
    site.wait(HOUR)
    seq = site.admit(ticket)
    site.ended(seq)
    site.wait(-HOUR)
    await site.told(1, 2)
    site.wait(OWED)
    await site.told(1, 2)
    await site.give_back(ticket)


async def test_what_is_stored_but_not_applied_is_waited_for(site: Site, monkeypatch: Any) -> None:
    """The other lane may have let the person in by a re-offer that is not in the books yet."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    await site.told(1, 2)
    again = site.admit(ticket, gate=2, charged=0, prev=site.name(seq), reoffer_of=site.name(seq))
    site.ended(again, OutcomeKind.PASSED, gate=2, passed=1)
    site.wait(OWED)
    with monkeypatch.context() as patched:

        async def later(_: Any) -> int:
            return 0

        patched.setattr(type(site.cloud.services.ingest), "apply_pending", later)
        await site.told(1, 2)
        assert await site.refused(ticket) == "return_too_early"
    await site.told(1, 2)
    assert await site.refused(ticket) == "nothing_to_return"


async def test_a_retired_gate_is_not_waited_for(site: Site) -> None:
    """A stolen lane never tells anything again; the guest must not wait for it."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    await site.told(1)
    site.wait(OWED)
    await site.told(1)
    assert await site.refused(ticket) == "return_too_early"
    answer = await site.cloud.http.post("/gates/retire", json={"site": 1, "number": 2})
    assert answer.is_success
    await site.give_back(ticket)


async def test_who_tried_again_in_vain_is_given_back_from_the_last_try(site: Site) -> None:
    """A re-offer renews the two minutes; nobody is given back while it runs, and one person after it."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    site.wait(OWED - SECOND)
    again = site.admit(ticket, gate=2, charged=0, prev=site.name(seq), reoffer_of=site.name(seq))
    site.ended(again, gate=2)
    await site.told(1, 2)
    site.wait(SECOND)
    await site.told(1, 2)
    assert await site.refused(ticket) == "return_too_early"
    site.wait(OWED)
    await site.told(1, 2)
    answer = await site.give_back(ticket)
    assert (answer["persons"], answer["admission"]) == (1, site.name(seq).hex())
    assert await site.refused(ticket, admission=site.name(again, 2).hex()) == "nothing_to_return"


@pytest.mark.parametrize(
    ("kind", "outcome", "settled", "code"),
    [
        (OutcomeKind.PASSED, {"passed": 1}, None, "nothing_to_return"),
        (OutcomeKind.CARD_VOID, {}, None, "nothing_to_return"),
        (OutcomeKind.INTERRUPTED, {"unknown": 1}, True, "nothing_to_return"),
        (OutcomeKind.CARD_UNCONFIRMED, {}, None, "return_unknown"),
        (OutcomeKind.CARD_UNCONFIRMED, {}, False, "nothing_to_return"),
        (OutcomeKind.CARD_UNCONFIRMED, {}, True, None),
        (OutcomeKind.INTERRUPTED, {}, True, None),
        (None, {}, None, "return_unknown"),
    ],
)
async def test_only_who_was_charged_and_surely_did_not_pass(
    site: Site, kind: OutcomeKind | None, outcome: dict[str, int], settled: bool | None, code: str | None
) -> None:
    """Passed, void or perhaps passed: nobody. Charged or not, or no outcome yet: not known. Charged, lane shut: one."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    if kind is not None:
        site.ended(seq, kind, **outcome)
    if settled is not None:
        site.gates[1].add(Settled(site.now, site.gates[1].epoch, seq, settled))
    await site.told(1, 2)
    site.wait(OWED)
    await site.told(1, 2)
    if code:
        assert await site.refused(ticket, admission=site.name(seq).hex()) == code
    else:
        assert (await site.give_back(ticket))["persons"] == 1


async def test_a_party_is_owed_until_its_day_ends(site: Site) -> None:
    """Two of three stayed out: a lane lets them in all day, so they are given back on the next one."""
    ticket = await site.sold(PARTY)
    seq = site.admit(ticket, n=3)
    site.ended(seq, OutcomeKind.PASSED, passed=1)
    await site.told(1, 2)
    site.wait(12 * HOUR - 1)
    await site.told(1, 2)
    assert await site.refused(ticket) == "return_too_early"
    site.wait(1)
    await site.told(1, 2)
    answer = await site.give_back(ticket)
    assert (answer["persons"], answer["returns"]) == (2, 2)
    assert site.amendment().return_day == DAY


async def test_a_party_of_a_night_is_owed_as_long_as_its_gate_owes_it(site: Site) -> None:
    """Half past midnight, counted for the day before: a lane lets them in all the day that the calendar shows."""
    ticket = await site.sold(PARTY)
    site.wait(12 * HOUR + 30 * MINUTE)
    entered = NOON + timedelta(hours=12, minutes=30)
    usage = Usage(claim=CLAIM, used_total=3, used_on_day=3, day=day_number(DAY), last_entry=entered)
    seq = site.admit(ticket, n=3, counters=encode_counters(usage))
    site.ended(seq, OutcomeKind.PASSED, passed=1)
    site.wait(12 * HOUR)
    await site.told(1, 2)
    assert await site.refused(ticket) == "return_too_early"
    site.wait(11 * HOUR + 30 * MINUTE)
    await site.told(1, 2)
    await site.give_back(ticket)
    assert site.amendment().return_day == DAY


async def test_returns_are_numbered_and_told_together(site: Site) -> None:
    """Two admissions given back one after the other: the second amendment holds both persons, and the hold between."""
    ticket = await site.sold()
    first, second = site.admit(ticket), site.admit(ticket)
    for seq in (first, second):
        site.ended(seq)
    await site.told(1, 2)
    site.wait(OWED)
    await site.told(1, 2)
    assert (await site.give_back(ticket))["admission"] == site.name(second).hex()
    await site.cloud.post(f"/tickets/{ticket}/hold", {"reason": "lost"})
    await site.give_back(ticket)
    assert site.amendment() == Amendment(key_id=1, ticket=ticket, number=3, hold=True, returns=2, return_day=DAY)
    assert await site.refused(ticket) == "nothing_to_return"


async def test_a_return_on_another_day_says_its_own_day(site: Site) -> None:
    """The card took yesterday's return at its last passage: today's concerns today alone, and today's entry is free."""
    ticket = await site.sold(PARTY)
    seq = site.admit(ticket, n=3)
    site.ended(seq)
    await site.told(1, 2)
    site.wait(13 * HOUR)
    await site.told(1, 2)
    await site.give_back(ticket)
    site.wait(10 * HOUR)
    seq = site.admit(ticket, n=3, returns=3)
    site.ended(seq)
    await site.told(1, 2)
    site.wait(14 * HOUR)
    await site.told(1, 2)
    await site.give_back(ticket)
    assert (site.amendment().returns, site.amendment().return_day) == (6, DAY + timedelta(days=1))


async def test_a_repeated_return_gives_back_once(site: Site) -> None:
    """The same key: the same amendment, and one person."""
    ticket = await site.sold()
    seq = site.admit(ticket)
    site.ended(seq)
    await site.told(1, 2)
    site.wait(OWED)
    await site.told(1, 2)
    headers = {"Idempotency-Key": "window-1-0001"}
    answers = [
        await site.cloud.post(f"/tickets/{ticket}/return", {"reason": "turned back"}, **headers) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert site.amendment().returns == 1


async def test_what_was_given_back_is_no_use_beyond_the_sale(site: Site) -> None:
    """One entry sold, charged twice, once given back: no exception; without the return there is one."""
    for back in (True, False):
        ticket = await site.sold()
        seq = site.admit(ticket)
        site.ended(seq)
        await site.told(1, 2)
        site.wait(OWED)
        await site.told(1, 2)
        if back:
            await site.give_back(ticket)
        site.ended(site.admit(ticket), OutcomeKind.PASSED, passed=1)
        await site.told(1, 2)
        found = [item["kind"] for item in (await site.cloud.get("/exceptions"))["items"] if item["ticket"] == ticket]
        assert ("double_admission" in found) is not back


@dataclass
class Row:
    """An admission as the rules see it."""

    name: str = "a"
    reoffer_of: str | None = None
    n: int = 3
    charged: int = 3
    state: str = "passed"
    settled: str | None = None
    passed: int = 0
    unknown: int = 0


def test_a_chain_holds_re_offers_of_re_offers() -> None:
    """And nothing else, in whatever order they come; a ring of names ends."""
    rows = [Row("c", "b"), Row("x"), Row("y", "x"), Row("b", "a"), Row("a"), Row("a", "c")]
    assert [row.name for row in chain(rows[4], rows)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("rows", "persons"),
    [
        ([Row(passed=1)], 2),
        ([Row(passed=1, unknown=1)], 1),
        ([Row(passed=5)], 0),
        ([Row(state="not_passed")], 3),
        ([Row(passed=1), Row("b", "a", n=2, charged=0, passed=1)], 1),
        ([Row(passed=1), Row("b", "a", n=2, charged=0, state="card_void")], 2),
        ([Row(passed=1), Row("b", "a", n=2, charged=0, state="card_unconfirmed")], 2),
        ([Row(state="not_passed", charged=0)], 0),
        ([Row(state="card_unconfirmed", settled="charged")], 3),
        ([Row(state="interrupted", settled="void")], 0),
        ([Row(state="interrupted")], None),
        ([Row(passed=1), Row("b", "a", state="open")], None),
    ],
)
def test_who_of_a_chain_did_not_pass(rows: list[Row], persons: int | None) -> None:
    """Charged, minus who passed and who may have; None: nobody can say yet."""
    if persons is None:
        with pytest.raises(Problem):
            unpassed(rows)
    else:
        assert unpassed(rows) == persons


@pytest.mark.parametrize(
    ("returns", "before", "taken", "day"),
    [
        (0, [], 0, DAY),
        (1, [Given(1, DAY)], 0, DAY),
        (1, [Given(1, DAY - timedelta(days=1))], 0, None),
        (1, [Given(1, DAY - timedelta(days=1))], 1, DAY),
        (3, [Given(1, DAY - timedelta(days=1)), Given(3, DAY)], 1, DAY),
    ],
)
def test_the_day_of_a_return(returns: int, before: list[Given], taken: int, day: date | None) -> None:
    """Told when all that the card has not taken were charged on one day."""
    held = with_return(Amended(returns=returns), 2, DAY, before, taken)
    assert (held.returns, held.return_day) == (returns + 2, day)


def test_more_than_a_usage_can_tell_are_not_given_back_at_once() -> None:
    """Usage counts returns in 8 bits: 127 may wait for the card, the next one would read as none."""
    assert with_return(Amended(returns=200), 7, DAY, [], 80).returns == 207
    with pytest.raises(Problem) as refused:
        with_return(Amended(returns=200), 8, DAY, [], 80)
    assert refused.value.code == "returns_pending"
