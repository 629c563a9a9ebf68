# SPDX-License-Identifier: Apache-2.0
"""What happened in one storm, line by line: the same seed gives the same lines."""

from collections.abc import Callable
from hashlib import sha256


class Trace:
    """Lines of (virtual seconds, who, what). `tell` sees each as it is made; without it only the digest is kept."""

    def __init__(self, now: Callable[[], float], tell: Callable[[str], None] | None = None) -> None:
        self._now = now
        self._tell = tell
        self._digest = sha256()
        self.lines = 0

    def __call__(self, who: str, what: str) -> None:
        """Something happened."""
        line = f"{self._now():10.3f}  {who:<9} {what}"
        self._digest.update(line.encode("utf-8", "replace"))
        self.lines += 1
        if self._tell is not None:
            self._tell(line)

    @property
    def digest(self) -> str:
        """Of all lines, for comparing two runs."""
        return self._digest.hexdigest()
