# SPDX-License-Identifier: Apache-2.0
"""Persons given back: admitted, charged, and known not to have passed. Pure."""

from dataclasses import replace

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import ON_DAY_MAX, Claim, day_number
from pistegate_protocol.usage import Usage

RETURNS_MODULUS = 256  # usage keeps the persons given back in 8 bits
# Between two meetings of a ticket and its amendments at most so many persons are given back. A difference beyond it is
# an amendment older than what the ticket has met, and gives nothing.
RETURNS_AT_ONCE = RETURNS_MODULUS // 2 - 1


def given_back(claim: Claim, usage: Usage, amendment: Amendment) -> Usage:
    """`usage` after the returns of `amendment` that it has not met yet; each is applied once.

    When nothing is left that was used, the ticket is as new: its clock has not started. When nothing is left of the
    day, the day does not count, and the minutes drawn ahead for it go back into the bank.
    """
    persons = (amendment.returns - usage.returns) % RETURNS_MODULUS
    if not 0 < persons <= RETURNS_AT_ONCE:
        return usage
    total = max(0, usage.used_total - persons)
    returned = replace(usage, used_total=total, returns=amendment.returns % RETURNS_MODULUS)
    if total == 0:
        return as_new(returned)
    if amendment.return_day is None or day_number(amendment.return_day) != usage.day:
        return returned
    return _on_its_day(claim, returned, persons)


def as_new(usage: Usage) -> Usage:
    """Nothing is left that was used."""
    return replace(usage, used_on_day=0, in_round=0, days_used=0, started=None, bank_used=0, bank_ahead=0)


def _on_its_day(claim: Claim, usage: Usage, persons: int) -> Usage:
    usage = replace(usage, in_round=max(0, usage.in_round - persons))
    if counter_ended(claim, usage):
        return usage
    left = max(0, usage.used_on_day - persons)
    if left or not usage.used_on_day:
        return replace(usage, used_on_day=left)
    return replace(
        usage,
        used_on_day=0,
        days_used=max(0, usage.days_used - 1),
        bank_used=max(0, usage.bank_used - usage.bank_ahead),
        bank_ahead=0,
    )


def counter_ended(claim: Claim, usage: Usage) -> bool:
    """Nobody can tell any more how many there were on the day, and nothing limits them."""
    return claim.days is not None and claim.entries_per_day is None and usage.used_on_day == ON_DAY_MAX
