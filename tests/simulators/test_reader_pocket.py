# SPDX-License-Identifier: Apache-2.0
"""A pocket full of cards: who is listed, who stays silent, and how a host comes from one to the next."""

import itertools
from random import Random

import nfc
import nfc.clf
import pytest
from nfc.clf import RemoteTarget

from pistegate_simulators import stock
from pistegate_simulators.card import (
    ClassicCard,
    DesfireCard,
    Phone,
    RadioCard,
    ResidentIdCard,
    Type2Card,
    UidClone,
    other_operators_card,
)
from pistegate_simulators.reader import Pn532, SimulatedReader
from pistegate_simulators.reader.anticollision import levels, plain_uid, winner

from .desfire_host import Host
from .nfcpy_reader import opened, tap

H = bytes.fromhex
LIST_ONE, LIST_TWO, RELEASE_ALL = "4A0100", "4A0200", "5200"
MASTERS = stock.CardMasters.drawn(Random("pocket"))
SELECT_OURS = "905A00000350473100"


def uid(text: str) -> DesfireCard:
    return DesfireCard(H(text))


def chip_with(*cards: RadioCard, tries: int = 2) -> Pn532:
    chip = Pn532()
    chip.handle(H("320500") + b"\x00" + bytes([tries - 1]))
    for card in cards:
        chip.rf.present(card)
    return chip


def ask(chip: Pn532, payload: str) -> bytes:
    answer = chip.handle(H(payload))
    assert answer is not None
    return answer.data


def listed(chip: Pn532, command: str = LIST_ONE) -> list[bytes]:
    """UIDs that a listing names."""
    data, found = ask(chip, command), []
    at = 1
    for _ in range(data[0]):
        length = data[at + 4]
        found.append(data[at + 5 : at + 5 + length])
        has_ats = data[at + 3] & 0x20
        at += 5 + length
        at += data[at] if has_ats else 0
    return found


def enumerate_pocket(chip: Pn532) -> list[bytes]:
    """What a host does: list one, let it sleep, list the next, until nobody answers."""
    found = []
    while one := listed(chip):
        found += one
        ask(chip, RELEASE_ALL)
    return found


def test_bits_decide_who_is_first() -> None:
    """At the first bit in which UIDs differ as sent, low bits first, a 1 wins; 88 goes before seven bytes."""
    assert levels(H("04A1B2C3D4E5F6")) == [H("8804A1B2"), H("C3D4E5F6")]
    assert levels(bytes(10)) == [H("88000000"), H("88000000"), bytes(4)]
    assert plain_uid(H("8804A1B288C3D4E501020304")) == H("04A1B2C3D4E501020304")
    cards = [uid("04000000000000"), uid("05000000000000"), ClassicCard(H("88000000"[2:] + "00"))]
    assert winner(cards) is cards[1]
    assert winner([cards[0], cards[2]]) is cards[0]  # the cascade tag's bit 3 against 0 of the 4-byte UID
    assert winner([ClassicCard(H("80000000")), ClassicCard(H("01000000"))]).uid == H("01000000")


def test_two_of_four_are_listed_and_always_the_same_two() -> None:
    """The winners of anticollision, whatever the order in which cards came."""
    cards = [uid(f"04{number:02X}0000000000") for number in (1, 2, 3, 8)]
    expected = [cards[2].uid, cards[0].uid]  # 11.., then 10.. as sent
    assert listed(chip_with(*cards), LIST_TWO) == expected
    assert listed(chip_with(*reversed(cards)), LIST_TWO) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_pocket_of_any_size_is_enumerated(count: int) -> None:
    """Every card once: what was released sleeps until the field was off."""
    rng = Random(count)
    cards = [stock.blank_stock(rng) for _ in range(count)] + [ClassicCard(rng.randbytes(4))]
    chip = chip_with(*cards)
    assert sorted(enumerate_pocket(chip)) == sorted(card.uid for card in cards)
    assert listed(chip) == []
    chip.handle(H("320100"))
    assert sorted(enumerate_pocket(chip)) == sorted(card.uid for card in cards)


