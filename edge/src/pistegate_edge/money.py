# SPDX-License-Identifier: Apache-2.0
"""Amounts as people read them."""

import re

# ISO 4217: currencies whose minor unit is not a hundredth.
_DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3, "TND": 3}


def money(amount: int, currency: str) -> str:
    """`amount` minor units: 4500 CNY is `45.00 CNY`."""
    decimals = _DECIMALS.get(currency, 2)
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    if not decimals:
        return f"{sign}{amount} {currency}"
    whole, part = divmod(amount, 10**decimals)
    return f"{sign}{whole}.{part:0{decimals}} {currency}"


def minor_units(written: str, currency: str) -> int | None:
    """The inverse, of what people write (`45`, `45.0`, `45.00`); None for anything else or less than one unit."""
    decimals = _DECIMALS.get(currency, 2)
    found = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,3}))?", written, re.ASCII)
    if found is None or len(found[2] or "") > decimals:
        return None
    return int(found[1] + (found[2] or "").ljust(decimals, "0")) or None
