# SPDX-License-Identifier: Apache-2.0
"""Keeps a certificate fresh, on a thread of its own: asks the cloud every day, and the cloud says whether it is time.

No clock of this computer is needed for it. Without an answer, or where a person must agree first, it asks every hour.
"""

import json
import logging
import random
import threading

from pistegate_edge.clock import Clock
from pistegate_edge.enrolment.http import API, ask
from pistegate_edge.enrolment.identity import Identity, keep_certificate, load_identity, request_pem
from pistegate_edge.errors import CloudRefused, CloudUnreachable, IdentityError

log = logging.getLogger(__name__)

FIRST_S = (60.0, 600.0)  # after the start, at random: a site comes back from a power cut all at once
DAILY_S = 86_400.0
HOURLY_S = 3_600.0
RENEW = f"{API}/enrolment/renew"
STOP_S = 1.0


def renew_once(identity: Identity, now_ms: int) -> float:
    """Ask once; a new certificate is in force at the next connection. Seconds until the next question."""
    body = json.dumps({"csr": request_pem(identity.key, identity.device)}).encode()
    headers = {"Content-Type": "application/json"}
    try:
        answer = ask(identity, "POST", RENEW, now_ms, identity.since, body, headers)
        certificate = answer.json().get("certificate")
    except CloudUnreachable as error:
        log.info("the cloud cannot be asked about the certificate: %s", error)
        return HOURLY_S
    except CloudRefused as error:
        log.warning("the cloud does not renew the certificate of %s: %s", identity.name, error)
        return HOURLY_S
    if not isinstance(certificate, str):
        log.warning(
            "the certificate has run out; somebody must agree: pistegate-cloud gate approve (%s)", identity.name
        )
        return HOURLY_S
    try:
        if keep_certificate(identity, certificate):
            log.info("the certificate was renewed")
    except (IdentityError, OSError) as error:
        log.warning("the renewed certificate cannot be kept: %s", error)
        return HOURLY_S
    return DAILY_S


class Renewer:
    """The thread; `start` and `stop` once each."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewer", daemon=True)

    def start(self) -> None:
        """Ask in a while."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a question under way is not waited for longer than STOP_S."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        wait = random.uniform(*FIRST_S)  # spreading is no rule of passage and needs no reproducible randomness
        while not self._over.wait(wait):
            try:
                current = load_identity(self._identity.directory) or self._identity
                wait = renew_once(current, self._clock.wall_ms())
            except IdentityError as error:
                log.warning("%s", error)
                wait = HOURLY_S
