# SPDX-License-Identifier: Apache-2.0
"""The subset of Python that the lane core and the lane board's firmware are written in, checked on the syntax tree.

MicroPython refuses most of this itself, but only when a line runs, on the board; some it takes and does differently.
Every entry of SAMPLES is such a thing, and a test shows that MicroPython 1.27 does not do it.
"""

import ast
from collections.abc import Iterator

# What a Pico has, and the core's own package. functools, itertools, abc and logging are in the WebAssembly build only.
IMPORTS = frozenset(
    (
        *("array", "asyncio", "binascii", "collections", "errno", "gc", "hashlib", "hmac", "io", "json", "machine"),
        *("math", "micropython", "os", "random", "re", "rp2", "select", "struct", "sys", "time", "uctypes"),
    )
)
OWN = ("pistegate_edge.lane.core", "lane_board")

ATTRIBUTES = frozenset(
    (
        *("bit_count", "bit_length", "capitalize", "casefold", "expandtabs", "format_map", "isalnum", "isascii"),
        *("isdecimal", "isidentifier", "isprintable", "istitle", "ljust", "maketrans", "removeprefix", "removesuffix"),
        *("rjust", "swapcase", "title", "translate", "zfill", "_replace", "Queue", "TaskGroup", "timeout"),
        *("monotonic", "monotonic_ns", "perf_counter", "__annotations__", "__cause__", "__context__", "__doc__"),
    )
)
NAMES = frozenset(("ConnectionError", "ExceptionGroup", "TimeoutError", "breakpoint", "vars"))
KEYWORDS = {
    "dumps": {"indent", "sort_keys", "ensure_ascii", "default"},
    "encode": {"encoding", "errors"},
    "decode": {"encoding", "errors"},
    "from_bytes": {"byteorder", "bytes", "signed"},
    "print": {"flush", "file"},
    "to_bytes": {"byteorder", "length", "signed"},
    "zip": {"strict"},
}
TYPES = frozenset(
    ("bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple", "type")
)
INT_BITS = 30  # a small integer of a 32-bit board has 31 with its sign; larger ones are allocated


def problems(source: str) -> list[tuple[int, str]]:
    """(line, what) of each thing that is outside the subset, in order of lines."""
    tree = _WithoutTypes().visit(ast.parse(source))
    annotations = set(_annotation_nodes(tree))
    found = set()
    for node in ast.walk(tree):
        for check in (_syntax, _imports, _use, _calls, _constants):
            found.update((node.lineno, what) for what in check(node))  # type: ignore[attr-defined]
        if id(node) not in annotations:
            found.update((node.lineno, what) for what in _types_at_run_time(node))  # type: ignore[attr-defined]
    return sorted(found)


