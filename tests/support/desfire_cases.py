# SPDX-License-Identifier: Apache-2.0
"""Published DESFire sessions, the keys of a simulated system's cards as the host holds them, and RF bytes counted."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from card_flows import Transcript, cmd, rsp

from pistegate_protocol.card_layout import AID, PICC_AID, CardKey, KeySet
from pistegate_protocol.desfire.apdu import Status
from pistegate_protocol.desfire.diversify import diversify
from pistegate_protocol.desfire.ev2 import Ev2Session
from pistegate_protocol.desfire.verification import PersonalisationKeys, SetKeys
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import SET_VERSIONS, CardMasters

ZERO_KEY = bytes(16)
RND_A = bytes(range(16))
h = bytes.fromhex


class First(NamedTuple):
    """A published EV2First: challenge (encrypted RndB), RndA, the host's proof, the card's answer; TI and keys."""

    challenge: str
    rnd_a: str
    proof: str
    answer: str
    transaction: str
    enc_key: str
    mac_key: str

    def transcript(self) -> Transcript:
        """The conversation, key 0, no capabilities."""
        return Transcript(
            (cmd("71 00 00"), rsp(self.challenge, Status.ADDITIONAL_FRAME)),
            (cmd("AF" + self.proof), rsp(self.answer)),
        )

    def session(self, counter: int = 0) -> Ev2Session:
        """The session that it opened."""
        return Ev2Session(h(self.enc_key), h(self.mac_key), h(self.transaction), counter)


AN12196_6_6 = First(
    "A04C124213C186F22399D33AC2A30215",
    "13C5DB8A5930439FC3DEF9A4C675360F",
    "35C3E05A752E0144BAC0DE51C1F22C56B34408A23D8AEA266CAB947EA8E0118D",
    "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F08120663",
    "9D00C4DF",
    "1309C877509E5A215007FF0ED19CA564",
    "4C6626F5E72EA694202139295C7A7FC7",
)
AN12196_6_10 = First(
    "B875CEB0E66A6C5CD00898DC371F92D1",
    "B98F4C50CF1C2E084FD150E33992B048",
    "FF0306E47DFBC50087C4D8A78E88E62DE1E8BE457AA477C707E2F0874916A8B1",
    "0CC9A8094A8EEA683ECAAC5C7BF20584206D0608D477110FC6B3D5D3F65C3A6A",
    "7614281A",
    "7A93D6571E4B180FCA6AC90C9A7488D4",
    "FC4AF159B62E549B5812394CAB1918CC",
)


def host_keys(masters: CardMasters, uid: bytes) -> PersonalisationKeys:
    """The keys of one card as the cloud diversifies them; the simulated stock does the same by itself."""

    def key_set(number: KeySet) -> SetKeys:
        keys = {key: diversify(masters.sets[number][key], uid, AID, masters.system) for key in CardKey}
        return SetKeys(keys=keys, version=SET_VERSIONS[number])

    return PersonalisationKeys(
        uid=uid,
        picc=diversify(masters.picc, uid, PICC_AID, masters.system),
        sets=(key_set(KeySet.FIRST), key_set(KeySet.SECOND)),
        transaction=diversify(masters.transaction, uid, AID, masters.system),
        version=1,
    )


def drawn_masters(seed: int = 7) -> CardMasters:
    """The master keys of a system of its own."""
    return CardMasters.drawn(Random(seed))


class RfCounter:
    """Counts the ISO-DEP bytes that APDUs take on the air, after RATS; stands between a flow and a card.

    A block carries a PCB and 2 bytes of CRC beside its data, 64 bytes at most each way (FSD and FSC of our readers
    and of DESFire); a chained block is answered with an R(ACK) of 3 bytes.
    """

    FRAME = 64
    OVERHEAD = 3

    def __init__(self, transceive: Callable[[bytes], bytes]) -> None:
        self._transceive = transceive
        self.total = self.exchanges = 0

    def __call__(self, command: bytes) -> bytes:
        """Carry one command."""
        answer = self._transceive(command)
        self.exchanges += 1
        self.total += self.on_air(len(command)) + self.on_air(len(answer))
        return answer

    def on_air(self, length: int) -> int:
        """Bytes for one direction, the other's acknowledgements of chained blocks included."""
        blocks = -(-length // (self.FRAME - self.OVERHEAD))
        return length + self.OVERHEAD * (2 * blocks - 1)

    def spent(self) -> tuple[int, int]:
        """(bytes, exchanges) since this was last asked."""
        total, exchanges = self.total, self.exchanges
        self.total = self.exchanges = 0
        return total, exchanges


def field_lost(card: DesfireCard) -> None:
    """The guest pulls the card away and comes back."""
    card.power_off()
    card.power_on()
