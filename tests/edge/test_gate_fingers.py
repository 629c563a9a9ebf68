# SPDX-License-Identifier: Apache-2.0
"""A whole gate with a fingerprint sensor beside its card reader, on simulated devices."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from finger_bench import enrolled
from gate_bench import DOCUMENTS, ISSUER, Bench, claim, running_gate, ski_card, wait_for
from journal_reading import admissions, events, incidents, outcomes, refusals

from pistegate_edge.core.presentation import CODE_LEFT_S, LEFT_S
from pistegate_edge.fingers.store import TemplateStore
from pistegate_edge.uplink.mqtt import Arrived
from pistegate_protocol.documents import FingerList, sign_document
from pistegate_protocol.events import FingerErased, Stream
from pistegate_protocol.fingers import holder_of, medium_of
from pistegate_protocol.messages import DOWN
from pistegate_protocol.signing import sign_claim
from pistegate_simulators.finger import Finger, SimulatedSensor, Skin
from pistegate_simulators.reader import SimulatedReader

TICKET = 4711  # of the bench's cards
WANG = holder_of(TICKET, 1)
FAR_MS = 4_000_000_000_000
SLOW_S = 40.0  # a sensor's restart on a busy machine


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[SimulatedSensor]:
    """A plugged-in sensor behind a stable link."""
    with SimulatedSensor(link=tmp_path / "finger") as sensor:
        yield sensor


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the gate keeps everything."""
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal"


@pytest.fixture
def sealed(sensor: SimulatedSensor, journal: Path) -> bytes:
    """Wang's finger, enrolled at a desk and put at this gate."""
    template = enrolled(sensor, "wang", WANG)
    put(journal, WANG, template)
    return template


def put(journal: Path, holder: bytes, template: bytes, until_ms: int = FAR_MS) -> None:
    """As `finger put` does, from another process."""
    store = TemplateStore(journal / "fingers.db")
    store.put(holder, template, until_ms)
    store.close()


def section(tmp_path: Path, **more: Any) -> dict[str, Any]:
    """[finger], with the bench's keys for templates."""
    path = tmp_path / "finger-keys"
    path.touch(0o600)
    path.write_text(f'prefer = 1\n[keys]\n1 = "{bytes(range(32)).hex()}"\n2 = "{bytes(32).hex()}"\n')
    return {"path": str(tmp_path / "finger"), "keys": str(path)} | more


def tell(bench: Bench, version: int, *entries: tuple[bytes, bytes]) -> None:
    """The cloud's list arrives."""
    document = sign_document(FingerList(1, version, 0, list(entries)), 1, DOCUMENTS)
    bench.gate._queue.put(Arrived(DOWN.encode(document)))


def asks(bench: Bench) -> bool:
    """Whether the gate would ask for Wang's finger now."""
    return TICKET in bench.gate._passage.fingers.known


def asked(bench: Bench) -> bool:
    return bench.gate._passage.fingers._asked is not None


def left(bench: Bench) -> bool:
    """Whether every card has left the field for good."""
    now, cards = bench.gate._clock.monotonic(), list(bench.gate._passage.presentations._open.values())
    return all(card.absent_since is not None and now - card.absent_since > LEFT_S for card in cards)


def unseen(bench: Bench) -> bool:
    """Whether every touch of before is a presentation that is over."""
    now, seen = bench.gate._clock.monotonic(), dict(bench.gate._passage.codes._seen)
    return all(now - at > CODE_LEFT_S for at in seen.values())


def lift(sensor: SimulatedSensor) -> None:
    """Take the finger away, and let the gate see that nothing is there."""
    sensor.lift()
    looks = sensor.chip.counted.get(1, 0)
    wait_for(lambda: sensor.chip.counted.get(1, 0) > looks + 2, SLOW_S)


def receipts(journal: Path) -> list[tuple[bytes, str, int | None]]:
    """What the ledger says of erased fingers."""
    return [(e.holder, e.why, e.slot) for e in events(journal, Stream.LEDGER) if isinstance(e, FingerErased)]


def no_trace(journal: Path, *secrets: bytes) -> bool:
    """Whether none of these bytes is in any file of the gate."""
    return not any(secret in path.read_bytes() for path in journal.iterdir() for secret in secrets)


def test_the_right_finger_opens_for_the_card_that_stays(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """Card held, finger put, lane opens once; the finger of the guest before opens nothing for the next tap."""
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: asks(bench), SLOW_S)
        card = ski_card()
        reader.present(card)
        wait_for(lambda: asked(bench))
        assert admissions(journal) == []
        sensor.put("wang")
        wait_for(lambda: bench.state() == "open", SLOW_S)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        reader.remove(card)
        wait_for(lambda: left(bench))
        reader.present(card)
        wait_for(lambda: asked(bench))
        assert bench.unlocks() == 1
    (admission,) = admissions(journal)
    assert admission.medium[0] == 1  # the card's, with its proof: the finger is no medium here


