# SPDX-License-Identifier: Apache-2.0
"""Whether what a guest shows makes them one of a class: pure.

A proof is "kind:value": `born:2016-05-01`, `born:2016`, `age:9`, `height:118` (cm), `document:disability`.
"""

import re
from datetime import date
from typing import Final

from pistegate_cloud.pricing.lists import HolderClass

PROOF: Final = re.compile(r"^(born|age|height|document):([A-Za-z0-9][A-Za-z0-9_.-]{0,39})$")


def is_open(holder: HolderClass) -> bool:
    """Whether it asks for nothing."""
    return not (holder.age or holder.born or holder.height_cm or holder.document)


def proves(holder: HolderClass, proof: str, visit: date) -> bool:
    """Whether that proof meets one of the class's conditions on the day of the visit."""
    match = PROOF.match(proof)
    if match is None:
        return False
    kind, value = match.groups()
    if kind == "document":
        return value == holder.document
    if kind == "born":
        return _born(holder, value, visit)
    wanted = holder.age if kind == "age" else holder.height_cm
    return wanted is not None and value.isdecimal() and len(value) < 4 and int(value) in wanted


def kind_of(proof: str | None) -> str | None:
    """What was shown, without what it said: that is nobody's business later."""
    return None if proof is None else proof.partition(":")[0][:8]


def age_on(born: date, day: date) -> int:
    """Full years; who is born on 29 February is a year older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _born(holder: HolderClass, value: str, visit: date) -> bool:
    """A whole date meets an age too; a year alone only where any day of it does."""
    year_only = re.fullmatch(r"[12][0-9]{3}", value) is not None
    try:
        days = (date(int(value), 1, 1), date(int(value), 12, 31)) if year_only else (date.fromisoformat(value),)
    except ValueError:
        return False
    if max(days) > visit:
        return False
    if holder.born is not None and days[0].year in holder.born:
        return True
    return holder.age is not None and all(age_on(day, visit) in holder.age for day in days)
