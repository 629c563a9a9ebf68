# SPDX-License-Identifier: Apache-2.0
"""Personalisation: a blank or transport-keyed card gets our application, its keys and files, and is closed.

The cloud runs this flow over a relayed link; master keys stay there. Every exchange may be the last one before the
card leaves: running the flow again from the start completes the card. The order makes that simple. The card's own key
is changed last, after the application was verified; so a card that knows its final key is done (it is verified, and
never rebuilt: there may be money on it), and one that still has its initial key holds nothing of value: an
application that is there is half-made, and is removed and built anew.

What somebody learns who records every exchange at the encoder:

* Blank card (initial key: the factory's zeros). Everything. The first session's keys follow from a key that all the
  world knows, and with them every key that is written. Worse, no card is needed: whoever emulates a blank card is
  given the keys of any UID. So blank cards are personalised at trusted encoders only, and the caller must not offer a
  known initial key for a UID that has been personalised before (`initial=None`: verify and no more).
* Transport-keyed card (initial key: secret, one per card, known to the supplier and to the cloud). Nothing but sizes
  and times. The session under the transport key is secret; in it the key that new applications begin with is first
  set to a random one that is drawn here and kept nowhere (SetConfiguration, enciphered). So CreateApplication makes
  an application whose keys are secret from its first moment; it is opened with that random key, and each key is then
  changed within that session. The supplier of the transport keys could follow; nobody else.

The second key set is filled while all keys are still the random one: what InitializeKeySet puts into a set (the
default key or a copy of the active set, public sources differ) is then the same.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

from pistegate_protocol.card_layout import (
    AID,
    FILES,
    KEY_BYTES,
    KEYS,
    PICC_AID,
    PROOF_FILE,
    CardKey,
    KeySet,
)
from pistegate_protocol.desfire import card_commands, file_commands
from pistegate_protocol.desfire.apdu import CardRefused
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, without_session
from pistegate_protocol.desfire.factory import RND_BYTES as FACTORY_RND_BYTES
from pistegate_protocol.desfire.factory import replace_factory_key
from pistegate_protocol.desfire.verification import (
    CLOSED,
    PICC_KEY,
    WRONG_KEY,
    PersonalisationKeys,
    PersonalisedCard,
    Random,
    check_application,
    check_card,
    described,
    read_card,
    verify_personalised,
)

_DEFAULT_VERSION = 0  # of the key that applications begin with
_AID_BYTES = 3


@dataclass(frozen=True, slots=True)
class PiccKey:
    """The card's own key before personalisation: the factory's zeros (a DES key, or AES already), or a transport key.

    A transport key is an AES key.
    """

    value: bytes = field(default=bytes(KEY_BYTES), repr=False)

    @property
    def is_factorys(self) -> bool:
        """All the world knows it."""
        return not any(self.value)


def personalise(
    keys: PersonalisationKeys, initial: PiccKey | None, rnd: Random
) -> Generator[bytes, bytes, PersonalisedCard]:
    """Make the card ours, or complete or verify it; `rnd(n)` gives n fresh random bytes.

    CardUnsuitable: not such a card, or another one than the keys are for. NotPersonalised: it was, and is no longer
    as it must be. CardRefused with AUTHENTICATION_ERROR: neither the final nor the initial key opens it.
    """
    _check_keys(keys)
    card = yield from read_card(keys.uid)
    session, opener = yield from _open(keys, initial, rnd)
    if opener == keys.picc and AID in (yield from _applications(session)):
        return (yield from verify_personalised(keys, rnd))
    start_key = rnd(KEY_BYTES)
    yield from _create_application(session, opener, start_key, keys, rnd)
    yield from _fill(keys, start_key, rnd)
    yield from _close(keys, opener, rnd)
    return described(card, keys, KeySet.FIRST)


def _check_keys(keys: PersonalisationKeys) -> None:
    versions = (keys.version, *(one.version for one in keys.sets))
    if any(not 1 <= version <= 255 for version in versions):
        raise ValueError(f"key versions {versions}: 0 is a default key's")


def _open(
    keys: PersonalisationKeys, initial: PiccKey | None, rnd: Random
) -> Generator[bytes, bytes, tuple[Ev2Session, bytes]]:
    """A session of the card's own key, and which one it is: the final one is tried before the initial one."""
    try:
        return (yield from authenticate(PICC_KEY, keys.picc, rnd(16))), keys.picc
    except CardRefused as error:
        if initial is None or error.status not in WRONG_KEY:
            raise
    return (yield from _with_initial_key(initial, rnd)), initial.value


