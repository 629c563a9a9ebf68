# SPDX-License-Identifier: Apache-2.0
"""cloud.toml: read, checked, and told plainly what is wrong with it."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from pistegate_cloud.errors import SettingsError
from pistegate_protocol.gate_keys import SYSTEM_BYTES_MAX

Port = Annotated[int, Meta(ge=1, le=65535)]
KeyId = Annotated[int, Meta(ge=0, le=255)]
Hex32 = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]
Hex16 = Annotated[str, Meta(pattern="^[0-9a-fA-F]{32}$")]
SystemId = Annotated[str, Meta(pattern=f"^([0-9a-fA-F]{{2}}){{1,{SYSTEM_BYTES_MAX}}}$")]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of a section: an unknown key is an error, not ignored."""


class DatabaseSettings(_Section, frozen=True):
    """`url`: sqlite:///path or postgres://user@host:port/name."""

    url: str

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.url.startswith("sqlite://")

    @property
    def sqlite_path(self) -> Path:
        """The database file (SQLite only)."""
        return Path(self.url.removeprefix("sqlite://").split("?")[0])


class HttpSettings(_Section, frozen=True):
    """Where the API listens. `certificate` and `key`: PEM files; with them it speaks HTTPS."""

    host: str = "127.0.0.1"
    port: Port = 8000
    certificate: str | None = None
    key: str | None = None


class BrokerSettings(_Section, frozen=True):
    """`url`: mqtt:// or mqtts://host:port of a broker, or embedded://host:port to run one in this process.

    For mqtts: `authority`, `certificate`, `key`: PEM files of the authority and of this cloud's client.
    """

    url: str = "mqtt://127.0.0.1:1883"
    authority: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def kind(self) -> Literal["mqtt", "embedded"]:
        """Which of the two."""
        return "embedded" if urlsplit(self.url).scheme == "embedded" else "mqtt"

    @property
    def host(self) -> str:
        """Host of the broker."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Port of the broker."""
        return urlsplit(self.url).port or (8883 if self.tls else 1883)

    @property
    def tls(self) -> bool:
        """Whether the line to the broker is secured."""
        return urlsplit(self.url).scheme == "mqtts"


class EnrolmentSettings(_Section, frozen=True):
    """How devices become known. `authority`: the directory of the operator's authority; None: nobody can enrol.

    `unsigned`: devices that were never enrolled are heard all the same, for sites that come from release 0.1.
    `url` and `broker`: what a device is told to reach this cloud by, such as https://cloud.example and
    mqtts://broker.example:8883.
    """

    authority: str | None = None
    unsigned: bool = False
    url: str | None = None
    broker: str | None = None


class ClockSettings(_Section, frozen=True):
    """`source`: "system", or the path of a time page."""

    source: str = "system"


class SigningKey(_Section, frozen=True):
    """An Ed25519 key: id as devices know it, private half as 64 hex digits."""

    key_id: KeyId
    private_key: Hex32

    def load(self) -> Ed25519PrivateKey:
        """The key."""
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.private_key))


class PrintSettings(_Section, frozen=True):
    """What printed tickets take from this computer, both optional: a picture, and a TrueType font with Chinese.

    Without the font, a viewer must have one of its own to show Chinese; English and the code need none.
    """

    logo: str | None = None
    font: str | None = None


class CardKeySettings(_Section, frozen=True):
    """Master keys of the cards (AES-128, 32 hex digits each), from which each card's own are diversified.

    One per purpose and key set; `system`: the system identifier of AN10922; `transport`: of stock that its maker
    delivers with a transport key. They are used in this process and never sent; `pistegate-cloud keys new` makes them.
    """

    system: SystemId
    picc: Hex16
    master_0: Hex16
    issuer_0: Hex16
    gate_0: Hex16
    roll_0: Hex16
    master_1: Hex16
    issuer_1: Hex16
    gate_1: Hex16
    roll_1: Hex16
    transaction: Hex16
    transport: Hex16 | None = None


class BindingSettings(_Section, frozen=True):
    """Tickets bound to identity documents (protocol bindings.py). `salt` is changed between seasons, when nothing is
    bound; `number` is raised after a gate was stolen: every site gets new keys. `numbers`: seals documents' numbers;
    None: none is kept. `days_ahead`: gates know the bindings of so many coming days. `keep_days` after a ticket's last
    day the personal columns are erased. `chip`: whether the chip of a resident ID may stand for its number.
    """

    salt: Hex16
    master: Hex32
    number: Annotated[int, Meta(ge=1, lt=2**31)] = 1
    numbers: Hex32 | None = None
    days_ahead: Annotated[int, Meta(ge=1, le=35)] = 7
    keep_days: Annotated[int, Meta(ge=1, le=365)] = 30
    chip: bool = False


class StaffSettings(_Section, frozen=True):
    """Signing in. A session ends `session_hours` after it began, and `idle_minutes` after it was last used.

    `argon2_*`: what a password's hash costs; the defaults are RFC 9106's second choice, and less is for tests only.
    """

    session_hours: Annotated[int, Meta(ge=1, le=24)] = 14
    idle_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 60
    argon2_memory_kib: Annotated[int, Meta(ge=8, le=2**20)] = 65_536
    argon2_passes: Annotated[int, Meta(ge=1, le=20)] = 3
    argon2_lanes: Annotated[int, Meta(ge=1, le=16)] = 4


