# SPDX-License-Identifier: Apache-2.0
"""What gates and tills do with a card, against the simulated card, which was written apart from this host."""

from collections.abc import Generator
from random import Random
from typing import Any

import pytest
from card_bench import (
    MASTERS,
    RECORD,
    expected_mac,
    gate_key,
    image,
    opened,
    ticketed_card,
    usage_of,
    used,
)
from card_flows import run_flow
from desfire_cases import RND_A, RfCounter, field_lost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pistegate_protocol.card_layout import (
    AMENDMENT_FILE,
    LOADS_FILE,
    CardKey,
    padded,
)
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.apdu import CardRefused, CardUntrusted, Status
from pistegate_protocol.desfire.ev2 import authenticate
from pistegate_protocol.desfire.transactions import Debit, Proof, WalletFiles, use_input
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import personalised_card

KNOWN_BYTES, FIRST_BYTES, DEBIT_BYTES = 365, 500, 35  # RF bytes that the issue allows
KNOWN_EXCHANGES = 7  # select, two of authentication, read usage, write usage, write record, commit


@pytest.fixture
def card() -> DesfireCard:
    """A personalised card in the field, with a ticket and money on it: purse 1000, 300 spent of loads."""
    return ticketed_card()


# A gate


def test_a_passage_reads_writes_and_commits(card: DesfireCard) -> None:
    """Through two gates: every byte that one wrote is what the next reads."""
    usage = usage_of(card)
    for number in (1, 2):
        content = opened(card)
        assert content.usage_file == usage
        usage = usage_of(card, used_total=number, admission=bytes([number] * 8))
        used(card, content, usage)
        assert stock.usage_content(card) == usage
        assert stock.recent_records(card) == [RECORD] * number
        field_lost(card)


def test_a_known_claim_is_not_read_again(card: DesfireCard) -> None:
    """What tells is the digest in the usage; an unknown one is read whole."""
    asked: list[bytes] = []

    def knows(digest: bytes) -> bool:
        asked.append(digest)
        return len(asked) > 1

    first = run_flow(transactions.open_card(gate_key(card), RND_A, knows), card.process)
    again = run_flow(transactions.open_card(gate_key(card), RND_A, knows), card.process)
    assert first.claim_file == stock.claim_content(card)
    assert again.claim_file is None
    assert asked == [first.usage_file[1:9]] * 2


def test_a_blank_card_holds_no_ticket() -> None:
    """Stock that was never issued: read whole, all zeros, nothing amended."""
    card = personalised_card(Random(6), MASTERS)
    card.power_on()
    content = opened(card, knows=False)
    assert (content.usage_file, content.claim_file, content.amendment_file) == (bytes(32), bytes(112), None)


@pytest.mark.parametrize("amended", [False, True])
def test_an_amendment_is_read_when_usage_says_so(card: DesfireCard, amended: bool) -> None:
    """One exchange that unamended tickets do not pay for."""
    stock.put_usage(card, usage_of(card, amended=amended))
    stock.put_amendment(card, padded(b"signed", AMENDMENT_FILE))
    content = opened(card)
    assert content.amendment_file == (padded(b"signed", AMENDMENT_FILE) if amended else None)


def test_the_passage_of_a_known_card_fits_its_bytes(card: DesfireCard) -> None:
    """At most 365 bytes on the air, in 7 exchanges."""
    counter = RfCounter(card.process)
    content = opened(card, counter)
    run_flow(transactions.write_use(content.session, usage_of(card, used_total=1), RECORD), counter)
    run_flow(transactions.commit(content.session), counter)
    spent, exchanges = counter.spent()
    assert exchanges == KNOWN_EXCHANGES
    assert spent <= KNOWN_BYTES
    assert spent == 361


def test_the_first_meeting_fits_its_bytes(card: DesfireCard) -> None:
    """The claim is read too, in two chained blocks: at most 500."""
    counter = RfCounter(card.process)
    content = opened(card, counter, knows=False)
    run_flow(transactions.write_use(content.session, usage_of(card, used_total=1), RECORD), counter)
    run_flow(transactions.commit(content.session), counter)
    assert counter.spent() == (500, KNOWN_EXCHANGES + 1)
    assert FIRST_BYTES == 500


