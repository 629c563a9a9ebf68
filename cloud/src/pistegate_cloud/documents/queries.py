# SPDX-License-Identifier: Apache-2.0
"""All queries of documents."""

from collections.abc import Iterable

from tortoise.functions import Max

from pistegate_cloud.documents.models import Document, LostVersions, RecoveredDocument
from pistegate_cloud.sites.models import Site


async def lock(sites: Iterable[int]) -> None:
    """Wait for other writers of these sites' documents, until the transaction ends (SQLite has one writer anyway).

    In order of number, so that two writers never wait for each other.
    """
    # Whole rows: with values_list() tortoise 1.1.9 leaves FOR UPDATE out, and nobody waits.
    await Site.filter(number__in=set(sites)).order_by("number").select_for_update(no_key=True)


async def newest(site: int, name: str) -> Document | None:
    """The newest version of a document."""
    return await Document.filter(site_id=site, name=name).order_by("-version").first()


async def newest_versions(site: int) -> dict[str, int]:
    """The newest version number of each document that a site has."""
    rows = await Document.filter(site_id=site).annotate(top=Max("version")).group_by("name").values_list("name", "top")
    return {str(name): int(top) for name, top in rows}


async def newest_version(site: int, name: str) -> int:
    """Its version number; 0 when there is none."""
    row = await Document.filter(site_id=site, name=name).order_by("-version").first().values_list("version")
    return int(str(row[0])) if row else 0


async def versions(sites: set[int], name: str) -> dict[int, int]:
    """The newest version of a document by site."""
    return {site: await newest_version(site, name) for site in sites}


async def add(document: Document, keep: int) -> None:
    """Store a new version and drop all but the newest `keep`; IntegrityError when another writer was first."""
    await document.save(force_create=True)
    older = Document.filter(site_id=document.site_id, name=document.name, version__lte=document.version - keep)
    await older.delete()


async def add_lost(rows: Iterable[LostVersions]) -> None:
    """Store which versions a restored database lacks."""
    await LostVersions.bulk_create(list(rows), ignore_conflicts=True)


async def lost(site: int) -> list[LostVersions]:
    """Versions of a site's documents that this database lacks."""
    return await LostVersions.filter(site_id=site).order_by("id")


async def floor(site: int, name: str) -> int:
    """New versions of a document are this at least."""
    row = await LostVersions.filter(site_id=site, name=name).order_by("-before").first()
    return 0 if row is None else row.before


async def recovered(site: int, name: str) -> RecoveredDocument | None:
    """What a device sent back of a document."""
    return await RecoveredDocument.get_or_none(site_id=site, name=name)


async def keep_recovered(row: RecoveredDocument) -> None:
    """Store it in the place of an older one."""
    await RecoveredDocument.bulk_create(
        [row], on_conflict=("site_id", "name"), update_fields=("version", "body", "gate", "at_ms")
    )


async def drop_recovered(site: int, name: str) -> int:
    """Forget what a device sent back; how many there were."""
    return int(await RecoveredDocument.filter(site_id=site, name=name).delete())
