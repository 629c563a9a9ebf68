# SPDX-License-Identifier: Apache-2.0
"""Templates sealed for one holder; the site's keys for them; consent."""

from pathlib import Path

import pytest
from finger_bench import KEYS, NOW_MS, agreed
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.config import KeyStoreFile
from pistegate_edge.errors import KeyStoreError
from pistegate_edge.fingers.consent import consent, require_other_way
from pistegate_edge.fingers.desk import Enrolled
from pistegate_edge.fingers.errors import ConsentMissing, TemplateRefused
from pistegate_edge.fingers.sealing import FileTemplateKeys, open_template, open_template_keys, seal_template
from pistegate_edge.keystore.sealed import seal
from pistegate_protocol.signing import Medium, MediumKind

HOLDER, OTHER = b"holder-1", b"holder-2"
TEMPLATE = bytes(range(256)) * 2
CARD = Medium(MediumKind.CARD, b"\x04\x01\x02\x03")


def test_a_sealed_template_opens_for_its_holder() -> None:
    """And shows nothing of itself; each sealing is another."""
    sealed = seal_template(TEMPLATE, HOLDER, KEYS)
    assert open_template(sealed, HOLDER, KEYS) == TEMPLATE
    assert not any(TEMPLATE[at : at + 8] in sealed for at in range(0, 504, 8))
    assert seal_template(TEMPLATE, HOLDER, KEYS) != sealed
    assert len(sealed) == len(TEMPLATE) + 30


def test_a_template_moved_to_another_ticket_opens_no_more() -> None:
    """Who can write to cards cannot put their own finger on somebody's ticket."""
    sealed = seal_template(TEMPLATE, HOLDER, KEYS)
    with pytest.raises(TemplateRefused, match="somebody else"):
        open_template(sealed, OTHER, KEYS)


@given(st.data())
def test_no_flipped_bit_is_taken(data: st.DataObject) -> None:
    """Anywhere: format, key number, nonce, text, tag."""
    sealed = bytearray(seal_template(TEMPLATE, HOLDER, KEYS))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(TemplateRefused):
        open_template(bytes(sealed), HOLDER, KEYS)


@given(st.binary(max_size=60))
def test_garbage_is_refused(garbage: bytes) -> None:
    """Never another error."""
    with pytest.raises(TemplateRefused):
        open_template(garbage, HOLDER, KEYS)


def test_a_key_that_was_taken_away_ends_every_template_under_it() -> None:
    """How a whole site's templates are destroyed at once; newer ones go on."""
    sealed = seal_template(TEMPLATE, HOLDER, KEYS)
    newer = FileTemplateKeys({2: bytes(32)}, 2)
    with pytest.raises(TemplateRefused, match="finger key 1 is not on this device"):
        open_template(sealed, HOLDER, newer)
    assert open_template(seal_template(TEMPLATE, HOLDER, newer), HOLDER, newer) == TEMPLATE


def keys_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "finger-keys"
    path.write_text(text)
    path.chmod(mode)
    return path


GOOD = f'prefer = 1\n[keys]\n1 = "{"ab" * 32}"\n'


def test_keys_come_from_a_sealed_file_as_card_keys_do(tmp_path: Path) -> None:
    """With the same unlock secret; a bare one works too, and says that it is for the lab."""
    unlock = tmp_path / "unlock"
    unlock.write_text("0123456789abcdef0123456789abcdef\n")
    unlock.chmod(0o600)
    sealed = keys_file(tmp_path, seal(GOOD, b"0123456789abcdef0123456789abcdef"))
    keys = open_template_keys(KeyStoreFile(str(sealed), str(unlock)))
    assert (keys.template_key(1), keys.prefer, keys.warning) == (b"\xab" * 32, 1, None)
    bare = open_template_keys(KeyStoreFile(str(keys_file(tmp_path, GOOD))))
    assert "lab only" in (bare.warning or "")


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (GOOD, 0o644, "chmod 600"),
        ("prefer = 2\n[keys]\n", 0o600, "prefer must name a key"),
        ('prefer = 1\n[keys]\n1 = "ab"\n', 0o600, "64 hex digits"),
        ('prefer = 300\n[keys]\n300 = "' + "ab" * 32 + '"\n', 0o600, "0-255"),
        ("nothing", 0o600, "no such file of keys"),
        ('keys = "x"\nprefer = 1', 0o600, "no such file of keys"),
    ],
)
def test_wrong_key_files_say_what_is_wrong(text: str, mode: int, words: str, tmp_path: Path) -> None:
    """At the start of the gate, not at the first guest."""
    with pytest.raises(KeyStoreError, match=words):
        open_template_keys(KeyStoreFile(str(keys_file(tmp_path, text, mode))))


def test_templates_stay_out_of_logs() -> None:
    """Whatever holds one does not show it."""
    sealed = seal_template(TEMPLATE, HOLDER, KEYS)
    assert repr(sealed)[2:20] not in repr(Enrolled(sealed, agreed(HOLDER), CARD, 150))


def test_a_consent_tells_who_agreed_to_what_when_and_before_whom() -> None:
    """The words themselves can be found again by their digest; nothing biometric is in it."""
    given = consent(HOLDER, NOW_MS, "li ", ("finger-1", "May we keep", "zh-CN"), guardian=True)
    assert given.record() == {
        "holder": HOLDER.hex(),
        "at_ms": NOW_MS,
        "staff": "li",
        "text_version": "finger-1",
        "text_digest": given.text_digest,
        "locale": "zh-CN",
        "guardian": True,
    }
    assert given.text_digest != consent(HOLDER, NOW_MS, "li", ("finger-1", "May we sell", "zh-CN")).text_digest


@pytest.mark.parametrize(
    ("holder", "at_ms", "staff", "text", "missing"),
    [
        (b"", NOW_MS, "li", ("finger-1", "words", "en"), "the holder"),
        (HOLDER, 0, "li", ("finger-1", "words", "en"), "when"),
        (HOLDER, NOW_MS, " ", ("finger-1", "words", "en"), "staff"),
        (HOLDER, NOW_MS, "li", ("", "words", "en"), "version"),
        (HOLDER, NOW_MS, "li", ("finger-1", "", "en"), "the text itself"),
    ],
)
def test_a_consent_with_anything_missing_is_none(
    holder: bytes, at_ms: int, staff: str, text: tuple[str, str, str], missing: str
) -> None:
    """It names what is missing; without one there is nothing to enrol with."""
    with pytest.raises(ConsentMissing, match=missing):
        consent(holder, at_ms, staff, text)


def test_a_finger_is_never_the_only_way_in() -> None:
    """Without a card or code nobody is enrolled."""
    with pytest.raises(ConsentMissing, match="no other way in"):
        require_other_way(None)
    assert require_other_way(CARD) == CARD
