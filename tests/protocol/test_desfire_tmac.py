# SPDX-License-Identifier: Apache-2.0
"""TransactionMAC: what its input is made of (MF2DL(H)x0 10.3.4), and the value over it."""

import pytest
from desfire_cases import h
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.card_layout import (
    CLAIM_FILE,
    PROOF_FILE,
    PURSE_FILE,
    RECENT_FILE,
    SPENT_FILE,
    USAGE_FILE,
)
from pistegate_protocol.desfire import card_commands, crypto, file_commands
from pistegate_protocol.desfire.tmac import COUNTER_MAX, TransactionInput, transaction_mac

KEY, UID = h("F7D23E0C44AFADE542BFDF2DC5C6AE02"), h("04A1B2C3D4E5F6")
USAGE, CLAIM, RECORD = bytes(range(32)), bytes(range(112)), bytes(range(16, 32))


def test_each_command_adds_what_the_data_sheet_says() -> None:
    """Written out by hand: command and parameters padded to 16 bytes, then the data padded to 16 bytes."""
    collected = TransactionInput()
    collected.add(file_commands.read_data(USAGE_FILE), USAGE)
    collected.add(file_commands.read_data(CLAIM_FILE), CLAIM)
    collected.add(file_commands.get_value(SPENT_FILE), h("FBFFFFFF"))
    collected.add(file_commands.write_data(USAGE_FILE, USAGE))
    collected.add(file_commands.debit(PURSE_FILE, 0x0102))
    collected.add(file_commands.credit(PURSE_FILE, 3))
    collected.add(file_commands.write_record(RECENT_FILE, RECORD))
    collected.add(file_commands.clear_records(RECENT_FILE))
    expected = [
        "AD 02 000000 200000 0000000000000000" + USAGE.hex(),
        "AD 01 000000 700000 0000000000000000" + CLAIM.hex(),
        "6C 05 FBFFFFFF 00000000000000000000",
        "8D 02 000000 200000 0000000000000000" + USAGE.hex(),
        "DC 03 02010000 00000000000000000000",
        "0C 03 03000000 00000000000000000000",
        "8B 06 000000 100000 0000000000000000" + RECORD.hex(),
        "EB 06 0000000000000000000000000000",
    ]
    assert collected.content == h("".join(expected))


def test_records_that_were_read_count_with_their_number() -> None:
    """`All` is sent as 0; the card puts the number that it read."""
    collected = TransactionInput()
    collected.add(file_commands.read_records(RECENT_FILE), RECORD * 3)
    assert collected.content == h("BB 06 000000 030000 0000000000000000" + RECORD.hex() * 3)


def test_what_touches_no_file_adds_nothing() -> None:
    """Key and file settings, and reading the proof itself."""
    collected = TransactionInput()
    collected.add(file_commands.read_data(PROOF_FILE), bytes(12))
    collected.add(file_commands.get_file_ids(), b"\x01\x02")
    collected.add(file_commands.get_file_settings(USAGE_FILE), bytes(7))
    collected.add(card_commands.get_card_uid(), UID)
    assert collected.content == b""


def test_commit_and_abort_begin_anew() -> None:
    """What was committed stays to be compared."""
    collected = TransactionInput()
    collected.add(file_commands.write_record(RECENT_FILE, RECORD))
    before = collected.content
    collected.add(file_commands.commit_transaction(), bytes(12))
    assert (collected.content, collected.committed) == (b"", before)
    collected.add(file_commands.write_record(RECENT_FILE, RECORD))
    collected.add(file_commands.abort_transaction())
    assert (collected.content, collected.committed) == (b"", before)


def test_the_value_is_a_cmac_under_a_key_of_this_card_and_this_count() -> None:
    """SesTMMACKey = CMAC(key, 5A00010080 || counter || UID); of its CMAC over the input, the odd bytes."""
    content = h("8B 06 000000 100000 0000000000000000") + RECORD
    session_key = crypto.cmac(KEY, h("5A00010080 2A000000 04A1B2C3D4E5F6"))
    assert transaction_mac(KEY, UID, 42, content) == crypto.cmac(session_key, content)[1::2]


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=7, max_size=7),
    st.integers(1, COUNTER_MAX - 1),
    st.binary(min_size=16, max_size=64),
    st.integers(min_value=0),
)
def test_any_other_key_card_count_or_input_has_another_value(
    key: bytes, uid: bytes, counter: int, content: bytes, at: int
) -> None:
    """One bit of any of them."""

    def flipped(data: bytes) -> bytes:
        bit = at % (8 * len(data))
        return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]

    value = transaction_mac(key, uid, counter, content)
    assert len(value) == 8
    others = [
        transaction_mac(flipped(key), uid, counter, content),
        transaction_mac(key, flipped(uid), counter, content),
        transaction_mac(key, uid, counter + 1, content),
        transaction_mac(key, uid, counter, flipped(content)),
    ]
    assert value not in others


@pytest.mark.parametrize(("uid", "counter"), [(bytes(4), 1), (bytes(8), 1), (UID, 0), (UID, -1), (UID, 2**32)])
def test_a_proof_that_no_card_can_give_is_the_callers_mistake(uid: bytes, counter: int) -> None:
    """A committed transaction has counted at least once; our cards have 7-byte UIDs."""
    with pytest.raises(ValueError, match="transaction MAC"):
        transaction_mac(KEY, uid, counter, bytes(16))
