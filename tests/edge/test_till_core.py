# SPDX-License-Identifier: Apache-2.0
"""The till's core, case by case: what is taken from a card, what a tear leaves, and what an attacker gets."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from till_bench import (
    EPOCH,
    NOW,
    TILL,
    ModelCard,
    asked,
    codes,
    copied,
    debit,
    open_use,
    statement,
    till,
    token_of,
    told,
    uid_of,
)
from till_sale import Sale

from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.codes import Code, Event
from pistegate_edge.till.core.machine import REFUSALS_MAX, TillCore
from pistegate_protocol.desfire.transactions import Debit, Proof
from pistegate_protocol.events import UseKind, UseResult
from pistegate_protocol.records import RecordKind, decode_record

PROOF = Proof(8, b"tmac-val")


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
