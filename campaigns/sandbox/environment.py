"""Templates written by people, rendered within bounds: what a template may do is listed, everything else is refused.

A template is checked when it is compiled: its size, then its syntax tree against an allow-list (no calls, no
assignments, no arithmetic that grows, only size-checked filters). What a check cannot know beforehand is bounded while
rendering: the turns of all loops together, and the length of the output. Only plain data goes in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from campaigns.errors import TemplateError, suggestion
from campaigns.sandbox.checks import TESTS, Tree, check_size
from campaigns.sandbox.filters import FILTERS, MAX_TURNS, Refusal, paid_turns, shown

MAX_OUTPUT = 20_000  # characters in the result

LOOP_PARTS = frozenset({"index", "index0", "revindex", "first", "last", "length"})
_TURNS = "_turns"


class _Missing(StrictUndefined):
    """A name or a part that is not there, told in Swedish."""

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if isinstance(self._undefined_obj, dict):
            return f"”{name}” finns inte. {suggestion(str(name), map(str, self._undefined_obj))}"
        return f"platshållaren ”{name}” finns inte."


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja without its reach into objects: a dot or a bracket finds keys of dicts and places in lists only."""

    intercepted_binops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if type(obj) is LoopContext and attribute in LOOP_PARTS:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            str(obj)
        raise Refusal(f"”.{attribute}” går inte att läsa: värdet har inga delar med namn.")

    def getitem(self, obj: Any, argument: Any) -> Any:
        if type(obj) in (list, tuple) and type(argument) is int:
            return obj[argument] if -len(obj) <= argument < len(obj) else self.undefined(name=str(argument))
        return self.getattr(obj, str(argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's own
        if type(left) is not int or type(right) is not int:
            raise Refusal(f"”{operator}” räknar bara med heltal. Skriv texterna efter varandra i stället.")
        return left + right if operator == "+" else left - right


def _environment() -> _Environment:
    made = _Environment(
        undefined=_Missing,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        cache_size=0,
        optimized=False,  # nothing of a template runs while it is compiled, as far as Jinja can help it
    )
    made.globals.clear()
    made.filters = {**FILTERS, _TURNS: paid_turns}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


_ENVIRONMENT = _environment()


class BoundedTemplate:
    """A checked template, ready to render any number of times, in any thread.

    `placeholders` are the names it uses, `attributes` their parts (`fakta.nodnummer` is ("fakta", "nodnummer")), and
    `whole` the names that it uses otherwise than by such a part.
    """

    __slots__ = (
        "_blocks",
        "_first_line",
        "_lines",
        "_root",
        "_template",
        "attributes",
        "name",
        "placeholders",
        "whole",
    )

    def __init__(self, name: str, template: Template, tree: Tree, *, first_line: int) -> None:
        self.name = name
        self.placeholders = frozenset(tree.names)
        self.attributes = frozenset(tree.paths)
        self.whole = frozenset(tree.whole)
        self._lines = tree.names
        self._first_line = first_line
        self._template = template
        self._root = template.root_render_func

    def line_of(self, placeholder: str) -> int:
        """The line where the placeholder is first used."""
        return self._lines.get(placeholder, 1) + self._first_line - 1

    def render(self, context: Mapping[str, object]) -> str:
        """The text. Raises TemplateError if a placeholder is missing or a bound is passed."""
        values = {name: value if type(value) in _SCALARS else plain_data(value) for name, value in context.items()}
        values[_TURNS] = [MAX_TURNS]
        pieces: list[str] = []
        add, size = pieces.append, 0
        try:
            for piece in self._root(Context(_ENVIRONMENT, values, None, {})):
                size += len(piece)
                if size > MAX_OUTPUT:
                    self._fail(f"texten blir längre än {MAX_OUTPUT} tecken. Korta den.", None)
                add(piece)
        except Refusal as error:
            self._fail(str(error), error)
        except UndefinedError as error:
            missing = [name for name in self.placeholders - context.keys() if f"”{name}”" in str(error)]
            hint = f" {suggestion(missing[0], context)}" if missing else ""
            self._fail(f"{error.message}{hint}", error)
        except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
            self._fail("går inte att räkna ut: kontrollera att värdena passar ihop.", error)
        return "".join(pieces)

    def _fail(self, sentence: str, error: Exception | None) -> NoReturn:
        line, trace = 0, error.__traceback__ if error else None
        while trace:
            if trace.tb_frame.f_code.co_filename == _FILE:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        where = f", rad {line + self._first_line - 1}" if line else ""
        raise TemplateError(f"{self.name}{where}: {sentence}") from error


_FILE = "<mall>"
_SCALARS = frozenset({str, int, bool, float, type(None), date})


def plain_data(value: object) -> object:
    """A copy in plain dicts, lists and scalars. Raises TypeError for anything that has behaviour."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Mapping):
        return {str(key): item if type(item) in _SCALARS else plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not plain data and may not go into a template")


def compile_template(source: str, *, name: str, first_line: int = 1) -> BoundedTemplate:
    """The template, checked; kept by its content. `first_line` is where `source` begins in its file.

    Raises TemplateError: a sentence with the name, the line and what to do.
    """
    return _compiled(source, name, first_line)


@lru_cache(maxsize=1024)
def _compiled(source: str, name: str, first_line: int) -> BoundedTemplate:
    try:
        check_size(source)
        syntax = _ENVIRONMENT.parse(source)
        tree = Tree(syntax)
        for loop in tree.loops:
            paid = nodes.Filter(loop.iter, _TURNS, [nodes.Name(_TURNS, "load")], [], None, None, lineno=loop.lineno)
            loop.iter = paid.set_environment(_ENVIRONMENT)
        code = _ENVIRONMENT.compile(syntax, filename=_FILE)
    except Refusal as error:
        raise TemplateError(f"{name}, {_moved(str(error), first_line)}") from None
    except TemplateSyntaxError as error:
        raise TemplateError(f"{name}, rad {error.lineno + first_line - 1}: {_in_swedish(error)}") from error
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError) as error:
        raise TemplateError(f"{name}: mallkoden är för invecklad. Förenkla den.") from error
    return BoundedTemplate(name, Template.from_code(_ENVIRONMENT, code, {}), tree, first_line=first_line)


def _moved(sentence: str, first_line: int) -> str:
    """The sentence with its ”rad N” counted from the file's first line."""
    return re.sub(r"^rad (\d+)", lambda found: f"rad {int(found[1]) + first_line - 1}", sentence)


def _in_swedish(error: TemplateSyntaxError) -> str:
    message = error.message or ""
    unknown = re.search(r"unknown tag '(\w+)'", message)
    if unknown and unknown[1].startswith(("end", "else", "elif")):
        return f"”{unknown[1]}” har ingen början."
    if unknown:
        return f"taggen ”{unknown[1]}” finns inte. {suggestion(unknown[1], ['if', 'elif', 'else', 'for'])}"
    if "end of template" in message:
        return "ett if eller for stängs aldrig: skriv {% endif %} eller {% endfor %}."
    return f"mallkoden går inte att tolka. Kontrollera stavning, citattecken och parenteser ({message})"