class _WithoutTypes(ast.NodeTransformer):
    """Drops `if TYPE_CHECKING:` of a module that sets TYPE_CHECKING = False itself: no board comes by there."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        self.generic_visit(node)
        return node


def _annotation_nodes(tree: ast.AST) -> Iterator[int]:
    """Everything inside annotations: legal there, never evaluated."""
    for node in ast.walk(tree):
        roots = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for root in roots:
            if isinstance(root, ast.AST):
                yield from (id(inner) for inner in ast.walk(root))


def _syntax(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Match):
        yield "match statement"
    elif isinstance(node, ast.TryStar):
        yield "except*"
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        if node.args.posonlyargs:
            yield "positional-only parameters (/)"
        if getattr(node, "name", "") == "__init_subclass__":
            yield "__init_subclass__ is never called"
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        if not isinstance(getattr(node, "ctx", None), ast.Store) and any(
            isinstance(item, ast.Starred) for item in node.elts
        ):
            yield "* inside a display"
    elif isinstance(node, ast.Dict) and None in node.keys:
        yield "** inside a display"
    elif isinstance(node, ast.ClassDef):
        yield from _class(node)
    elif isinstance(node, ast.Delete):
        if any(isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) for target in node.targets):
            yield "del of a slice (a bytearray has none)"
    elif isinstance(node, ast.Raise) and node.cause is not None:
        yield "raise ... from: there is no __cause__"


def _class(node: ast.ClassDef) -> Iterator[str]:
    if node.keywords:
        yield "class keywords (metaclass=)"
    for line in node.body:
        if isinstance(line, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__slots__" for t in line.targets):
            yield "__slots__ is not enforced"


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            yield "relative import"
        names = [node.module or ""]
    else:
        return
    for name in names:
        if name not in IMPORTS and not any((name + ".").startswith(own + ".") for own in OWN):
            yield f"import of {name}"


def _use(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
        yield f".{node.attr}"
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield node.id


def _calls(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
    for keyword in node.keywords:
        if keyword.arg in KEYWORDS.get(name, ()):
            yield f"{name}({keyword.arg}=)"
    if name == "deque" and len(node.args) < 2:
        yield "deque without maxlen"


def _constants(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, str) and "(?P<" in node.value:
        yield "named group"
    if isinstance(node.value, int) and node.value >= 1 << INT_BITS:
        yield f"integer of more than {INT_BITS} bits"


def _types_at_run_time(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in TYPES:
        yield f"{node.value.id}[...] at run time"
    elif (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and (_is_type(node.left) or _is_type(node.right))
    ):
        yield "union of types at run time"


def _is_type(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id in TYPES) or (isinstance(node, ast.Constant) and node.value is None)


# What the checker names -> a program that needs it; each runs on CPython, none on MicroPython 1.27 as it does there.
SAMPLES = {
    "match statement": "match 1:\n    case 1:\n        pass",
    "except*": "try:\n    pass\nexcept* ValueError:\n    pass",
    "positional-only parameters (/)": "def f(a, /):\n    pass",
    "__init_subclass__ is never called": (
        "class A:\n    def __init_subclass__(cls):\n        cls.z = 1\nclass B(A):\n    pass\nassert B.z"
    ),
    "* inside a display": "a = [1]\nb = [*a]",
    "** inside a display": "a = {}\nb = {**a}",
    "class keywords (metaclass=)": "class A(metaclass=type):\n    pass",
    "del of a slice (a bytearray has none)": "a = bytearray(3)\ndel a[:1]",
    "raise ... from: there is no __cause__": (
        "try:\n    raise ValueError() from KeyError()\n"
        "except ValueError as error:\n    assert getattr(error, '__cause__')"
    ),
    "__slots__ is not enforced": (
        "class A:\n    __slots__ = ('a',)\n"
        "try:\n    A().b = 1\nexcept AttributeError:\n    pass\nelse:\n    assert False"
    ),
    "import of typing": "import typing",
    "import of enum": "import enum",
    "import of dataclasses": "import dataclasses",
    "import of contextlib": "import contextlib",
    "import of __future__": "from __future__ import annotations",
    "import of collections.abc": "from collections.abc import Iterator",
    ".bit_length": "(1).bit_length()",
    ".removeprefix": "'ab'.removeprefix('a')",
    ".zfill": "'1'.zfill(3)",
    ".ljust": "'1'.ljust(3)",
    ".monotonic": "import time\ntime.monotonic()",
    "._replace": "from collections import namedtuple\nnamedtuple('T', 'a')(1)._replace(a=2)",
    ".__doc__": "def f():\n    pass\nf.__doc__",
    "TimeoutError": "TimeoutError",
    "dumps(indent=)": "import json\njson.dumps({}, indent=1)",
    "dumps(sort_keys=)": "import json\njson.dumps({}, sort_keys=True)",
    "print(flush=)": "print('', end='', flush=True)",
    "zip(strict=)": "zip([1], [2], strict=True)",
    "from_bytes(byteorder=)": "int.from_bytes(b'a', byteorder='big')",
    "to_bytes(signed=)": "(1).to_bytes(2, 'big', signed=True)",
    "decode(errors=)": "b'a'.decode('utf-8', errors='strict')",
    "deque without maxlen": "from collections import deque\ndeque()",
    "named group": "import re\nre.match('(?P<a>b)', 'b').group('a')",
    "list[...] at run time": "a = list[int]",
    "union of types at run time": "isinstance(1, int | str)",
}
