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
    NOT_BOOKED = "not_booked"
    """An identity document or a finger that no ticket is bound to here."""
    DOCUMENT_UNREAD = "document_unread"
    """A number that no identity document has: misread, or a document of another kind."""
    DOCUMENTS_UNKNOWN = "documents_unknown"
    """This gate cannot tell what is booked on documents: its table never came, is damaged, or is too old."""
    # What was read cannot be trusted.
    VERSION_UNKNOWN = "version_unknown"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_INVALID = "signature_invalid"
    WRONG_MEDIUM = "wrong_medium"
    USAGE_INVALID = "usage_invalid"
    CARD_LOST = "card_lost"
    """Reported lost or stolen."""
    CARD_ROLLED_BACK = "card_rolled_back"
    """Its content is older than what was confirmed."""
    TWO_CARDS = "two_cards"
    """More than one of ours at once: neither is used."""
    # A code that is none of ours, or not a whole one.
    CODE_TRUNCATED = "code_truncated"
    """Digits are missing."""
    CODE_TOO_LONG = "code_too_long"
    """More than one code, or a text."""
    CODE_MISREAD = "code_misread"
    """Its check digits are wrong."""
    CODE_NOT_ASCII = "code_not_ascii"
    CODE_LINK = "code_link"
    CODE_WIFI = "code_wifi"
    CODE_PAYMENT = "code_payment"
    CODE_FOREIGN = "code_foreign"
    """Another system's ticket, or a number of anything."""
    PICK_UP_CODE = "pick_up_code"
    """An order's, to be collected."""
    # A rotating code at the wrong time.
    CODE_OLD = "code_old"
    """Its 30 s are over: a picture, or a page that stands still."""
    CODE_AHEAD = "code_ahead"
    """Its time has not come: the phone's clock is ahead."""
    CODE_REPLAYED = "code_replayed"
    """It or a newer one of the same ticket was used here already."""
    CLOCK_DOUBT = "clock_doubt"
    """The gate is not sure of its own time, and the code is minutes off."""
    # A finger on the sensor that let nobody in; a card or code does without it.
    FINGER_NONE_CAME = "finger_none_came"
    """Nobody touched the sensor in time; a glove looks so to it."""
    FINGER_UNREADABLE = "finger_unreadable"
    FINGER_OTHER = "finger_other"
    """It is not the ticket holder's, or nobody's who is known here."""
    FINGER_TEMPLATE = "finger_template"
    FINGER_SENSOR = "finger_sensor"
    # What was sold does not hold here and now.
    WRONG_SITE = "wrong_site"
    REVOKED = "revoked"
    ON_HOLD = "on_hold"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    RULES_MISSING = "rules_missing"
    """The claim names rules that this gate does not have."""
    BLACKED_OUT = "blacked_out"
    OUTSIDE_WINDOW = "outside_window"
    WRONG_AREA = "wrong_area"
    SUSPENDED = "suspended"
    HOLDER_CLASS = "holder_class"
    USED_UP = "used_up"
    DAYS_USED_UP = "days_used_up"
    TIME_USED_UP = "time_used_up"
    """The clock has ended, or the bank of hours is empty."""
    USED_UP_TODAY = "used_up_today"
    ALREADY_INSIDE = "already_inside"
    PASSBACK = "passback"
    # The gate itself cannot serve now.
    OUT_OF_SERVICE = "out_of_service"


# One policy for which reason is told when several hold: first the one that no other remedy can lift (another site,
# revoked, on hold), then time from the widest to the narrowest, then place, then person (a lane for children is told
# only where another lane would help), then what is used, from the whole ticket to this post.
PRIORITY: tuple[Reason, ...] = (
    Reason.WRONG_SITE,
    Reason.REVOKED,
    Reason.ON_HOLD,
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
    Reason.RULES_MISSING,
    Reason.BLACKED_OUT,
    Reason.OUTSIDE_WINDOW,
    Reason.WRONG_AREA,
    Reason.SUSPENDED,
    Reason.HOLDER_CLASS,
    Reason.USED_UP,
    Reason.DAYS_USED_UP,
    Reason.TIME_USED_UP,
    Reason.USED_UP_TODAY,
    Reason.ALREADY_INSIDE,
    Reason.PASSBACK,
)
