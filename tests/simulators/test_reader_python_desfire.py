# SPDX-License-Identifier: Apache-2.0
"""The simulated reader and card as python-desfire sees them: a host library of somebody else, on its own PN532 code."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from desfire import DESFire, diversify_key
from desfire.devices.pn532 import PN532UARTDevice
from desfire.enums import DESFireKeySettings, DESFireKeyType
from desfire.exceptions import DESFireAuthException, DESFireCommunicationError
from desfire.key import DESFireKey
from desfire.schemas import KeySettings

from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard, Mode, Rights, crypto, standard_file
from pistegate_simulators.reader import SimulatedReader

AID, AID_TEXT = 0x504731, "314750"  # the library sends the bytes in the order of the text
ZERO, ONES = bytes(16), bytes([1] * 16)
READ_S = 0.05  # its driver reads until so long a silence, each answer


@contextmanager
def host_on(card: DesfireCard) -> Iterator[DESFire]:
    """The library's own serial driver on a fresh reader with `card`."""
    with SimulatedReader() as reader:
        reader.present(card)
        device = PN532UARTDevice(reader.path, baudrate=115200, timeout=READ_S)
        assert bytes(device.wait_for_card(timeout=2)) == card.uid
        try:
            yield DESFire(device)
        finally:
            device._uart.close()


def key_of(value: bytes, kind: DESFireKeyType = DESFireKeyType.DF_KEY_AES) -> DESFireKey:
    return DESFireKey(KeySettings(key_type=kind), value)


def prepared() -> DesfireCard:
    card = DesfireCard()
    files = {1: standard_file(32, Mode.MAC, Rights(1, 0, 0, 0), b"signed claim"), 2: standard_file(16, Mode.FULL)}
    files[2].rights = Rights(1, 1, 1, 0)
    card.create_application(AID, [ZERO, ONES], dict(files))
    return card


def test_aes_authentication_and_maced_and_enciphered_files() -> None:
    """AuthenticateAES, CMACs chained over several commands, an enciphered answer, an enciphered write."""
    card = prepared()
    with host_on(card) as host:
        host.select_application(AID_TEXT)
        host.authenticate(1, key_of(ONES))
        settings = host.get_file_settings(1)
        assert bytes(host.read_file_data(1, settings))[:12] == b"signed claim"
        assert bytes(host.get_real_uid()) == card.uid
        secret = host.get_file_settings(2)
        host.write_file_data(2, 0, secret.encryption, list(b"sixteen bytes ok"))
        assert bytes(host.read_file_data(2, secret)) == card.file_bytes(AID, 2) == b"sixteen bytes ok"
        assert host.get_key_version(1) == 0


def test_a_wrong_key_is_refused() -> None:
    """The library sees the card's AE."""
    with host_on(prepared()) as host:
        host.select_application(AID_TEXT)
        with pytest.raises((DESFireAuthException, DESFireCommunicationError)):
            host.authenticate(1, key_of(bytes([9] * 16)))


def test_the_default_key_of_new_applications() -> None:
    """SetConfiguration by another library than ours: the next application begins with that key and version."""
    card = DesfireCard()
    with host_on(card) as host:
        host.authenticate(0, key_of(ZERO))
        host.change_default_key(key_of(ONES), 7)
        keep = [DESFireKeySettings.KS_ALLOW_CHANGE_MK, DESFireKeySettings.KS_CONFIGURATION_CHANGEABLE]
        host.create_application(AID_TEXT, KeySettings(key_type=DESFireKeyType.DF_KEY_AES, settings=keep), 2)
        host.select_application(AID_TEXT)
        host.authenticate(1, key_of(ONES))
        assert card.key(AID, 1) == (ONES, 7)


def test_keys_are_changed() -> None:
    """Another key and the session's own, with their CRCs."""
    card = prepared()
    with host_on(card) as host:
        host.select_application(AID_TEXT)
        host.authenticate(0, key_of(ZERO))
        host.change_key(1, key_of(ONES), key_of(bytes(range(16))), 5)
        host.change_key(0, key_of(ZERO), key_of(ONES), 6)
        host.authenticate(0, key_of(ONES))
        assert (card.key(AID, 0), card.key(AID, 1)) == ((ONES, 6), (bytes(range(16)), 5))


def test_the_factorys_des_key_is_replaced() -> None:
    """AuthenticateISO with the DES key of a new card, then an AES key in its place."""
    card = stock.factory_stock(Random(1))
    with host_on(card) as host:
        factory = key_of(bytes(8), DESFireKeyType.DF_KEY_2K3DES)
        host.authenticate(0, factory)
        host.change_key(0, factory, key_of(ONES), 1)
        host.authenticate(0, key_of(ONES))
        assert card.key(0, 0) == (ONES, 1)


def test_diversified_keys_are_the_same() -> None:
    """AN10922 by the library (which leaves the leading 01 to its caller) and by the card's own cryptography."""
    rng = Random(10922)
    for length in (7, 16, 17, 31):
        master, message = rng.randbytes(16), rng.randbytes(length)
        theirs = diversify_key(list(master), [1, *message])
        assert bytes(theirs) == crypto.diversify(master, message)
