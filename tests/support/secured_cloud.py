# SPDX-License-Identifier: Apache-2.0
"""A cloud as an operator sets it up by the guide: authority, Mosquitto over TLS, HTTPS, all by its own commands."""

import getpass
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from card_stock import card_key_settings
from cloud_template import empty_cloud
from servers import Mosquitto, free_port

HOST = "127.0.0.1"
START_S = 180.0  # migrating took over a minute beside seven others on two processors


def program(name: str) -> str:
    """A command installed beside this interpreter."""
    return str(Path(sys.executable).parent / name)


def run(name: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done = subprocess.run([program(name), *words], capture_output=True, text=True, check=False, timeout=START_S)
    assert not check or done.returncode == 0, f"{name} {words[0]}: {done.stderr}{done.stdout}"
    return done


class SecuredCloud:
    """`clock`: a time page for the cloud, or "system"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "cloud.toml"
        self.http_port = free_port()
        self.url = f"https://{HOST}:{self.http_port}"
        self.broker = Mosquitto()
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """pistegate-cloud NOUN VERB --config ...; the rest."""
        return run("pistegate-cloud", *words[:2], "--config", str(self.config), *words[2:], check=check)

    def gate(self, verb: str, number: int, *words: str) -> Any:
        """pistegate-cloud gate VERB ... --json, of site 1."""
        return json.loads(self.command("gate", verb, "--site", "1", str(number), "--json", *words).stdout)

    def statuses(self) -> dict[int, dict[str, Any]]:
        """How gates stand, by number, as `gate status` says it."""
        return {each["number"]: each for each in self.ask("GET", "/devices?site=1")["items"]}

    def set_up(self) -> None:
        """Everything up to running."""
        authority = self.folder / "authority"
        run("pistegate-cloud", "authority", "init", "--directory", str(authority), "--name", "Snow Valley")
        self._write_config("")
        certificates, https = self.folder / "mosquitto", self.folder / "https"
        self.command(
            "authority", "broker", "--host", HOST, "--directory", str(certificates), "--port", str(self.broker.port)
        )
        self.command("authority", "http", "--host", HOST, "--directory", str(https))
        rules = (certificates / "conf.d" / "pistegate.conf").read_text()
        self.broker.config.write_text(f"user {getpass.getuser()}\n{rules}")
        self._write_config(
            f'[http]\nhost = "{HOST}"\nport = {self.http_port}\n'
            f'certificate = "{https}/http.pem"\nkey = "{https}/http.key"\n'
            f'[broker]\nurl = "mqtts://{HOST}:{self.broker.port}"\nauthority = "{certificates}/authority.pem"\n'
            f'certificate = "{certificates}/cloud.pem"\nkey = "{certificates}/cloud.key"\n'
        )
        empty_cloud(self.folder / "cloud.sqlite3")
        told = self.command("token", "create", "--name", "test", "--json")
        self.token = json.loads(told.stdout)["token"]

    def _write_config(self, more: str) -> None:
        keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items())
        self.config.write_text(
            f'[database]\nurl = "sqlite://{self.folder}/cloud.sqlite3"\n'
            f'[issuer]\nkey_id = 1\nprivate_key = "{"01" * 32}"\n[documents]\nkey_id = 2\nprivate_key = "{"02" * 32}"\n'
            f'[enrolment]\nauthority = "{self.folder}/authority"\nurl = "{self.url}"\n'
            f'broker = "mqtts://{HOST}:{self.broker.port}"\n[card_keys]\n{keys}\n{more}'
        )

    def start(self) -> None:
        """Broker and cloud, until both answer."""
        self.broker.start()
        with (self.folder / "cloud.log").open("ab") as log:
            command = [program("pistegate-cloud"), "serve", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while True:
            try:
                if self.ask("GET", "/health")["status"] == "ok":
                    return
            except OSError:
                pass
            assert self.process.poll() is None, (self.folder / "cloud.log").read_text()
            assert time.monotonic() < deadline, (self.folder / "cloud.log").read_text()
            time.sleep(0.1)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request with the token."""
        context = ssl.create_default_context(cafile=str(self.folder / "authority" / "root.pem"))
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def open_site(self, gates: int = 3) -> None:
        """Site 1 with one post and its gates."""
        self.ask("POST", "/sites", {"number": 1, "group": 1, "name": "Snow Valley", "zone": "Asia/Shanghai"})
        self.ask("POST", "/areas", {"site": 1, "number": 0, "name": "Area"})
        self.ask("POST", "/posts", {"site": 1, "number": 1, "area": 0, "name": "Post"})
        for number in range(1, gates + 1):
            self.ask("POST", "/gates", {"site": 1, "number": number, "post": 1, "name": f"Lane {number}"})

    def stop(self) -> None:
        """Everything."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(START_S)
        self.broker.close()


@contextmanager
def secured_cloud(folder: Path) -> Iterator[SecuredCloud]:
    """One with an open site, running."""
    cloud = SecuredCloud(folder)
    try:
        cloud.set_up()
        cloud.start()
        cloud.open_site()
        yield cloud
    finally:
        cloud.stop()
