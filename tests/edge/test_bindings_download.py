# SPDX-License-Identifier: Apache-2.0
"""Downloads of tables: any interruption costs one chunk at most, and nothing that is not genuine gets to the store."""

from pathlib import Path

import pytest
from binding_cases import ISSUER, PUBLISHERS, SITE, many_bindings, table_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pistegate_edge.bindings.download import Download
from pistegate_protocol.errors import CodecError, ProtocolError
from pistegate_protocol.tables import CHUNK, TableRefused

FILE = table_file(many_bindings(2000))
OTHER = table_file(many_bindings(2000, 7), 2)


def begun(path: Path) -> Download:
    return Download(path, PUBLISHERS, SITE)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 90_000), st.booleans()), max_size=30))
def test_it_becomes_whole_however_often_it_breaks_off(tmp_path: Path, steps: list[tuple[int, bool]]) -> None:
    """Pieces of any size, a new process after any of them; it goes on from `wanted` each time."""
    path = tmp_path / "part"
    path.unlink(missing_ok=True)
    download, fetched = begun(path), 0
    for size, restarted in [*steps, (len(FILE), False)]:
        piece = FILE[download.wanted : download.wanted + size]
        fetched += len(piece)
        download.take(piece)
        if restarted:
            before = download.wanted
            download = begun(path)
            assert before - CHUNK < download.wanted <= before or download.wanted == 0
    assert download.complete
    assert path.read_bytes() == FILE
    assert begun(path).complete
    assert fetched <= len(FILE) + CHUNK * sum(restarted for _, restarted in steps)


def test_a_wrong_chunk_is_asked_for_again(tmp_path: Path) -> None:
    """A proxy that garbles: what was good before it is kept."""
    download = begun(tmp_path / "part")
    wrong = bytearray(FILE)
    wrong[CHUNK + 20_000] ^= 1
    with pytest.raises(TableRefused, match="chunk 1"):
        download.take(bytes(wrong))
    assert download.head is not None
    assert CHUNK < download.wanted < 2 * CHUNK
    download.take(FILE[download.wanted :])
    assert (tmp_path / "part").read_bytes() == FILE


def test_a_forged_head_ends_it_before_the_body_is_fetched(tmp_path: Path) -> None:
    """Nobody makes a gate fetch 20 MB for nothing."""
    download = begun(tmp_path / "part")
    with pytest.raises(TableRefused, match="signature"):
        download.take(table_file(many_bindings(10), signer=ISSUER)[:700])
    assert (download.wanted, download.head) == (0, None)
    with pytest.raises(CodecError):
        download.take(b"HTTP/1.1 404 Not Found\r\n")


def test_another_file_at_the_server_is_begun_anew(tmp_path: Path) -> None:
    """Half of one version and half of the next are no version."""
    download = begun(tmp_path / "part")
    download.take(FILE[:CHUNK])
    with pytest.raises(TableRefused):
        download.take(OTHER[download.wanted :])
    download.discard()
    assert download.wanted == 0
    download.take(OTHER)
    assert download.complete


def test_damage_of_the_part_on_the_disk_costs_what_follows_it(tmp_path: Path) -> None:
    """A torn write after a power cut."""
    path = tmp_path / "part"
    begun(path).take(FILE[: 3 * CHUNK])
    content = bytearray(path.read_bytes())
    content[CHUNK + 9000] ^= 1
    path.write_bytes(content)
    again = begun(path)
    assert again.wanted < 2 * CHUNK
    again.take(FILE[again.wanted :])
    assert again.complete
    path.write_bytes(b"\xff" * 500)
    assert begun(path).wanted == 0


def test_more_than_was_signed_is_refused(tmp_path: Path) -> None:
    """Bytes after the end."""
    with pytest.raises(ProtocolError):
        begun(tmp_path / "part").take(FILE + b"x")
