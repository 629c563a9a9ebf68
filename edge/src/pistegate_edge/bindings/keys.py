# SPDX-License-Identifier: Apache-2.0
"""The handle keys of a gate's site: a file that the cloud exported, sealed as the card keys are."""

from pathlib import Path

from pistegate_edge.errors import KeyStoreError
from pistegate_edge.keystore.opening import read_private, unlock_secret
from pistegate_edge.keystore.sealed import is_sealed, unseal
from pistegate_protocol.bindings import HandleKeys
from pistegate_protocol.errors import CodecError
from pistegate_protocol.handle_keys import parse_handle_keys

HANDLE_KEYS_BARE = "lab only: the keys of documents lie in a bare file; seal it with `pistegate-gate keys seal`"


def open_handle_keys(path: str, unlock: str | None, site: int) -> dict[int, HandleKeys]:
    """The keys by their number, one at least; KeyStoreError says what is wrong and what to do."""
    try:
        content = read_private(Path(path), "documents.keys")
        if is_sealed(content):
            if unlock is None:
                raise KeyStoreError("it is sealed: name what opens it by [documents] unlock")
            content = unseal(content, unlock_secret(unlock))
        keys = parse_handle_keys(content, site)
    except KeyStoreError as error:
        raise KeyStoreError(f"keys of documents {path}: {error}") from error
    except CodecError as error:
        raise KeyStoreError(f"keys of documents {path}: {error}; export them again from the cloud") from error
    if not keys:
        raise KeyStoreError(f"keys of documents {path}: there are none in it; export them from the cloud")
    return keys


def are_bare(path: str) -> bool:
    """Whether the file lies there as the cloud exported it."""
    return not is_sealed(read_private(Path(path), "documents.keys"))
