# SPDX-License-Identifier: Apache-2.0
"""How long a DESFire computes on each command. All estimates, none measured on hardware.

Facts reckon about 21 ms of AES and EEPROM for a gate's seven exchanges: select, EV2First in two parts, read 32,
write 32, write record 16, commit. These figures sum to that; what they say of single commands is a guess in
proportion: key agreement and EEPROM cost more than a MAC.
"""

COMMAND_S = {
    0x5A: 0.001,  # SelectApplication
    0xAA: 0.003,  # first part of an authentication: draw RndB, encipher it
    0x71: 0.003,
    0x77: 0.003,
    0xBD: 0.002,  # reads: one MAC over the command, one over the answer
    0xAD: 0.002,
    0xBB: 0.002,
    0xAB: 0.002,
    0x6C: 0.002,
    0xF5: 0.002,
    0x3D: 0.0025,  # writes to the backup copy
    0x8D: 0.0025,
    0x3B: 0.0025,
    0x8B: 0.0025,
    0xDC: 0.0025,
    0x0C: 0.0025,
    0x1C: 0.0025,
    0xC7: 0.005,  # CommitTransaction: EEPROM, and the TransactionMAC
    0xC4: 0.006,  # ChangeKey
    0xC6: 0.006,
    0xCA: 0.010,  # creating and deleting
    0xDA: 0.010,
    0xCD: 0.006,
    0xCB: 0.006,
    0xCC: 0.006,
    0xC0: 0.006,
    0xC1: 0.006,
    0xCE: 0.006,
    0xDF: 0.006,
    0xFC: 0.020,
    0x56: 0.006,  # key sets
    0x57: 0.004,
    0x55: 0.004,
}
PROOF_S = 0.005  # second part of an authentication: verify, session keys, proof
OTHER_S = 0.002
FRAME_S = 0.0005  # the next frame of a chained answer


def command_s(command: int, *, proving: bool, chained: bool) -> float:
    """Seconds for one command; AF ends an authentication (`proving`), or goes on with a chain."""
    if command == 0xAF:
        return PROOF_S if proving else (FRAME_S if chained else OTHER_S)
    return COMMAND_S.get(command, OTHER_S)
