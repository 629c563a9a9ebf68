# SPDX-License-Identifier: Apache-2.0
"""What guests show that is no code of ours, as far as its text tells; each gets words that help. Pure.

Only beginnings are looked at: a line may be as long as a QR code can be (4,296 characters).
"""

from typing import Final

from pistegate_protocol.reasons import Reason

_LINKS: Final = ("http:", "https:", "www.", "taobao:", "intent:")
_PAYMENTS: Final = ("weixin:", "wxp:", "alipays:", "alipay:")
_WIFI: Final = "wifi:"
LONG: Final = 400  # characters: others' tickets (UIC, airlines) have fewer; this is a text, or two codes
# Payment codes 付款码 of wallets: 18 digits from 10..15 (WeChat Pay), 16..24 digits from 25..30 (Alipay).
_WECHAT = range(10, 16)
_WECHAT_DIGITS = 18
_ALIPAY = range(25, 31)
_ALIPAY_DIGITS = range(16, 25)


def stranger(text: str) -> Reason:
    """Why a text that is not digits alone is no ticket."""
    if not text:
        return Reason.CODE_TRUNCATED
    begin = text[:16].lower()
    if begin.startswith(_LINKS):
        return Reason.CODE_LINK
    if begin.startswith(_PAYMENTS):
        return Reason.CODE_PAYMENT
    if begin.startswith(_WIFI):
        return Reason.CODE_WIFI
    if len(text) > LONG:
        return Reason.CODE_TOO_LONG
    return Reason.CODE_FOREIGN if text.isascii() else Reason.CODE_NOT_ASCII


def strange_number(text: str) -> Reason:
    """Why a short number is no ticket; `text` is digits, and at least one."""
    length, begin = len(text), int(text[:2])
    if length == _WECHAT_DIGITS and begin in _WECHAT and not _has_birthday(text):
        return Reason.CODE_PAYMENT
    if length in _ALIPAY_DIGITS and begin in _ALIPAY:
        return Reason.CODE_PAYMENT
    return Reason.CODE_FOREIGN


def _has_birthday(text: str) -> bool:
    """Whether it may be a resident ID 身份证: those of northern provinces begin as payment codes do."""
    return text[6:8] in ("19", "20") and 1 <= int(text[10:12]) <= 12 and 1 <= int(text[12:14]) <= 31