@pytest.mark.parametrize(
    ("finger", "reason"),
    [
        (Finger("li"), "finger_other"),
        (Finger("wang", Skin.WET), "finger_unreadable"),
        (Finger("wang", Skin.GLOVE), "finger_none_came"),
        (None, "finger_none_came"),
    ],
)
def test_what_does_not_match_opens_nothing_and_is_told_in_words(
    tmp_path: Path,
    journal: Path,
    reader: SimulatedReader,
    sensor: SimulatedSensor,
    sealed: bytes,
    finger: Finger | None,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another's, wet, gloved, none at all: its own reason; the guest dries it, shows the card again, passes."""
    monkeypatch.setattr("pistegate_edge.core.handlers.fingers.ASK_S", 4.0)
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: asks(bench), SLOW_S)
        card = ski_card()
        reader.present(card)
        wait_for(lambda: asked(bench))
        if finger is not None:
            sensor.put(finger)
        wait_for(lambda: refusals(journal), SLOW_S)
        assert refusals(journal) == [reason]
        assert bench.unlocks() == 0
        sensor.lift()
        reader.remove(card)
        wait_for(lambda: left(bench))
        monkeypatch.setattr("pistegate_edge.core.handlers.fingers.ASK_S", SLOW_S)
        reader.present(card)
        wait_for(lambda: asked(bench))
        sensor.put("wang")
        wait_for(lambda: bench.unlocks() == 1, SLOW_S)


def test_lost_and_damaged_packets_cost_nobody_the_way_in(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """Answers lost, halved, garbled and misheard while the finger is compared: tried again, and it opens."""
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: asks(bench), SLOW_S)
        sensor.accidents.garble = sensor.accidents.cut = sensor.accidents.mishear = 1
        reader.present(ski_card())
        wait_for(lambda: asked(bench))
        sensor.put("wang")
        wait_for(lambda: bench.unlocks() == 1, SLOW_S)


def test_a_sensor_pulled_out_while_it_compares_locks_nobody_out(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """The card alone opens, an incident names it; the next guest is not asked at all, until the sensor is back."""
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: asks(bench), SLOW_S)
        card = ski_card()
        reader.present(card)
        wait_for(lambda: asked(bench))
        sensor.unplug()
        wait_for(lambda: bench.unlocks() == 1, SLOW_S)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        wait_for(lambda: {"finger_lost", "finger_excused"} <= set(incidents(journal)))
        assert not asks(bench)
        assert bench.in_service()
        assert "finger sensor away" in bench.gate._state()
        reader.remove(card)
        wait_for(lambda: left(bench))
        reader.present(card)
        wait_for(lambda: bench.unlocks() == 2)
        sensor.plug()
        wait_for(lambda: asks(bench), SLOW_S)
    assert refusals(journal) == []


def test_after_a_withdrawal_the_card_opens_alone_and_the_receipt_is_in_the_ledger(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """The cloud's list names the holder: nothing of the finger is on the disk, nobody is asked, one receipt."""
    assert not no_trace(journal, sealed)
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: asks(bench), SLOW_S)
        tell(bench, 1, (WANG, b""))
        wait_for(lambda: receipts(journal))
        wait_for(lambda: not asks(bench))
        tell(bench, 2, (WANG, b""))
        reader.present(ski_card())
        wait_for(lambda: bench.unlocks() == 1)
    assert receipts(journal) == [(WANG, "withdrawn", None)]
    assert no_trace(journal, sealed)


def test_a_finger_put_while_the_gate_runs_is_known_soon(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor
) -> None:
    """The technician need not stop the gate; the sensor alone has to be free for the desk."""
    template = enrolled(sensor, "wang", WANG)
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        put(journal, WANG, template)
        wait_for(lambda: asks(bench), SLOW_S)


