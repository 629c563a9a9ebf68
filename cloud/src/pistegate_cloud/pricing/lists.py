# SPDX-License-Identifier: Apache-2.0
"""What a price list says, as one document: pure. Codes name its parts; amounts are minor units, shares basis points.

A document as a whole is checked by pricing.checks; here is only the shape of each part.
"""

from collections import Counter
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

BP: Final = 10_000  # basis points of a whole
ROWS_MAX: Final = 500  # of one product; each is compared with every other one
MONEY_MAX: Final = 10**12  # minor units, as pistegate_cloud.schemas has it
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Code = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Money = Annotated[int, Field(ge=0, le=MONEY_MAX)]
Bp = Annotated[int, Field(ge=0, le=10_000)]
Number = Annotated[int, Field(ge=1, le=0xFFFF)]
SetNumber = Annotated[int, Field(ge=1, le=255)]
Minutes = Annotated[int, Field(ge=1, le=0xFFFF)]
Time = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
EndTime = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
LineKind = Literal["ticket", "rental", "coach", "meal", "insurance", "deposit", "fee", "recharge"]


def minute_of(time: str) -> int:
    """Minutes after 00:00 of a time such as "08:30"."""
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


class Fixed(BaseModel):
    """Base of the parts: never changed, nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Name(Fixed):
    """A name in both languages."""

    en: Words
    zh_cn: Annotated[Words, Field(alias="zh-CN")]


class DayType(Fixed):
    """A kind of day 日类型: one of `weekdays`, or in a calendar of `sets`, and in none of `except`.

    With neither weekdays nor sets it is every other day. The first of the list that fits a day is its type.
    """

    code: Code
    name: Name
    weekdays: tuple[Weekday, ...] = ()
    sets: Annotated[tuple[SetNumber, ...], Field(max_length=20)] = ()
    except_: Annotated[tuple[SetNumber, ...], Field(alias="except", max_length=20)] = ()


class Season(Fixed):
    """Days from `from` to `to`, both included."""

    code: Code
    name: Name
    from_: Annotated[date, Field(alias="from")]
    to: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.to - self.from_).days + 1

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.to < self.from_:
            raise ValueError("`to` is before `from`")
        return self


class Span(Fixed):
    """A part of the day; `to` is not included."""

    from_: Annotated[Time, Field(alias="from")]
    to: EndTime

    @property
    def minutes(self) -> range:
        """Its minutes after 00:00."""
        return range(minute_of(self.from_), minute_of(self.to))

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if not self.minutes:
            raise ValueError("`to` must be after `from`")
        return self


class Row(Fixed):
    """A price of a product. What is left out holds for all; of several rows that fit, pricing.choice tells which wins.

    `times`: of the slot's start, else of a sale on the visit day itself; what is sold before is without a time.
    """

    product: Number
    price: Money
    day_types: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    season: Code | None = None
    weekdays: tuple[Weekday, ...] = ()
    times: Span | None = None
    channel: Code | None = None
    level: Code | None = None


class Range(Fixed):
    """Numbers from `from` to `to`, both included; one may be left open."""

    from_: Annotated[int | None, Field(alias="from", ge=0, le=3000)] = None
    to: Annotated[int | None, Field(ge=0, le=3000)] = None

    def __contains__(self, value: int) -> bool:
        return (self.from_ is None or value >= self.from_) and (self.to is None or value <= self.to)


class HolderClass(Fixed):
    """Who a ticket is for. One of its conditions is enough; a class without any is everybody.

    `age`: full years on the visit date. `born`: year. `document`: what is shown, as "disability". `show`: where it is
    looked at. `by`: who shows it. `guardian`: only with one.
    """

    code: Code
    name: Name
    age: Range | None = None
    born: Range | None = None
    height_cm: Range | None = None
    document: Code | None = None
    show: Literal["sale", "pickup", "gate"] = "sale"
    by: Literal["holder", "guardian"] = "holder"
    guardian: bool = False


class Tier(Fixed):
    """The fee up to so many minutes (None: however long). `each`: it is for every begun block of so many minutes."""

    up_to: Minutes | None = None
    fee: Money | Literal["list_price"]
    each: Minutes | None = None


class Tiers(Fixed):
    """Fees by minutes 超时: nothing up to `free`; `deduct`: beyond it, too, those minutes count for nothing."""

    code: Code
    name: Name
    free: Annotated[int, Field(ge=0, le=0xFFFF)] = 0
    deduct: bool = False
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)]
    cap: Money | None = None


class Deposit(Fixed):
    """A deposit 押金 by day type; `otherwise`: on days of a type that is not named."""

    code: Code
    name: Name
    per: Literal["person", "card"] = "person"
    by: dict[Code, Money] = Field(default_factory=dict)
    otherwise: Money | None = None
    methods: Annotated[tuple[Code, ...], Field(max_length=20)] = ()


class RefundRule(Fixed):
    """When it holds, and what goes back. Conditions left out hold always; the first rule that holds decides.

    `used`: whether any day was used. `hours_before`: at least so long before the first day begins. `reasons`: one of
    these is given, as "accident"; `documents`: all of these are shown. `back`: "all", "nothing", "unused_days" (their
    share of what was paid), "days_at_price" (what was paid less the price of the days used). Then `back_bp` of it, less
    `fee` a piece and `fee_bp` of what was paid.
    """

    kinds: tuple[LineKind, ...] = ()
    used: bool | None = None
    hours_before: Annotated[int, Field(ge=0, le=10_000)] | None = None
    reasons: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    documents: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    back: Literal["all", "nothing", "unused_days", "days_at_price"]
    back_bp: Bp = 10_000
    fee: Money = 0
    fee_bp: Bp = 0


class Rung(Fixed):
    """The product that is so many days of the same ticket."""

    days: Annotated[int, Field(ge=1, le=400)]
    product: Number


class Policy(Fixed):
    """How a refund 退票 is worked out. What no rule allows does not go back.

    `count`: "used" counts the days with a passage, "elapsed" all days from the first to the hand-in. `day_counts_from`:
    handed in at that time or later, that day is used too. `prices`: of so many days, filled in when sold.
    """

    code: Code
    name: Name
    rules: Annotated[tuple[RefundRule, ...], Field(max_length=40)]
    count: Literal["used", "elapsed"] = "used"
    day_counts_from: Time | None = None
    ladder: Annotated[tuple[Rung, ...], Field(max_length=60)] = ()
    prices: dict[int, Money] = Field(default_factory=dict)


class Share(Fixed):
    """A share 分成 of the revenue: of a site of the group, a department, or a department there."""

    site: Annotated[int, Field(ge=0, le=0x7FFF)] | None = None
    department: Annotated[Code, Field(max_length=20)] | None = None
    bp: Bp

    @model_validator(mode="after")
    def _somebodys(self) -> Self:
        if self.site is None and self.department is None:
            raise ValueError("a share is a site's, a department's, or both")
        return self


class PartOf(Fixed):
    """A part of a bundle: `amount` of each bundle's price, or `bp` of what is left after the amounts."""

    product: Number
    quantity: Annotated[int, Field(ge=1, le=100)] = 1
    amount: Money | None = None
    bp: Bp | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.amount is None) == (self.bp is None):
            raise ValueError("`amount` or `bp`, one of them")
        return self


