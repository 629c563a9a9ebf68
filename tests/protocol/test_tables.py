# SPDX-License-Identifier: Apache-2.0
"""Table files: golden bytes, and each way in which a file must not be believed."""

from dataclasses import replace
from typing import Any

import pytest
from binding_cases import (
    ISSUER,
    PUBLISHER,
    PUBLISHERS,
    SITE,
    a_binding,
    bindings,
    denial_file,
    denials,
    many_bindings,
    table_file,
)
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.documents import DocumentRefused
from pistegate_protocol.errors import CodecError, ProtocolError, UnknownVersion
from pistegate_protocol.tables import (
    CHUNK,
    HEAD_MAX,
    TABLES,
    Entry,
    EntryReader,
    TableHead,
    TableRefused,
    check_applicable,
    check_chunk,
    chunks_of,
    decode_denial,
    encode_denial,
    read_head,
    verify_head,
)

GOLDEN = (
    "5047544201080000003e019b01a764656e69616c73030201cf0000019bca1c22000001021091c42056ca5a7e3c3dce24024c"
    "2766e586ac71074da96eed8d973a7f4f97cb78053c77054b4d43f2f02149857758b0ab4af036165ae4bdd2a11c958ce343e1"
    "d2c9f66c112bc07a539edee96e18d18c31036f21539b333f17aa44235a366e18d819300d0000000000050200060000000000"
    "0900"
)


def opened(file: bytes, site: int = SITE) -> tuple[TableHead, bytes]:
    signed = read_head(file)
    assert signed is not None
    return verify_head(signed, PUBLISHERS, site), file[signed.body_at :]


def entries_of(file: bytes, piece: int = CHUNK) -> list[Entry]:
    head, body = opened(file)
    for number, chunk in enumerate(chunks_of(body)):
        check_chunk(head, number, chunk)
    reader = EntryReader(head)
    found = [entry for at in range(0, len(body), piece) for entry in reader.feed(body[at : at + piece])]
    reader.close()
    return found


def test_a_file_is_spelled_as_released() -> None:
    """Golden: two denials as version 2, by hand after the head: ticket 5 below 6, ticket 9 taken away."""
    file = denial_file([*denials([5]), (encode_denial(9, 1)[0], b"")], 2, since=1, total=1)
    assert file.hex() == GOLDEN
    head, body = opened(bytes.fromhex(GOLDEN))
    assert body.hex() == "000000000005 02 0006 000000000009 00".replace(" ", "")
    assert (head.table, head.site, head.version, head.since, head.keys, head.total) == ("denials", 3, 2, 1, 0, 1)
    assert file[:6] == b"PGTB\x01\x08"


@given(st.sets(st.integers(0, 2**48 - 1), max_size=50), st.integers(1, 200))
def test_entries_come_back_in_whatever_pieces(tickets: set[int], piece: int) -> None:
    """A body is read as it comes from the disk."""
    entries = denials(tickets)
    assert entries_of(denial_file(entries), piece) == entries
    assert [decode_denial(*entry) for entry in entries] == sorted((t, 1 + t % 9) for t in tickets)


def test_the_promised_size() -> None:
    """200,000 bindings fit a file with room to spare, and its head one piece."""
    entries = many_bindings(2000)
    head, body = opened(table_file(entries))
    assert len(body) == 2000 * 105
    assert len(TABLES.encode(head)) + 200_000 * 116 // CHUNK * 34 < HEAD_MAX // 4


@pytest.mark.parametrize("at", ["key id", "head", "signature"])
def test_a_forged_head_is_refused(at: str) -> None:
    """Signed by nobody, or by the issuer of tickets, whose key is another."""
    file = bytearray(table_file(bindings([1])))
    signed = read_head(bytes(file))
    assert signed is not None
    place = {"key id": 5, "head": 12, "signature": signed.body_at - 1}[at]
    file[place] ^= 1
    with pytest.raises(ProtocolError):
        opened(bytes(file))
    with pytest.raises(TableRefused, match="signature is wrong"):
        opened(table_file(bindings([1]), signer=ISSUER))


def test_a_forged_body_is_refused_at_its_chunk() -> None:
    """Each bit is covered by the digest of its piece."""
    head, body = opened(table_file(many_bindings(1500)))
    assert len(head.chunks) == 3
    for number, chunk in enumerate(chunks_of(body)):
        check_chunk(head, number, chunk)
        for wrong in (chunk[:-1], chunk + b"\x00", bytes([chunk[0] ^ 1]) + chunk[1:], b""):
            with pytest.raises(TableRefused, match=f"chunk {number}"):
                check_chunk(head, number, wrong)
    with pytest.raises(TableRefused):
        check_chunk(head, 3, b"")