@pytest.mark.parametrize(("debit", "parts"), [(Debit(purse=5), 1), (Debit(loads=5), 1), (Debit(5, 5), 2), (Debit(), 0)])
def test_a_debit_adds_at_most_35_bytes(card: DesfireCard, debit: Debit, parts: int) -> None:
    """For each of the two places that money is taken from."""
    counter = RfCounter(card.process)
    content = opened(card, counter)
    counter.spent()
    run_flow(transactions.write_use(content.session, usage_of(card), RECORD), counter)
    plain, _ = counter.spent()
    run_flow(transactions.write_use(opened(card).session, usage_of(card), RECORD, debit=debit), counter)
    spent, _ = counter.spent()
    assert spent - plain == parts * 35 <= parts * DEBIT_BYTES


def test_chained_blocks_are_counted_with_their_acknowledgements() -> None:
    """61 bytes fill a block; the 62nd needs a second one and an R(ACK)."""
    counter = RfCounter(bytes)
    assert [counter.on_air(length) for length in (1, 61, 62, 114, 122, 123)] == [4, 64, 71, 123, 131, 138]


# All or nothing

EVERYTHING: dict[str, Any] = {
    "debit": Debit(purse=400, loads=20),
    "amendment": b"an amendment",
    "rental": bytes(range(100, 116)),
    "loads": b"another load statement",
}


def test_everything_that_was_written_is_in_force_after_the_commit(card: DesfireCard) -> None:
    """Amendment, loads, usage, rental, both debits and the record."""
    used(card, opened(card), usage_of(card, used_total=9), **EVERYTHING)
    assert image(card) == (
        usage_of(card, used_total=9),
        padded(b"an amendment", AMENDMENT_FILE),
        padded(b"another load statement", LOADS_FILE),
        bytes(range(100, 116)),
        (600).to_bytes(4, "little"),
        (-320).to_bytes(4, "little", signed=True),
        RECORD,
    )


def test_a_card_that_leaves_at_any_exchange_is_changed_by_all_or_by_nothing() -> None:
    """Before the commit was carried out it is as before, afterwards as meant, whether the answer arrived or not."""
    untouched = image(ticketed_card())
    meant = ticketed_card()
    used(meant, opened(meant), usage_of(meant, used_total=9), **EVERYTHING)
    for carried in range(WHOLE_USE + 1):
        card = ticketed_card()
        carry(card, whole_use(card), carried)
        field_lost(card)
        assert image(card) == (image(meant) if carried == WHOLE_USE else untouched), f"left after {carried}"


WHOLE_USE = 12  # exchanges: 4 to open, 7 writes, commit


def whole_use(card: DesfireCard) -> Generator[bytes, bytes, Proof]:
    """A gate's or till's whole transaction with everything in it."""
    content = yield from transactions.open_card(gate_key(card), RND_A, lambda digest: True)
    yield from transactions.write_use(content.session, usage_of(card, used_total=9), RECORD, **EVERYTHING)
    return (yield from transactions.commit(content.session))


def carry(card: DesfireCard, flow: Generator[bytes, bytes, Any], commands: int) -> None:
    """Carry the first commands of a flow to the card; the last one's answer does not come back."""
    command = next(flow)
    for left in range(commands, 0, -1):
        answer = card.process(command)
        if left > 1:
            command = flow.send(answer)
    flow.close()


def test_more_than_the_purse_holds_is_refused_by_the_card(card: DesfireCard) -> None:
    """Whatever a till was told; nothing else of that transaction happens either."""
    before = image(card)
    content = opened(card)
    with pytest.raises(CardRefused) as refused:
        used(card, content, usage_of(card, used_total=1), debit=Debit(purse=1001))
    assert refused.value.status == Status.BOUNDARY_ERROR
    with pytest.raises(CardUntrusted, match="authenticate again"):
        run_flow(transactions.commit(content.session), card.process)
    assert image(card) == before


# A till


