# SPDX-License-Identifier: Apache-2.0
"""From `[key_store]` of gate.toml to a key store: the file, its unlock secret, and who else may read them."""

import os
import stat
from pathlib import Path

from pistegate_edge.config import KeyStoreFile
from pistegate_edge.errors import KeyStoreError
from pistegate_edge.keystore.sealed import is_sealed, unseal
from pistegate_edge.keystore.store import LAB_ONLY, KeyStore, MasterKeyStore
from pistegate_protocol.errors import CodecError
from pistegate_protocol.gate_keys import parse_gate_keys

CREDENTIAL = "credential:"  # before the name of a systemd credential (LoadCredentialEncrypted= of the service)
_FILE_BYTES_MAX = 65_536
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_key_store(section: KeyStoreFile) -> KeyStore:
    """The keys of a gate; KeyStoreError says what is wrong and what to do."""
    path = Path(section.path)
    content = read_private(path, "key_store.path")
    try:
        if not is_sealed(content):
            return MasterKeyStore(parse_gate_keys(content), LAB_ONLY)
        if section.unlock is None:
            raise KeyStoreError("it is sealed: name what opens it by [key_store] unlock")
        return MasterKeyStore(parse_gate_keys(unseal(content, unlock_secret(section.unlock))))
    except KeyStoreError as error:
        raise KeyStoreError(f"key store {path}: {error}") from error
    except CodecError as error:
        raise KeyStoreError(f"key store {path}: {error}; export it again from the cloud") from error


def unlock_secret(unlock: str) -> bytes:
    """The secret named by `[key_store] unlock`, without the line break that editors leave."""
    if not unlock.startswith(CREDENTIAL):
        return read_private(Path(unlock), "key_store.unlock").strip().encode()
    name = unlock.removeprefix(CREDENTIAL)
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise KeyStoreError(
            f"unlock secret: systemd gives this process no credentials; add LoadCredentialEncrypted={name} "
            "to the service, or name a file by [key_store] unlock"
        )
    # systemd guards these itself; its access list shows as group rights, so modes are not looked at.
    return _read(Path(directory) / name, "key_store.unlock").strip().encode()


def read_private(path: Path, place: str) -> str:
    """The text of a file that nobody but its owner may use; KeyStoreError with the remedy. `place`: in gate.toml."""
    content = _read(path, place)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _FOR_OTHERS:
        raise KeyStoreError(f"{path}: others than its owner may use it (mode {mode:04o}): chmod 600 {path}")
    return content


def _read(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise KeyStoreError(f"{path}: there is no such file; correct {place} or put the file there") from error
    except OSError as error:
        raise KeyStoreError(f"{path}: cannot be read ({error.strerror}); it must belong to the gate's user") from error
    try:
        if len(data) <= _FILE_BYTES_MAX:
            return data.decode()
    except UnicodeDecodeError:
        pass
    raise KeyStoreError(f"{path}: this is no key file or secret; correct {place}")
