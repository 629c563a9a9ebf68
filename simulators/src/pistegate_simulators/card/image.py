# SPDX-License-Identifier: Apache-2.0
"""A card's EEPROM as JSON-able data with a version, and back; images of older versions still load."""

from typing import Any

from pistegate_simulators.card.channel import Mode
from pistegate_simulators.card.files import DataFile, Kind, RecordFile, Rights, ValueFile
from pistegate_simulators.card.memory import PICC_AID, Application, CardFile, Key, KeySet, Memory
from pistegate_simulators.card.transaction_mac import TransactionMacFile

IMAGE_VERSION = 2  # 1: one key set per application, no TransactionMAC file, no default key
READABLE_VERSIONS = (1, 2)


def memory_image(memory: Memory) -> dict[str, Any]:
    """The parts of a card image that hold EEPROM; an open transaction is not part of it."""
    return {
        "default_key": _key_image(memory.default_key),
        "lost_bytes": memory.lost_bytes,
        "applications": {f"{app.aid:06X}": _application_image(app) for app in memory.applications.values()},
    }


def memory_from_image(image: dict[str, Any]) -> Memory:
    """EEPROM of a whole card image; KeyError or ValueError when it is not one."""
    version = image.get("version")
    if version not in READABLE_VERSIONS:
        raise ValueError(f"card image version {version!r}, this program reads {READABLE_VERSIONS}")
    memory = Memory()
    if version > 1:
        memory.default_key = _key_from_image(image["default_key"])
        memory.lost_bytes = image["lost_bytes"]
    for aid, fields in image["applications"].items():
        memory.applications[int(aid, 16)] = _application_from_image(int(aid, 16), fields, version)
    if PICC_AID not in {int(aid, 16) for aid in image["applications"]}:
        raise ValueError("card image without the card's own entry 000000")
    return memory


def _key_image(key: Key) -> list[Any]:
    return [key.value.hex(), key.version]


def _key_from_image(image: list[Any]) -> Key:
    value, version = image
    return Key(bytes.fromhex(value), version)


def _application_image(app: Application) -> dict[str, Any]:
    return {
        "key_sets": [_key_set_image(key_set) for key_set in app.key_sets],
        "active": app.active,
        "roll_key": app.roll_key,
        "key_settings": app.key_settings,
        "df_name": app.df_name.hex(),
        "files": {str(number): _file_image(file) for number, file in app.files.items()},
    }


def _key_set_image(key_set: KeySet | None) -> dict[str, Any] | None:
    if key_set is None:
        return None
    keys = [_key_image(key) for key in key_set.keys]
    return {"keys": keys, "version": key_set.version, "finalised": key_set.finalised}


def _application_from_image(aid: int, fields: dict[str, Any], version: int) -> Application:
    if version == 1:
        app = Application.with_keys(aid, [_key_from_image(key) for key in fields["keys"]])
    else:
        key_sets = [_key_set_from_image(key_set) for key_set in fields["key_sets"]]
        app = Application(aid, key_sets, active=fields["active"], roll_key=fields["roll_key"])
    app.key_settings = fields["key_settings"]
    app.df_name = bytes.fromhex(fields["df_name"])
    app.files = {int(number): _file_from_image(file) for number, file in fields["files"].items()}
    return app


def _key_set_from_image(image: dict[str, Any] | None) -> KeySet | None:
    if image is None:
        return None
    return KeySet([_key_from_image(key) for key in image["keys"]], image["version"], image["finalised"])


def _file_image(file: CardFile) -> dict[str, Any]:
    common = {"kind": file.kind.name, "mode": file.mode.name, "rights": list(file.rights)}
    return common | file.image()


def _file_from_image(image: dict[str, Any]) -> CardFile:
    fields = dict(image)
    kind, mode = Kind[fields.pop("kind")], Mode[fields.pop("mode")]
    rights = Rights(*fields.pop("rights"))
    if kind in (Kind.STANDARD, Kind.BACKUP):
        return DataFile(kind, mode, rights, bytes.fromhex(fields["content"]))
    if kind is Kind.VALUE:
        return ValueFile(mode, rights, **fields)
    if kind is Kind.TRANSACTION_MAC:
        key, value = bytes.fromhex(fields["key"]), bytes.fromhex(fields["value"])
        return TransactionMacFile(mode, rights, key, fields["key_version"], fields["counter"], value)
    records = [bytes.fromhex(record) for record in fields["records"]]
    return RecordFile(kind, mode, rights, fields["record_size"], fields["capacity"], records)
