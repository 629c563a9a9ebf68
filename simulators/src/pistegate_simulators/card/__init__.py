# SPDX-License-Identifier: Apache-2.0
"""Simulated cards: a DESFire that enforces what a real one does, and foreign cards from the same pocket."""

from pistegate_simulators.card.channel import Mode
from pistegate_simulators.card.desfire import DesfireCard
from pistegate_simulators.card.files import (
    DENIED,
    FREE,
    DataFile,
    Kind,
    RecordFile,
    Rights,
    ValueFile,
    backup_file,
    cyclic_file,
    standard_file,
)
from pistegate_simulators.card.foreign import (
    ClassicCard,
    Phone,
    PlainIsoCard,
    ResidentIdCard,
    Type2Card,
    UidClone,
    other_operators_card,
)
from pistegate_simulators.card.memory import CardFile, Key, KeySet
from pistegate_simulators.card.radio import IsoDepCard, Modulation, RadioCard
from pistegate_simulators.card.status import Status
from pistegate_simulators.card.transaction_mac import TransactionMacFile

__all__ = [
    "DENIED",
    "FREE",
    "CardFile",
    "ClassicCard",
    "DataFile",
    "DesfireCard",
    "IsoDepCard",
    "Key",
    "KeySet",
    "Kind",
    "Mode",
    "Modulation",
    "Phone",
    "PlainIsoCard",
    "RadioCard",
    "RecordFile",
    "ResidentIdCard",
    "Rights",
    "Status",
    "TransactionMacFile",
    "Type2Card",
    "UidClone",
    "ValueFile",
    "backup_file",
    "cyclic_file",
    "other_operators_card",
    "standard_file",
]
