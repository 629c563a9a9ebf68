# SPDX-License-Identifier: Apache-2.0
"""Private servers for tests: a Mosquitto and a PostgreSQL on free loopback ports, gone afterwards.

Fixtures: `mosquitto_broker` (.host, .port; one for the session) and `postgres_dsn` (a fresh, empty database
per test).
A test that stops or kills its server starts one for itself: `with Mosquitto() as broker: ...`.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from skips import find_tool, missing_system, require_tools

START_TIMEOUT_S = 30.0  # initdb's cluster starts in under 1 s here; a loaded 2-core runner needs more
STOP_TIMEOUT_S = 15.0
HOST = "127.0.0.1"


# Nothing that a query could notice, and no processor time for what only a power cut or a replica would ask for.
_NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "autovacuum": "off",
    "jit": "off",
}


class ServerError(RuntimeError):
    """A private server did not start; the message holds its log."""


class Mosquitto:
    """One broker process. `start` again after `stop` or `kill` keeps the port."""

    def __init__(self, extra_config: str = "") -> None:
        require_tools("mosquitto")
        self.host = HOST
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.directory = Path(tempfile.mkdtemp(prefix="pistegate-mosquitto-"))
        self.directory.chmod(0o755)  # as root, mosquitto drops to its own user before it reads
        self.log = self.directory / "mosquitto.log"
        self.config = self.directory / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} {self.host}\nallow_anonymous true\npersistence false\n"
            f"log_dest stderr\nset_tcp_nodelay true\n{extra_config}"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def start(self) -> None:
        program = find_tool("mosquitto")
        assert program is not None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([program, "-c", self.config], stdout=log, stderr=log)
        _wait_for_port(self.process, self.port, self.log)

    def stop(self) -> None:
        """SIGTERM, as an operator would."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOP_TIMEOUT_S)
            self.process = None

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
            self.process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.directory)


class Postgres:
    """One private cluster. PostgreSQL refuses root, so as root it runs under the system's `postgres` user.

    durable=False: commits survive a killed server, not a power cut. Benchmarks, and what proves durability, say True.
    """

    superuser = "pistegate"

    def __init__(self, *, durable: bool = False) -> None:
        self.bin = postgres_bin()
        self.host = HOST
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.account = _unprivileged_account()
        self.directory = Path(tempfile.mkdtemp(prefix="pistegate-postgres-"))
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        if self.account:
            os.chown(self.directory, self.account.pw_uid, self.account.pw_gid)
        self._run("initdb", "-D", self.data, "-U", self.superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 100,
            "timezone": "UTC",
        } | ({} if durable else _NOT_DURABLE)
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in settings.items())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                **self._as_account(),
            )
        _wait_for_port(self.process, self.port, self.log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._psql("SELECT 1", check=False).returncode:
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL answers no query after {START_TIMEOUT_S:.0f} s:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Fast shutdown: open connections are closed, transactions rolled back."""
        if self.process is not None:
            self.process.send_signal(2)  # SIGINT
            self.process.wait(STOP_TIMEOUT_S)
            self.process = None

    def kill(self) -> None:
        """Immediate shutdown (SIGQUIT): the next start recovers from the log, as after a crash."""
        if self.process is not None:
            self.process.send_signal(3)
            self.process.wait(STOP_TIMEOUT_S)
            self.process = None

    def kill_hard(self) -> None:
        """SIGKILL to the first process; its others end when they notice, before the next start may come."""
        if self.process is not None:
            others = _children(self.process.pid)
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
            self.process = None
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while any(Path(f"/proc/{pid}").exists() for pid in others):
                if time.monotonic() > deadline:
                    raise ServerError(f"processes of the killed PostgreSQL are still there: {others}")
                time.sleep(0.02)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def create_database(self) -> str:
        """A fresh, empty database; returns its address."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._psql(f"CREATE DATABASE {name}")
        return f"postgres://{self.superuser}@{self.host}:{self.port}/{name}"

    def drop_database(self, dsn: str) -> None:
        self._psql(f"DROP DATABASE IF EXISTS {dsn.rsplit('/', 1)[1]} WITH (FORCE)")

    def _psql(self, statement: str, *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        address = ["-h", self.host, "-p", str(self.port), "-U", self.superuser, "-d", "postgres"]
        return self._run("psql", "-X", "-q", "-w", *address, "-c", statement, check=check)

    def _run(self, program: str, *args: str | Path, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [self.bin / program, *args],
            capture_output=True,
            cwd=self.directory,
            check=False,
            **self._as_account(),
        )
        if check and done.returncode:
            raise ServerError(f"{program} failed: {done.stderr.decode(errors='replace')}")
        return done

    def _as_account(self) -> dict[str, Any]:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """A loopback TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise ServerError(f"nothing listens on port {port} after {START_TIMEOUT_S:.0f} s:\n{log.read_text()}")


def postgres_bin() -> Path:
    """Debian keeps the server programs of each version out of PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    initdb = versions[-1] if versions else find_tool("initdb")
    if initdb is None:
        missing_system("postgresql not installed")
    return initdb.parent


def _unprivileged_account() -> pwd.struct_passwd | None:
    """The account to run PostgreSQL under; None keeps our own."""
    if os.geteuid() != 0:
        return None
    accounts = [account for account in pwd.getpwall() if account.pw_name == "postgres"]
    if not accounts:
        missing_system("no account `postgres` to run PostgreSQL under")
    return accounts[0]


@pytest.fixture(scope="session")
def mosquitto_broker() -> Iterator[Mosquitto]:
    """A running broker, anonymous, without persistence; shared by the session, so use topics of your own."""
    with Mosquitto() as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The session's cluster."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_dsn(postgres_server: Postgres) -> Iterator[str]:
    """Address of a fresh, empty database: postgres://user@127.0.0.1:port/name."""
    dsn = postgres_server.create_database()
    yield dsn
    postgres_server.drop_database(dsn)