def test_listing_by_twos_works_too() -> None:
    """Five cards in three listings."""
    cards = [stock.blank_stock(Random(number)) for number in range(5)]
    chip, found = chip_with(*cards), []
    while pair := listed(chip, LIST_TWO):
        found.append(pair)
        ask(chip, RELEASE_ALL)
    assert [len(pair) for pair in found] == [2, 2, 1]
    assert sorted(itertools.chain.from_iterable(found)) == sorted(card.uid for card in cards)


def test_a_card_in_the_protocol_ignores_calls() -> None:
    """Listing again without release or field off finds nobody: the card is in the middle of its session."""
    card = uid("04A1B2C3D4E5F6")
    chip = chip_with(card)
    assert listed(chip) == [card.uid]
    assert card.in_protocol
    assert listed(chip) == []
    ask(chip, "320100")
    assert listed(chip) == [card.uid]


def test_a_selected_card_outside_the_protocol_answers_the_second_call() -> None:
    """The first call sends it back to idle; with one try only, a poll misses it every other time."""
    card = ClassicCard()
    chip = chip_with(card)
    assert [listed(chip) for _ in range(3)] == [[card.uid]] * 3
    chip = chip_with(card, tries=1)
    chip.rf.switch(False)
    assert [listed(chip) for _ in range(4)] == [[card.uid], [], [card.uid], []]


def test_a_card_that_was_deselected_hears_nothing() -> None:
    """A DESELECT of the host's own, as nfcpy sends it: RATS is ignored until the card is called again."""
    card = uid("04A1B2C3D4E5F6")
    chip = chip_with(card)
    listed(chip)
    assert ask(chip, "42C2") == H("00C2")
    assert ask(chip, "42E050") == H("01")
    assert not card.in_protocol
    assert listed(chip) == []


def test_a_sleeping_card_is_woken_by_its_uid() -> None:
    """WUPA, as for libfreefare's connect after its listing; a wrong UID wakes nobody."""
    card, other = uid("04A1B2C3D4E5F6"), uid("04000000000001")
    chip = chip_with(card, other)
    enumerate_pocket(chip)
    assert listed(chip, "4A01008804A1B2C3D4E5F7") == []
    assert listed(chip, "4A01008804A1B2C3D4E5F6") == [card.uid]
    assert ask(chip, "4001" + "60")[:2] == H("00AF")


def test_switching_between_two_targets_costs_the_session() -> None:
    """One target is awake at a time; who comes back is at card level, and what was not committed is gone."""
    ours, theirs = stock.personalised_card(Random(1), MASTERS), other_operators_card(Random(2))
    chip = chip_with(ours, theirs)
    numbers = {found: number for number, found in enumerate(listed(chip, LIST_TWO), start=1)}
    mine, other = f"40{numbers[ours.uid]:02X}", f"40{numbers[theirs.uid]:02X}"
    assert ask(chip, other + SELECT_OURS) == H("0091A0")
    assert ask(chip, mine + SELECT_OURS) == H("009100")
    host = Host(lambda apdu: ask(chip, mine + apdu.hex())[1:])
    host.select(stock.APPLICATION)
    session = host.auth_ev2(1, MASTERS.card_key(ours.uid, 1))  # type: ignore[arg-type]
    session.write(0x3D, H("02") + bytes(3) + H("200000"), bytes([7] * 32), 1)
    assert ours.authenticated_key == 1
    assert ask(chip, other + SELECT_OURS) == H("0091A0")
    assert ours.authenticated_key is None
    assert ours.halted
    assert ask(chip, mine + "6F")[:1] + ask(chip, mine + "5A504731") == H("00") + H("0000")
    assert not any(stock.usage_content(ours))