def test_a_pass_holders_finger_opens_by_itself_and_is_counted_as_a_code_is(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """1:N: found in the library, the claim is the cloud's, the journal counts: one entry, then used up."""
    signed = sign_claim(claim(entries_total=1), medium_of(WANG), ISSUER)
    with running_gate(journal, reader, finger=section(tmp_path, watch=True, ask="never")) as bench:
        tell(bench, 1, (WANG, signed))
        wait_for(lambda: sensor.chip.library, SLOW_S)
        sensor.put("wang")
        wait_for(lambda: bench.unlocks() == 1, SLOW_S)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        lift(sensor)
        wait_for(lambda: unseen(bench), SLOW_S)
        sensor.put("wang")
        wait_for(lambda: refusals(journal), SLOW_S)
        lift(sensor)
        sensor.put("li")
        wait_for(lambda: "finger_other" in refusals(journal), SLOW_S)
    assert refusals(journal)[0] == "used_up"
    (admission,) = admissions(journal)
    assert admission.medium == medium_of(WANG).to_bytes()


def test_a_withdrawn_pass_holder_leaves_the_sensor_before_the_receipt(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """The slot is empty when the ledger says so; while the sensor is out, no receipt, and an incident afterwards."""
    signed = sign_claim(claim(), medium_of(WANG), ISSUER)
    settings = section(tmp_path, watch=True)
    with running_gate(journal, reader, finger=settings) as bench:
        tell(bench, 1, (WANG, signed))
        wait_for(lambda: sensor.chip.library, SLOW_S)
        sensor.unplug()
        wait_for(lambda: "finger_lost" in incidents(journal), SLOW_S)
        tell(bench, 2, (WANG, b""))
        wait_for(lambda: bench.gate._versions().get("finger_waiting") == 1, SLOW_S)
        assert receipts(journal) == []
        sensor.plug()
        wait_for(lambda: receipts(journal), SLOW_S)
        assert sensor.chip.library == {}
    assert receipts(journal) == [(WANG, "withdrawn", 0)]


def test_what_was_withdrawn_is_erased_before_the_sensor_is_opened(
    tmp_path: Path,
    journal: Path,
    reader: SimulatedReader,
    sensor: SimulatedSensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed between the list and the deletion: at the next start it goes first, and is not asked for in between."""
    template = enrolled(sensor, "wang", WANG)
    with running_gate(journal, reader) as bench:
        tell(bench, 1, (WANG, b""))
        wait_for(lambda: bench.gate._versions().get("fingers") == 1)
    assert receipts(journal) == []  # it held no fingers: nothing was asked of it
    put(journal, WANG, template)
    held: list[int] = []

    def start(_: object) -> None:
        store = TemplateStore(journal / "fingers.db")
        held.append(len(store.holders(0)))
        store.close()

    monkeypatch.setattr("pistegate_edge.parts.fingers.FingerThread.start", start)
    monkeypatch.setattr("pistegate_edge.parts.fingers.FingerThread.stop", lambda _: None)
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: receipts(journal))
        assert not asks(bench)
    assert held == [0]
    assert receipts(journal) == [(WANG, "withdrawn", None)]


def test_a_gate_that_lost_its_section_erases_what_it_holds_all_the_same(
    journal: Path, reader: SimulatedReader, sealed: bytes
) -> None:
    """[finger] was taken out of gate.toml, the templates are on the disk still: it answers for them."""
    with running_gate(journal, reader) as bench:
        assert bench.gate._versions()["finger_templates"] == 1
        tell(bench, 1, (WANG, b""))
        wait_for(lambda: receipts(journal))
        wait_for(lambda: bench.gate._versions()["finger_templates"] == 0)
    assert no_trace(journal, sealed)


def test_time_that_is_over_ends_it_without_the_cloud(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor
) -> None:
    """A gate that is alone erases by its own clock, and tells it when it can."""
    put(journal, WANG, enrolled(sensor, "wang", WANG), until_ms=1)
    with running_gate(journal, reader, finger=section(tmp_path)):
        wait_for(lambda: receipts(journal))
    assert receipts(journal) == [(WANG, "expired", None)]


def test_a_sensor_taken_out_with_fingers_in_it_is_an_incident(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor, sealed: bytes
) -> None:
    """Another one takes its place: told at once, with the name of the one that is missing."""
    with running_gate(journal, reader, finger=section(tmp_path, watch=True)) as bench:
        tell(bench, 1, (WANG, sign_claim(claim(), medium_of(WANG), ISSUER)))
        wait_for(lambda: sensor.chip.library, SLOW_S)
        sensor.unplug()
        sensor.chip.note, sensor.chip.library = bytes(32), {}
        sensor.plug()
        wait_for(lambda: "finger_away" in incidents(journal), SLOW_S)


def test_keys_or_a_file_that_cannot_be_opened_shut_no_lane(
    tmp_path: Path, journal: Path, reader: SimulatedReader, sensor: SimulatedSensor
) -> None:
    """The gate goes on by cards, and says what is wrong with its fingers."""
    settings = section(tmp_path) | {"keys": str(tmp_path / "none")}
    with running_gate(journal, reader, finger=settings):
        wait_for(lambda: "finger_lost" in incidents(journal))
    (journal / "fingers.db").write_bytes(b"no database" * 100)
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: incidents(journal).count("finger_lost") == 2)
        reader.present(ski_card())
        wait_for(lambda: bench.unlocks() == 1)


def test_nothing_biometric_is_in_logs_journal_or_hello(
    tmp_path: Path,
    journal: Path,
    reader: SimulatedReader,
    sensor: SimulatedSensor,
    sealed: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the template nor its sealed form, in hex or as it is, while fingers match, fail and are erased."""
    from finger_bench import KEYS

    from pistegate_edge.fingers.sealing import open_template

    caplog.set_level(logging.DEBUG)
    template = open_template(sealed, WANG, KEYS)
    with running_gate(journal, reader, finger=section(tmp_path)) as bench:
        wait_for(lambda: asks(bench), SLOW_S)
        reader.present(ski_card())
        wait_for(lambda: asked(bench))
        sensor.put("wang")
        wait_for(lambda: bench.unlocks() == 1, SLOW_S)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        told = f"{bench.gate._versions()} {bench.gate._state()}"
        tell(bench, 1, (WANG, b""))
        wait_for(lambda: receipts(journal))
    for secret in (template[:16], sealed[14:30]):
        assert no_trace(journal, secret, secret.hex().encode())
        assert secret.hex() not in caplog.text + told
