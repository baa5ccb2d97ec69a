"""One family of errors. Each is a sentence, in Swedish, for the person who must act on it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class KampanjhjulError(Exception):
    """Något gick fel."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or "")

    @property
    def message(self) -> str:
        return str(self.args[0])


class RuleError(KampanjhjulError):
    """En datumregel går inte att använda."""


class TemplateError(KampanjhjulError):
    """En mall går inte att använda."""


class NotFoundError(KampanjhjulError):
    """Det som söktes finns inte."""


class RefusedError(KampanjhjulError):
    """Det går inte att göra nu."""


class DatabaseError(KampanjhjulError):
    """Databasen svarar inte."""


@dataclass(frozen=True, order=True)
class Problem:
    """One fault in the configuration: where it stands and what to do."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class ConfigurationError(KampanjhjulError):
    """Inställningarna har fel."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


_COMMAND = re.compile(
    r"\.?(,? (och skriv|först med|med|Se alla med))?: kampanjhjul .*$|, till exempel --as .*$", re.DOTALL
)


def without_command(sentence: str) -> str:
    """A sentence for somebody who has pages, without the command that does the same."""
    return _COMMAND.sub(".", sentence)


def suggestion(name: str, valid: Iterable[str]) -> str:
    """The tail of an error about an unknown name: the nearest valid one, else all of them."""
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"Menade du ”{near[0]}”?"
    return f"Giltiga är: {', '.join(names)}." if names else "Det finns inga att välja på."