def test_select_deselect_and_release_by_number() -> None:
    """InDeselect lets sleep what InSelect wakes; InRelease forgets it."""
    cards = [uid("04010000000000"), uid("04000000000000")]
    chip = chip_with(*cards)
    assert listed(chip, LIST_TWO) == [card.uid for card in cards]
    assert [card.halted for card in cards] == [True, False]
    assert ask(chip, "5401") == H("00")
    assert [card.in_protocol for card in cards] == [True, False]
    assert ask(chip, "4201") == H("01")  # a raw frame goes to the one that is awake
    assert ask(chip, "4401") == H("00")
    assert cards[0].halted
    assert ask(chip, "4001" + "60")[:2] == H("00AF")
    assert ask(chip, "5201") == H("00")
    assert ask(chip, "4001" + "60") == H("27")
    assert ask(chip, "4002" + "60")[:2] == H("00AF")
    assert ask(chip, "5403") == H("27")
    chip.rf.remove(cards[1])
    ask(chip, "5402")
    assert ask(chip, "4002" + "60") == H("01")


def test_only_one_card_of_two_that_left() -> None:
    """A target that is gone is a time-out; the other goes on."""
    cards = [uid("04010000000000"), uid("04000000000000")]
    chip = chip_with(*cards)
    listed(chip, LIST_TWO)
    chip.rf.remove(cards[0])
    assert ask(chip, "4001" + "60") == H("01")
    assert ask(chip, "4002" + "60")[:2] == H("00AF")


def test_a_single_card_is_not_put_to_sleep_by_a_listing_of_two() -> None:
    """Nobody else answers: it stays awake, outside the protocol as well."""
    for card in (uid("04A1B2C3D4E5F6"), ClassicCard()):
        chip = chip_with(card)
        assert listed(chip, LIST_TWO) == [card.uid]
        assert not card.halted or card.selected
        assert ask(chip, "4001" + "30")[0] == 0


def test_cards_that_answer_together_garble_their_atqa() -> None:
    """The reader hears the bits of both; alone, a card says its own."""
    chip = chip_with(uid("04A1B2C3D4E5F6"), ClassicCard(H("DEADBEEF")))
    assert ask(chip, LIST_ONE) == H("0101" + "0344" + "0804" + "DEADBEEF")
    chip = chip_with(ClassicCard(H("DEADBEEF")))
    assert ask(chip, LIST_ONE) == H("0101" + "0004" + "0804" + "DEADBEEF")
    cards = [ClassicCard(H("DEADBEEF")), ClassicCard(H("00000001"))]
    cards[1].atqa = H("0802")
    assert ask(chip_with(*cards), LIST_ONE) == H("0101" + "0806" + "0804" + "DEADBEEF")


def test_a_clone_beside_its_original_garbles_it() -> None:
    """Two cards of one UID are selected together, and talk at once."""
    original = stock.personalised_card(Random(3), MASTERS)
    chip = chip_with(original, UidClone(original.uid))
    assert listed(chip, LIST_TWO) == [original.uid]
    assert ask(chip, "4001" + SELECT_OURS) == H("02")


def test_a_phone_has_another_uid_in_each_field() -> None:
    """08 and three random bytes; no application of ours, wrapped, native or by ISO select."""
    phone = Phone(Random(1))
    chip = chip_with(phone)
    seen = set()
    for _ in range(5):
        (one,) = listed(chip)
        assert (len(one), one[0]) == (4, 0x08)
        seen.add(one)
        for select in (SELECT_OURS, "5A504731", "00A4040007D276000085010000"):
            assert ask(chip, "4001" + select) == H("006A82")
        chip.handle(H("320100"))
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("card", "answer"),
    [
        (UidClone(H("04A1B2C3D4E5F6")), "0091A0"),
        (other_operators_card(Random(4)), "0091A0"),
        (stock.blank_stock(Random(5)), "0091A0"),
        (Phone(Random(6)), "006A82"),
        (stock.personalised_card(Random(7), MASTERS), "009100"),
    ],
    ids=["clone", "other-operator", "blank", "phone", "ours"],
)
def test_who_has_our_application(card: RadioCard, answer: str) -> None:
    """Only our card."""
    chip = chip_with(card)
    listed(chip)
    assert ask(chip, "4001" + SELECT_OURS) == H(answer)


