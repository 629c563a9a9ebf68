# SPDX-License-Identifier: Apache-2.0
"""What Mosquitto needs: its certificate, the cloud's, and rules by which a certificate's name is its only topic."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.x509 import Certificate

from pistegate_cloud.authority import files, issuing, service
from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import EnrolmentSettings

# %u is the certificate's common name: SITE/ROLE/NUMBER, the middle of the device's topics.
RULES = f"""# written by pistegate-cloud authority broker
user {issuing.CLOUD}
topic read pistegate/1/+/+/+/up
topic write pistegate/1/+/+/+/down

pattern write pistegate/1/%u/up
pattern read pistegate/1/%u/down
"""
_CONFIG = """# written by pistegate-cloud authority broker; include it from mosquitto.conf
per_listener_settings true
listener {port}
cafile {directory}/authority.pem
certfile {directory}/broker.pem
keyfile {directory}/broker.key
crlfile {crl}
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {directory}/rules.acl
persistence false
set_tcp_nodelay true
"""
_TOLD = """written to {directory}.
Mosquitto: add `include_dir {directory}/conf.d` to mosquitto.conf, let its user read {directory}, restart it.
cloud.toml:
[broker]
url = "mqtts://{host}:{port}"
authority = "{directory}/authority.pem"
certificate = "{directory}/cloud.pem"
key = "{directory}/cloud.key"
[enrolment]
broker = "mqtts://{host}:{port}" """


def write_broker(settings: EnrolmentSettings, directory: Path, hosts: Sequence[str], port: int, now_ms: int) -> str:
    """The files in a new directory, and the authority's list of revoked certificates; what to do with them."""
    authority = _new(settings, directory)
    now = service.at(now_ms)
    _pair(directory, "broker", lambda key: issuing.issue_server(authority, hosts, key.public_key(), now))
    cloud = issuing.SERVER_DAYS
    _pair(directory, "cloud", lambda key: issuing.issue_client(authority, issuing.CLOUD, key.public_key(), now, cloud))
    (directory / "authority.pem").write_bytes(files.certificate_pem(authority.certificate))
    (directory / "rules.acl").write_text(RULES)
    (directory / "rules.acl").chmod(0o600)
    crl = Path(settings.authority or "") / files.CRL
    if not crl.exists():
        files.write_crl(crl.parent, issuing.issue_crl(authority, [], now))
    folder = directory / "conf.d"
    folder.mkdir()
    (folder / "pistegate.conf").write_text(_CONFIG.format(port=port, directory=directory, crl=crl))
    return _TOLD.format(directory=directory, host=hosts[0], port=port)


def write_http(settings: EnrolmentSettings, directory: Path, hosts: Sequence[str], now_ms: int) -> str:
    """A certificate and key for the HTTP API in a new directory; what to write into cloud.toml."""
    authority = _new(settings, directory)
    now = service.at(now_ms)
    _pair(directory, "http", lambda key: issuing.issue_server(authority, hosts, key.public_key(), now))
    return (
        f'written to {directory}.\ncloud.toml:\n[http]\ncertificate = "{directory}/http.pem"\n'
        f'key = "{directory}/http.key"\n[enrolment]\nurl = "https://{hosts[0]}"'
    )


def _new(settings: EnrolmentSettings, directory: Path) -> issuing.Authority:
    if settings.authority is None:
        raise SettingsError("there is no [enrolment] authority: make one with `pistegate-cloud authority init`")
    authority = files.load(Path(settings.authority))
    try:
        directory.mkdir(mode=0o755, parents=True)
    except FileExistsError as error:
        raise SettingsError(f"{directory} is there already: name a new directory") from error
    return authority


def _pair(directory: Path, name: str, issue: Callable[[EllipticCurvePrivateKey], Certificate]) -> None:
    key = issuing.new_key()
    files.write_private(directory / f"{name}.key", files.key_pem(key))
    (directory / f"{name}.pem").write_bytes(files.certificate_pem(issue(key)))
