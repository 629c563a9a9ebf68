# SPDX-License-Identifier: Apache-2.0
"""HTTP API of products."""

from typing import Annotated

from fastapi import APIRouter, Depends

from pistegate_cloud.problems import documented
from pistegate_cloud.products import queries, service
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.schemas import ProductBody
from pistegate_cloud.products.terms import terms_of
from pistegate_cloud.schemas import Page, SiteFilter
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["products"])


@router.post(
    "/products",
    status_code=201,
    responses=documented("already_exists", "unknown_reference", "terms_too_many", "terms_impossible"),
)
async def add_product(
    body: ProductBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.PRODUCTS_WRITE))],
) -> ProductBody:
    """Add a product. A product is not edited: what was sold keeps its rules; a changed one is a new number."""
    await service.add(body, caller, services.clock.wall_ms())
    return body


@router.get("/products", dependencies=[Depends(require(Scope.PRODUCTS_READ))], responses=documented())
async def list_products(site: SiteFilter = None) -> Page[ProductBody]:
    """Products of one site or of all."""
    return Page(items=[_answer(row) for row in await queries.products(site)])


def _answer(row: Product) -> ProductBody:
    own = [name for name in ProductBody.model_fields if name not in ("site", "terms")]
    return ProductBody(site=row.site_id, terms=terms_of(row), **{name: getattr(row, name) for name in own})
