# SPDX-License-Identifier: Apache-2.0
"""The till's core, case by case: requests and who asks them, loads, and rental."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from till_bench import (
    NOW,
    ModelCard,
    asked,
    codes,
    debit,
    later,
    rental_file,
    statement,
    told,
    uid_of,
)
from till_sale import Sale

from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.codes import Code, Event
from pistegate_edge.till.core.machine import State
from pistegate_protocol.events import UseKind
from pistegate_protocol.rental import RentalKind, decode_rental

BOOTS, SKIS, POLES = RentalKind.BOOTS, RentalKind.SKIS, RentalKind.POLES


# Requests


def test_request_asked_again_is_answered_and_not_done_again() -> None:
    """A program whose connection broke repeats under the same id."""
    card, sale = ModelCard(purse=5000), Sale()
    first = sale.buy(card)
    (tell,) = told(sale.tell(debit(client=2)), a.Tell)
    assert tell.answer.values == dict(first.values) | {"repeated": True}
    assert card.purse == 3200


def test_id_used_for_another_request_is_refused() -> None:
    """An id names one request for good."""
    sale = Sale()
    sale.buy(ModelCard(purse=5000))
    assert codes(sale.tell(debit(amount=1))) == ["id_reused"]


def test_request_asked_again_while_it_waits_goes_to_the_new_connection() -> None:
    """The program reconnected: the last prompt again, then the answer, over the new one."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit())
    assert [tell.client for tell in told(sale.tell(debit(client=2)), a.Tell)] == [2]
    sale.tell(i.Gone(1))
    sale.hold(card)
    assert [tell.client for tell in told(sale.commit(card), a.Tell)] == [2]


def test_nothing_is_begun_for_a_program_that_is_gone() -> None:
    """Nobody would see that the guest was charged."""
    sale = Sale()
    sale.tell(debit())
    sale.tell(i.Gone(1))
    assert sale.machine.state is State.IDLE
    assert codes(sale.tell(i.CardRead(sale.token, ModelCard(purse=5000).files()))) == []


def test_change_that_is_under_way_is_finished_for_a_program_that_is_gone() -> None:
    """And is remembered: the program finds it under its id."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit())
    sale.hold(card)
    sale.tell(i.Gone(1))
    sale.commit(card)
    assert codes(sale.tell(debit(client=2))) == ["done"]


def test_other_requests_have_to_wait_for_the_one_under_way() -> None:
    """One card, one request."""
    sale = Sale()
    sale.tell(debit("r1"))
    assert codes(sale.tell(debit("r2", client=2))) == ["busy"]


def test_request_without_a_card_ends_in_time() -> None:
    """And takes the reader back."""
    sale = Sale()
    sale.tell(debit())
    actions = sale.tell(i.Tick(), 30.0)
    assert codes(actions) == ["no_card"]
    assert told(actions, a.Release) == [a.Release(sale.token)]


def test_cancelled_request_ends_and_lets_go() -> None:
    """Asked for by its id; what does not wait cannot be cancelled."""
    sale = Sale()
    sale.tell(debit())
    assert codes(sale.tell(i.Cancelled(1, "other"))) == ["nothing_to_cancel"]
    assert codes(sale.tell(i.Cancelled(1, "r1"))) == ["cancelled"]
    assert codes(sale.tell(i.Cancelled(1, "r1"))) == ["nothing_to_cancel"]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (i.Unread.TORN, "hold_again"),
        (i.Unread.FOREIGN, "foreign"),
        (i.Unread.PHONE, "phone"),
        (i.Unread.RESIDENT_ID, "resident_id"),
        (i.Unread.KEY_REFUSED, "key_refused"),
        (i.Unread.TWO_CARDS, "two_cards"),
    ],
)
def test_card_that_cannot_be_read_is_told_once_and_the_request_goes_on(problem: i.Unread, code: str) -> None:
    """The reader goes on looking; the same trouble twice is told once."""
    sale = Sale()
    sale.tell(debit())
    assert codes(sale.tell(i.CardUnread(sale.token, problem))) == [code]
    assert codes(sale.tell(i.CardUnread(sale.token, problem))) == []
    assert sale.buy(ModelCard(purse=5000), debit()).event is Event.DONE


def test_full_disk_changes_no_card() -> None:
    """What cannot be written down is not done; looking at a card is still possible."""
    sale = Sale()
    sale.tell(i.FaultChanged(i.Fault.DISK, True))
    assert codes(sale.tell(debit())) == ["disk_full"]
    assert sale.buy(ModelCard(), asked('{"do":"show","id":"look"}')).event is Event.DONE


def test_disk_that_fills_up_just_then_changes_no_card() -> None:
    """The card is let go, and the operator told."""
    sale = Sale()
    sale.tell(debit())
    sale.tell(i.CardRead(sale.token, ModelCard(purse=5000).files()))
    actions = sale.tell(i.UseFailed("full"))
    assert codes(actions) == ["disk_full"]
    assert told(actions, a.Release)


def test_reader_that_fails_is_told_and_the_request_goes_on_when_it_is_back() -> None:
    """Or ends in time, with the reader named."""
    sale = Sale()
    sale.tell(debit())
    assert codes(sale.tell(i.ReaderLost("pulled"))) == ["reader_lost"]
    assert codes(sale.tell(i.ReaderReady())) == ["hold_card"]
    sale.tell(i.ReaderLost("pulled"))
    assert codes(sale.tell(i.Tick(), 30.0)) == ["no_reader"]


# Loads


def test_load_that_the_cloud_signed_is_written_to_the_card() -> None:
    """As it was signed; the operator is told by how much the balance went up."""
    card, sale = ModelCard(purse=100, loads=statement(uid_of(1), 1, 2000), spent=1500), Sale()
    signed = statement(uid_of(1), 2, 7000)
    sale.tell(i.DocumentsArrived(frozenset(), {uid_of(1): signed}))
    answer = sale.buy(card, asked('{"do":"load","id":"r1"}'))
    assert (answer.values["amount"], answer.values["balance"], card.balance) == (5000, 5600, 5600)
    assert card.loads == signed
    (use,) = sale.journal.uses.values()
    assert (use.use.event.kind, use.use.event.statement) == (UseKind.LOAD, signed)
    assert (use.use.event.purse, use.use.event.loads) == (0, 0)


def test_load_that_is_on_the_card_already_is_not_written_again() -> None:
    """A statement is a total: writing it twice would change nothing, and writing an older one would take money."""
    for number in (1, 2):
        card, sale = ModelCard(loads=statement(uid_of(1), 2, 7000)), Sale()
        sale.tell(i.DocumentsArrived(frozenset(), {uid_of(1): statement(uid_of(1), number, 2000)}))
        assert sale.buy(card, asked('{"do":"load","id":"r1"}')).code is Code.NO_LOAD


def test_load_under_a_key_not_known_here_is_not_replaced_by_an_older_one() -> None:
    """It may be newer than this till's keys."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    card, sale = ModelCard(loads=statement(uid_of(1), 5, 7000, key=other)), Sale()
    sale.tell(i.DocumentsArrived(frozenset(), {uid_of(1): statement(uid_of(1), 4, 2000)}))
    assert sale.buy(card, asked('{"do":"load","id":"r1"}')).code is Code.NO_LOAD


