# SPDX-License-Identifier: Apache-2.0
"""What a lane board is given besides its program: the profile of its lane, as bytes that both ends hash."""

import json

from pistegate_edge.lane.core.messages import short_hash
from pistegate_edge.lane.profiles import board_document
from pistegate_edge.lane.settings import LaneSettings


def document_of(settings: LaneSettings) -> bytes:
    """lane_profile.json: the same bytes for the same lane, whenever they are made. ConfigError as board_document."""
    document = board_document(settings.profile, settings.board)
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def profile_hash(settings: LaneSettings) -> str:
    """By which both ends know that they mean the same lane."""
    return short_hash(document_of(settings))
