# SPDX-License-Identifier: Apache-2.0
"""After a theft: gates serve old cards, switch each to its second key set, and the stolen keys open none of them."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from gate_bench import MASTERS, Bench, gate_keys, key_file, running_gate, ski_card, usage_of, wait_for
from journal_reading import admissions, outcomes, refusals

from pistegate_edge.core.inputs import ReadProblem
from pistegate_edge.core.presentation import LEFT_S
from pistegate_edge.keystore.store import MasterKeyStore
from pistegate_edge.readers.pn532 import CardGone
from pistegate_edge.readers.session import ReadFailed, read_card
from pistegate_protocol.card_layout import CardKey, KeySet
from pistegate_protocol.gate_keys import GateKeys
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import Cut, SimulatedReader
from pistegate_simulators.stock import CardMasters

BEFORE = gate_keys()
AFTER = gate_keys(KeySet.SECOND, roll=True)
OTHER_SITE = CardMasters.drawn(Random("another system"))


class InHand:
    """A card without a reader, as `read_card` wants one; torn at exchange `tear`, `done` tells on which side of it."""

    def __init__(self, card: DesfireCard, tear: int | None = None, *, done: bool = False) -> None:
        self.uid = card.uid
        self.exchanges = 0
        self._card = card
        self._tear = tear
        self._done = done
        card.power_on()

    def transceive(self, apdu: bytes) -> bytes:
        """One exchange."""
        self.exchanges += 1
        if self.exchanges != self._tear:
            return self._card.process(apdu)
        if self._done:
            self._card.process(apdu)
        raise CardGone("torn")


def reading(held: InHand, keys: GateKeys) -> KeySet:
    """The key set by which a holder of `keys` reads the card; ReadFailed: not at all."""
    try:
        return read_card(held, MasterKeyStore(keys), lambda digest: False)[1]  # type: ignore[arg-type]
    finally:
        held._card.power_off()


def opens(card: DesfireCard, keys: GateKeys) -> KeySet | None:
    """The same; None: not at all."""
    try:
        return reading(InHand(card), keys)
    except ReadFailed:
        return None


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def passes(bench: Bench, card: DesfireCard) -> None:
    """One passage."""
    time.sleep(LEFT_S + 0.1)
    count = len(outcomes(bench.directory))
    bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    bench.reader.remove(card)
    bench.turn()
    wait_for(lambda: len(outcomes(bench.directory)) == count + 1)


def keys_at(directory: Path, keys: GateKeys) -> dict[str, str]:
    """The gate's [key_store]."""
    return {"path": str(key_file(directory, keys))}


def test_old_card_is_switched_in_the_same_presentation_and_passes(tmp_path: Path, reader: SimulatedReader) -> None:
    """The guest notices nothing; from then on the second set opens the card, and the stolen first one does not."""
    card = ski_card()
    assert opens(card, BEFORE) is KeySet.FIRST
    with running_gate(tmp_path, reader, key_store=keys_at(tmp_path, AFTER)) as bench:
        passes(bench, card)
        assert opens(card, BEFORE) is None
        passes(bench, card)
    assert usage_of(card).used_total == 2
    assert opens(card, gate_keys(KeySet.SECOND, sets=[KeySet.SECOND])) is KeySet.SECOND


def test_gate_that_has_not_heard_of_the_theft_refuses_a_switched_card(tmp_path: Path, reader: SimulatedReader) -> None:
    """With the reason that sends the guest to the office; the gate needs the new keys, not the card."""
    card = ski_card()
    opens(card, AFTER)
    with running_gate(tmp_path, reader, key_store=keys_at(tmp_path, BEFORE)):
        reader.present(card)
        wait_for(lambda: refusals(tmp_path) == ["card_key_refused"])


def test_gate_with_both_sets_and_no_roll_key_serves_old_and_switched_cards(
    tmp_path: Path, reader: SimulatedReader
) -> None:
    """Between the first gates that were updated and the last."""
    switched, old = ski_card(1), ski_card(2)
    opens(switched, AFTER)
    both = gate_keys(KeySet.SECOND)
    with running_gate(tmp_path, reader, key_store=keys_at(tmp_path, both)) as bench:
        passes(bench, old)
        passes(bench, switched)
    assert opens(old, BEFORE) is KeySet.FIRST  # nobody switched it


def test_stolen_gates_keys_do_not_switch_cards_back(tmp_path: Path) -> None:
    """A thief has the first set's GATE master alone: no roll key was ever on the gate."""
    assert MasterKeyStore(BEFORE).roll_key(bytes(7)) is None
    card = ski_card()
    opens(card, AFTER)
    thief = GateKeys(BEFORE.system, KeySet.FIRST, dict.fromkeys(KeySet, MASTERS.sets[0][CardKey.GATE]), None)
    assert opens(card, thief) is None


@pytest.mark.parametrize("keys", [BEFORE, AFTER], ids=["before the theft", "after it"])
def test_card_of_another_system_is_refused(tmp_path: Path, reader: SimulatedReader, keys: GateKeys) -> None:
    """Wrong keys in both sets, and no attempt to switch it."""
    card = ski_card(masters=OTHER_SITE)
    with running_gate(tmp_path, reader, key_store=keys_at(tmp_path, keys)) as bench:
        reader.present(card)
        wait_for(lambda: refusals(tmp_path) == ["card_key_refused"])
        assert bench.unlocks() == 0
    assert admissions(tmp_path) == []


# Select and two of authentication by the second set, refused; select, two, usage, claim by the first; select and two
# of authentication with the roll key, RollKeySet; and the same reading by the second set.
SWITCH = 17
ROLL = 12


def test_a_switch_takes_as_many_exchanges_as_the_cuts_below_believe() -> None:
    """Counted, so that no cut point is left out."""
    held = InHand(ski_card())
    assert reading(held, AFTER) is KeySet.SECOND
    assert held.exchanges == SWITCH


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("exchange", range(1, SWITCH + 1))
def test_card_torn_while_it_is_switched_is_served_at_the_next_try(exchange: int, done: bool) -> None:
    """At every exchange: it is on one set or the other, the tear is told as one, and the next try ends the switch."""
    card = ski_card()
    with pytest.raises(ReadFailed) as failed:
        reading(InHand(card, exchange, done=done), AFTER)
    assert failed.value.problem is ReadProblem.TORN
    rolled = exchange > ROLL or (exchange == ROLL and done)
    assert (opens(card, BEFORE) is None) == rolled
    assert opens(card, AFTER) is KeySet.SECOND
    assert opens(card, BEFORE) is None


@pytest.mark.parametrize("when", list(Cut))
def test_card_torn_at_the_switch_itself_passes_at_the_gate_when_it_comes_back(
    tmp_path: Path, reader: SimulatedReader, when: Cut
) -> None:
    """On the real driver: the guest holds it once more and walks through."""
    card = ski_card()
    with running_gate(tmp_path, reader, key_store=keys_at(tmp_path, AFTER)) as bench:
        reader.cut_after(ROLL + 1, when)  # RATS counts, and the claim takes two blocks
        reader.present(card)
        wait_for(lambda: card not in reader.rf.cards)
        wait_for(lambda: bench.state() == "idle")
        passes(bench, card)
    assert usage_of(card).used_total == 1
    assert opens(card, BEFORE) is None