def test_another_sites_table_is_refused() -> None:
    """Its handles would mean nothing here, its denials something else."""
    with pytest.raises(DocumentRefused, match="table of site 3, this is site 4"):
        opened(table_file(bindings([1])), site=4)


def test_a_table_is_no_document_and_no_claim() -> None:
    """Domain labels keep signatures of one kind from passing for another."""
    signed = read_head(table_file(bindings([1])))
    assert signed is not None
    assert not PUBLISHERS.verify(8, signed.signature, b"pistegate document\x00" + signed.body)
    assert not PUBLISHERS.verify(8, signed.signature, signed.body)


def head_of(**changes: Any) -> TableHead:
    return opened(table_file(bindings([1]), 7, **changes))[0]


def test_versions_only_rise() -> None:
    """An old table played back would lift denials."""
    check_applicable(head_of(), 6, 1)
    for version in (7, 8):
        with pytest.raises(TableRefused, match="not newer"):
            check_applicable(head_of(), version, 1)


def test_a_delta_leads_on_from_its_base_or_later() -> None:
    """It tells everything since then as it is now, so a later base misses nothing; an earlier one would."""
    for version in (5, 6):
        check_applicable(head_of(since=5), version, 1)
    with pytest.raises(TableRefused, match="get it whole"):
        check_applicable(head_of(since=5), 4, 1)


def test_a_delta_under_new_keys_is_refused() -> None:
    """Half of the bindings would be under handles that nobody asks for; whole they may come."""
    with pytest.raises(TableRefused, match="get it whole"):
        check_applicable(head_of(since=5, keys=2), 6, 1)
    check_applicable(head_of(keys=2), 6, 1)


@pytest.mark.parametrize(
    "entries",
    [
        denials([1])[::1] * 2,
        denials([1, 2])[::-1],
        [(b"short", b"\x00\x01")],
        [(bytes(6), b"")],
        [(bytes(6), bytes(256))],
    ],
    ids=["twice", "out of order", "short key", "nothing taken away in a whole", "long value"],
)
def test_a_table_out_of_order_is_not_written(entries: list[Entry]) -> None:
    """A reader that finds one has found a forgery or a bug, so no writer makes one."""
    with pytest.raises(CodecError):
        denial_file(entries)


def read_all(head: TableHead, body: bytes) -> list[Entry]:
    reader = EntryReader(head)
    found = reader.feed(body)
    reader.close()
    return found


def test_a_body_out_of_order_is_not_read_even_when_signed() -> None:
    """A publisher's own bug stays out of the store."""
    head, body = opened(denial_file(denials([1, 2])))
    for wrong, words in ((body[9:] + body[:9], "order"), (body[:9], "1 entries"), (body[:-1], "left over")):
        with pytest.raises(CodecError, match=words):
            read_all(head, wrong)


def test_newer_formats_are_told_as_such() -> None:
    """The remedy is an update, not another download."""
    file = table_file(bindings([1]))
    with pytest.raises(UnknownVersion, match="update this side"):
        read_head(file[:4] + b"\x02" + file[5:])
    signed = read_head(table_file([], table="denials"))
    assert signed is not None
    later = TABLES.encode(replace_head(TABLES.decode(signed.body)))
    signed = replace(signed, body=later, signature=PUBLISHER.sign(b"pistegate table\x00" + later))
    with pytest.raises(UnknownVersion, match="table 'later'"):
        verify_head(signed, PUBLISHERS, SITE)


def replace_head(head: TableHead) -> TableHead:
    return TableHead("later", *(getattr(head, name) for name in TableHead.__struct_fields__[1:]))


@given(st.binary(max_size=200))
def test_no_other_error_escapes(data: bytes) -> None:
    """Whatever lies on a server."""
    for beginning in (data, b"PGTB\x01\x08" + data, b"PGTB\x01\x08\x00\x00\x00\x20" + data):
        try:
            signed = read_head(beginning)
            if signed is not None:
                verify_head(signed, PUBLISHERS, SITE)
        except ProtocolError:
            continue


def test_denials_out_of_range_are_not_written_nor_read() -> None:
    """Revision 0 would deny nothing, and look like a denial."""
    for ticket, below in ((-1, 1), (2**48, 1), (1, 0), (1, 2**16)):
        with pytest.raises(CodecError):
            encode_denial(ticket, below)
    for key, value in ((bytes(5), b"\x00\x01"), (bytes(6), b"\x00"), (bytes(6), b"\x00\x00")):
        with pytest.raises(CodecError):
            decode_denial(key, value)


def test_a_binding_is_of_the_size_that_was_counted() -> None:
    """Fifteen bytes and the claim without its frame: 21 MB for 200,000."""
    key, value = a_binding(1)
    assert len(key) + 1 + len(value) == 105
