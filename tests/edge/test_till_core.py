# SPDX-License-Identifier: Apache-2.0
"""The till's core, case by case: what the operator is told, what the card is told, what is written down."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from till_bench import (
    EPOCH,
    NOW,
    TILL,
    ModelCard,
    ModelJournal,
    asked,
    codes,
    copied,
    debit,
    later,
    open_use,
    rental_file,
    statement,
    till,
    token_of,
    told,
    uid_of,
)

from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.codes import Code, Event
from pistegate_edge.till.core.machine import REFUSALS_MAX, State, TillCore
from pistegate_edge.till.words import words_of
from pistegate_protocol.desfire.transactions import Debit, Proof
from pistegate_protocol.events import UseKind, UseResult
from pistegate_protocol.records import RecordKind, decode_record
from pistegate_protocol.rental import RentalKind, decode_rental
from pistegate_protocol.texts import LOCALES

PROOF = Proof(8, b"tmac-val")
BOOTS, SKIS, POLES = RentalKind.BOOTS, RentalKind.SKIS, RentalKind.POLES


class Sale:
    """One till and what happened at it."""

    def __init__(self, machine: TillCore | None = None) -> None:
        self.machine = machine or till()
        self.journal = ModelJournal()
        self.token = 0
        self.write: a.Write | None = None

    def tell(self, what: i.Input, seconds: float = 0.0) -> list[a.Action]:
        """Give it an input; the journal takes what it is given, and every answer has its words."""
        actions = self.machine.handle(what, later(seconds))
        for action in actions:
            if isinstance(action, a.Tell):
                assert all(words_of(action.answer, locale, TILL.currency) for locale in LOCALES)
            if isinstance(action, a.Want):
                self.token = action.token
            if isinstance(action, a.Write):
                self.write = action
            if not isinstance(action, a.RecordUse):
                self.journal.take(action)
        return actions

    def hold(self, card: ModelCard) -> list[a.Action]:
        """A card is read, and a change of it becomes durable."""
        actions = self.tell(i.CardRead(self.token, card.files()))
        for record in told(actions, a.RecordUse):
            use = self.journal.begin(record).use
            actions = actions + self.tell(i.UseRecorded(use.epoch, use.seq, use.name))
        return actions

    def commit(self, card: ModelCard, result: i.WriteResult = i.WriteResult.OK, **values: Any) -> list[a.Action]:
        """The card is written."""
        assert self.write is not None
        proof = card.commit(self.write) if result is i.WriteResult.OK else None
        return self.tell(i.CardWritten(self.write.token, result, proof, **values))

    def buy(self, card: ModelCard, request: i.Asked | None = None) -> a.Answer:
        """A whole request, to its last answer."""
        actions = self.tell(request or debit()) + self.hold(card)
        if self.machine.state is State.WRITING:
            actions = self.commit(card)
        return told(actions, a.Tell)[-1].answer


# Debits


def test_debit_takes_from_loads_first_then_from_the_purse() -> None:
    """Both parts in one transaction, told to the operator, the journal and the card's own record."""
    card = ModelCard(purse=1000, loads=statement(uid_of(1), 1, 3000), spent=1700)
    sale = Sale()
    answer = sale.buy(card)
    assert (answer.event, answer.values["amount"], answer.values["balance"]) == (Event.DONE, 1800, 500)
    assert sale.write is not None
    assert sale.write.debit == Debit(500, 1300)
    record = decode_record(sale.write.record)
    assert (record.kind, record.value, record.device) == (RecordKind.DEBIT, 1800, TILL.device)
    (use,) = sale.journal.uses.values()
    event = use.use.event
    assert (event.kind, event.purse, event.loads, event.item) == (UseKind.DEBIT, 500, 1300, "coffee")
    assert (event.purse_before, event.spent_before) == (1000, 1700)
    assert use.ended is UseResult.DONE


def test_proof_of_the_card_goes_into_the_journal() -> None:
    """The cloud checks it: what the card answered to the commit travels with the end of the use."""
    sale = Sale()
    sale.tell(debit())
    sale.hold(ModelCard(purse=5000))
    assert sale.write is not None
    (end,) = told(sale.tell(i.CardWritten(sale.write.token, i.WriteResult.OK, PROOF)), a.RecordEnd)
    assert end.event.proof == (PROOF.counter, PROOF.value)


def test_balance_too_small_tells_how_much_is_missing() -> None:
    """Nothing is begun; the operator knows what to ask the guest for."""
    answer = Sale().buy(ModelCard(purse=1000))
    assert answer.code is Code.BALANCE_TOO_SMALL
    assert (answer.values["balance"], answer.values["missing"]) == (1000, 800)