def _with_initial_key(initial: PiccKey, rnd: Random) -> Generator[bytes, bytes, Ev2Session]:
    """A session with the card's initial key; a factory's DES key is made an AES key of the same zeros first."""
    try:
        return (yield from authenticate(PICC_KEY, initial.value, rnd(16)))
    except CardRefused as error:
        if not initial.is_factorys or error.status not in WRONG_KEY:
            raise
    yield from replace_factory_key(initial.value, _DEFAULT_VERSION, rnd(FACTORY_RND_BYTES))
    return (yield from authenticate(PICC_KEY, initial.value, rnd(16)))


def _applications(session: Ev2Session) -> Generator[bytes, bytes, set[bytes]]:
    answer = yield from session.do(card_commands.get_application_ids())
    return {answer[at : at + _AID_BYTES] for at in range(0, len(answer), _AID_BYTES)}


def _create_application(
    session: Ev2Session, opener: bytes, start_key: bytes, keys: PersonalisationKeys, rnd: Random
) -> Generator[bytes, bytes, None]:
    """In a session of the card's key: room for our application, and the application, all its keys `start_key`."""
    there = yield from _applications(session)
    if there == {AID}:
        # Deleting frees the name, not the memory (seen on EV3); formatting gives both back. Whether the session
        # outlives it is told nowhere, so that it is not relied upon.
        yield from session.do(card_commands.format_picc())
        session = yield from authenticate(PICC_KEY, opener, rnd(16))
    elif AID in there:
        yield from session.do(card_commands.delete_application(AID))
    yield from session.do(card_commands.set_default_key(start_key, _DEFAULT_VERSION))
    version = keys.sets[KeySet.FIRST].version
    create = card_commands.create_application(AID, CLOSED, len(KEYS), len(KeySet), version, CardKey.ROLL)
    yield from session.do(create)


def _fill(keys: PersonalisationKeys, start_key: bytes, rnd: Random) -> Generator[bytes, bytes, None]:
    """Key sets and files of the new application, then see that all is as it must be."""
    yield from without_session(card_commands.select_application(AID))
    session = yield from authenticate(CardKey.MASTER, start_key, rnd(16))
    second = keys.sets[KeySet.SECOND]
    yield from session.do(card_commands.initialize_key_set(KeySet.SECOND))
    for key in KEYS:
        change = card_commands.change_key_of_set(KeySet.SECOND, key, start_key, second.keys[key], second.version)
        yield from session.do(change)
    yield from session.do(card_commands.finalize_key_set(KeySet.SECOND, second.version))
    for file in FILES:
        if file is PROOF_FILE:
            create = file_commands.create_transaction_mac_file(file, keys.transaction, keys.version)
        else:
            create = file_commands.create_file(file)
        yield from session.do(create)
    yield from _change_first_set(session, keys, start_key)
    session = yield from authenticate(CardKey.MASTER, keys.sets[KeySet.FIRST].keys[CardKey.MASTER], rnd(16))
    yield from check_application(session, keys)


def _change_first_set(
    session: Ev2Session, keys: PersonalisationKeys, start_key: bytes
) -> Generator[bytes, bytes, None]:
    """The keys that are in use, that of the session last."""
    first = keys.sets[KeySet.FIRST]
    for key in KEYS:
        if key is not CardKey.MASTER:
            yield from session.do(card_commands.change_key(key, start_key, first.keys[key], first.version))
    own = card_commands.change_own_key(CardKey.MASTER, first.keys[CardKey.MASTER], first.version)
    yield from session.do(own)


def _close(keys: PersonalisationKeys, opener: bytes, rnd: Random) -> Generator[bytes, bytes, None]:
    """Close the card, and give it its final key, last of all."""
    yield from without_session(card_commands.select_application(PICC_AID))
    session = yield from authenticate(PICC_KEY, opener, rnd(16))
    yield from session.do(card_commands.change_key_settings(CLOSED))
    if opener != keys.picc:
        number = PICC_KEY | card_commands.AES_KEYS
        yield from session.do(card_commands.change_own_key(number, keys.picc, keys.version))
        session = yield from authenticate(PICC_KEY, keys.picc, rnd(16))
    yield from check_card(session, keys)
