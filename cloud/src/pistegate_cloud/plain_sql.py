# SPDX-License-Identifier: Apache-2.0
"""Questions that every sale asks, in plain SQL: writing the same text anew was most of what the ORM took (measured)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from tortoise.models import Model

from pistegate_cloud.database import is_postgres

M = TypeVar("M", bound=Model)
Value = Any
"""What a `{}` stands for: one value, or a sequence of them for an IN list."""


async def rows(model: type[M], statement: str, *values: Value) -> list[M]:
    """Rows of a model's table: SELECT * FROM it, then `statement`, in which `{}` stands for each of `values`."""
    connection = model._meta.db
    sizes = tuple(len(value) if _is_list(value) else None for value in values)
    text = _text(f'SELECT * FROM "{model._meta.db_table}" {statement}', sizes, is_postgres(connection))
    flat = [each for value in values for each in (value if _is_list(value) else (value,))]
    found = await connection.execute_query_dict(text, flat)
    return [model._init_from_db(**row) for row in found]


def _is_list(value: Value) -> bool:
    return isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)


@lru_cache(256)
def _text(statement: str, sizes: tuple[int | None, ...], dollars: bool) -> str:
    """With the placeholders of the dialect; an empty list is NULL, which is in nothing."""
    at, marks = 0, []
    for size in sizes:
        count = 1 if size is None else size
        names = [f"${at + one}" if dollars else "?" for one in range(1, count + 1)]
        at += count
        marks.append(", ".join(names) or "NULL")
    return statement.format(*marks)
