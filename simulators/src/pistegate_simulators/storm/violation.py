# SPDX-License-Identifier: Apache-2.0
"""A promise that was broken."""


class Red(Exception):
    """`promise`: which invariant; the text says what was seen."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
        self.what = what
