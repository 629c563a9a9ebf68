# SPDX-License-Identifier: Apache-2.0
"""Identity numbers: one way of writing each, and what cannot be right is refused before it is hashed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.identity import DocumentKind, Identity, IdentityRefused, check_character, identity

# The example of GB 11643-1999 itself, and one that ends in X.
EXAMPLE, WITH_X = "11010519491231002X", "440524188001010014"


def why(kind: DocumentKind, text: str, country: str = "") -> str:
    with pytest.raises(IdentityRefused) as refused:
        identity(kind, text, country)
    return refused.value.why


@pytest.mark.parametrize(
    ("kind", "typed", "number"),
    [
        (DocumentKind.RESIDENT_ID, " 110105 19491231 002x ", EXAMPLE),
        (DocumentKind.RESIDENT_ID, "１１０１０５１９４９１２３１００２Ｘ", EXAMPLE),
        (DocumentKind.HK_MACAU_PERMIT, "h12345678", "H12345678"),
        (DocumentKind.HK_MACAU_PERMIT, "M12345678 01", "M12345678"),
        (DocumentKind.TAIWAN_PERMIT, "0123 4567", "01234567"),
        (DocumentKind.TAIWAN_PERMIT, "0123456701(A)", "01234567"),
        (DocumentKind.CHIP, "0123456789abcdef", "0123456789ABCDEF"),
        (DocumentKind.FINGER, "007", "7"),
    ],
)
def test_however_it_is_typed_it_is_written_one_way(kind: DocumentKind, typed: str, number: str) -> None:
    """Else the gate would look for another guest than the window bound."""
    assert identity(kind, typed) == Identity(kind, number)


def test_passports_are_told_apart_by_country() -> None:
    """Two countries issue the same number."""
    one, other = (identity(DocumentKind.PASSPORT, "e1234567", country) for country in ("chn", "D"))
    assert (one.number, other.number) == ("CHN:E1234567", "D:E1234567")
    assert why(DocumentKind.PASSPORT, "E1234567") == "country"


# The specimen of ICAO 9303-4, appendix B.
ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"


def test_a_scanned_passport_is_the_typed_one() -> None:
    """Bound by typing, presented at a reader of the machine-readable zone."""
    scanned = identity(DocumentKind.PASSPORT, ZONE)
    assert scanned == identity(DocumentKind.PASSPORT, "l898902c3", "UTO")
    assert scanned.number == "UTO:L898902C3"
    german = ZONE.replace("P<UTO", "P<D<<")
    assert identity(DocumentKind.PASSPORT, german, "ignored").number == "D:L898902C3"


def test_a_misread_zone_is_found_by_its_check_digit() -> None:
    """Readers take 8 for B; one line alone is no zone."""
    assert why(DocumentKind.PASSPORT, ZONE.replace("L898902", "L89B902")) == "check_digit"
    assert why(DocumentKind.PASSPORT, ZONE.splitlines()[1]) == "characters"


@given(st.integers(0, 16), st.integers(1, 9))
def test_every_wrong_digit_is_found(place: int, by: int) -> None:
    """ISO 7064 MOD 11-2 finds each single substitution; some are found as an impossible date before."""
    digits = list(EXAMPLE)
    digits[place] = str((int(digits[place]) + by) % 10)
    assert why(DocumentKind.RESIDENT_ID, "".join(digits)) in ("check_digit", "date", "characters")


@given(st.integers(0, 15))
def test_two_neighbours_swapped_are_found(place: int) -> None:
    """The commonest slip of a typist."""
    digits = list(EXAMPLE)
    digits[place], digits[place + 1] = digits[place + 1], digits[place]
    if "".join(digits) != EXAMPLE:
        assert why(DocumentKind.RESIDENT_ID, "".join(digits)) in ("check_digit", "date", "characters")


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (DocumentKind.RESIDENT_ID, "130503670401001", "characters"),  # 15 digits: not issued since 1999
        (DocumentKind.RESIDENT_ID, "110105194913310020", "date"),
        (DocumentKind.RESIDENT_ID, WITH_X, "date"),  # born 1880
        (DocumentKind.RESIDENT_ID, "1" * 101, "characters"),
        (DocumentKind.RESIDENT_ID, "", "characters"),
        (DocumentKind.RESIDENT_ID, "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "characters"),
        (DocumentKind.HK_MACAU_PERMIT, "12345678", "characters"),
        (DocumentKind.CHIP, "0123", "characters"),
        (DocumentKind.FINGER, "65536", "characters"),
        (DocumentKind.FINGER, "one", "characters"),
    ],
)
def test_what_no_document_has_is_refused(kind: DocumentKind, text: str, reason: str) -> None:
    """Each with its reason, for the seller's screen."""
    assert why(kind, text) == reason


@given(st.text(max_size=80), st.sampled_from(DocumentKind), st.text(max_size=5))
def test_nothing_else_escapes(text: str, kind: DocumentKind, country: str) -> None:
    """Whatever a reader sends; and what is accepted is written in ASCII."""
    try:
        found = identity(kind, text, country)
    except IdentityRefused:
        return
    assert found.number.isascii()
    assert found.kind is kind


def test_a_number_does_not_get_into_logs_by_its_repr() -> None:
    """A traceback that shows an Identity shows no number."""
    assert EXAMPLE not in repr(identity(DocumentKind.RESIDENT_ID, EXAMPLE))
    assert identity(DocumentKind.RESIDENT_ID, EXAMPLE).last4 == "002X"


def test_the_standards_own_example() -> None:
    """GB 11643-1999, and the check of a made-up number."""
    assert check_character(EXAMPLE[:17]) == "X"
    assert check_character(WITH_X[:17]) == WITH_X[17]
