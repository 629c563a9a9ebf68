# SPDX-License-Identifier: Apache-2.0
"""What becomes of a message after an attempt, and what it says. Pure: no I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pistegate_protocol.texts import text

# Who sends has so long to hear the answer before another may: more than any timeout, with WeChat's token before it.
LEASE_MS: Final = 60_000
# Between attempts: a guest waits for the first; later ones are for a provider that is down.
AGAIN_AFTER_MS: Final = (5_000, 20_000, 60_000, 180_000, 300_000, 900_000, 1_800_000, 3_600_000)


@dataclass(frozen=True, slots=True)
class Next:
    """`event`: of states.NOTIFICATION; `due_ms`: when to try again; `why`: for whoever looks."""

    event: str
    due_ms: int
    why: str


def again(attempts: int, now_ms: int, after_s: float | None = None) -> int:
    """When to try again after so many attempts; not before the provider said."""
    own = AGAIN_AFTER_MS[min(max(attempts, 1), len(AGAIN_AFTER_MS)) - 1]
    return now_ms + max(own, int((after_s or 0) * 1000))


def before_attempt(tried_ms: int | None, until_ms: int, key_holds_ms: int, now_ms: int) -> str | None:
    """Why it must not be tried (again): too late, or it may have arrived and the provider would not know it again."""
    if now_ms >= until_ms:
        return "too late"
    if tried_ms is not None and now_ms - tried_ms >= key_holds_ms:
        return "nobody knows whether it arrived"
    return None


def after_failure(attempts: int, until_ms: int, now_ms: int, why: str, after_s: float | None = None) -> Next:
    """After one that was not taken, or nobody knows."""
    due_ms = again(attempts, now_ms, after_s)
    return Next("give_up" if due_ms >= until_ms else "again", due_ms, why[:200])


def words_of(values: Mapping[str, Any], locale: str) -> dict[str, str]:
    """Values as a guest reads them."""
    return {name: _word(value, locale) for name, value in values.items()}


def _word(value: Any, locale: str) -> str:
    if isinstance(value, dict) and {"amount", "currency"} <= set(value):
        sign, amount = ("-" if value["amount"] < 0 else ""), abs(int(value["amount"]))
        yuan, currency = f"{sign}{amount // 100}.{amount % 100:02d}", str(value["currency"])
        key = "CNY" if currency == "CNY" else "other_money"
        return text(f"notification.{key}", locale, yuan=yuan, currency=currency)
    return str(value)
