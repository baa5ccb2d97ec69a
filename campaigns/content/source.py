"""Template files, taken apart and found.

A file is Markdown with TOML between two lines of `+++`. The most specific file wins: for a channel and a language, for
a language, for a channel, and then the common one; but Swedish never stands in for another language.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from campaigns.content.message import SWEDISH
from campaigns.errors import NotFoundError, TemplateError, suggestion
from campaigns.sandbox import BoundedTemplate, compile_template

KEYS = ("title", "short", "link", "image", "alt")
LISTS = ("sources", "translates")
LONGEST_HEADER = 4_000  # characters between the +++, line breaks included
FENCE = "+++"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Source:
    """A template as it was written. `body_line` is the line of the file where the body begins, `text` all of it."""

    name: str
    title: str
    short: str
    body: str
    link: str = ""
    image: str = ""
    alt: str = ""
    sources: tuple[str, ...] = ()
    translates: tuple[str, ...] = ()  # SHA-256 of the Swedish files that a translation was made for
    body_line: int = 1
    text: str = field(default="", compare=False, repr=False)

    @cached_property
    def facts_used(self) -> frozenset[str]:
        """The ids of the facts that the text rests on: listed in `sources`, or shown with `fakta.x`."""
        shown = (path[1] for template in self.templates() for path in template.attributes if path[0] == "fakta")
        return frozenset((*self.sources, *shown))

    def templates(self) -> Iterable[BoundedTemplate]:
        """Every part, compiled. Raises TemplateError at the first that is wrong."""
        for key in KEYS:
            yield self.part(key)
        yield self.part("body")

    def part(self, key: str) -> BoundedTemplate:
        """One part, compiled. A fact must be shown by its name, or nobody would know that the text rests on it."""
        first_line = self.body_line if key == "body" else 1
        text: str = getattr(self, key)
        # Many parts are empty, and nothing in those can be wrong: one template is enough for them all.
        template = compile_template(text, name=self.part_name(key) if text else "", first_line=first_line)
        if "fakta" in template.whole:
            line = template.line_of("fakta")
            raise TemplateError(f"{template.name}, rad {line}: skriv {{{{ fakta.namn }}}}, aldrig bara fakta.")
        return template

    def part_name(self, key: str) -> str:
        """What errors call the part."""
        return self.name if key == "body" else f"{self.name}, ”{key}”"


def parse_source(text: str, *, name: str) -> Source:
    """A template's text, taken apart. Raises TemplateError with all that is wrong between the `+++`."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines[0].strip() != FENCE or FENCE not in [line.strip() for line in lines[1:]]:
        raise TemplateError(f"{name}: filen ska börja med en rad +++, sedan title och short, sedan en rad +++ till.")
    end = next(number for number, line in enumerate(lines[1:], 1) if line.strip() == FENCE)
    header = "\n".join(["", *lines[1:end]])
    if len(header) > LONGEST_HEADER:
        raise TemplateError(f"{name}: det som står mellan +++ är längre än {LONGEST_HEADER} tecken. Korta det.")
    try:
        table = tomllib.loads(header)
    except (ValueError, RecursionError) as error:  # also for brackets in brackets, and numbers of thousands of digits
        raise TemplateError(
            f'{name}: raderna mellan +++ går inte att läsa. Skriv till exempel title = "Text" på var sin rad ({error}).'
        ) from error
    problems = list(_problems(table))
    if problems:
        raise TemplateError("\n".join(f"{name}: {problem}" for problem in problems))
    start = end + 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    body = "\n".join(lines[start:]).rstrip()
    plain = {key: table.get(key, "").strip() for key in KEYS}
    sources, translates = (tuple(table.get(key, ())) for key in LISTS)
    return Source(name=name, body=body, sources=sources, translates=translates, body_line=start + 1, text=text, **plain)


def _problems(table: Mapping[str, object]) -> Iterable[str]:
    for key, value in table.items():
        if key not in (*KEYS, *LISTS):
            yield f"nyckeln ”{key}” finns inte. {suggestion(key, (*KEYS, *LISTS))}"
        elif key in KEYS and not isinstance(value, str):
            yield f"”{key}” ska vara en text inom citattecken."
    sources = table.get("sources", [])
    if not isinstance(sources, list) or not all(isinstance(item, str) for item in sources):
        yield '”sources” ska vara en lista med uppgifternas id, till exempel ["langning_straff"].'
    translates = table.get("translates", [])
    if not isinstance(translates, list) or not all(isinstance(item, str) for item in translates):
        yield "”translates” ska vara en lista med summor. Låt kampanjhjul translations vouch skriva den."
    for key in ("title", "short"):
        if table.get(key, "") == "":
            yield f'”{key}” saknas: skriv {key} = "…" mellan raderna +++.'


def find_source(
    directory: Path, campaign: str, step: str, audience: str, *, channel: str | None, language: str
) -> Source | None:
    """The most specific template in `language`, or None. Files are read again when they change.

    Without an audience it is a shared part without front matter, such as `footer.md` (campaign "", step "footer").
    Raises NotFoundError for names that no template can have, and TemplateError if the file is wrong.
    """
    for part in filter(None, (campaign, step, audience, channel, language)):
        if not _ID.fullmatch(part):
            raise NotFoundError(f"”{part}” kan inte vara en del av en mall: bara a–z, 0–9 och bindestreck.")
    stem = "/".join(filter(None, (campaign, ".".join(filter(None, (step, audience))))))
    tail = ".md" if language == SWEDISH else f".{language}.md"
    for name in (f"{stem}.{channel}{tail}", f"{stem}{tail}") if channel else (f"{stem}{tail}",):
        text = _read(directory / name, name=name)
        if text is not None:
            return _parsed(text, name, audience != "")
    return None


def _read(path: Path, *, name: str) -> str | None:
    try:
        state = path.stat()
        return _text_of(path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{name}: filen går inte att läsa. Spara den som UTF-8.") from error


@lru_cache(maxsize=2048)
def _text_of(path: Path, _mtime_ns: int, _size: int) -> str:
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=2048)
def _parsed(text: str, name: str, has_front_matter: bool) -> Source:  # noqa: FBT001 - keywords would split the cache
    return parse_source(text, name=name) if has_front_matter else Source(name, "", "", text.strip())