def test_balance_too_small_with_a_load_waiting_says_so() -> None:
    """The guest has paid already: only the card does not know yet."""
    sale = Sale()
    sale.tell(i.DocumentsArrived(frozenset(), {uid_of(1): statement(uid_of(1), 1, 5000)}))
    answer = sale.buy(ModelCard(purse=1000))
    assert (answer.code, answer.values["waiting"]) == (Code.BALANCE_TOO_SMALL_LOAD, 5000)


def test_load_statement_that_is_not_genuine_is_worth_nothing() -> None:
    """A gate's key can write that file: what is in it counts only with the issuer's signature, for this very card."""
    forged = statement(uid_of(1), 9, 90_000, key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    stolen = statement(uid_of(2), 9, 90_000)
    for loads in (forged, stolen):
        assert Sale().buy(ModelCard(purse=100, loads=loads)).code is Code.BALANCE_TOO_SMALL


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_another_currency_is_refused_before_any_card(currency: str) -> None:
    """A till takes one currency."""
    assert codes(Sale().tell(debit(currency=currency))) == ["wrong_currency"]


def test_card_with_money_in_another_currency_is_refused() -> None:
    """1800 of the one are not 1800 of the other."""
    card = ModelCard(loads=statement(uid_of(1), 1, 5000, currency="EUR"))
    assert Sale().buy(card).code is Code.WRONG_CURRENCY


def test_card_in_the_tray_serves_one_request_after_the_other() -> None:
    """A second request needs no lifting of the card, and each is charged."""
    card, sale = ModelCard(purse=5000), Sale()
    assert sale.buy(card, debit("r1")).event is Event.DONE
    assert sale.buy(card, debit("r2")).event is Event.DONE
    assert card.purse == 1400


# Torn cards


def test_torn_before_the_commit_the_card_is_asked_for_again_and_charged_once() -> None:
    """Nothing had changed; the same request goes on with the same card, under a new name."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit())
    sale.hold(card)
    assert codes(sale.commit(card, i.WriteResult.VOID)) == ["hold_again"]
    sale.hold(card)
    assert codes(sale.commit(card)) == ["done"]
    assert card.purse == 3200
    assert [one.ended for one in sale.journal.uses.values()] == [UseResult.VOID, UseResult.DONE]


@pytest.mark.parametrize("changed", [False, True])
def test_torn_at_the_commit_the_card_tells_and_is_charged_once(changed: bool) -> None:
    """The operator is asked for the same card; it tells whether it was charged, and only if not is it charged now."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit())
    sale.hold(card)
    if changed:
        assert sale.write is not None
        card.commit(sale.write)
    assert codes(sale.commit(card, i.WriteResult.UNCONFIRMED)) == ["hold_same_again"]
    actions = sale.hold(card)
    if not changed:
        actions = actions + sale.commit(card)
    assert [settled.event.charged for settled in told(actions, a.RecordSettled)] == [changed]
    assert codes(actions)[-1] == "done"
    assert card.purse == 3200


def test_another_card_is_not_charged_for_a_card_that_was_torn() -> None:
    """Two guests, one sale: the second card is not touched, whatever became of the first."""
    first, second, sale = ModelCard(1, 5000), ModelCard(2, 5000), Sale()
    sale.tell(debit())
    sale.hold(first)
    sale.commit(first, i.WriteResult.UNCONFIRMED)
    actions = sale.hold(second)
    assert codes(actions) == ["other_card"]
    assert not told(actions, a.RecordUse)
    assert second.purse == 5000


def test_request_of_which_nobody_knows_goes_on_only_with_its_card() -> None:
    """Asked again under its id, it waits for the card that it was begun with; another card is not charged."""
    first, second, sale = ModelCard(1, 5000), ModelCard(2, 5000), Sale()
    sale.tell(debit())
    sale.hold(first)
    assert sale.write is not None
    first.commit(sale.write)
    sale.commit(first, i.WriteResult.UNCONFIRMED)
    assert codes(sale.tell(i.Cancelled(1, "r1"))) == ["unconfirmed"]
    assert codes(sale.tell(debit())) == ["hold_same_again"]
    assert codes(sale.hold(second)) == ["other_card"]
    assert codes(sale.hold(first)) == ["done"]
    assert (first.purse, second.purse) == (3200, 5000)


def test_card_that_never_comes_back_leaves_the_request_unconfirmed() -> None:
    """The operator is told that nobody knows; the till waits at least half a minute for it."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit())
    sale.hold(card)
    sale.commit(card, i.WriteResult.UNCONFIRMED)
    assert codes(sale.tell(i.Tick(), 29.0)) == []
    assert codes(sale.tell(i.Tick(), 31.0)) == ["unconfirmed"]
    assert [one.told for one in sale.journal.uses.values()] == [None]


@pytest.mark.parametrize("changed", [False, True])
def test_card_that_comes_back_to_another_request_settles_the_first(changed: bool) -> None:
    """The next request of any kind reads the card: what became of the one before is told and written down."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit("r1"))
    sale.hold(card)
    if changed:
        assert sale.write is not None
        card.commit(sale.write)
    sale.commit(card, i.WriteResult.UNCONFIRMED)
    sale.tell(i.Cancelled(1, "r1"))
    sale.tell(asked('{"do":"show","id":"look"}'))
    tells = told(sale.hold(card), a.Tell)
    assert [tell.answer.code for tell in tells] == [Code.SETTLED, Code.DONE]
    assert (tells[0].answer.values["request"], tells[0].answer.values["done"]) == ("r1", changed)
    repeated = sale.tell(debit("r1"))
    assert codes(repeated) == (["done"] if changed else ["hold_card"])


def test_card_that_was_used_too_often_since_cannot_tell() -> None:
    """Sixteen passages later its record may be gone: the operator is told, nothing is guessed or charged."""
    card, sale = ModelCard(purse=5000), Sale()
    card.record(bytes([0x21]) + bytes(10) + b"befor")
    sale.tell(debit())
    sale.hold(card)
    sale.commit(card, i.WriteResult.UNCONFIRMED)
    for n in range(16):
        card.record(bytes([0x21]) + bytes(10) + b"gate" + bytes([n]))
    actions = sale.hold(card)
    assert codes(actions) == ["cannot_tell"]
    assert not told(actions, a.RecordSettled)
    assert not told(actions, a.RecordUse)


def test_card_that_refuses_to_be_written_ends_the_request() -> None:
    """After three refusals of the card itself; each is void, none is charged."""
    card, sale = ModelCard(purse=5000), Sale()
    sale.tell(debit())
    for _ in range(REFUSALS_MAX):
        sale.hold(card)
        actions = sale.commit(card, i.WriteResult.VOID, refused=True)
    assert codes(actions) == ["card_refused"]
    assert {one.ended for one in sale.journal.uses.values()} == {UseResult.VOID}


def test_use_that_the_last_run_left_open_is_interrupted_and_told_by_the_card() -> None:
    """A till that was killed between the durable change and the card's answer knows nothing until the card is back."""
    card = ModelCard(purse=5000)
    use = open_use(card)
    machine = TillCore(TILL, till()._issuers, interrupted=[use])
    (end, _) = machine.start(NOW)
    assert isinstance(end, a.RecordEnd)
    assert (end.event.result, end.event.epoch, end.event.seq) == (UseResult.INTERRUPTED, EPOCH, 2)
    assert end.unsettled
    machine.handle(i.ReaderReady(), NOW)
    token = token_of(machine.handle(asked('{"do":"show","id":"look"}'), NOW))
    (settled,) = told(machine.handle(i.CardRead(token, card.files()), NOW), a.RecordSettled)
    assert not settled.event.charged


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


# Attacks


@pytest.mark.parametrize("what", ["debit", "load", "rental_out", "rental_back"])
def test_lost_card_is_refused_and_noted(what: str) -> None:
    """Whoever holds a card that was reported lost cannot use it; the cloud hears where it was tried."""
    sale = Sale()
    sale.tell(i.DocumentsArrived(frozenset({uid_of(1)}), {}))
    more = {"debit": ',"amount":1,"currency":"CNY"', "rental_out": ',"kinds":["skis"]'}.get(what, "")
    sale.tell(asked(f'{{"do":"{what}","id":"r1"{more}}}'))
    actions = sale.tell(i.CardRead(sale.token, ModelCard(purse=5000).files()))
    assert codes(actions) == ["card_lost"]
    (note,) = [action for action in actions if isinstance(action, a.RecordNote)]
    assert note.event.reason == "card_lost"  # type: ignore[union-attr]


def test_lost_card_can_be_shown() -> None:
    """So that its owner is found; it is told as lost."""
    sale = Sale()
    sale.tell(i.DocumentsArrived(frozenset({uid_of(1)}), {}))
    answer = sale.buy(ModelCard(), asked('{"do":"show","id":"look"}'))
    assert answer.values["lost"] is True


def test_card_image_written_back_after_a_debit_is_refused() -> None:
    """Attack: an older state of the card with the money still on it; its transaction counter gives it away."""
    card, sale = ModelCard(purse=5000), Sale()
    image = copied(card)
    sale.buy(card, debit("r1"))
    assert sale.buy(image, debit("r2")).code is Code.CARD_ROLLED_BACK


def test_stolen_gate_key_cannot_spend_more_than_the_cloud_signed() -> None:
    """Attack: `spent` is beyond what was loaded; what is left is never negative and never wraps around."""
    card = ModelCard(loads=statement(uid_of(1), 1, 1000), spent=2_000_000)
    assert Sale().buy(card).code is Code.BALANCE_TOO_SMALL


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