def test_a_classic_card_with_our_uid_speaks_no_iso_dep() -> None:
    """The magic card of a UID-only system: SAK 08 and seven bytes of UID."""
    original = stock.personalised_card(Random(8), MASTERS)
    chip = chip_with(ClassicCard(original.uid))
    assert ask(chip, LIST_ONE) == H("0101004408") + b"\x07" + original.uid
    assert ask(chip, "4001" + SELECT_OURS) == H("01")


# Type B


@pytest.fixture
def reader_with_resident_id() -> "tuple[SimulatedReader, ResidentIdCard]":
    reader = SimulatedReader()
    card = ResidentIdCard(H("0102030405060708"))
    reader.present(card)
    yield reader, card  # type: ignore[misc]
    reader.close()


def test_a_resident_id_is_read_as_facts_say(reader_with_resident_id: tuple[SimulatedReader, ResidentIdCard]) -> None:
    """Stock nfcpy gives up on its protocol bit; its chipset and two raw exchanges get the identifier."""
    reader, card = reader_with_resident_id
    with opened(reader.path) as frontend:
        assert frontend.sense(RemoteTarget("106B")) is None
        found = frontend.device.chipset.in_list_passive_target(1, 3, b"\x00")
        assert bytes(found[:12]) == H("5000000000D103860C008080")
        frontend.target = RemoteTarget("106B", sensb_res=found[:12])
        assert bytes(frontend.exchange(H("1D0000000000080108"), 0.1)) == b"\x08"
        assert bytes(frontend.exchange(H("0036000008"), 0.1)) == card.uid + H("9000")


def test_a_resident_id_is_silent_before_it_was_called_and_chosen() -> None:
    """Its identifier comes after REQB and ATTRIB only; HLTB and a new call begin anew."""
    card = ResidentIdCard()
    chip = chip_with(card)
    chip.rf.switch(True)
    read = "420036000008"
    assert ask(chip, read) == H("01")
    assert ask(chip, "4A010300")[:2] == H("0101")
    assert ask(chip, read) == H("01")
    assert ask(chip, "421D0000000000080108") == H("0008")
    assert ask(chip, read) == b"\x00" + card.uid + H("9000")
    assert ask(chip, "425000000000") == H("0000")
    assert ask(chip, read) == H("01")
    assert ask(chip, "4A010300")[:1] == H("00")
    assert card.halted
    chip.handle(H("320100"))
    assert ask(chip, "4A010300")[:2] == H("0101")


def test_type_a_and_type_b_do_not_meet() -> None:
    """A resident ID beside our card: each is found by its own poll; two resident IDs collide."""
    ours = stock.personalised_card(Random(9), MASTERS)
    chip = chip_with(ours, ResidentIdCard())
    assert listed(chip, LIST_TWO) == [ours.uid]
    assert ask(chip, "4A010300")[:2] == H("0101")
    chip = chip_with(ResidentIdCard(), ResidentIdCard())
    assert ask(chip, "4A020300") == H("00")


def test_foreign_cards_through_nfcpy() -> None:
    """What the driver makes of each: our host code must live with it."""
    kinds = [(Phone(Random(1)), "Type4Tag"), (UidClone(H("04A1B2C3D4E5F6")), "Type4Tag"), (Type2Card(), "Type2Tag")]
    for card, kind in kinds:
        with SimulatedReader() as reader, opened(reader.path) as frontend:
            reader.present(card)
            tag = tap(frontend)
            assert isinstance(tag, nfc.tag.Tag)
            assert tag.type == kind
