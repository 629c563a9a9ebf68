# SPDX-License-Identifier: Apache-2.0
"""The time page, the card's files, and the words for people."""

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import CARD, ISSUER, a_claim, claims

from pistegate_protocol.card_layout import (
    AMENDMENT_FILE,
    CLAIM_FILE,
    FILES,
    FREE,
    KEYS,
    LOADS_FILE,
    NEVER,
    PROOF_FILE,
    PURSE_FILE,
    RECENT_FILE,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    CardKey,
    Rights,
    claim_file_content,
    claim_in_file,
)
from pistegate_protocol.claims import Claim
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import sign_claim
from pistegate_protocol.texts import LOCALES, catalogue, text
from pistegate_protocol.timepage import PAGE_BYTES, TimePage, decode_page, encode_page

U64 = st.integers(0, 2**64 - 1)
PAGES = st.builds(TimePage, U64, U64, st.floats(1e-6, 1e6), U64)


@given(PAGES)
def test_every_time_page_comes_back(page: TimePage) -> None:
    """In 40 bytes."""
    data = encode_page(page)
    assert len(data) == PAGE_BYTES
    assert decode_page(data) == page


@given(PAGES, PAGES, st.integers(1, PAGE_BYTES - 1))
def test_a_page_half_written_is_not_believed(old: TimePage, new: TimePage, cut: int) -> None:
    """A reader that comes in between reads again, whatever the order in which bytes arrive."""
    before, after = encode_page(old), encode_page(new)
    for mixed in (after[:cut] + before[cut:], before[:cut] + after[cut:]):
        if mixed in (before, after):
            continue
        with pytest.raises(CodecError):
            decode_page(mixed)


@given(st.binary(max_size=60) | st.binary(min_size=36, max_size=36).map(lambda rest: b"PGT1" + rest))
def test_random_bytes_are_no_time_page(data: bytes) -> None:
    """A missing, empty or foreign file."""
    with pytest.raises(CodecError):
        decode_page(data)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_page_with_a_rate_that_no_clock_has_is_refused(rate: float) -> None:
    """Time would stand still, run back or be no number."""
    with pytest.raises(CodecError):
        decode_page(encode_page(TimePage(1, 2, rate)))


@pytest.mark.parametrize("page", [TimePage(-1, 0), TimePage(0, 2**64)])
def test_a_page_value_out_of_range_is_a_codec_error(page: TimePage) -> None:
    """Not a struct error."""
    with pytest.raises(CodecError):
        encode_page(page)


def test_wall_time_runs_on_at_the_pages_rate() -> None:
    """From the reference, both ways."""
    page = TimePage(monotonic_ns=1_000, wall_ns=50_000, rate=3.0)
    assert [page.wall_at(at) for at in (1_000, 1_100, 900)] == [50_000, 50_300, 49_700]


# The card.


@given(claims())
def test_a_signed_claim_comes_back_from_its_padded_file(claim: Claim) -> None:
    """Every claim fits the file; a blank file holds none."""
    signed = sign_claim(claim, CARD, ISSUER)
    content = claim_file_content(signed)
    assert len(content) == CLAIM_FILE.size
    assert claim_in_file(content) == signed
    assert claim_in_file(bytes(CLAIM_FILE.size)) is None


@given(st.binary(min_size=112, max_size=112))
def test_garbage_in_the_claim_file_is_a_codec_error_or_looks_like_a_claim(content: bytes) -> None:
    """Never another exception."""
    for data in (content, b"\x01" + content[1:]):
        with contextlib.suppress(CodecError):
            claim_in_file(data)


def test_a_claim_with_something_behind_it_is_refused() -> None:
    """Padding is zeros; anything else is not ours."""
    content = bytearray(claim_file_content(sign_claim(a_claim(), CARD, ISSUER)))
    content[-1] = 1
    with pytest.raises(CodecError):
        claim_in_file(bytes(content))
    with pytest.raises(UnknownVersion):
        claim_in_file(b"\x02" + bytes(content[1:]))


def test_too_long_a_claim_is_not_written() -> None:
    """The file has 112 bytes: one more than the largest claim signed for a 7-byte UID."""
    with pytest.raises(CodecError):
        claim_file_content(bytes(113))


def test_a_gate_can_use_a_card_but_neither_issue_nor_credit() -> None:
    """Rights of all files: the gate's key reads, writes what is used, debits; claim and credit take the issuer's."""
    gate_writes = {file.number for file in FILES if CardKey.GATE in (file.rights.write, file.rights.read_write)}
    assert gate_writes == {
        USAGE_FILE.number,
        LOADS_FILE.number,
        RECENT_FILE.number,
        RENTAL_FILE.number,
        AMENDMENT_FILE.number,
    }
    assert CLAIM_FILE.rights.write == CardKey.ISSUER
    for value in (PURSE_FILE, SPENT_FILE):  # reading debits; only the right to do both credits
        assert (value.rights.read, value.rights.write) == (CardKey.GATE, NEVER)
        assert value.rights.read_write == CardKey.ISSUER
    for file in FILES:
        assert FREE not in (file.rights.write, file.rights.read_write, file.rights.change)
        assert file.rights.read != FREE or file is CLAIM_FILE
        assert file.rights.change == CardKey.MASTER
        assert file.backup or file is CLAIM_FILE
    assert (PROOF_FILE.rights.write, PROOF_FILE.rights.read_write) == (NEVER, NEVER)
    assert len({file.number for file in FILES}) == len(FILES)
    assert [int(key) for key in KEYS] == list(range(len(KEYS)))
    assert Rights(FREE, 2, NEVER, 0).to_int() == 0xE2F0


# Words.


def placeholders(words: str) -> set[str]:
    """Names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_both_languages_have_the_same_texts_and_placeholders() -> None:
    """A text added to one alone is found here."""
    first, *others = [catalogue(locale) for locale in LOCALES]
    for other in others:
        assert other.keys() == first.keys()
        for key, words in first.items():
            assert placeholders(other[key]) == placeholders(words), key


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_says_something(locale: str) -> None:
    """Plain strings, none empty, no placeholder without a name."""
    for key, words in catalogue(locale).items():
        assert isinstance(words, str), key
        assert words.strip(), key
        assert "" not in placeholders(words), key


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(locale: str, reason: Reason) -> None:
    """And there are none for reasons that do not exist."""
    assert text(f"reason.{reason}", locale)
    spoken = {key.removeprefix("reason.") for key in catalogue(locale) if key.startswith("reason.")}
    assert spoken == {reason.value for reason in Reason}


def test_texts_are_filled_and_unknown_ones_are_key_errors() -> None:
    """No silent blank on a gate's display."""
    assert text("prompt.admit_party", "zh-CN", n=4) == "请通行：4 人"
    for key, locale in (("prompt.nonsense", "en"), ("prompt.admit", "de")):
        with pytest.raises(KeyError):
            text(key, locale)
