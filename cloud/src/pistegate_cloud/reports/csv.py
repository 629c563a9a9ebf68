# SPDX-License-Identifier: Apache-2.0
"""Reports as CSV: UTF-8 with a byte order mark, because Excel reads Chinese headings wrongly without one."""

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi import Request, Response

from pistegate_protocol.texts import text

MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so would run as a formula in a spreadsheet


def wants_csv(request: Request, wanted: str | None) -> bool:
    """Whether `?format=csv` or the Accept header asks for CSV."""
    if wanted is not None:
        return wanted == "csv"
    return request.headers.get("accept", "").split(",")[0].strip().startswith("text/csv")


def answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], locale: str) -> Response:
    """A CSV file; headings are texts report.COLUMN."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([text(f"report.{column}", locale) for column in columns])
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response("\ufeff" + out.getvalue(), media_type=MEDIA_TYPE, headers=headers)


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