class WeChatSettings(_Section, frozen=True):
    """One merchant at WeChat Pay (API v3, public key mode); keys are files, and nothing of them is in the database.

    `certificate_serial`: of the merchant's API certificate, whose `private_key` (apiclient_key.pem) signs requests.
    `api_v3_key`: a file with the 32 characters. `public_key`, `public_key_id`: WeChat Pay's own (pub_key.pem).
    `notify_url`: where notifications reach this cloud: .../api/v1/payments/wechat/notifications, by HTTPS.
    `timeout_s`: for connecting, and for an answer. `gateway`: another than WeChat's for tests.
    """

    mchid: Annotated[str, Meta(pattern="^[0-9]{1,32}$")]
    appid: Annotated[str, Meta(min_length=1, max_length=32)]
    certificate_serial: Annotated[str, Meta(pattern="^[0-9A-Fa-f]{1,64}$")]
    private_key: str
    api_v3_key: str
    public_key: str
    public_key_id: Annotated[str, Meta(pattern="^PUB_KEY_ID_[0-9A-Za-z]+$")]
    notify_url: Annotated[str, Meta(pattern="^https?://[^?]+$")]
    gateway: Annotated[str, Meta(pattern="^https?://[^/]+$")] = "https://api.mch.weixin.qq.com"
    timeout_s: Annotated[float, Meta(ge=0.1, le=9)] = 8.0


class SmsSettings(_Section, frozen=True):
    """Where short messages are posted (notifications/sms.py). `secret`: a file with the key that signs them.

    `key_holds_s`: so long the other side knows a message again by its key.
    """

    url: Annotated[str, Meta(pattern="^https?://[^?#]+$")]
    secret: str
    timeout_s: Annotated[float, Meta(ge=0.1, le=15)] = 8.0
    key_holds_s: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 86_400


class WeChatTemplate(_Section, frozen=True):
    """A template message: its id, and which of our values fills each of its fields: {thing1 = "site"}."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    fields: dict[str, str] = {}


class WeChatMessageSettings(_Section, frozen=True):
    """An official account 公众号 that sends template messages. `secret`: a file with its AppSecret."""

    appid: Annotated[str, Meta(min_length=1, max_length=32)]
    secret: str
    templates: dict[str, WeChatTemplate] = {}
    gateway: Annotated[str, Meta(pattern="^https?://[^/]+$")] = "https://api.weixin.qq.com"
    timeout_s: Annotated[float, Meta(ge=0.1, le=15)] = 8.0


class NotificationSettings(_Section, frozen=True):
    """Messages to guests. `seal`: encrypts them while they wait. `ticket_page`: what stands before a link's token."""

    seal: Hex32
    ticket_page: Annotated[str, Meta(pattern="^https?://[^?#]+/$")]
    sms: SmsSettings | None = None
    wechat: WeChatMessageSettings | None = None


class MemberSettings(_Section, frozen=True):
    """Members. `lookup`: a phone is found by its HMAC under this key; `seal`: encrypts names and phones.

    `photo_from_days`: a pass of so many days needs the member's photo; None: none does.
    """

    lookup: Hex32
    seal: Hex32
    photo_from_days: Annotated[int, Meta(ge=1, le=400)] | None = 8


class Settings(_Section, frozen=True):
    """The whole of cloud.toml."""

    database: DatabaseSettings
    issuer: SigningKey
    documents: SigningKey
    card_keys: CardKeySettings
    http: HttpSettings = HttpSettings()
    broker: BrokerSettings = BrokerSettings()
    clock: ClockSettings = ClockSettings()
    print: PrintSettings = PrintSettings()
    bindings: BindingSettings | None = None
    enrolment: EnrolmentSettings = EnrolmentSettings()
    wechat: WeChatSettings | None = None
    staff: StaffSettings = StaffSettings()
    notifications: NotificationSettings | None = None
    members: MemberSettings | None = None


def load_settings(path: Path) -> Settings:
    """The settings in a file; SettingsError names the file, the key and what is expected."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no valid TOML: {error}") from error
    return parse_settings(raw, str(path))


def parse_settings(raw: dict[str, Any], where: str) -> Settings:
    """Checked settings from parsed TOML; SettingsError otherwise."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}") from error
    _check_url(where, "database.url", settings.database.url, ("sqlite", "postgres", "postgresql"))
    _check_url(where, "broker.url", settings.broker.url, ("mqtt", "mqtts", "embedded"))
    if settings.enrolment.broker is not None:
        _check_url(where, "enrolment.broker", settings.enrolment.broker, ("mqtt", "mqtts"))
    _check_tls(where, settings)
    _check_masters(where, settings.card_keys)
    return settings


def _check_tls(where: str, settings: Settings) -> None:
    broker, http = settings.broker, settings.http
    if broker.tls and None in (broker.authority, broker.certificate, broker.key):
        raise SettingsError(
            f"{where}: broker.url is mqtts://, so broker.authority, broker.certificate and broker.key are needed: "
            "`pistegate-cloud authority broker` makes them"
        )
    if (http.certificate is None) != (http.key is None):
        raise SettingsError(f"{where}: http.certificate and http.key go together")


def _check_masters(where: str, keys: CardKeySettings) -> None:
    """One key for two purposes would let a gate do what only the cloud may; in both sets, a theft would go on."""
    seen: dict[str, str] = {}
    for name in keys.__struct_fields__[1:]:
        value = getattr(keys, name)
        if value is None:
            continue
        if value.lower() in seen:
            raise SettingsError(
                f"{where}: card_keys.{name} is the same key as card_keys.{seen[value.lower()]}: "
                "make new ones with `pistegate-cloud keys new`"
            )
        seen[value.lower()] = name


def _check_url(where: str, name: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        if parts.scheme != "sqlite":
            _ = parts.port
    except ValueError as error:
        raise SettingsError(f"{where}: {name} {url!r}: {error}") from error
    if parts.scheme not in schemes:
        expected = " or ".join(f"{scheme}://..." for scheme in schemes)
        raise SettingsError(f"{where}: {name} is {url!r}, expected {expected}")
