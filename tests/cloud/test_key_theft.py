# SPDX-License-Identifier: Apache-2.0
"""After a theft, by docs/key-theft.md and its commands: old and switched cards, old and new gates, and the thief."""

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from card_stock import MASTERS, card_key_settings
from gate_bench import gate_tree, toml_of

from pistegate_cloud.app import create_app
from pistegate_cloud.cli import main as cloud_main
from pistegate_edge.cli import main as gate_main
from pistegate_edge.config import KeyStoreFile
from pistegate_edge.core.inputs import ReadProblem
from pistegate_edge.keystore.opening import open_key_store
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.session import ReadFailed, read_card
from pistegate_protocol.card_layout import CardKey, KeySet
from pistegate_protocol.reasons import Reason
from pistegate_protocol.texts import LOCALES, catalogue
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import APPLICATION, personalised_card

PAGE = Path(__file__).parents[2] / "docs" / "key-theft.md"
DESK = {"site": 1, "encoder": 1, "wait_ms": 0}
STEPS = ("2", "3", "5")  # those with commands


class Reader:
    """A gate's reader with a card in its field."""

    def __init__(self, card: DesfireCard) -> None:
        self.card, self.uid = card, card.uid
        card.power_off()
        card.power_on()

    def transceive(self, apdu: bytes) -> bytes:
        """One command."""
        return self.card.process(apdu)


def commands(step: str) -> list[list[str]]:
    """The commands of one step of the page, as words."""
    text = PAGE.read_text("utf-8")
    section = text.split(f"\n## {step}. ")[1].split("\n## ")[0]
    return [shlex.split(line) for line in re.findall(r"^ {4}(pistegate-.*)$", section, re.MULTILINE)]


class Operator:
    """Types the commands of the page; files named in it are under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "cloud.toml").write_text(_cloud_toml(folder))
        self.file("/etc/pistegate/unlock").write_text("an unlock secret of this gate")
        self.file("/etc/pistegate/unlock").chmod(0o600)
        self.file("gate.toml").write_text(
            _gate_toml(self.file("/etc/pistegate/keys"), self.file("/etc/pistegate/unlock"))
        )

    def file(self, name: str) -> Path:
        """Where a file of the page is here."""
        return self.folder / name.replace("/etc/pistegate/", "")

    def follow(self, step: str) -> list[str]:
        """Type all commands of a step; what each of them said."""
        return [self.type(words) for words in commands(step)]

    def type(self, words: list[str]) -> str:
        """Type one command, with its redirection."""
        target = self.file(words[-1]) if ">" in words else None
        words = words[: words.index(">")] if target else words
        paths = [
            str(self.file(word)) if word.endswith(".toml") or word.startswith("/etc/") else word for word in words[1:]
        ]
        said = StringIO()
        with redirect_stdout(said):
            status = (cloud_main if words[0] == "pistegate-cloud" else gate_main)(paths)
        assert status == 0, words
        if target:
            target.touch(0o600)
            target.write_text(said.getvalue())
        return said.getvalue()

    def store(self) -> KeyStore:
        """The gate's keys, opened as it does at its start."""
        return open_key_store(
            KeyStoreFile(str(self.file("/etc/pistegate/keys")), str(self.file("/etc/pistegate/unlock")))
        )


def _cloud_toml(folder: Path) -> str:
    keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items())
    return (
        f'[database]\nurl = "sqlite://{folder}/none"\n[issuer]\nkey_id = 1\nprivate_key = "{"01" * 32}"\n'
        f'[documents]\nkey_id = 2\nprivate_key = "{"02" * 32}"\n[card_keys]\n{keys}\n'
    )


def _gate_toml(keys: Path, unlock: Path) -> str:
    return toml_of(gate_tree(keys.parent, key_store={"path": str(keys), "unlock": str(unlock)}))


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """With the keys that gates have before any theft: set 0 alone."""
    person = Operator(tmp_path)
    export = shlex.split("pistegate-cloud keys export --config cloud.toml --for gate > gate-keys.toml")
    person.type(export)
    seal = "keys seal --bare gate-keys.toml --sealed /etc/pistegate/keys --unlock /etc/pistegate/unlock"
    person.type(["pistegate-gate", *shlex.split(seal)])
    return person


def meet(card: DesfireCard, keys: KeyStore) -> KeySet:
    """The card at a gate; the key set it has afterwards. ReadFailed as the gate's reader tells it."""
    _, key_set = read_card(Reader(card), keys, lambda digest: False)  # type: ignore[arg-type]
    assert card.active_key_set(APPLICATION) == key_set
    return key_set


def cards(count: int) -> list[DesfireCard]:
    rng = Random(4)
    return [personalised_card(rng, MASTERS) for _ in range(count)]


def thiefs_card(victim: DesfireCard) -> DesfireCard:
    """What a thief with set 0's GATE master builds: a card of any UID that knows that one key, and copies the files."""
    fake = DesfireCard.from_image(victim.image())
    application = fake._card.memory.application(APPLICATION)
    application.active = KeySet.FIRST
    for number in (CardKey.MASTER, CardKey.ISSUER, CardKey.ROLL):
        fake.set_key(APPLICATION, number, bytes([number] * 16), 1)
    fake.set_key(APPLICATION, CardKey.GATE, MASTERS.card_key(victim.uid, CardKey.GATE, KeySet.FIRST), 1)
    return fake


