# SPDX-License-Identifier: Apache-2.0
"""Money rules of prices: pure. Amounts are minor units; a tax rate is basis points (600 = 6 %)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pistegate_cloud.pricing.choice import day_type
from pistegate_cloud.pricing.lists import BP, Deposit, Policy, RefundRule, Tier, Tiers, minute_of

__all__ = ["BP", "Facts", "Fee", "Why", "day_type", "deposit_of", "overtime_fee", "refund_fee", "split", "tax_of"]


@dataclass(frozen=True, slots=True)
class Why:
    """One line of an explanation: the text `fee.KEY` with its values; who shows it writes amounts in their currency."""

    key: str
    values: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, key: str, **values: Any) -> "Why":
        """With its values by name."""
        return cls(key, tuple(values.items()))


@dataclass(frozen=True, slots=True)
class Fee:
    """What stays with us, what goes back to the guest, and why, line by line."""

    amount: int
    back: int = 0
    why: tuple[Why, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a refund depends on. Times are site time without a zone.

    `paid`: for all `quantity` pieces that come back. `days`: of the ticket, from `first_day`. `used`: with a passage.
    """

    kind: str
    paid: int
    quantity: int = 1
    days: int = 1
    first_day: date
    used: frozenset[date] = frozenset()
    handed_in: datetime
    reason: str | None = None
    documents: frozenset[str] = frozenset()


def deposit_of(deposit: Deposit, day_type: str) -> int | None:
    """The deposit on a day of that type; None: the list does not say."""
    return deposit.by.get(day_type, deposit.otherwise)


def overtime_fee(minutes: int, tiers: Tiers) -> Fee:
    """The fee for so many minutes beyond the end (or of use). "list_price" must have been filled in (with_list_price).

    The first tier that reaches so far decides; with `each`, every begun block counts, from the first minute on.
    """
    if minutes <= tiers.free:
        return Fee(0, why=(Why.of("within_grace", minutes=max(minutes, 0), free=tiers.free),))
    counted = minutes - tiers.free if tiers.deduct else minutes
    tier = next((each for each in tiers.tiers if each.up_to is None or counted <= each.up_to), tiers.tiers[-1])
    fee = _whole(tier)
    if tier.each is None:
        why = [Why.of("overtime", minutes=counted, fee=fee)]
    else:
        blocks = -(-counted // tier.each)
        why = [Why.of("overtime_blocks", minutes=counted, blocks=blocks, each=tier.each, fee=fee)]
        fee *= blocks
    if tiers.cap is not None and fee > tiers.cap:
        fee = tiers.cap
        why.append(Why.of("cap", cap=fee))
    return Fee(fee, why=tuple(why))


def with_list_price(tiers: Tiers, list_price: int) -> Tiers:
    """The tiers as they are agreed with a guest: every fee a number."""
    told = [tier.model_copy(update={"fee": list_price}) if tier.fee == "list_price" else tier for tier in tiers.tiers]
    return tiers.model_copy(update={"tiers": tuple(told)})


def refund_fee(policy: Policy, facts: Facts) -> Fee:
    """What stays and what goes back of `facts.paid`; together they are that, and neither is below 0."""
    used, why = _days_used(policy, facts)
    rule = next((each for each in policy.rules if _holds(each, facts, used)), None)
    if rule is None:
        return Fee(facts.paid, 0, (*why, Why.of("refund_none")))
    back, told = _back(rule, policy, facts, used)
    why += told
    if rule.back_bp != BP:
        back = back * rule.back_bp // BP
        why.append(Why.of("refund_part", percent=_percent(rule.back_bp)))
    fee = min(back, rule.fee * facts.quantity + _half_even(facts.paid * rule.fee_bp, BP))
    if fee:
        why.append(Why.of("refund_fee", fee=fee))
    return Fee(facts.paid - back + fee, back - fee, tuple(why))


def _days_used(policy: Policy, facts: Facts) -> tuple[int, list[Why]]:
    """Days that count as used, at most all of them; the hand-in is never before the first day's count."""
    day, why = facts.handed_in.date(), []
    late = policy.day_counts_from is not None and _minute(facts.handed_in) >= minute_of(policy.day_counts_from)
    running = 0 <= (day - facts.first_day).days < facts.days
    if policy.count == "elapsed":
        used = max((day - facts.first_day).days, len({each for each in facts.used if each < day}))
        today = late or day in facts.used
    else:
        used = len(facts.used - {day})
        today = late or day in facts.used
    if running and today:
        used += 1
        if late and day not in facts.used:
            why.append(Why.of("day_counts", time=policy.day_counts_from))
    return min(max(used, 0), facts.days), why


def _holds(rule: RefundRule, facts: Facts, used: int) -> bool:
    midnight = datetime(facts.first_day.year, facts.first_day.month, facts.first_day.day)  # noqa: DTZ001 - site time
    hours = (midnight - facts.handed_in).total_seconds() / 3600
    return (
        (not rule.kinds or facts.kind in rule.kinds)
        and (rule.used is None or rule.used == bool(facts.used or used))
        and (rule.hours_before is None or hours >= rule.hours_before)
        and (not rule.reasons or facts.reason in rule.reasons)
        and facts.documents.issuperset(rule.documents)
    )


def _back(rule: RefundRule, policy: Policy, facts: Facts, used: int) -> tuple[int, list[Why]]:
    """What a rule gives back before its part and its fee."""
    if rule.back == "all":
        return facts.paid, [Why.of("refund_all")]
    if rule.back == "nothing":
        return 0, [Why.of("refund_nothing")]
    if rule.back == "unused_days":
        back = facts.paid * (facts.days - used) // facts.days
        return back, [Why.of("refund_unused_days", used=used, days=facts.days)]
    kept = facts.quantity * _price_of(used, policy) if used < facts.days else facts.paid
    kept = min(kept, facts.paid)
    return facts.paid - kept, [Why.of("refund_days_at_price", used=used, days=facts.days, kept=kept)]


def _price_of(used: int, policy: Policy) -> int:
    """Of so many days; where there is no ticket of exactly that length, of the next longer one; else all."""
    if not used:
        return 0
    return next((policy.prices[days] for days in sorted(policy.prices) if days >= used), 10**15)


def _whole(tier: Tier) -> int:
    if not isinstance(tier.fee, int):
        raise ValueError("the list price is not filled in")
    return tier.fee


def _minute(at: datetime) -> int:
    return at.hour * 60 + at.minute


def _percent(bp: int) -> str:
    return f"{bp / 100:g}"


def tax_of(amount: int, tax_bp: int) -> int:
    """The tax inside a gross amount: amount - round_half_even(amount * 10000 / (10000 + tax_bp))."""
    return amount - _half_even(amount * BP, BP + tax_bp)


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts of an amount in proportion to `weights` (0 or more, their sum above 0), exact to the minor unit.

    Each part is rounded down; what is left over, less than one unit a part, goes one by one to the parts that lost
    most, of equals to the first. A negative amount is split as its positive one.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be 0 or more and not all 0")
    if amount < 0:
        return [-part for part in split(-amount, weights)]
    parts = [amount * weight // total for weight in weights]
    lost = [amount * weight % total for weight in weights]
    for index in sorted(range(len(parts)), key=lambda i: (-lost[i], i))[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def _half_even(numerator: int, denominator: int) -> int:
    """Numerator / denominator, rounded to the nearest integer, halves to the even one; denominator above 0."""
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        return quotient + 1
    return quotient
