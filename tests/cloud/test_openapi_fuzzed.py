# SPDX-License-Identifier: Apache-2.0
"""Whatever is asked of the API within its own description, and a bit outside: no 5xx, no undocumented status or shape.

A real `pistegate-cloud serve` on SQLite; schemathesis makes the requests from the OpenAPI document.
"""

from collections.abc import Iterator

import pytest
import schemathesis
from blank_desks import BlankDesks
from cloud_process import CloudProcess
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pistegate_cloud.app import API, create_app

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES, MANY = 3, 40  # of each endpoint: beside all other tests, and by itself

schema = schemathesis.openapi.from_dict(create_app().openapi())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud with an open site, asked by everything at once."""
    made = CloudProcess(tmp_path_factory.mktemp("fuzzed"), "[enrolment]\nunsigned = true\n")
    with made as cloud, BlankDesks(cloud.broker_port):
        yield cloud


@pytest.fixture(scope="module")
def token(served: CloudProcess) -> str:
    """Of a caller who may everything."""
    return served.token("fuzz")


def examples(count: int) -> settings:
    """Always the same ones; the endpoint's written example first."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def ask(case: Case, served: CloudProcess, token: str) -> None:
    """Send it, and look at the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    case.call_and_validate(base_url=served.url, headers=headers, checks=CHECKS, timeout=60)


@schema.parametrize()
@examples(EXAMPLES)
def test_no_request_finds_a_5xx_or_an_undocumented_answer(case: Case, served: CloudProcess, token: str) -> None:
    """Every endpoint, with requests that fit its description and requests that do not."""
    ask(case, served, token)


@pytest.mark.slow
@schema.parametrize()
@examples(MANY)
def test_many_requests_find_no_5xx_and_no_undocumented_answer(case: Case, served: CloudProcess, token: str) -> None:
    """The same with many."""
    ask(case, served, token)


def test_the_oracle_sees_what_it_looks_for(served: CloudProcess) -> None:
    """An endpoint described without its 401 is found: the check can fail."""
    document = create_app().openapi()
    del document["paths"][f"{API}/sites"]["get"]["responses"]["401"]
    case = schemathesis.openapi.from_dict(document)[f"{API}/sites"]["GET"].Case()
    with pytest.raises(FailureGroup):
        case.call_and_validate(base_url=served.url, checks=CHECKS)
