# SPDX-License-Identifier: Apache-2.0
"""The one catalogue of words shown to people: a TOML file per language, keys alike in all of them."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

LOCALES: Final = ("en", "zh-CN")
DEFAULT_LOCALE: Final = "en"


@cache
def catalogue(locale: str) -> dict[str, str]:
    """All texts of a language by dotted key, such as `reason.expired`; KeyError for a language we do not have."""
    if locale not in LOCALES:
        raise KeyError(f"no texts for {locale!r}; there are {', '.join(LOCALES)}")
    tree = tomllib.loads((files(__package__) / f"{locale}.toml").read_text("utf-8"))
    return {f"{section}.{key}": words for section, entries in tree.items() for key, words in entries.items()}


def text(key: str, locale: str = DEFAULT_LOCALE, **values: object) -> str:
    """The words for `key`, placeholders filled; KeyError for an unknown key."""
    return catalogue(locale)[key].format(**values)
