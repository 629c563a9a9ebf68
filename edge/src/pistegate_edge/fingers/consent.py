# SPDX-License-Identifier: Apache-2.0
"""Consent to one's finger being used: asked for by itself, given before anything is taken, and provable."""

from dataclasses import dataclass
from hashlib import sha256

from pistegate_edge.fingers.errors import ConsentMissing
from pistegate_edge.fingers.sealing import HOLDER_MAX
from pistegate_protocol.signing import Medium

_VERSION_MAX = 40
GUARDIAN_BELOW = 14  # years: a parent or guardian consents (PIPL Art. 31; estimate, to be checked with counsel)


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed to what text, when, before whom. Kept with the enrolment and sent to the cloud; holds no biometric.

    `holder`: what names the ticket or pass; `staff`: who asked; `guardian`: given for a child by its parent;
    `text_version`, `text_digest`: of the words that were shown, so that they can be found again word for word.
    """

    holder: bytes
    at_ms: int
    staff: str
    text_version: str
    text_digest: str
    locale: str
    guardian: bool = False

    def record(self) -> dict[str, str | int | bool]:
        """For JSON."""
        return {
            "holder": self.holder.hex(),
            "at_ms": self.at_ms,
            "staff": self.staff,
            "text_version": self.text_version,
            "text_digest": self.text_digest,
            "locale": self.locale,
            "guardian": self.guardian,
        }


def consent(holder: bytes, at_ms: int, staff: str, text: tuple[str, str, str], *, guardian: bool = False) -> Consent:
    """`text`: its version, its words as shown, their locale; ConsentMissing says what is not there."""
    version, words, locale = text
    missing = [
        what
        for what, there in (
            ("the holder", 1 <= len(holder) <= HOLDER_MAX),
            ("when", at_ms > 0),
            ("the member of staff who asked", bool(staff.strip())),
            ("the version of the text", 1 <= len(version.strip()) <= _VERSION_MAX),
            ("the text itself", bool(words.strip())),
        )
        if not there
    ]
    if missing:
        raise ConsentMissing(f"no consent: {', '.join(missing)} missing")
    return Consent(holder, at_ms, staff.strip(), version.strip(), sha256(words.encode()).hexdigest(), locale, guardian)


def require_other_way(other: Medium | None) -> Medium:
    """A finger is never the only way in: whoever enrols has a card or code that works without it."""
    if other is None:
        raise ConsentMissing("no other way in: give the guest a card or code first, the finger comes on top of it")
    return other