class FreeWith(Fixed):
    """Free for `each` pieces when one of `products` is bought in the same order, for the same day and slot."""

    products: Annotated[tuple[Number, ...], Field(min_length=1, max_length=50)]
    each: Annotated[int, Field(ge=1, le=20)] = 1


class Offer(Fixed):
    """How a product is sold. `eve_from`: not before that time on the day before the visit.

    `until`: on the visit day itself, not at or after it. `ahead_days`: at most so many days before. `needs`: products
    of which at least as many are in the same order. What is left out does not limit, or is not there.
    """

    product: Number
    channels: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    day_types: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    weekdays: tuple[Weekday, ...] = ()
    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    eve_from: Time | None = None
    until: EndTime | None = None
    ahead_days: Annotated[int, Field(ge=0, le=1000)] | None = None
    holder: Code | None = None
    deposit: Code | None = None
    overtime: Code | None = None
    policy: Code | None = None
    shares: Annotated[tuple[Share, ...], Field(max_length=20)] = ()
    parts: Annotated[tuple[PartOf, ...], Field(max_length=20)] = ()
    free_with: FreeWith | None = None
    needs: Annotated[tuple[Number, ...], Field(max_length=20)] = ()

    def sold_for(self, day: date, day_type: str) -> bool:
        """Whether it is sold for that day."""
        return (
            (not self.day_types or day_type in self.day_types)
            and (not self.weekdays or WEEKDAYS[day.weekday()] in self.weekdays)
            and (self.from_ is None or day >= self.from_)
            and (self.to is None or day <= self.to)
        )


class Content(Fixed):
    """A whole price list."""

    day_types: Annotated[tuple[DayType, ...], Field(max_length=30)] = ()
    seasons: Annotated[tuple[Season, ...], Field(max_length=100)] = ()
    holders: Annotated[tuple[HolderClass, ...], Field(max_length=50)] = ()
    deposits: Annotated[tuple[Deposit, ...], Field(max_length=50)] = ()
    overtime: Annotated[tuple[Tiers, ...], Field(max_length=50)] = ()
    policies: Annotated[tuple[Policy, ...], Field(max_length=50)] = ()
    rows: Annotated[tuple[Row, ...], Field(max_length=5000)] = ()
    offers: Annotated[tuple[Offer, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        most = Counter(row.product for row in self.rows).most_common(1)
        if most and most[0][1] > ROWS_MAX:
            raise ValueError(f"product {most[0][0]} has {most[0][1]} rows; at most {ROWS_MAX} of one product")
        return self
