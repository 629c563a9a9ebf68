# SPDX-License-Identifier: Apache-2.0
"""The error root of the gate; leaves are named for the cause and also inherit the built-in."""


class EdgeError(Exception):
    """Something that the gate cannot do; the text says what is wrong and what to do."""


class ConfigError(EdgeError, ValueError):
    """gate.toml cannot be used; `problems` holds one line each: TOML path, what is wrong, remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class KeyStoreError(EdgeError, ValueError):
    """The card keys cannot be got at."""


class ClockError(EdgeError, OSError):
    """The configured time source gives no valid time."""


class JournalDamaged(EdgeError):
    """The journal does not verify; nothing of it was changed."""


class JournalInUse(EdgeError):
    """Another process works on the journal."""


class JournalFull(EdgeError, OSError):
    """No room for another record."""


class GpioUnavailable(EdgeError, OSError):
    """The pins cannot be driven."""
