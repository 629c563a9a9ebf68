# SPDX-License-Identifier: Apache-2.0
"""What is personal of a member: sealed in the database, found by the phone's HMAC. Keys come from cloud.toml alone."""

import hmac
from hashlib import sha256
from typing import Final

from pistegate_cloud import sealing
from pistegate_cloud.errors import Problem
from pistegate_cloud.members.models import Member
from pistegate_cloud.settings import MemberSettings, Settings

CHINA: Final = "+86"
_MOBILE_DIGITS: Final = 11  # of a phone in China, without its country


def of(settings: Settings) -> MemberSettings:
    """The section [members]; Problem members_off without one."""
    if settings.members is None:
        raise Problem("members_off")
    return settings.members


def phone_key(settings: MemberSettings, phone: str) -> str:
    """What a phone is found by: the same with and without +86."""
    plain = phone.removeprefix(CHINA)
    if not plain.startswith("+") and len(plain) > _MOBILE_DIGITS and plain.startswith("86"):
        plain = plain[2:]
    return hmac.new(bytes.fromhex(settings.lookup), b"pistegate member phone\x00" + plain.encode(), sha256).hexdigest()


def seal(settings: MemberSettings, member: int, what: str, plain: str | None) -> bytes | None:
    """A value of a member, tied to them and to its column."""
    return None if plain is None else sealing.seal(settings.seal, plain, f"member {member} {what}")


def unseal(settings: MemberSettings, row: Member, what: str) -> str | None:
    """The value again; None: there is none. Problem member_unreadable when it was sealed with another key."""
    sealed = getattr(row, what)
    if sealed is None:
        return None
    plain = sealing.unseal(settings.seal, bytes(sealed), f"member {row.id} {what}")
    if plain is None:
        raise Problem("member_unreadable")
    return plain
