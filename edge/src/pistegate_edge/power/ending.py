# SPDX-License-Identifier: Apache-2.0
"""The computer is shut down, after everything of the gate is closed."""

import logging
import subprocess

log = logging.getLogger(__name__)

EXIT_BATTERY = 4
"""Exit status of a gate that ended for its battery; systemd must not start it again (RestartPreventExitStatus=4)."""
COMMAND_WAIT_S = 10.0  # `systemctl poweroff` returns within a second; a command that hangs is left alone


def shut_down(command: tuple[str, ...]) -> "subprocess.Popen[bytes] | None":
    """Run `command`; what goes wrong is logged, nobody could mend it now. An empty one: somebody else does it.

    Answers the process if it goes on.
    """
    if not command:
        log.info("battery low: the gate has ended; the computer is left to whoever watches the UPS")
        return None
    log.info("battery low: %s", " ".join(command))
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        status = process.wait(COMMAND_WAIT_S)
    except subprocess.TimeoutExpired:
        log.warning("%s goes on after %.0f s; the gate ends without waiting for it", command[0], COMMAND_WAIT_S)
        return process
    except OSError as error:
        log.error("%s: %s; correct [power] shutdown", command[0], error)
    else:
        if status:
            log.error("%s: exit status %d; may this user shut the computer down?", command[0], status)
    return None
