# SPDX-License-Identifier: Apache-2.0
"""The cloud's signed time: genuine, for this site; what else is signed with the same key is no time."""

import pytest
from protocol_cases import ISSUER, KEY_ID, KEYS

from pistegate_protocol.documents import DenyList, DocumentRefused, sign_document
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import TimeTold
from pistegate_protocol.time_marks import TimeMark, sign_time, verify_time

MARK = TimeMark(1, 3, bytes(range(8)), 1_768_622_400_000)
TOLD = sign_time(MARK, KEY_ID, ISSUER)


def test_genuine_time_is_believed() -> None:
    """As it was signed."""
    assert verify_time(TOLD, KEYS, 1) == MARK


@pytest.mark.parametrize("bit", range(0, 8 * len(TOLD.body), 7))
def test_time_with_a_flipped_bit_is_refused(bit: int) -> None:
    """Wherever."""
    body = bytearray(TOLD.body)
    body[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DocumentRefused, match="signature"):
        verify_time(TimeTold(TOLD.key_id, bytes(body), TOLD.signature), KEYS, 1)


def test_time_of_another_site_or_key_is_refused() -> None:
    """Each by its own words."""
    with pytest.raises(DocumentRefused, match="site 1, this is site 2"):
        verify_time(TOLD, KEYS, 2)
    with pytest.raises(DocumentRefused, match="unknown key"):
        verify_time(TimeTold(KEY_ID + 100, TOLD.body, TOLD.signature), KEYS, 1)


def test_signed_document_is_no_time() -> None:
    """The same key signs both; their labels keep them apart."""
    document = sign_document(DenyList(1, 1, 1, []), KEY_ID, ISSUER)
    with pytest.raises((DocumentRefused, CodecError)):
        verify_time(TimeTold(document.key_id, document.body, document.signature), KEYS, 1)
