# SPDX-License-Identifier: Apache-2.0
"""What a receiver set to one rate reads of bytes sent at another: the line's bits, sampled as a UART does."""


def received(data: bytes, sent_at: int, read_at: int) -> bytes:
    """8N1 at both ends; bytes whose stop bit reads low are kept, as Linux keeps them with framing errors ignored."""
    if sent_at == read_at:
        return data
    line = [level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(8)), 1)]
    found, at = [], 0.0  # in bits of the sender

    def level(moment: float) -> int:
        return line[int(moment)] if moment < len(line) else 1

    step = sent_at / read_at  # one bit of the receiver
    while at < len(line):
        if level(at):
            at += 0.05
            continue
        bits = [level(at + step * (number + 1.5)) for number in range(8)]
        found.append(sum(bit << number for number, bit in enumerate(bits)))
        at += 9.5 * step
        while at < len(line) and not level(at):
            at += 0.05  # a receiver waits for the line to rest before it looks for another start
    return bytes(found)
