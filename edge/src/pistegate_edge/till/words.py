# SPDX-License-Identifier: Apache-2.0
"""An answer of the till as one JSON object, with words for the operator in their language."""

from collections.abc import Mapping
from typing import Any

from pistegate_edge.money import money
from pistegate_edge.till.core.actions import Answer
from pistegate_edge.till.core.codes import Code
from pistegate_protocol.card_uses import KINDS, parse_moved
from pistegate_protocol.texts import text

_RENTAL_RULES = frozenset({Code.ALREADY_OUT, Code.RENTED_BEFORE, Code.NOT_OUT})  # their words are at rental.CODE
_MONEY = frozenset({"amount", "balance", "missing", "waiting"})  # minor units; what the words show of them
_KINDS = frozenset({"kinds", "outstanding"})


def line_of(answer: Answer, locale: str, currency: str) -> dict[str, Any]:
    """What is sent to the operator's program; `currency` is the till's."""
    return {
        "id": answer.id,
        "event": answer.event.value,
        "code": answer.code.value,
        "final": answer.final,
        "words": words_of(answer, answer.locale or locale, currency),
        **answer.values,
    }


def words_of(answer: Answer, locale: str, currency: str) -> str:
    """One or two sentences: what is, and what to do next."""
    values = answer.values
    shown = _shown(values, locale, currency)
    if answer.code is Code.DONE:
        words = text(f"till.done_{values['kind']}", locale, **shown)
        for key in ("repeated", "late"):
            if values.get(key):
                return f"{words} {text(f'till.{key}', locale)}"
        return words
    if answer.code is Code.SETTLED:
        what = text(f"till.what_{values['kind']}", locale, **shown)
        return text(
            "till.settled_done" if values["done"] else "till.settled_not_done", locale, **(shown | {"what": what})
        )
    section = "rental" if answer.code in _RENTAL_RULES else "till"
    return text(f"{section}.{answer.code.value}", locale, **shown)


def _shown(values: Mapping[str, object], locale: str, currency: str) -> dict[str, object]:
    """Values as words show them."""
    shown = dict(values)
    for key, value in values.items():
        if key in _MONEY and isinstance(value, int):
            shown[key] = money(value, currency)
        elif key in _KINDS and isinstance(value, list):
            shown[key] = kinds(value, locale)
        elif key == "kind" and value in KINDS:
            shown[key] = text(f"rental.{value}", locale)
    return shown


def kinds(names: list[str], locale: str) -> str:
    """Kinds of equipment, with labels where there are some, as people read them."""
    moved = parse_moved(names)
    comma = "、" if locale == "zh-CN" else ", "
    told = [
        text(f"rental.{kind.name.lower()}", locale) + (f" {label}" if label else "") for kind, label in moved.items()
    ]
    return comma.join(told) or text("till.nothing", locale)
