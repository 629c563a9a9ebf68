# SPDX-License-Identifier: Apache-2.0
"""The file with a gate's card keys: what the cloud writes, every gate reads alike, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.card_layout import KeySet
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.gate_keys import SYSTEM_BYTES_MAX, GateKeys, format_gate_keys, parse_gate_keys

KEY = bytes(range(16))
GOOD = format_gate_keys(GateKeys(b"PISTEGATE", KeySet.SECOND, {KeySet.FIRST: KEY, KeySet.SECOND: KEY[::-1]}, KEY))

keys = st.binary(min_size=16, max_size=16)
systems = st.binary(min_size=1, max_size=SYSTEM_BYTES_MAX)


@given(systems, keys, keys, st.sampled_from(KeySet), st.none() | keys)
def test_keys_come_back_as_they_were_written(
    system: bytes, first: bytes, second: bytes, prefer: KeySet, roll: bytes | None
) -> None:
    """Both sets, the preference and the roll key."""
    whole = GateKeys(system, prefer, {KeySet.FIRST: first, KeySet.SECOND: second}, roll)
    assert parse_gate_keys(format_gate_keys(whole)) == whole


def test_keys_are_written_as_agreed() -> None:
    """The text itself is the contract between cloud and gate."""
    assert GOOD == (
        'version = 1\nsystem = "504953544547415445"\nprefer = 1\n[gate]\n0 = "000102030405060708090a0b0c0d0e0f"\n'
        '1 = "0f0e0d0c0b0a09080706050403020100"\n[roll]\n0 = "000102030405060708090a0b0c0d0e0f"\n'
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version = 1", "version = 2", "this release reads 1"),
        ("version = 1", "", "version is None"),
        ("version = 1", "version = 1\nspare = 1", "spare unknown"),
        ('system = "504953544547415445"', 'system = "zz"', "system is no text of hex digits"),
        ('system = "504953544547415445"', 'system = ""', "a system identifier of 1 to"),
        ("prefer = 1", "prefer = 2", "prefer names no key set"),
        ("prefer = 1", "prefer = true", "prefer names no key set"),
        ('1 = "0f', '7 = "0f', "gate.7 names no key set"),
        ('0 = "0001', '0 = "01', "a key of 15 bytes"),
        ('[roll]\n0 = "00', '[roll]\n1 = "00', "[roll] holds the key of set 0 only"),
        ("[gate]", "gate = 1\n[other]", "other unknown"),
        ("prefer = 1", "prefer =", "not TOML"),
    ],
)
def test_wrong_file_is_told_without_its_keys(old: str, new: str, told: str) -> None:
    """Bad input: each mistake by its place; an error message never shows a key."""
    with pytest.raises(CodecError) as error:
        parse_gate_keys(GOOD.replace(old, new, 1))
    assert told in str(error.value)
    assert KEY.hex()[4:] not in str(error.value)


def test_newer_file_is_an_unknown_version() -> None:
    """A gate must not guess."""
    with pytest.raises(UnknownVersion):
        parse_gate_keys(GOOD.replace("version = 1", "version = 2"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (GateKeys(b"", KeySet.FIRST, {KeySet.FIRST: KEY}), "system identifier"),
        (GateKeys(b"P", KeySet.SECOND, {KeySet.FIRST: KEY}), "preferred"),
        (GateKeys(b"P", KeySet.FIRST, {KeySet.FIRST: KEY[:8]}), "8 bytes"),
        (GateKeys(b"P", KeySet.FIRST, {KeySet.FIRST: KEY}, KEY), "without the second set"),
    ],
)
def test_keys_that_no_gate_could_use_are_not_written(wrong: GateKeys, told: str) -> None:
    """The cloud hears it, not the technician on the ladder."""
    with pytest.raises(CodecError, match=told):
        format_gate_keys(wrong)


def test_keys_do_not_show_in_a_traceback() -> None:
    """A repr of the keys holds none."""
    assert KEY.hex() not in repr(parse_gate_keys(GOOD))
    assert "\\x01" not in repr(parse_gate_keys(GOOD))
