# SPDX-License-Identifier: Apache-2.0
"""Scanner profiles: all load, wrong ones say what is wrong, numbers are taken out of lines."""

from pathlib import Path

import pytest

from pistegate_edge.errors import ConfigError
from pistegate_edge.scanners.profiles import load_profile, profile_names

NUMBER = "11010519491231002X"


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_loads_and_says_what_is_confirmed(name: str) -> None:
    """Commands with bytes that no document or two programs agree on are told as unconfirmed."""
    profile = load_profile(name)
    assert profile.title
    if profile.start or profile.trigger:
        assert profile.confirmed
        assert profile.unconfirmed


def test_an_unknown_profile_names_the_nearest() -> None:
    """A typing error costs one look."""
    with pytest.raises(ConfigError, match="did you mean newland"):
        load_profile("newlnd")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('title = "x"', "missing required field"),
        ('title = "x"\ndelivers = "codes"\nbaud = 9601\nbreaks = ""\ngap_ms = 100', "9601"),
        ('title = "x"\ndelivers = "codes"\nbaud = 9600\nbreaks = ""\ngap_ms = 1', ">= 20"),
        ('title = "x"\ndelivers = "codes"\nbaud = 9600\nbreaks = ""\ngap_ms = 100\nnumber = "[0-9]+"', "no group"),
        (
            'title = "x"\ndelivers = "codes"\nbaud = 9600\nbreaks = ""\ngap_ms = 100\nnumber = "("',
            "number|unterminated",
        ),
        ('title = "x"\nspeed = 1', "speed"),
        ("title", "Expected"),
    ],
)
def test_a_wrong_profile_of_a_site_says_what_is_wrong(text: str, words: str, tmp_path: Path) -> None:
    """Each with the file's name."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_profile(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "line", [NUMBER, f"WANG,M,19491231,{NUMBER},20300101", f"ID:{NUMBER}", f"\x00{NUMBER.lower()} "]
)
def test_the_number_is_taken_out_of_a_resident_id_readers_line(line: str) -> None:
    """Alone or among fields; nothing else of the person goes further."""
    assert load_profile("resident-id-lines").extracted(line).upper() == NUMBER


@pytest.mark.parametrize("line", [NUMBER[:17], "9" + NUMBER, NUMBER + "7", "A WIFI CODE", "0" + NUMBER[1:]])
def test_what_is_no_number_goes_on_whole_to_be_refused(line: str) -> None:
    """Too short, too long, another thing: never half a number made to fit."""
    assert load_profile("resident-id-lines").extracted(line) == line
