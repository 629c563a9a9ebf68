# SPDX-License-Identifier: Apache-2.0
"""[documents] and [cloud] of gate.toml: which documents open the lane, and where the tables are fetched."""

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Documents(Struct, frozen=True, forbid_unknown_fields=True):
    """Which identity documents open the lane.

    `keys`: the sealed file with the site's handle keys, `unlock`: what opens it, as of [key_store]. `kinds`: chip is
    that of a resident ID at the card reader. `stale_days`: without word from the cloud for so long the tables are old,
    and `when_stale` documents are still admitted and it is told, or sent to the window.
    """

    keys: Annotated[str, Meta(min_length=1)]
    unlock: Annotated[str, Meta(min_length=1)] | None = None
    kinds: Annotated[list[Literal["resident_id", "passport", "chip"]], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["resident_id"]
    )
    stale_days: Annotated[int, Meta(ge=1, le=35)] = 3
    when_stale: Literal["admit", "refuse"] = "admit"


class CloudService(Struct, frozen=True, forbid_unknown_fields=True):
    """The cloud's HTTP service. `every_s`: seconds between two questions whether there is news of the tables.

    Of a gate that is not enrolled also `url`; `token`: a file with a token of scope tables:read; `ca`: the certificate
    of the authority that certified the cloud, where that is the operator's own.
    """

    url: Annotated[str, Meta(min_length=1)] | None = None
    token: Annotated[str, Meta(min_length=1)] | None = None
    ca: Annotated[str, Meta(min_length=1)] | None = None
    every_s: Annotated[int, Meta(ge=10, le=3600)] = 45


def problems(cloud: CloudService) -> list[str]:
    """What is wrong with it, each with its remedy."""
    if (cloud.url is None) != (cloud.token is None):
        return ["[cloud] has url and token, both, or neither where this gate is enrolled"]
    if cloud.url is None:
        return []
    parts = urlsplit(cloud.url)
    if not parts.hostname or parts.query or parts.fragment:
        return [f'cloud.url = {cloud.url!r} is no address: write "https://HOST"']
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return [f'cloud.url = {cloud.url!r}: only https is spoken with another computer; write "https://..."']
    return []
