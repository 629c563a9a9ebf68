# SPDX-License-Identifier: Apache-2.0
"""Every command's bytes, written out once more from the data sheets."""

import pytest
from desfire_cases import h

from pistegate_protocol import card_layout
from pistegate_protocol.card_layout import (
    AID,
    AMENDMENT_FILE,
    CLAIM_FILE,
    FILES,
    PROOF_FILE,
    PURSE_FILE,
    RECENT_FILE,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    VALUE_MAX,
    CardKey,
    CommMode,
)
from pistegate_protocol.desfire import card_commands as card
from pistegate_protocol.desfire import file_commands as files
from pistegate_protocol.desfire.command import Command

KEY, OTHER_KEY = h("00112233445566778899AABBCCDDEEFF"), h("F3847D627727ED3BC9C4CC050489B966")
CHANGE = h("F3955F5133728B4C415D66BEC854579901789DFADC")  # KEY to OTHER_KEY, version 1
PLAIN, MAC, FULL = CommMode.PLAIN, CommMode.MAC, CommMode.FULL

# Command, instruction, header, data, mode.
EVERY_COMMAND = [
    (card.select_application(AID), 0x5A, "504731", "", PLAIN),
    (card.get_version(), 0x60, "", "", MAC),
    (card.get_card_uid(), 0x51, "", "", FULL),
    (card.get_application_ids(), 0x6A, "", "", MAC),
    (card.create_application(AID, 0x09, 4, 2, 1, CardKey.ROLL), 0xCA, "504731 09 94 01 01 02 10 03", "", MAC),
    (card.delete_application(AID), 0xDA, "504731", "", MAC),
    (card.format_picc(), 0xFC, "", "", MAC),
    (card.set_default_key(KEY, 5), 0x5C, "01", KEY.hex() + "00" * 8 + "05", FULL),
    (card.get_key_settings(), 0x45, "", "", MAC),
    (card.change_key_settings(0x09), 0x54, "", "09", FULL),
    (card.get_key_version(2), 0x64, "02", "", MAC),
    (card.get_key_version(2, 1), 0x64, "42 01", "", MAC),
    (card.change_own_key(0x80, OTHER_KEY, 1), 0xC4, "80", OTHER_KEY.hex() + "01", FULL),
    (card.change_key(3, KEY, OTHER_KEY, 1), 0xC4, "03", CHANGE.hex(), FULL),
    (card.change_key_of_set(1, 3, KEY, OTHER_KEY, 1), 0xC6, "01 03", CHANGE.hex(), FULL),
    (card.initialize_key_set(1), 0x56, "01 02", "", MAC),
    (card.finalize_key_set(1, 7), 0x57, "01 07", "", MAC),
    (card.roll_key_set(1), 0x55, "01", "", MAC),
    (files.read_data(CLAIM_FILE), 0xAD, "01 000000 700000", "", PLAIN),
    (files.read_data(USAGE_FILE), 0xAD, "02 000000 200000", "", MAC),
    (files.read_data(PROOF_FILE), 0xAD, "0F 000000 0C0000", "", MAC),
    (files.write_data(USAGE_FILE, bytes(32)), 0x8D, "02 000000 200000", "00" * 32, MAC),
    (files.write_data(CLAIM_FILE, bytes(112)), 0x8D, "01 000000 700000", "00" * 112, PLAIN),
    (files.read_records(RECENT_FILE), 0xBB, "06 000000 000000", "", MAC),
    (files.write_record(RECENT_FILE, KEY), 0x8B, "06 000000 100000", KEY.hex(), MAC),
    (files.clear_records(RECENT_FILE), 0xEB, "06", "", MAC),
    (files.get_value(PURSE_FILE), 0x6C, "03", "", MAC),
    (files.credit(PURSE_FILE, 0x01020304), 0x0C, "03", "04030201", MAC),
    (files.debit(SPENT_FILE, 1), 0xDC, "05", "01000000", MAC),
    (files.commit_transaction(), 0xC7, "01", "", MAC),
    (files.abort_transaction(), 0xA7, "", "", MAC),
    (files.create_file(CLAIM_FILE), 0xCD, "01 00 F0E2 700000", "", MAC),
    (files.create_file(USAGE_FILE), 0xCB, "02 01 2011 200000", "", MAC),
    (files.create_file(PURSE_FILE), 0xCC, "03 01 201F 00000000 FFFFFF7F 00000000 00", "", MAC),
    (files.create_file(SPENT_FILE), 0xCC, "05 01 201F 00000080 00000000 00000000 00", "", MAC),
    (files.create_file(RECENT_FILE), 0xC0, "06 01 2011 100000 110000", "", MAC),
    (files.create_file(RENTAL_FILE), 0xCB, "07 01 2011 100000", "", MAC),
    (files.create_file(AMENDMENT_FILE), 0xCB, "08 01 2011 600000", "", MAC),
    (files.create_transaction_mac_file(PROOF_FILE, KEY, 1), 0xCE, "0F 01 F01F 02", KEY.hex() + "01", FULL),
    (files.get_file_ids(), 0x6F, "", "", MAC),
    (files.get_file_settings(USAGE_FILE), 0xF5, "02", "", MAC),
]


