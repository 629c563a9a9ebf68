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
    found = await connection.execute_query_dict(
        *_asked(f'SELECT * FROM "{model._meta.db_table}" {statement}', values, is_postgres(connection))
    )
    return [model._init_from_db(**row) for row in found]


async def values(model: type[Model], columns: Sequence[str], where: str, *given: Value) -> list[dict[str, Any]]:
    """Some columns of the rows for which `where` holds, as the database has them."""
    connection = model._meta.db
    text = f'SELECT {", ".join(columns)} FROM "{model._meta.db_table}" WHERE {where}'
    return await connection.execute_query_dict(*_asked(text, given, is_postgres(connection)))


async def changed(model: type[Model], statement: str, *values: Value) -> int:
    """How many rows of a model's table an UPDATE changed: `statement` from SET on."""
    connection = model._meta.db
    found, _ = await connection.execute_query(
        *_asked(f'UPDATE "{model._meta.db_table}" {statement}', values, is_postgres(connection))
    )
    return int(found)


def _asked(statement: str, values: Sequence[Value], dollars: bool) -> tuple[str, list[Any]]:
    sizes = tuple(len(value) if _is_list(value) else None for value in values)
    return _text(statement, sizes, dollars), [
        each for value in values for each in (value if _is_list(value) else (value,))
    ]


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
