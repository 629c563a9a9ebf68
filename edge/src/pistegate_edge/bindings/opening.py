# SPDX-License-Identifier: Apache-2.0
"""From [documents] and [cloud] of gate.toml to what they name."""

import random
from collections.abc import Callable
from pathlib import Path

from pistegate_edge.bindings.access import Access, ByIdentity, ByToken
from pistegate_edge.bindings.asking import Asking
from pistegate_edge.bindings.fetching import Fetching, FetchThread, Told, opened_download
from pistegate_edge.bindings.keys import open_handle_keys
from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.bindings.server import TableServer
from pistegate_edge.bindings.settings import CloudService, Documents
from pistegate_edge.bindings.tables import Tables
from pistegate_edge.clock import Clock
from pistegate_edge.enrolment.identity import Identity
from pistegate_edge.errors import ConfigError
from pistegate_edge.keystore.opening import read_private
from pistegate_protocol.identity import DocumentKind
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.tables import BINDINGS, DENIALS


def open_presenter(documents: Documents | None, site: int) -> Presenter | None:
    """What makes media of documents; None: this gate takes none. KeyStoreError."""
    if documents is None:
        return None
    keys = open_handle_keys(documents.keys, documents.unlock, site)
    return Presenter(keys, [DocumentKind[kind.upper()] for kind in documents.kinds])


def open_access(cloud: CloudService, identity: Identity | None, clock: Clock) -> Access:
    """By the gate's identity once it is enrolled; KeyStoreError for the token, ConfigError where there is neither."""
    if identity is not None:
        return ByIdentity(identity, clock.wall_ms)
    if cloud.url is None or cloud.token is None:
        remedy = "enrol this gate (pistegate-gate enrol), or write url and token under [cloud]"
        raise ConfigError([f"[documents], [cloud]: nobody lets this gate in to fetch its tables: {remedy}"])
    return ByToken(cloud.url, read_private(Path(cloud.token), "cloud.token").strip(), cloud.ca)


def open_fetching(
    access: Access,
    every_s: float,
    site: int,
    tables: Tables,
    keys: KeyRing,
    directory: Path,
    clock: Clock,
    tell: Callable[[Told], None],
) -> FetchThread:
    """Not yet started; denials go before bindings."""
    server = TableServer(access, site)
    opener = opened_download(directory, keys, site)
    fetching = Fetching((DENIALS, BINDINGS), tables, server, opener, tell, clock.wall_ms)
    asking = Asking(every_s, random.random, clock.monotonic())
    return FetchThread(fetching, asking, server, clock.monotonic)
