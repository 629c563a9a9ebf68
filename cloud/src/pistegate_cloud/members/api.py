# SPDX-License-Identifier: Apache-2.0
"""HTTP API of members 会员."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.members import erasing, exporting, personal, queries, service
from pistegate_cloud.members.models import Member, MemberErasure
from pistegate_cloud.members.schemas import (
    ChangeBody,
    EraseBody,
    ErasureAnswer,
    FindBody,
    GradeAnswer,
    GradeBody,
    LevelAnswer,
    LevelBody,
    MadeAnswer,
    MemberAnswer,
    MemberBody,
    PassAnswer,
    PassBody,
    PhotoBody,
)
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Page, SiteNumber, iso
from pistegate_cloud.services import IdempotencyKey, Services, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope


async def _unkept(response: Response) -> None:
    """Dependency: no proxy keeps what is personal."""
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(tags=["members"], dependencies=[Depends(_unkept)])
Number = Annotated[int, Path(ge=1, lt=2**62)]
Reader = Annotated[Caller, Depends(require(Scope.MEMBERS_READ))]
Writer = Annotated[Caller, Depends(require(Scope.MEMBERS_WRITE))]
# A level is a price: a seller who gives one gives a discount every day.
Pricer = Annotated[Caller, Depends(require(Scope.PRICES_WRITE))]
Eraser = Annotated[Caller, Depends(require(Scope.MEMBERS_ERASE))]
_ONE = ("not_found", "members_off", "member_unreadable")


@router.post(
    "/members",
    status_code=201,
    responses=documented(
        "members_off",
        "unknown_reference",
        "member_unknown",
        "member_phone_used",
        "member_family",
        "idempotency_key_reused",
    ),
)
async def make(
    body: MemberBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> MadeAnswer:
    """A new member of the site's group."""
    once = Repeatable.of(caller, "member", idempotency_key, body)
    return await service.make(body, once, caller, personal.of(services.settings), services.clock.wall_ms())


@router.post("/members/find", responses=documented("members_off", "unknown_reference", "member_unreadable"))
async def find(body: FindBody, services: WithServices, caller: Reader) -> Page[MemberAnswer]:
    """The member with a phone: one, or none. It is put on record."""
    settings = personal.of(services.settings)
    row = await service.find(body.site, body.phone, caller, settings, services.clock.wall_ms())
    return Page(items=[] if row is None else [await _answer(row, services)])


@router.get("/members/{number}", responses=documented(*_ONE))
async def read(number: Number, services: WithServices, caller: Reader) -> MemberAnswer:
    """A member, with levels, passes and family. It is put on record."""
    row = await queries.member(number)
    await _looked(row, "member.read", caller, services)
    return await _answer(row, services)


@router.patch(
    "/members/{number}",
    responses=documented(*_ONE, "member_unknown", "member_erased", "member_phone_used", "member_family"),
)
async def change(number: Number, body: ChangeBody, services: WithServices, caller: Writer) -> MemberAnswer:
    """Change what is named; `head` makes a family, of which the head pays."""
    row = await service.change(number, body, caller, personal.of(services.settings), services.clock.wall_ms())
    return await _answer(row, services)


@router.post("/members/{number}/levels", responses=documented(*_ONE, "unknown_reference", "member_erased"))
async def grade(number: Number, body: GradeBody, services: WithServices, caller: Pricer) -> MemberAnswer:
    """Give a level for some time; the newest that holds on a day counts."""
    return await _answer(await service.grade(number, body, caller, services.clock.wall_ms()), services)


@router.put(
    "/members/{number}/photo", status_code=204, responses=documented("not_found", "photo_unfit", "member_erased")
)
async def put_photo(number: Number, body: PhotoBody, services: WithServices, caller: Writer) -> None:
    """Keep the member's photo in the place of the one before."""
    await service.put_photo(number, body.data, caller, services.clock.wall_ms())


@router.get(
    "/members/{number}/photo",
    response_class=Response,
    responses={**documented("not_found"), 200: {"content": {"image/jpeg": {}, "image/png": {}}}},
)
async def read_photo(number: Number, services: WithServices, caller: Reader) -> Response:
    """The photo, for comparing with who stands there. It is put on record."""
    row, photo = await queries.member(number), await queries.photo(number)
    if photo is None:
        raise Problem("not_found", what=f"photo of member {number}")
    await _looked(row, "member.photo_read", caller, services)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(photo.data, media_type=photo.kind, headers=headers)


