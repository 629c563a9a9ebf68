# SPDX-License-Identifier: Apache-2.0
"""Contacts: levels that must be steady before they are believed, and the edge of a PASS relay."""

CHATTER_EDGES = 8  # edges in a row too close to be persons; a relay's bounce is two to five


def sooner(one: int | None, other: int | None) -> int | None:
    """The earlier of two moments; None is never."""
    if one is None or (other is not None and other < one):
        return other
    return one


def left(now: int, moment: int | None) -> int | None:
    """Milliseconds until `moment`, for a snapshot; what is due is alike however late."""
    if moment is None:
        return None
    return moment - now if moment > now else 0


def since(now: int, moment: int | None, most: int) -> int | None:
    """Milliseconds since `moment`, for a snapshot; more than `most` is alike."""
    if moment is None:
        return None
    return now - moment if now - moment < most else most


def after(now: int, ms: int | None) -> int | None:
    """The moment `ms` from now, out of a snapshot (negative: before)."""
    return None if ms is None else now + ms


class Contacts:
    """Some bits of the input word; `word` follows a bit once it was steady for `ms`."""

    def __init__(self, bits: tuple[int, ...], ms: int) -> None:
        self.word = 0
        self.deadline: int | None = None
        self._bits = bits
        self._ms = ms
        self._since: list[int | None] = [None] * len(bits)
        self._mask = 0
        for bit in bits:
            self._mask |= bit

    def step(self, now: int, inputs: int) -> int:
        """The bits of `word` that changed."""
        unsteady = (inputs ^ self.word) & self._mask
        if not unsteady and self.deadline is None:
            return 0
        changed = 0
        self.deadline = None
        for index in range(len(self._bits)):
            bit = self._bits[index]
            if not unsteady & bit:
                self._since[index] = None
                continue
            begun = self._since[index]
            if begun is None:
                begun = self._since[index] = now
            if now - begun >= self._ms:
                changed |= bit
                self._since[index] = None
            else:
                self.deadline = sooner(self.deadline, begun + self._ms)
        self.word ^= changed
        return changed

    def snapshot(self, now: int) -> tuple[object, ...]:
        """Hashable, relative to `now`."""
        return (self.word, tuple([since(now, begun, self._ms) for begun in self._since]))

    def restore(self, now: int, told: tuple[object, ...]) -> None:
        """Back to a snapshot."""
        self.word, ages = told  # type: ignore[assignment]
        self.deadline = None
        for index in range(len(self._bits)):
            age: int | None = ages[index]  # type: ignore[index]
            self._since[index] = None if age is None else now - age
            if age is not None:
                self.deadline = sooner(self.deadline, now - age + self._ms)


class Edge:
    """The rise of one contact: it counts at once, if the contact was released for `ms` before.

    So neither the bounce of a closing relay nor that of an opening one is a second person; nor is a contact that is
    closed already at the first look.
    """

    def __init__(self, bit: int, ms: int, chatter: int = CHATTER_EDGES) -> None:
        self.chatter = False
        self._chatter_edges = chatter
        self._bit = bit
        self._ms = ms
        self._up: bool | None = None
        self._fell: int | None = None
        self._edges = 0

    def step(self, now: int, inputs: int) -> bool:
        """Whether a person is told; `chatter` is set when the contact has begun to chatter."""
        self.chatter = False
        up = bool(inputs & self._bit)
        if up == self._up:
            return False
        first = self._up is None
        self._up = up
        if first or not up:
            self._fell = None if first else now
            return False
        if self._fell is None or now - self._fell >= self._ms:
            self._edges = 0
            return True
        if self._edges < self._chatter_edges:
            self._edges += 1
            self.chatter = self._edges == self._chatter_edges
        return False

    def snapshot(self, now: int) -> tuple[object, ...]:
        """Hashable, relative to `now`."""
        age = since(now, self._fell, self._ms)
        return (self._up, None if age == self._ms else age, self._edges)

    def restore(self, now: int, told: tuple[object, ...]) -> None:
        """Back to a snapshot."""
        self._up, age, self._edges = told  # type: ignore[assignment]
        self._fell = None if age is None else now - age  # type: ignore[operator]
