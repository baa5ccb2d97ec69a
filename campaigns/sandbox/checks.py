"""What a template may hold, checked before any of it runs: its size, then its syntax tree against an allow-list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jinja2 import nodes

from campaigns.errors import suggestion
from campaigns.sandbox.filters import FILTERS, Refusal

MAX_SOURCE = 50_000  # characters in a template
MAX_CODE = 8_000  # of them inside {{ }} and {% %}
MAX_TAG, MAX_TAGS = 1_000, 200  # characters in one tag, and tags
MAX_DEPTH = 40  # levels in the syntax tree
MAX_FILTERS = 100  # uses of filters
MAX_NUMBER = 1_000_000

TESTS = ("defined", "undefined", "none", "equalto", "==", "eq", "ne", "!=", "lt", "<", "le", "gt", ">", "ge", "in")
_RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs"})

# The size of a template, before anything parses it. The pattern reads tags as Jinja does, without nested braces.
_STRINGS = r"""|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'"""
_OPENING = re.compile(r"\{[{%#]")
_PRINT = rf"""\{{\{{(?:[^"'{{}}]++{_STRINGS})*+\}}\}}"""
_STATEMENT = rf"""\{{%(?:[^"'{{}}%]++|%(?!\}}){_STRINGS})*+%\}}"""
_TAG = re.compile(rf"{_PRINT}|{_STATEMENT}|\{{\#.*?\#\}}", re.DOTALL)
_RAW = re.compile(r"\{%[-+]?\s*raw\b")


def check_size(source: str) -> None:
    if len(source) > MAX_SOURCE:
        raise Refusal(f"mallen är {len(source)} tecken lång, högst {MAX_SOURCE} går. Korta den.")
    position = tags = code = 0
    while opening := _OPENING.search(source, position):
        tag = _TAG.match(source, opening.start())
        where = source.count("\n", 0, opening.start()) + 1
        if tag is None:
            raise Refusal(f"rad {where}: taggen som börjar med {opening[0]} stängs inte, eller har {{ eller }} i sig.")
        position = tag.end()
        if opening[0] == "{#":
            continue
        tags, code = tags + 1, code + len(tag[0])
        if _RAW.match(tag[0]):
            raise Refusal(f"rad {where}: raw får inte användas.")
        if len(tag[0]) > MAX_TAG or tags > MAX_TAGS or code > MAX_CODE:
            raise Refusal(f"rad {where}: för mycket mallkod. Skriv mer vanlig text och färre eller kortare taggar.")


# The syntax tree against the allow-list.
_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Compare, nodes.Operand, nodes.And, nodes.Or),
    *(nodes.Not, nodes.Add, nodes.Sub, nodes.Neg, nodes.List, nodes.Tuple),
)
_FORBIDDEN = {
    "Call": "anrop med ( )",
    "Assign": "set",
    "AssignBlock": "set",
    "NSRef": "set",
    "Macro": "macro",
    "CallBlock": "call",
    "Include": "include",
    "Import": "import",
    "FromImport": "import",
    "Extends": "extends",
    "Block": "block",
    "With": "with",
    "FilterBlock": "filter som block",
    "Mul": "multiplikation",
    "Pow": "upphöjt till",
    "Mod": "%",
    "Concat": "~",
    "Dict": "tabeller med { }",
    "Slice": "delar med kolon",
}


class Tree:
    """One walk over a syntax tree: what it uses, and that it uses nothing else."""

    def __init__(self, tree: nodes.Template) -> None:
        self.names: dict[str, int] = {}
        self.paths: set[tuple[str, ...]] = set()
        self.whole: set[str] = set()
        self.bases: set[int] = set()
        self.loops: list[nodes.For] = []
        self.filters = 0
        own = {"loop"}
        waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
        while waiting:
            node, depth = waiting.pop()
            line = node.lineno
            if depth > MAX_DEPTH:
                raise Refusal(f"rad {line}: mallkoden är för djupt nästlad. Dela upp den.")
            check = _CHECKS.get(type(node))
            if check is not None:
                try:
                    check(self, node)
                except Refusal as refusal:
                    raise Refusal(f"rad {line}: {refusal}") from None
            elif type(node) not in _PLAIN:
                kind = type(node).__name__
                raise Refusal(f"rad {line}: {_FORBIDDEN.get(kind, kind.lower())} får inte användas i en mall.")
            waiting.extend((child, depth + 1) for child in node.iter_child_nodes())
        own.update(loop.target.name for loop in self.loops if isinstance(loop.target, nodes.Name))
        self.names = {name: self.names[name] for name in sorted(self.names) if name not in own}

    def name(self, node: nodes.Name) -> None:
        if node.name.startswith("_") or node.name in _RESERVED:
            raise Refusal(f"namnet ”{node.name}” får inte användas.")
        if node.ctx == "load":
            self.names[node.name] = min(node.lineno, self.names.get(node.name, node.lineno))
            if id(node) not in self.bases:
                self.whole.add(node.name)

    def number(self, node: nodes.Const) -> None:
        if not isinstance(node.value, (str, bool, type(None))) and not (
            isinstance(node.value, int) and abs(node.value) <= MAX_NUMBER
        ):
            raise Refusal(f"bara heltal upp till {MAX_NUMBER} får användas.")

    def part(self, node: nodes.Getattr | nodes.Getitem) -> None:
        name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        if not isinstance(name, (str, int)) or str(name).startswith("_"):
            raise Refusal(f"delen ”{name}” får inte läsas." if name else "delen inom [ ] ska vara ett namn eller tal.")
        if isinstance(node.node, nodes.Name):
            self.paths.add((node.node.name, str(name)))
            self.bases.add(id(node.node))

    def filter(self, node: nodes.Filter) -> None:
        self.filters += 1
        if node.node is None or node.dyn_args or node.dyn_kwargs or self.filters > MAX_FILTERS:
            raise Refusal(f"högst {MAX_FILTERS} filter, utan stjärnor, får användas.")
        if node.name not in FILTERS:
            raise Refusal(f"filtret ”{node.name}” finns inte. {suggestion(node.name, FILTERS)}")

    def test(self, node: nodes.Test) -> None:
        if node.dyn_args or node.dyn_kwargs or node.name not in TESTS:
            raise Refusal(f"testet ”{node.name}” finns inte. {suggestion(node.name, TESTS)}")

    def choice(self, node: nodes.CondExpr) -> None:
        if node.expr2 is None:
            raise Refusal("if inne i {{ }} behöver också ett else.")

    def loop(self, node: nodes.For) -> None:
        if node.recursive or not isinstance(node.target, nodes.Name):
            raise Refusal("en slinga skrivs {% for namn in lista %}.")
        self.loops.append(node)

    def keyword(self, node: nodes.Keyword) -> None:
        raise Refusal(f"skriv värdet utan ”{node.key}=”.")


_CHECKS: dict[type[nodes.Node], Callable[[Tree, Any], None]] = {
    nodes.Name: Tree.name,
    nodes.Const: Tree.number,
    nodes.Getattr: Tree.part,
    nodes.Getitem: Tree.part,
    nodes.Filter: Tree.filter,
    nodes.Test: Tree.test,
    nodes.CondExpr: Tree.choice,
    nodes.For: Tree.loop,
    nodes.Keyword: Tree.keyword,
}