@router.post(
    "/members/{number}/passes",
    responses=documented(*_ONE, "member_erased", "ticket_revoked", "pass_of_another", "photo_needed"),
)
async def give_pass(number: Number, body: PassBody, services: WithServices, caller: Writer) -> MemberAnswer:
    """The ticket, such as a season's, is this member's own. A long one needs their photo first."""
    settings = personal.of(services.settings)
    await service.give_pass(number, body.ticket, caller, settings, services.clock.wall_ms())
    return await _answer(await queries.member(number), services)


@router.post("/members/{number}/export", responses=documented(*_ONE))
async def export(number: Number, services: WithServices, caller: Eraser) -> dict[str, Any]:
    """Everything that is known of a member, to hand to them. It is put on record."""
    return await exporting.export(number, caller, personal.of(services.settings), services.clock.wall_ms())


@router.post("/members/{number}/erase", responses=documented(*_ONE, "member_owed", "bindings_off"))
async def erase(number: Number, body: EraseBody, services: WithServices, caller: Eraser) -> ErasureAnswer:
    """Take the person out of everything; books and passages stay. Again, it is the same receipt."""
    return _receipt(await erasing.erase(number, body, caller, services))


@router.get(
    "/members/{number}/erasure",
    dependencies=[Depends(require(Scope.MEMBERS_READ))],
    responses=documented("not_found"),
)
async def erasure(number: Number) -> ErasureAnswer:
    """The receipt of an erasure."""
    row = await queries.erasure(number)
    if row is None:
        raise Problem("not_found", what=f"erasure of member {number}")
    return _receipt(row)


@router.post("/member-levels", status_code=201, responses=documented("unknown_reference", "already_exists"))
async def add_level(body: LevelBody, services: WithServices, caller: Pricer) -> LevelAnswer:
    """A new level of the site's group; price lists name it by its code."""
    row = await service.add_level(body, caller, services.clock.wall_ms())
    return LevelAnswer(code=row.code, name=row.name)


@router.get(
    "/member-levels", dependencies=[Depends(require(Scope.MEMBERS_READ))], responses=documented("unknown_reference")
)
async def list_levels(site: Annotated[SiteNumber, Query()]) -> Page[LevelAnswer]:
    """The levels of a site's group."""
    rows = await queries.levels((await sites.site(site)).group_number)
    return Page(items=[LevelAnswer(code=row.code, name=row.name) for row in rows])


async def _looked(row: Member, action: str, caller: Caller, services: Services) -> None:
    async with in_transaction():
        await audit.note(caller, action, row.site_id, f"member:{row.id}", now_ms=services.clock.wall_ms())


async def _answer(row: Member, services: Services) -> MemberAnswer:
    settings = personal.of(services.settings)
    today = local_day(services.clock.wall_ms(), await sites.zone(row.site_id))
    alive = row.erased_ms is None
    return MemberAnswer(
        number=row.id,
        site=row.site_id,
        name=personal.unseal(settings, row, "name"),
        phone_ends=row.last4,
        wechat=row.wechat is not None,
        locale=row.locale,
        head=row.head_id,
        payer=row.head_id or row.id,
        family=[one.id for one in await queries.family(row.id)],
        level=await service.level_of(row.id, row.site_id, today) if alive else None,
        levels=[
            GradeAnswer(code=one.level.code, valid_from=one.valid_from, valid_until=one.valid_until)
            for one in await queries.grades(row.id)
        ],
        passes=[
            PassAnswer(
                ticket=one.ticket_id,
                product=one.ticket.product.number,
                valid_from=one.ticket.valid_from,
                valid_until=one.ticket.last_day,
                status=one.ticket.status,
            )
            for one in await queries.passes(row.id)
        ],
        photo=await queries.has_photo(row.id),
        created=iso(row.created_ms),
        erased=None if row.erased_ms is None else iso(row.erased_ms),
    )


def _receipt(row: MemberErasure) -> ErasureAnswer:
    return ErasureAnswer(
        id=row.id,
        member=row.member_id,
        removed=row.removed,
        left_open=row.left_open,
        by=row.actor,
        at=iso(row.at_ms),
    )
