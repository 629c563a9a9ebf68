# SPDX-License-Identifier: Apache-2.0
"""Why a medium is refused: a closed list, apart from the words shown (texts/)."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes; the value is what is stored and sent. Never reuse or rename one."""

    # What was presented cannot be read or is not ours.
    UNREADABLE = "unreadable"
    FOREIGN_MEDIUM = "foreign_medium"
    CARD_KEY_REFUSED = "card_key_refused"
    NO_TICKET = "no_ticket"
    # What was read cannot be trusted.
    VERSION_UNKNOWN = "version_unknown"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_INVALID = "signature_invalid"
    WRONG_MEDIUM = "wrong_medium"
    USAGE_INVALID = "usage_invalid"
    # What was sold does not hold here and now.
    WRONG_SITE = "wrong_site"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_AREA = "wrong_area"
    HOLDER_CLASS = "holder_class"
    USED_UP = "used_up"
    USED_UP_TODAY = "used_up_today"
    PASSBACK = "passback"
    # The gate itself cannot serve now.
    OUT_OF_SERVICE = "out_of_service"


# One policy for which reason is told when several hold: first the one that no other remedy can lift
# (another site, revoked), then the widest in time, then place, then person, then what is used.
PRIORITY: tuple[Reason, ...] = (
    Reason.WRONG_SITE,
    Reason.REVOKED,
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
    Reason.WRONG_AREA,
    Reason.HOLDER_CLASS,
    Reason.USED_UP,
    Reason.USED_UP_TODAY,
    Reason.PASSBACK,
)
