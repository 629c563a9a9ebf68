# SPDX-License-Identifier: Apache-2.0
"""[contingency]: where the box keeps its tickets, and where its page is served."""

from typing import Annotated

from msgspec import Meta, Struct


class Contingency(Struct, frozen=True, forbid_unknown_fields=True):
    """`directory`: of the box's tickets and sales. `host`, `port`: its page on the site's own network.

    `every_s`: seconds between two questions to the cloud. `locale`: the page's first language.
    """

    directory: Annotated[str, Meta(min_length=1)]
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, lt=2**16)] = 8080
    every_s: Annotated[int, Meta(ge=1, le=30)] = 10
    locale: Annotated[str, Meta(pattern="^(en|zh-CN)$")] = "zh-CN"
