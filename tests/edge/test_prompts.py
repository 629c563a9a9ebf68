# SPDX-License-Identifier: Apache-2.0
"""What a guest is shown: what is left of the ticket, when it ends, that it is over; in both languages."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from gate_bench import claim
from passage_bench import NOW, PROFILE, UID, card_read, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core import prompts
from pistegate_edge.signals import Display
from pistegate_protocol.claim_terms import Bank, ClockTerm
from pistegate_protocol.claims import Claim, HolderClass
from pistegate_protocol.decide import Admit, Prompt, Refuse
from pistegate_protocol.reasons import Reason
from pistegate_protocol.texts import LOCALES, catalogue
from pistegate_protocol.usage import Usage

ENDS = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)  # 16:30 at the site


def admit(n: int = 1, *, overtime: bool = False, leaves: bool = False, **left: object) -> Admit:
    """An admission with something left of the ticket."""
    values: dict[str, object] = {"left_today": None, "left_total": None} | left
    prompt = Prompt(HolderClass.ADULT, date(2026, 4, 1), **values)  # type: ignore[arg-type]
    return Admit(n, Usage(claim=bytes(8)), n, prompt, overtime=overtime, exit=leaves)


def words(tmp_path: Path, show: a.Show, locale: str = "en") -> str:
    """As the display writes them."""
    path = tmp_path / locale
    Display(str(path), locale).show(show.key, dict(show.values), show.also)
    return path.read_text().strip()


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        (admit(), "Please pass"),
        (admit(3), "Please pass: 3 persons"),
        (admit(left_total=4), "Please pass 4 entries left."),
        (admit(left_today=2), "Please pass 2 entries left today."),
        (admit(left_minutes=95), "Please pass 95 minutes left today."),
        (admit(left_days=2, left_today=1), "Please pass 2 days left after today. 1 entries left today."),
        (admit(ends=ENDS), "Please pass Your ticket ends at 16:30."),
        (admit(ends=ENDS, overtime=True), "Please pass Your time is over: please pay the rest at the ticket office."),
        (admit(leaves=True), "Goodbye"),
        (admit(2, leaves=True, left_minutes=10), "Goodbye: 2 persons 10 minutes left today."),
        (
            admit(ends=ENDS, left_minutes=9, left_days=1, left_total=3, left_today=2),
            "Please pass Your ticket ends at 16:30. 9 minutes left today.",
        ),
    ],
)
def test_admitted_guest_reads_what_matters_most(tmp_path: Path, what: Admit, shown: str) -> None:
    """Two details at most; nobody reads more in passing."""
    assert words(tmp_path, prompts.admitted(what, PROFILE.zone)) == shown


@pytest.mark.parametrize("locale", LOCALES)
def test_every_detail_has_its_words_with_its_value_in_them(tmp_path: Path, locale: str) -> None:
    """A placeholder that is not filled would stop the display of a lane."""
    for left in ("left_today", "left_total", "left_days", "left_minutes"):
        assert "47" in words(tmp_path / left, prompts.admitted(admit(**{left: 47}), PROFILE.zone), locale)
    assert "16:30" in words(tmp_path / "ends", prompts.admitted(admit(ends=ENDS), PROFILE.zone), locale)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    """A display of its own for each text."""
    for name in ("left_today", "left_total", "left_days", "left_minutes", "ends", "reasons"):
        (tmp_path / name).mkdir()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words_that_a_refusal_can_fill(tmp_path: Path, locale: str, reason: Reason) -> None:
    """With a time and a lane, and without them."""
    for refuse in (Refuse(reason), Refuse(reason, ENDS, 4)):
        shown = prompts.refused(refuse, PROFILE.zone)
        Display(str(tmp_path / "reasons" / "text"), locale).show(f"reason.{reason.value}", shown)
    assert "{" not in (tmp_path / "reasons" / "text").read_text()


@pytest.mark.parametrize(
    ("what", "also"),
    [
        (claim(entries_per_day=3), ("prompt.left_today",)),
        (claim(entries_total=3), ("prompt.left_total",)),
        (claim(days=3), ("prompt.left_days",)),
        (claim(bank=Bank(300, 30)), ("prompt.left_minutes",)),
        (claim(clock=ClockTerm(120)), ("prompt.ends",)),
    ],
)
def test_lane_shows_what_the_decision_gives(what: Claim, also: tuple[str, ...]) -> None:
    """From the claim on the card to the keys of the texts."""
    machine = passage()
    machine.handle(i.CardSeen(1, UID), NOW)
    machine.handle(card_read(1, what), NOW)
    machine.handle(i.AdmissionRecorded(1, 2, b"admitted"), NOW)
    (show,) = told(machine.handle(i.CardWritten(1, i.WriteResult.OK), NOW), a.Show)
    assert (show.key, show.also) == ("prompt.admit", also)
    assert set(show.also) <= set(catalogue("en"))


def test_several_strangers_are_told_by_the_general_words() -> None:
    """A phone and a hotel card: take them away."""
    both = frozenset({i.Stranger.PHONE, i.Stranger.OTHER})
    assert prompts.strangers(both) == "reason.foreign_medium"
    assert {prompts.strangers(frozenset({one})) for one in i.Stranger} <= set(catalogue("en"))
