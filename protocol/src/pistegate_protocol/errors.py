# SPDX-License-Identifier: Apache-2.0
"""The error root of this package; leaves are named for the cause and also inherit the built-in."""


class ProtocolError(Exception):
    """Something does not follow what the parts of Pistegate agreed on."""


class CodecError(ProtocolError, ValueError):
    """Bytes that are no valid encoding, or a value that no encoding can hold."""


class UnknownVersion(CodecError):
    """Well-formed for a newer release, perhaps; this release must not guess. Remedy: update this side."""
