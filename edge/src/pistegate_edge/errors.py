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
    """The journal cannot be used; nothing of it was changed."""


class JournalBroken(JournalDamaged):
    """The journal's file is not as it was written: what is valid of it can be salvaged."""

    def __init__(self, path: object, what: str) -> None:
        super().__init__(
            f"the journal {path} is damaged: {what}. Nothing was changed. The gate's next start salvages what is valid "
            "and keeps the file; or by hand: pistegate-gate journal salvage --config GATE.TOML"
        )
        self.what = what


class JournalLost(JournalDamaged):
    """Nothing of the journal can be salvaged, or it is gone: a gate never starts empty by itself."""

    def __init__(self, path: object, what: str) -> None:
        super().__init__(
            f"the journal {path} {what}. The gate stays shut and nothing was changed. If that is known, "
            "let the next start begin a new one: pistegate-gate journal set-aside --config GATE.TOML"
        )


class JournalInUse(EdgeError):
    """Another process works on the journal."""


class JournalFull(EdgeError, OSError):
    """No room for another record."""


class GpioUnavailable(EdgeError, OSError):
    """The pins cannot be driven."""


class IdentityError(EdgeError, ValueError):
    """The key or certificate of this device cannot be used."""


class CloudUnreachable(EdgeError, ConnectionError):
    """The cloud's HTTP API gives no answer, or none that can be believed."""


class CloudRefused(EdgeError):
    """The cloud answers, and says no; `code` as in the cloud's problems."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