def test_a_till_reads_the_money(card: DesfireCard) -> None:
    """Purse, load statement and what was spent of it, all not negative."""
    content = opened(card)
    wallet = run_flow(transactions.read_wallet(content.session), card.process)
    assert wallet == WalletFiles(1000, padded(b"a load statement", LOADS_FILE), 300)


def test_a_till_leaves_the_usage_alone(card: DesfireCard) -> None:
    """A debit is no passage."""
    content = opened(card)
    run_flow(transactions.write_use(content.session, None, RECORD, debit=Debit(purse=50)), card.process)
    run_flow(transactions.commit(content.session), card.process)
    assert stock.usage_content(card) == usage_of(card)
    assert stock.purse(card) == 950
    assert stock.recent_records(card) == [RECORD]


def test_rental_is_read_and_written(card: DesfireCard) -> None:
    """16 bytes, at another till the next time."""
    content = opened(card)
    assert run_flow(transactions.read_rental(content.session), card.process) == bytes(16)
    run_flow(transactions.write_use(content.session, None, None, rental=RECORD), card.process)
    run_flow(transactions.commit(content.session), card.process)
    assert run_flow(transactions.read_rental(opened(card).session), card.process) == RECORD


@pytest.mark.parametrize("written", [1, 2, 15, 16, 17, 20])
def test_records_are_read_newest_first(card: DesfireCard, written: int) -> None:
    """16 of them stay; asking for fewer gives the newest."""
    records = [bytes([number] * 16) for number in range(written)]
    stock.put_recent(card, records[-16:])
    newest_first = records[::-1][:16]
    session = opened(card).session
    assert run_flow(transactions.read_records(session, 16), card.process) == tuple(newest_first)
    assert run_flow(transactions.read_records(session, 3), card.process) == tuple(newest_first[:3])


def test_a_card_without_records_has_none_and_ends_the_session(card: DesfireCard) -> None:
    """A card refuses to read what is not there; a refusal for another reason is told."""
    session = opened(card).session
    assert run_flow(transactions.read_records(session, 16), card.process) == ()
    assert session.over
    flow = transactions.read_records(opened(card).session, 16)
    next(flow)
    with pytest.raises(CardRefused):
        flow.send(b"\x91\xae")


# Proofs


def test_every_commit_is_proved(card: DesfireCard) -> None:
    """Counter and value of the answer are what the card keeps; its counter goes up by one."""
    for number in (1, 2, 3):
        content = opened(card)
        proof = used(card, content, usage_of(card, used_total=number))
        assert proof.counter == number
        assert (proof.counter, proof.value) == stock.proof(card)
        assert run_flow(transactions.read_proof(opened(card).session), card.process) == proof
        assert expected_mac(card, proof, content.session.input.committed) == proof.value


def test_a_lost_answer_to_the_commit_is_found_again(card: DesfireCard) -> None:
    """The next reader gets the proof from the card."""
    content = opened(card)
    run_flow(transactions.write_use(content.session, usage_of(card, used_total=1), RECORD), card.process)
    card.process(next(transactions.commit(content.session)))
    field_lost(card)
    proof = run_flow(transactions.read_proof(opened(card).session), card.process)
    assert proof.value == expected_mac(card, proof, use_input(usage_of(card), usage_of(card, used_total=1), RECORD))