@pytest.mark.parametrize(
    ("command", "ins", "header", "data", "mode"), EVERY_COMMAND, ids=[each[0].name for each in EVERY_COMMAND]
)
def test_a_command_carries_what_the_data_sheet_says(
    command: Command, ins: int, header: str, data: str, mode: CommMode
) -> None:
    """Instruction, header, data and what a session makes of them."""
    assert (command.ins, command.header, command.data, command.mode) == (ins, h(header), h(data), mode)


def test_the_layout_has_a_command_for_each_of_its_files() -> None:
    """Files 1 to 8 are created without a key, file 15 with one; rights are sent least significant byte first."""
    for file in FILES:
        if file is not PROOF_FILE:
            created = files.create_file(file).header
            assert created[0] == file.number
            assert int.from_bytes(created[2:4], "little") == file.rights.to_int()
    with pytest.raises(ValueError, match="without a key"):
        files.create_file(PROOF_FILE)
    assert card_layout.Rights(1, 2, 3, 4).to_int() == 0x1234


def test_only_commands_that_end_the_session_say_so() -> None:
    """RollKeySet and ChangeKey of the session's own key: answered without a MAC."""
    ending = {command.name for command, *_ in EVERY_COMMAND if command.ends_session}
    assert ending == {"roll to key set 1", "change own key 0"}


@pytest.mark.parametrize("amount", [0, -1, VALUE_MAX + 1])
def test_an_amount_that_is_none_is_the_callers_mistake(amount: int) -> None:
    """A debit of less than nothing would be a credit."""
    for change in (files.credit, files.debit):
        with pytest.raises(ValueError, match=r"amount|fit"):
            change(PURSE_FILE, amount)


def test_content_of_a_wrong_size_is_the_callers_mistake() -> None:
    """A file is always written whole."""
    for wrong in (31, 33):
        with pytest.raises(ValueError, match="32"):
            files.write_data(USAGE_FILE, bytes(wrong))
    with pytest.raises(ValueError, match="16"):
        files.write_record(RECENT_FILE, bytes(15))


def test_a_key_of_a_wrong_size_is_the_callers_mistake() -> None:
    """Never padded or cut."""
    for build in (
        lambda key: card.set_default_key(key, 0),
        lambda key: card.change_own_key(0, key, 1),
        lambda key: card.change_key(1, bytes(16), key, 1),
        lambda key: card.change_key(1, key, bytes(16), 1),
        lambda key: files.create_transaction_mac_file(PROOF_FILE, key, 1),
    ):
        for length in (0, 15, 24):
            with pytest.raises(ValueError, match="key of"):
                build(bytes(length))


def test_values_are_signed() -> None:
    """Spent goes below zero."""
    assert files.value_of(h("FFFFFFFF")) == -1
    assert files.value_of(h("00000080")) == -(2**31)
    assert files.value_of(h("FFFFFF7F")) == VALUE_MAX


# GetVersion


EV3 = h("04010133001A05 04010103001A05 04A1B2C3D4E5F6 BA550B2B50 2324")


def test_a_card_says_what_it_is() -> None:
    """Hardware 33: EV3; storage byte 1A: 8 KiB; week 23 of 2024."""
    version = card.version_of(EV3)
    assert version == card.CardVersion(0x33, 8192, h("04A1B2C3D4E5F6"), h("BA550B2B50"), 23, 2024)


def test_what_is_no_desfire_has_no_version() -> None:
    """Another vendor, another product, another length."""
    for other in (b"", EV3[:-1], EV3 + b"\x00", b"\x05" + EV3[1:], EV3[:1] + b"\x02" + EV3[2:]):
        assert card.version_of(other) is None
