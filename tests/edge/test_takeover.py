# SPDX-License-Identifier: Apache-2.0
"""At whose place a gate may stand: by the cloud's signed word alone, as long as it holds."""

import json
from pathlib import Path

import pytest
from gate_bench import DOCUMENTS, gate_config

from pistegate_edge.clock import Clock
from pistegate_edge.enrolment.standing import (
    CHOSEN,
    NoTakeover,
    Permission,
    choose,
    keep_choice,
    permissions,
    standing,
)
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.documents import TAKEOVER_LIST, TakeoverList, sign_document
from pistegate_protocol.messages import SignedDocument

DAY_MS = 86_400_000
ISSUED = 1_768_622_400_000
ENTRY = (3, 8, ISSUED, ISSUED + 30 * DAY_MS, 5, [7, 8])
DOCUMENT = TakeoverList(1, 2, ISSUED, [(9, 8, ISSUED, ISSUED + DAY_MS, 1, [8]), ENTRY])


def with_document(directory: Path, signed: SignedDocument) -> None:
    """A journal of gate 3 that holds the document."""
    directory.mkdir(exist_ok=True)
    with Journal(directory, 1, 3, 131_072, Clock(), 7, "test") as journal:
        journal.store_document(TAKEOVER_LIST, DOCUMENT.version, signed)


def test_a_spare_stands_where_the_document_says(tmp_path: Path) -> None:
    """It serves the area and post of the dead gate, under its own number, until a technician takes it back."""
    directory = tmp_path / "gate"
    with_document(directory, sign_document(DOCUMENT, 1, DOCUMENTS))
    config = gate_config(directory)
    assert standing(config, ISSUED) == (config, None)
    keep_choice(config, 8)
    stands, permission = standing(config, ISSUED)
    assert permission == Permission(8, ISSUED, ISSUED + 30 * DAY_MS, 5, (7, 8), 2)
    assert stands.place is not None
    assert (stands.place.area, stands.place.post_gates, stands.device.number) == (5, [3, 7, 8], 3)
    keep_choice(config, None)
    assert standing(config, ISSUED) == (config, None)


@pytest.mark.parametrize("gate", [7, 3, 9])
def test_no_other_place_is_open(gate: int) -> None:
    """Bad input: a gate that is not named; what another spare may is of no use to this one."""
    with pytest.raises(NoTakeover, match="allowed: 8"):
        choose(DOCUMENT, 3, gate, ISSUED)
    assert [each.gate for each in permissions(DOCUMENT, 9)] == [8]
    with pytest.raises(NoTakeover, match="allowed: none"):
        choose(None, 3, 8, ISSUED)


def test_a_permission_ends_and_a_clock_in_1970_does_not_prolong_it() -> None:
    """A clock behind the document's own time is wrong."""
    assert choose(DOCUMENT, 3, 8, 0).gate == 8
    with pytest.raises(NoTakeover, match="has ended"):
        choose(DOCUMENT, 3, 8, ISSUED + 30 * DAY_MS)
    late = TakeoverList(1, 3, ISSUED + 31 * DAY_MS, [ENTRY])
    with pytest.raises(NoTakeover, match="has ended"):
        choose(late, 3, 8, 0)


def test_a_forged_word_is_believed_neither_by_the_command_nor_at_a_start(tmp_path: Path) -> None:
    """Bad input: somebody wrote into the journal, or into the file with the choice."""
    directory = tmp_path / "gate"
    genuine = sign_document(DOCUMENT, 1, DOCUMENTS)
    forged = SignedDocument(1, genuine.body.replace(b"\x05", b"\x06"), genuine.signature)
    assert forged.body != genuine.body
    with_document(directory, forged)
    config = gate_config(directory)
    keep_choice(config, 8)
    with pytest.raises(NoTakeover, match="not genuine"):
        standing(config, ISSUED)
    (directory / CHOSEN).write_text(json.dumps({"gate": "x"}))
    with pytest.raises(NoTakeover, match="cannot be read"):
        standing(config, ISSUED)
