# SPDX-License-Identifier: Apache-2.0
"""From a device's configuration to its identity, and to what signs its batches."""

from collections.abc import Callable
from pathlib import Path

from pistegate_edge.config import Config
from pistegate_edge.enrolment.identity import DIRECTORY, Identity, load_identity
from pistegate_edge.enrolment.signing import Told, signed
from pistegate_edge.errors import IdentityError
from pistegate_protocol.enrolment import device_name
from pistegate_protocol.topics import Device

Sign = Callable[[Told], Told]


def own_device(config: Config) -> Device:
    """The address that gate.toml gives this device."""
    return Device(config.device.site, config.role, config.device.number)


def identity_directory(config: Config) -> Path | None:
    """Where the identity lies: [identity] directory, or beside the journal; None: this device has no place for one."""
    if config.identity is not None:
        return Path(config.identity.directory)
    return None if config.storage is None else Path(config.storage.directory) / DIRECTORY


def open_identity(config: Config) -> Identity | None:
    """The device's identity; None: it was never enrolled. IdentityError when it is damaged or another device's."""
    directory = identity_directory(config)
    found = None if directory is None else load_identity(directory)
    own = own_device(config)
    if found is not None and found.device != own:
        raise IdentityError(
            f"the identity in {directory} is of {found.name}, and gate.toml says {device_name(own)}: was this disk "
            "copied from another device? Delete the directory and enrol this one"
        )
    return found


def chain_signer(config: Config) -> Sign:
    """What makes of a message the one that is sent: signed where this device is enrolled."""
    identity = open_identity(config)
    if identity is None:
        return lambda message: message
    return lambda message: signed(message, identity)
