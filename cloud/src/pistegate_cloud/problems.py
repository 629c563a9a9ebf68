# SPDX-License-Identifier: Apache-2.0
"""Errors as application/problem+json (RFC 9457), in the language the caller asks for."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from pistegate_cloud.errors import STATUS, Problem, Said
from pistegate_protocol.texts import DEFAULT_LOCALE, text

BODY_MAX = 256 * 1024  # bytes; 50 lines of an order are 5 KiB
MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class ProblemBody(BaseModel):
    """What a refusal looks like; `code` is stable, the words are not."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "status": 409,
                "code": "no_card",
                "title": "No card on the encoder.",
                "detail": "Lay the card on encoder 1, then issue again.",
            }
        }
    )

    type: str = "about:blank"
    status: int
    code: str
    title: str
    detail: str
    errors: list[dict[str, str]] | None = None


def locale_of(request: Request) -> str:
    """The first language of Accept-Language that we have; quality values in their order."""
    wishes: list[tuple[float, int, str]] = []
    for position, item in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
        name, _, parameters = item.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        wishes.append((-weight, position, name.strip().lower()))
    for weight, _, name in sorted(wishes):
        if weight < 0 and name.split("-")[0] == "zh":
            return "zh-CN"
        if weight < 0 and name.split("-")[0] == "en":
            return "en"
    return DEFAULT_LOCALE


def problem_body(problem: Problem, locale: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The body for a problem."""
    body = ProblemBody(
        status=problem.status,
        code=problem.code,
        title=text(f"error.{problem.code}", locale),
        detail=said(f"error_detail.{problem.code}", problem.values, locale),
        errors=errors,
    )
    return body.model_dump(exclude_none=True)


def said(key: str, values: Mapping[str, Any], locale: str) -> str:
    """A text whose values may be texts themselves."""
    told = {name: said(v.key, v.values, locale) if isinstance(v, Said) else v for name, v in values.items()}
    return text(key, locale, **told)


def _answer(request: Request, problem: Problem, errors: list[dict[str, str]] | None = None) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else None
    body = problem_body(problem, locale_of(request), errors)
    return JSONResponse(body, problem.status, headers, MEDIA_TYPE)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in item["loc"]), "message": str(item["msg"])[:200]}
        for item in error.errors()[:20]
    ]
    first = errors[0] if errors else {"where": "body", "message": ""}
    return _answer(request, Problem("invalid_request", **first), errors)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    code = codes.get(error.status_code, "invalid_request")
    values = {"what": request.url.path, "limit": BODY_MAX, "where": "request", "message": str(error.detail)}
    return _answer(request, Problem(code, **values))


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(request, Problem("internal"))


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


_TOO_LARGE: Final[dict[str, Any]] = {
    "description": "Problem: too_large",
    "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}}},
}


def as_answered(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document as the API answers: a body may be too large, and problems are problem+json.

    FastAPI itself writes application/json for each model.
    """
    for path in document["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                operation["responses"].setdefault("413", _TOO_LARGE | {"content": dict(_TOO_LARGE["content"])})
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                if schema.get("$ref", "").endswith(f"/{ProblemBody.__name__}"):
                    content[MEDIA_TYPE] = content.pop("application/json")
    return document


# What checking the caller may answer (services.require).
_EVERYWHERE = (
    "invalid_request",
    "token_missing",
    "session_ended",
    "scope_missing",
    "site_not_allowed",
    "site_needed",
    "password_change_needed",
    "origin_refused",
)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of an endpoint for the OpenAPI document: the problems it may answer with."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys((*_EVERYWHERE, *codes)):
        by_status.setdefault(STATUS[code], []).append(code)
    return {
        status: {"model": ProblemBody, "description": "Problem: " + ", ".join(found)}
        for status, found in by_status.items()
    }