MAYBE = st.none() | st.binary(min_size=16, max_size=16)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    known=st.booleans(),
    amended=st.booleans(),
    money=st.booleans(),
    rental=MAYBE,
    looks_at_rental=st.booleans(),
    passage=st.booleans(),
    record=MAYBE,
    debit=st.none() | st.builds(Debit, st.integers(0, 1000), st.integers(0, 1000)),
    amendment=st.none() | st.binary(min_size=1, max_size=96),
    loads=st.none() | st.binary(min_size=1, max_size=96),
)
def test_the_cloud_expects_what_the_card_proves(
    known: bool,
    amended: bool,
    money: bool,
    rental: bytes | None,
    looks_at_rental: bool,
    passage: bool,
    record: bytes | None,
    debit: Debit | None,
    amendment: bytes | None,
    loads: bytes | None,
) -> None:
    """For any use: what `use_input` builds from what is reported is what the card's MAC covers."""
    card = ticketed_card()
    stock.put_usage(card, usage_of(card, amended=amended))
    stock.put_amendment(card, padded(b"signed", AMENDMENT_FILE))
    content = opened(card, knows=known)
    session = content.session
    wallet = run_flow(transactions.read_wallet(session), card.process) if money else None
    rental_read = run_flow(transactions.read_rental(session), card.process) if looks_at_rental else None
    usage = usage_of(card, used_total=1) if passage else None
    flow = transactions.write_use(session, usage, record, debit=debit, amendment=amendment, rental=rental, loads=loads)
    run_flow(flow, card.process)
    proof = run_flow(transactions.commit(session), card.process)
    expected = use_input(
        usage_of(card, amended=amended),
        usage,
        record,
        claim_file=None if known else stock.claim_content(card),
        amendment_read=padded(b"signed", AMENDMENT_FILE) if amended else None,
        wallet_read=wallet,
        rental_read=rental_read,
        amendment_written=amendment,
        loads_written=loads,
        rental_written=rental,
        debit=debit,
    )
    assert expected == session.input.committed
    assert expected_mac(card, proof, expected) == proof.value


def test_what_was_read_before_another_authentication_is_not_proved(card: DesfireCard) -> None:
    """A till reads everything first, then authenticates anew and makes its one change."""
    run_flow(transactions.read_wallet(opened(card).session), card.process)
    session = run_flow(authenticate(CardKey.GATE, gate_key(card), RND_A), card.process)
    run_flow(transactions.write_use(session, None, RECORD, debit=Debit(purse=50)), card.process)
    proof = run_flow(transactions.commit(session), card.process)
    assert proof.value == expected_mac(card, proof, use_input(None, None, RECORD, debit=Debit(purse=50)))
    assert stock.purse(card) == 950


def test_the_order_of_a_use_is_fixed() -> None:
    """Gates and cloud of different releases must agree on it: the MAC is over this order."""
    reads = {
        "claim_file": bytes([1] * 112),
        "amendment_read": bytes([2] * 96),
        "wallet_read": WalletFiles(3, bytes([4] * 96), 5),
        "rental_read": bytes([6] * 16),
    }
    writes = {
        "amendment_written": bytes([7] * 96),
        "loads_written": bytes([8] * 96),
        "rental_written": bytes([9] * 16),
        "debit": Debit(10, 11),
    }
    content = use_input(bytes(32), bytes([1] * 32), RECORD, **reads, **writes)
    order = []
    while content:
        command, file = content[0], content[1]
        order.append((command, file))
        value = command in (0x6C, 0xDC)
        length = 0 if value else int.from_bytes(content[5:8], "little")
        content = content[16 + -(-length // 16) * 16 :]
    read_order = [(0xAD, 2), (0xAD, 1), (0xAD, 8), (0x6C, 3), (0xAD, 4), (0x6C, 5), (0xAD, 7)]
    write_order = [(0x8D, 8), (0x8D, 4), (0x8D, 2), (0x8D, 7), (0xDC, 3), (0xDC, 5), (0x8B, 6)]
    assert order == read_order + write_order


def test_a_use_that_is_reported_otherwise_than_it_was_is_found(card: DesfireCard) -> None:
    """A stolen gate's rewritten usage, a smaller debit, another record, an older usage as read."""
    content = opened(card)
    used_up, written = usage_of(card), usage_of(card, used_total=1)
    proof = used(card, content, written, debit=Debit(purse=500))
    true = expected_mac(card, proof, use_input(used_up, written, RECORD, debit=Debit(purse=500)))
    assert true == proof.value
    for lie in (
        use_input(used_up, usage_of(card, used_total=2), RECORD, debit=Debit(purse=500)),
        use_input(usage_of(card, used_total=4), written, RECORD, debit=Debit(purse=500)),
        use_input(used_up, written, bytes(16), debit=Debit(purse=500)),
        use_input(used_up, written, RECORD, debit=Debit(purse=5)),
        use_input(used_up, written, RECORD, debit=Debit(loads=500)),
        use_input(used_up, written, RECORD),
    ):
        assert expected_mac(card, proof, lie) != proof.value
