# SPDX-License-Identifier: Apache-2.0
"""The file of a site's handle keys: what the cloud writes, a gate reads; a wrong one is told without showing keys."""

from dataclasses import replace

import pytest
from binding_cases import HANDLES, SITE

from pistegate_protocol.errors import CodecError
from pistegate_protocol.handle_keys import format_handle_keys, parse_handle_keys

NEWER = replace(HANDLES, number=2, key=bytes(32))


def test_a_gate_reads_what_the_cloud_wrote() -> None:
    """The keys in force and those to come; the table says which of them it was made with."""
    assert parse_handle_keys(format_handle_keys(SITE, [HANDLES, NEWER]), SITE) == {1: HANDLES, 2: NEWER}
    single = format_handle_keys(SITE, [HANDLES]).replace("[[bindings]]", "[bindings]")
    assert parse_handle_keys(single, SITE) == {1: HANDLES}
    assert parse_handle_keys("", SITE) == {}


@pytest.mark.parametrize(
    "damage",
    [("salt = ", "salz = "), ('key = "00', 'key = "'), ("number = 1", 'number = "x"'), ("[[", "["), ('"', "")],
)
def test_a_damaged_file_is_told_without_its_keys(damage: tuple[str, str]) -> None:
    """What is told goes to screens and logs."""
    text = format_handle_keys(SITE, [HANDLES]).replace(*damage)
    with pytest.raises(CodecError) as told:
        parse_handle_keys(text, SITE)
    assert HANDLES.key.hex()[2:] not in str(told.value)


def test_another_sites_keys_are_not_taken() -> None:
    """They would find nobody."""
    with pytest.raises(CodecError, match="of site 3, this is site 4"):
        parse_handle_keys(format_handle_keys(SITE, [HANDLES]), 4)
