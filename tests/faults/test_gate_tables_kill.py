# SPDX-License-Identifier: Apache-2.0
"""A gate process killed while it fetches and applies tables: the version before holds, or the new one; both work."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random

from binding_cases import PUBLISHERS, SITE, a_handle, many_bindings, table_file
from document_bench import document_sections
from gate_bench import gate_tree, toml_of, wait_for
from table_cloud import TableCloud

from pistegate_edge.bindings.store import BindingStore
from pistegate_protocol.signing import Medium, MediumKind
from pistegate_simulators.reader import SimulatedReader

COUNT = 4000
KILLS = 5
START_S = 60.0


def found(store: BindingStore, guest: int) -> bool:
    return bool(store.bindings(Medium(MediumKind.IDENTITY, a_handle(guest))))


def started(config: Path) -> subprocess.Popen[bytes]:
    """`pistegate-gate run` on mock pins."""
    with config.with_suffix(".log").open("ab") as log:
        command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(config)]
        return subprocess.Popen(command, stderr=log, env=os.environ | {"GPIOZERO_PIN_FACTORY": "mock"})


def version_of(journal: Path) -> int:
    """What the tables on the disk are, looked at by another process; every guest of it is there and no other."""
    with closing(BindingStore(journal, PUBLISHERS, SITE)) as store:
        version = store.versions().get("bindings", 0)
        first = 1 + (version - 1) * COUNT
        assert found(store, first)
        assert found(store, first + COUNT - 1)
        assert not found(store, first + COUNT)
        assert version == 1 or not found(store, first - 1)
        return version


def test_gate_killed_in_the_middle_of_an_update_has_the_old_tables_or_the_new(tmp_path: Path) -> None:
    """SIGKILL at any moment between the first byte and the commit; each run goes on where the one before was."""
    journal, config, chance = tmp_path / "journal", tmp_path / "gate.toml", Random(7)
    with SimulatedReader(tmp_path / "reader"), TableCloud() as cloud:
        sections = document_sections(journal, cloud.url)
        config.write_text(toml_of(gate_tree(journal, str(tmp_path / "reader"), **sections)))
        cloud.put(table_file(many_bindings(COUNT)))
        process = started(config)
        try:
            wait_for(lambda: (journal / "tables.current").exists(), START_S)
            seen = []
            for kill in range(KILLS):
                cloud.put(table_file(many_bindings(COUNT, 1 + COUNT * (kill + 1)), kill + 2))
                asked = len(cloud.asked)
                process.kill()
                process.wait()
                before = version_of(journal)
                process = started(config)
                wait_for(lambda asked=asked: any("/file" in path for path in cloud.asked[asked:]), START_S)
                time.sleep(chance.uniform(0.0, 0.25))
                process.kill()
                process.wait()
                seen.append((before, version_of(journal), kill + 2))
                process = started(config)
                wait_for(lambda last=f"have={kill + 2}&keys=1": cloud.asked[-1].endswith(last), START_S)
        finally:
            process.kill()
            process.wait()
    assert all(after in (before, newest) for before, after, newest in seen)
    assert version_of(journal) == KILLS + 1
