# SPDX-License-Identifier: Apache-2.0
"""What a till tells its operator: a closed list of codes; the words are at `till.CODE` of the texts."""

from enum import StrEnum


class Code(StrEnum):
    """Told and stored; never reuse or rename one."""

    # While a request waits for its card.
    HOLD_CARD = "hold_card"
    HOLD_STILL = "hold_still"
    HOLD_AGAIN = "hold_again"
    """The card went away before anything changed."""
    HOLD_SAME_AGAIN = "hold_same_again"
    """The card went away while it was being changed: only the card itself can tell."""
    OTHER_CARD = "other_card"
    """Another card than the one that was begun with."""
    FOREIGN = "foreign"
    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    KEY_REFUSED = "key_refused"
    TWO_CARDS = "two_cards"
    READER_LOST = "reader_lost"
    """It does not answer and is being restarted."""
    TOO_LATE = "too_late"
    """To cancel: the card is being changed."""

    # How a request ended.
    DONE = "done"
    NO_CARD = "no_card"
    NO_READER = "no_reader"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"
    """The card did not come back: changed or not."""
    CANNOT_TELL = "cannot_tell"
    """The card came back, but was used so often since that it cannot tell: the cloud will."""
    CARD_LOST = "card_lost"
    CARD_ROLLED_BACK = "card_rolled_back"
    CARD_REFUSED = "card_refused"
    """It answers, but does not let itself be written."""
    BALANCE_TOO_SMALL = "balance_too_small"
    BALANCE_TOO_SMALL_LOAD = "balance_too_small_load"
    """But the cloud has signed a load that only needs to be written."""
    WRONG_CURRENCY = "wrong_currency"
    NO_LOAD = "no_load"
    LOAD_REFUSED = "load_refused"
    ALREADY_OUT = "already_out"
    RENTED_BEFORE = "rented_before"
    NOT_OUT = "not_out"
    NOTHING_OUT = "nothing_out"
    CONTENT_INVALID = "content_invalid"
    """What is on the card cannot be understood."""
    DISK_FULL = "disk_full"
    STOPPING = "stopping"
    BUSY = "busy"
    BUSY_CLOUD = "busy_cloud"
    """The cloud uses the reader, as to issue or to credit."""
    ID_REUSED = "id_reused"
    BAD_REQUEST = "bad_request"
    NOTHING_TO_CANCEL = "nothing_to_cancel"
    SETTLED = "settled"
    """A card told what had become of an earlier request."""
    LAST = "last"


class Event(StrEnum):
    """Kinds of lines that a till sends; all but WAITING and SETTLED end their request."""

    WAITING = "waiting"
    SETTLED = "settled"
    DONE = "done"
    REFUSED = "refused"
    """By a rule; asking again will not help before something changed."""
    ENDED = "ended"
    """Nothing was changed on any card."""
    UNCONFIRMED = "unconfirmed"
    """A card was changed or not; it tells when it is held again, to this request or to any other."""


FINAL = frozenset(Event) - {Event.WAITING, Event.SETTLED}

_BY_EVENT = {
    Event.WAITING: (
        Code.HOLD_CARD,
        Code.HOLD_STILL,
        Code.HOLD_AGAIN,
        Code.HOLD_SAME_AGAIN,
        Code.OTHER_CARD,
        Code.FOREIGN,
        Code.PHONE,
        Code.RESIDENT_ID,
        Code.KEY_REFUSED,
        Code.TWO_CARDS,
        Code.READER_LOST,
        Code.TOO_LATE,
    ),
    Event.SETTLED: (Code.SETTLED,),
    Event.DONE: (Code.DONE, Code.LAST),
    Event.REFUSED: (
        Code.CARD_LOST,
        Code.CARD_ROLLED_BACK,
        Code.BALANCE_TOO_SMALL,
        Code.BALANCE_TOO_SMALL_LOAD,
        Code.WRONG_CURRENCY,
        Code.NO_LOAD,
        Code.LOAD_REFUSED,
        Code.ALREADY_OUT,
        Code.RENTED_BEFORE,
        Code.NOT_OUT,
        Code.NOTHING_OUT,
        Code.CONTENT_INVALID,
        Code.ID_REUSED,
        Code.BAD_REQUEST,
    ),
    Event.ENDED: (
        Code.NO_CARD,
        Code.CANCELLED,
        Code.NO_READER,
        Code.CARD_REFUSED,
        Code.DISK_FULL,
        Code.STOPPING,
        Code.BUSY,
        Code.BUSY_CLOUD,
        Code.NOTHING_TO_CANCEL,
    ),
    Event.UNCONFIRMED: (Code.UNCONFIRMED, Code.CANNOT_TELL),
}
EVENT_OF = {code: event for event, codes in _BY_EVENT.items() for code in codes}
