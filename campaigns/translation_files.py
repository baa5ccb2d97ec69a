"""Translations that are files: which Swedish files each one says that it was made for, and which it stands beside.

The header of such a file names them by the SHA-256 of all that stands in them: `translates = ["…"]`. A file that names
none, or another text than the one beside it, does not hold: somebody must read it and vouch for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from campaigns.content import SWEDISH, parse_source
from campaigns.content.source import FENCE
from campaigns.errors import NotFoundError, RefusedError, TemplateError, suggestion
from campaigns.translations import digest

_SAID = re.compile(r"^translates\s*=\s*\[[^\]]*\][^\n]*\n", re.MULTILINE)


@dataclass(frozen=True)
class TranslationFile:
    """A translation by its path under `messages`, and the Swedish files that it stands for.

    `originals` are their SHA-256 as they are now, by name, and `said` those that it names. `fault` is why it cannot be
    read.
    """

    name: str
    language: str
    digest: str
    originals: Mapping[str, str]
    said: tuple[str, ...]
    fault: str = ""

    @property
    def is_current(self) -> bool:
        return not self.fault and set(self.originals.values()) <= set(self.said)


def translation_files(messages: Path, languages: Collection[str]) -> list[TranslationFile]:
    """The translations into any of `languages` that have a Swedish file beside them, by name."""
    found = []
    for path in sorted(messages.glob("*/*.md")):
        language = path.stem.rpartition(".")[2]
        if language == SWEDISH or language not in languages or path.stem.count(".") < 2:
            continue
        originals = {
            _name(messages, item): digest(_text(messages, item)) for item in _stands_for(path, language, languages)
        }
        if originals:
            found.append(_shown(messages, path, language, originals))
    return found


def vouch(messages: Path, languages: Collection[str], names: Iterable[str]) -> None:
    """Write in the files that they hold for the Swedish texts as these are now, which whoever asks has read.

    Raises NotFoundError for what is no translation, RefusedError for one that cannot be read or written.
    """
    known = {item.name: item for item in translation_files(messages, languages)}
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise NotFoundError(
                f"”{name}” är ingen översättning med en svensk fil bredvid. {suggestion(name, known)}".strip()
            )
        if known[name].fault:
            raise RefusedError(known[name].fault)
    for name in wanted:
        path = messages / name
        try:
            path.write_text(_vouched(_text(messages, path), known[name].originals.values()), encoding="utf-8")
        except OSError as error:
            raise RefusedError(f"Det gick inte att skriva {name}: {error.strerror}.") from error


def _vouched(text: str, originals: Iterable[str]) -> str:
    """The file's text with the line that names the originals, just before the header's end."""
    opening, header, rest = text.split(FENCE, 2)
    said = ", ".join(f'"{item}"' for item in dict.fromkeys(originals))
    return f"{opening}{FENCE}{_SAID.sub('', header)}translates = [{said}]\n{FENCE}{rest}"


def _stands_for(path: Path, language: str, languages: Collection[str]) -> Iterator[Path]:
    """The Swedish files that a post may use together with this translation: as `find_source` looks for them."""
    stem = path.stem.removesuffix(f".{language}")
    same, common = path.with_name(f"{stem}.md"), ".".join(stem.split(".")[:2])
    if same.exists():
        yield same
    elif stem != common and path.with_name(f"{common}.md").exists():
        yield path.with_name(f"{common}.md")
    if stem == common:
        for other in sorted(path.parent.glob(f"{stem}.*.md")):
            channel = other.stem.removeprefix(f"{stem}.")
            # A file in another language is no Swedish file of a channel, and a channel with both has its own pair.
            is_swedish = "." not in channel and channel not in languages
            if is_swedish and not path.with_name(f"{stem}.{channel}.{language}.md").exists():
                yield other


def _shown(messages: Path, path: Path, language: str, originals: Mapping[str, str]) -> TranslationFile:
    name = _name(messages, path)
    try:
        text = _text(messages, path)
        said = parse_source(text, name=name).translates
    except TemplateError as error:
        return TranslationFile(name, language, "", originals, (), error.message)
    return TranslationFile(name, language, digest(text), originals, said)


def _name(messages: Path, path: Path) -> str:
    return path.relative_to(messages).as_posix()


def _text(messages: Path, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{_name(messages, path)}: filen går inte att läsa. Spara den som UTF-8.") from error
