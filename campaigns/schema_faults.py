"""What pydantic finds wrong in a configuration file, as Swedish sentences with file and key.

Only names and ids are repeated: any other value may be a secret that was written in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from campaigns.errors import Problem, suggestion
from campaigns.schema import CODE, FACT_ID, ID, LANGUAGE

_DATE = "ska vara ett datum utan klockslag och citattecken, till exempel 2027-06-11"
_TIME = "ska vara ett klockslag utan citattecken, till exempel 16:30:00"
_MESSAGES = {
    "missing": "saknas och måste finnas",
    "string_type": "ska vara en text inom citattecken",
    "int_type": "ska vara ett heltal utan citattecken",
    "bool_type": "ska vara true eller false, utan citattecken",
    "list_type": "ska vara en lista inom hakparenteser",
    "dict_type": "ska vara en tabell",
    "model_type": "ska vara en tabell",
    "date_type": _DATE,
    "time_type": _TIME,
    "too_short": "får inte vara tom",
    "string_too_short": "får inte vara tom",
    "string_too_long": "är för lång: högst {max_length} tecken",
    "greater_than_equal": "får inte vara mindre än {ge}",
    "less_than_equal": "får inte vara större än {le}",
}
SHAPES = {
    ID: "får bara ha små bokstäver a–z, siffror och enkla bindestreck",
    FACT_ID: "får bara ha små bokstäver a–z, siffror och understreck, och ska börja med en bokstav",
    LANGUAGE: "ska vara en språkkod med två eller tre små bokstäver, till exempel ”sv”",
    CODE: "ska vara en kommunkod med fyra siffror inom citattecken, till exempel ”0604”",
}


def problems_of(
    error: ValidationError, *, file: str, model: type[BaseModel], value: object, at: str = ""
) -> Iterable[Problem]:
    """Each fault that pydantic found in `value`, as a sentence with file and key."""
    for fault in error.errors():
        yield Problem(file, ".".join(_names_on_the_way(fault["loc"], value, at)), _sentence(fault, model))


def _names_on_the_way(path: tuple[int | str, ...], value: object, at: str) -> Iterable[str]:
    """The path to a fault in words: an entry of a list is named by its id, else counted from 1 as people do."""
    if at:
        yield at
    for part in path:
        if isinstance(part, str):
            value = value.get(part) if isinstance(value, dict) else None
            if part != "[key]":
                yield part
        else:
            value = value[part] if isinstance(value, list) else None
            if isinstance(value, dict):
                yield str(value.get("id") or value.get("kind") or value.get("role") or part + 1)


def _sentence(fault: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        names = _fields_at(model, [part for part in fault["loc"][:-1] if isinstance(part, str)])
        return f"nyckeln finns inte. {suggestion(str(fault['loc'][-1]), names)}"
    if kind in ("enum", "literal_error"):
        return (
            f"”{fault['input']}” går inte. {suggestion(str(fault['input']), re.findall(_QUOTED, context['expected']))}"
        )
    if kind == "string_pattern_mismatch":
        return f"”{fault['input']}” {SHAPES[context['pattern']]}"
    return _MESSAGES[kind].format(**context) if kind in _MESSAGES else fault["msg"]


_QUOTED = "'([^']*)'"


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """The field names of the table that `path` leads to; best effort, for the nearest-name hint."""
    current: type[BaseModel] = model
    for part in path:
        found = current.model_fields.get(part)
        inner = _table_in(found.annotation) if found else None
        if inner is not None:
            current = inner
    return sorted(current.model_fields)


def _table_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _table_in(argument)
        if found is not None:
            return found
    return None
