# SPDX-License-Identifier: Apache-2.0
"""All queries of documents."""

from pistegate_cloud.documents.models import Document


async def newest(site: int, name: str) -> Document | None:
    """The newest version of a document."""
    return await Document.filter(site_id=site, name=name).order_by("-version").first()


async def newest_version(site: int, name: str) -> int:
    """Its version number; 0 when there is none."""
    row = await Document.filter(site_id=site, name=name).order_by("-version").first().values_list("version")
    return int(str(row[0])) if row else 0


async def versions(sites: set[int], name: str) -> dict[int, int]:
    """The newest version of a document by site."""
    return {site: await newest_version(site, name) for site in sites}


async def add(document: Document) -> None:
    """Store a new version; IntegrityError when another writer was first."""
    await document.save()
