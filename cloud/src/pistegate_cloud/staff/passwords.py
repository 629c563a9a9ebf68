# SPDX-License-Identifier: Apache-2.0
"""Passwords: argon2id, in threads, few at a time."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pistegate_cloud.settings import StaffSettings

AT_ONCE = 2  # hashes at the same time in a process: each takes 64 MiB and a tenth of a second of two cores
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike; 31 ** 12 is 2 ** 59


class Passwords:
    """Hashing with the configured parameters; a hash made with others still verifies."""

    def __init__(self, settings: StaffSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
        )
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep, with its parameters and salt."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether this is the password; for nobody (None) it takes as long and is never so."""
        if kept is None:
            if self._nobody is None:
                self._nobody = await self.hash(secrets.token_urlsafe(16))
            kept, never = self._nobody, True
        else:
            never = False
        async with self._turns:
            return await asyncio.to_thread(self._verify, kept, password) and not never

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than the configured ones."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def initial() -> str:
    """A password to tell somebody once, such as "kd7m-w2xe-9hfa"."""
    parts = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    return "-".join(parts)
