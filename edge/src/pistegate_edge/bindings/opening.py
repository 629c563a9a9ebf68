# SPDX-License-Identifier: Apache-2.0
"""From [documents] and [cloud] of gate.toml to what they name."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from pistegate_edge.bindings.asking import Asking
from pistegate_edge.bindings.fetching import Fetching, FetchThread, Told, opened_download
from pistegate_edge.bindings.keys import open_handle_keys
from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.bindings.server import Authorize, TableServer
from pistegate_edge.bindings.settings import CloudService, Documents
from pistegate_edge.bindings.tables import Tables
from pistegate_edge.clock import Clock
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


def open_fetching(
    cloud: CloudService,
    site: int,
    tables: Tables,
    keys: KeyRing,
    directory: Path,
    clock: Clock,
    tell: Callable[[Told], None],
) -> FetchThread:
    """Not yet started; denials go before bindings. KeyStoreError for the token, ConfigError for `ca`."""
    server = TableServer(cloud.url, cloud.ca, site, _by_token(cloud.token))
    opener = opened_download(directory, keys, site)
    fetching = Fetching((DENIALS, BINDINGS), tables, server, opener, tell, clock.wall_ms)
    asking = Asking(cloud.every_s, random.random, clock.monotonic())
    return FetchThread(fetching, asking, server, clock.monotonic)


def _by_token(path: str) -> Authorize:
    token = read_private(Path(path), "cloud.token").strip()

    def authorized(method: str, target: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"}

    return authorized