def test_the_page_is_followed_and_cards_go_on(operator: Operator) -> None:
    """Step by step: both sets, then switching, then the stolen set is out; each device says where it stands."""
    old, switched, late = cards(3)
    said = operator.follow("2")
    assert "tries key set 0, then 1" in said[-1]
    assert meet(old, operator.store()) is KeySet.FIRST
    said = operator.follow("3")
    assert "tries key set 1, then 0" in said[-1]
    assert "rolled to set 1" in said[-1]
    keys = operator.store()
    assert meet(switched, keys) is KeySet.SECOND
    assert meet(switched, keys) is KeySet.SECOND
    assert meet(old, keys) is KeySet.SECOND
    said = operator.follow("5")
    assert "tries key set 1" in said[-1]
    assert meet(old, operator.store()) is KeySet.SECOND
    with pytest.raises(ReadFailed) as refused:
        meet(late, operator.store())
    assert refused.value.problem is ReadProblem.KEY_REFUSED


def test_every_address_and_command_on_the_page_exists() -> None:
    """A page about an emergency must not name what is not there."""
    paths = {path.removeprefix("/api/v1") for path in create_app().openapi()["paths"]}
    named = set(re.findall(r"/api/v1(/[a-z/{}-]+)", PAGE.read_text("utf-8")))
    assert named
    assert named <= paths
    assert all(commands(step) for step in STEPS)


def test_a_gate_with_only_the_first_set_refuses_a_switched_card_clearly(operator: Operator) -> None:
    """The device that was forgotten: a reason of its own, with words in every language; an old card still gets in."""
    forgotten = operator.store()
    switched, old = cards(2)
    operator.follow("2")
    operator.follow("3")
    meet(switched, operator.store())
    with pytest.raises(ReadFailed) as refused:
        meet(switched, forgotten)
    assert refused.value.problem is ReadProblem.KEY_REFUSED
    assert meet(old, forgotten) is KeySet.FIRST
    for locale in LOCALES:
        assert catalogue(locale)[f"reason.{Reason.CARD_KEY_REFUSED}"]


def test_the_thief_opens_no_switched_card(operator: Operator) -> None:
    """The stolen storage holds set 0's GATE key: after the switch it reads and writes nothing on the card."""
    stolen = operator.store()
    (card,) = cards(1)
    assert meet(card, stolen) is KeySet.FIRST
    operator.follow("2")
    operator.follow("3")
    meet(card, operator.store())
    before = card.image()
    with pytest.raises(ReadFailed) as refused:
        meet(card, stolen)
    assert refused.value.problem is ReadProblem.KEY_REFUSED
    assert card.image() == before
    assert stolen.roll_key(card.uid) is None


def test_a_thiefs_card_with_the_stolen_key_is_refused_where_cards_are_switched(operator: Operator) -> None:
    """It opens with set 0, as an old card does, and cannot be switched: it does not know the ROLL key."""
    (victim,) = cards(1)
    fake = thiefs_card(victim)
    assert meet(fake, operator.store()) is KeySet.FIRST  # before the switch it passes for the card: that is the loss
    operator.follow("2")
    operator.follow("3")
    with pytest.raises(ReadFailed) as refused:
        meet(fake, operator.store())
    assert refused.value.problem is ReadProblem.KEY_REFUSED


async def test_the_office_works_with_old_and_switched_cards_and_learns(
    cloud: Any, new_card: Any, operator: Operator
) -> None:
    """Issue, lost, replaced, taken back: whichever set is active; the books follow the card."""
    operator.follow("2")
    operator.follow("3")
    keys = operator.store()
    encoder = cloud.encoder()
    old, switched = new_card(), new_card()
    meet(switched, keys)
    for card, key_set in ((old, 0), (switched, 1)):
        encoder.card = card
        ticket = (await cloud.sell())["tickets"][0]["number"]
        assert (await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0}))["status"] == "issued"
        assert (await cloud.get(f"/cards/{card.uid.hex()}"))["key_set"] == key_set
    meet(old, keys)  # switched on the piste, with a ticket on it
    encoder.card = old
    assert (await cloud.post("/cards/take-back", DESK))["card"]["status"] == "stock"
    story = await cloud.get(f"/cards/{old.uid.hex()}")
    assert story["key_set"] == 1
    assert [c["values"] for c in story["changes"] if c["event"] == "key_set"] == [{"before": 0, "now": 1}]
    behind = {item["uid"] for item in (await cloud.get("/cards", key_set=0, limit=1000))["items"]}
    assert not behind & {old.uid.hex(), switched.uid.hex()}


async def test_a_switched_card_costs_no_more_round_trips_once_it_is_known(cloud: Any, new_card: Any) -> None:
    """The set that was recorded is tried first: two more round trips only at the first meeting."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    encoder.card._card.memory.application(APPLICATION).active = KeySet.SECOND
    trips = []
    ticket = 0
    for _ in range(2):
        give_up = ticket or None
        ticket = (await cloud.sell())["tickets"][0]["number"]
        body = {"encoder": 1, "wait_ms": 0, "give_up": give_up}
        trips.append((await cloud.post(f"/tickets/{ticket}/issue", body))["round_trips"])
    assert trips == [7, 5]


async def test_a_card_is_switched_at_the_office_wherever_it_leaves(cloud: Any, new_card: Any) -> None:
    """Before each command and before each answer; a card that is switched already is left alone."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    before = encoder.exchanges
    assert (await cloud.post("/cards/roll", DESK))["key_set"] == 1
    total = encoder.exchanges - before
    image = encoder.card.image()
    assert (await cloud.post("/cards/roll", DESK))["key_set"] == 1
    assert encoder.card.image() == image
    for after in range(total):
        for unheard in (False, True):
            encoder.card = new_card()
            encoder.cut_after, encoder.cut_unheard = after, unheard
            answer = await cloud.http.post("/cards/roll", json=DESK)
            assert answer.json()["code"] == "card_lost"
            encoder.cut_after = None
            assert (await cloud.post("/cards/roll", DESK))["key_set"] == 1, (after, unheard)
            assert encoder.card.active_key_set(APPLICATION) == 1
