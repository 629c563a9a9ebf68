# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the lane's tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from wired_bench import WiredBench


@pytest.fixture
def bench() -> Iterator[Callable[..., WiredBench]]:
    """Wired lanes on the bench, closed at the end."""
    made: list[WiredBench] = []

    def make(*args: Any, **times: int) -> WiredBench:
        made.append(WiredBench(*args, **times))
        return made[-1]

    yield make
    for one in made:
        one.close()