def test_load_that_is_not_genuine_is_not_written() -> None:
    """Not by a till, whoever sent it."""
    forged = statement(uid_of(1), 9, 90_000, key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    sale = Sale()
    sale.tell(i.DocumentsArrived(frozenset(), {uid_of(1): forged}))
    assert sale.buy(ModelCard(), asked('{"do":"load","id":"r1"}')).code is Code.LOAD_REFUSED


# Rental (rules.md C)


def rent(id: str, *kinds: str) -> i.Asked:
    """Equipment taken, as it comes in."""
    words = ",".join(f'"{kind}"' for kind in kinds)
    return asked(f'{{"do":"rental_out","id":"{id}","kinds":[{words}]}}')


def bring(id: str, *kinds: str) -> i.Asked:
    """Equipment returned, as it comes in; none named: everything."""
    words = ",".join(f'"{kind}"' for kind in kinds)
    return asked(f'{{"do":"rental_back","id":"{id}","kinds":[{words}]}}')


def test_equipment_taken_is_on_the_card_and_in_the_journal() -> None:
    """With the label of the very piece in the event."""
    card, sale = ModelCard(), Sale()
    answer = sale.buy(card, rent("r1", "boots", "skis=K2-0815"))
    assert answer.values["outstanding"] == ["boots", "skis"]
    assert decode_rental(card.rental).outstanding == {BOOTS, SKIS}
    (use,) = sale.journal.uses.values()
    assert (use.use.event.kind, use.use.event.item) == (UseKind.RENTAL_OUT, "boots skis=K2-0815")
    assert use.use.event.rental == card.rental


def test_a_kind_is_rented_once_per_card() -> None:
    """Returned, it cannot be taken again; while it is out, neither."""
    card, sale = ModelCard(), Sale()
    sale.buy(card, rent("r1", "skis"))
    refused = sale.buy(card, rent("r2", "skis"))
    assert (refused.code, refused.values["kind"]) == (Code.ALREADY_OUT, "skis")
    sale.buy(card, bring("r3", "skis"))
    assert sale.buy(card, rent("r4", "skis")).code is Code.RENTED_BEFORE
    assert sale.buy(card, rent("r5", "boots")).event is Event.DONE


def test_only_the_card_that_took_it_brings_it_back() -> None:
    """A guest must use the same card to take and return."""
    first, second, sale = ModelCard(1), ModelCard(2), Sale()
    sale.buy(first, rent("r1", "skis"))
    refused = sale.buy(second, bring("r2", "skis"))
    assert (refused.code, refused.values["kind"]) == (Code.NOT_OUT, "skis")


def test_everything_that_is_out_comes_back_at_once() -> None:
    """The operator does not count; what was never out is told."""
    card, sale = ModelCard(), Sale()
    sale.buy(card, rent("r1", "skis", "boots", "poles"))
    sale.buy(card, bring("r2", "poles"))
    answer = sale.buy(card, bring("r3"))
    assert (answer.values["kinds"], answer.values["settled"]) == (["boots", "skis"], True)
    assert sale.buy(card, bring("r4")).code is Code.NOTHING_OUT


def test_the_clock_runs_from_the_first_piece_to_the_last() -> None:
    """Later pieces do not start it anew; both times are on the card."""
    card, sale = ModelCard(), Sale()
    sale.buy(card, rent("r1", "boots"))
    rental = decode_rental(card.rental)
    assert rental.since == NOW.wall
    card.rental = rental_file(outstanding=rental.outstanding, taken=rental.taken, since=later(-3600).wall)
    sale.buy(card, rent("r2", "skis"))
    sale.buy(card, bring("r3"))
    rental = decode_rental(card.rental)
    assert (rental.since, rental.returned) == (later(-3600).wall, NOW.wall)


def test_rental_that_this_release_cannot_read_is_left_alone() -> None:
    """A newer till wrote it: nothing is overwritten."""
    card = ModelCard(rental=b"\x07" + bytes(15))
    assert Sale().buy(card, rent("r1", "skis")).code is Code.CONTENT_INVALID
    assert card.rental == b"\x07" + bytes(15)
