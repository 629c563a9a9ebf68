# SPDX-License-Identifier: Apache-2.0
"""Sealed templates on their way from a desk to gates: a file with one JSON object in each line.

The file is sealed as the templates on a gate are: who finds it without the site's keys has nothing, and who has the
keys has a gate. It is deleted once every gate has it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pistegate_edge.fingers.errors import TemplateRefused
from pistegate_edge.fingers.sealing import TemplateKeys, open_template
from pistegate_edge.fingers.store import TemplateStore
from pistegate_protocol.fingers import HOLDER_BYTES

LINE_MAX = 32_768  # characters; a template of 8192 bytes in hex, and what is said of it


@dataclass(frozen=True, slots=True)
class Template:
    """One finger as it travels; `until_ms`: when its pass is over."""

    holder: bytes
    until_ms: int
    sealed: bytes = field(repr=False)

    def line(self) -> str:
        """As a line of the file."""
        return json.dumps({"holder": self.holder.hex(), "until_ms": self.until_ms, "sealed": self.sealed.hex()})


def read_templates(lines: Iterable[str]) -> Iterator[Template]:
    """What a file holds; TemplateRefused names the line that is none. More that a desk told is left alone."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line[:LINE_MAX])
            template = Template(bytes.fromhex(found["holder"]), int(found["until_ms"]), bytes.fromhex(found["sealed"]))
        except (ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}"
            raise TemplateRefused(
                f"line {number} is no template as `finger enrol` or `finger export` writes ({why})"
            ) from error
        if len(template.holder) != HOLDER_BYTES or not template.sealed:
            raise TemplateRefused(f"line {number}: no finger that the cloud has a consent for")
        yield template


def put_all(store: TemplateStore, templates: Iterable[Template], keys: TemplateKeys | None, now_ms: int) -> list[str]:
    """Hold them; a sentence for each that is not: withdrawn, over, somebody else's. `keys`: each is tried with them."""
    left_out = []
    for template in templates:
        try:
            if template.until_ms <= now_ms:
                raise TemplateRefused("its pass is over")
            if keys is not None:
                open_template(template.sealed, template.holder, keys)
            store.put(template.holder, template.sealed, template.until_ms)
        except ValueError as error:
            left_out.append(f"{template.holder.hex()}: {error}")
    return left_out
