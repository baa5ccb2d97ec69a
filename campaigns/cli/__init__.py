"""The command line: `kampanjhjul`. Parse, call one use case, show. Exit 0 done, 1 found faults, 2 wrong use."""

from __future__ import annotations

import gettext
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from campaigns.cli.parser import make_parser
from campaigns.errors import ConfigurationError, KampanjhjulError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _speak_swedish()
    parser = make_parser()
    given = parser.parse_args(arguments)
    module, function = given.run.split(":")
    try:
        return int(getattr(importlib.import_module(module), function)(given))
    except ConfigurationError as error:
        print("Inställningarna har fel:", file=sys.stderr)  # noqa: T201 - the command line speaks by printing
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    except KampanjhjulError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - as above
        return 1
    except BrokenPipeError:
        # The reader of our output has had enough (| head). Nothing to tell, and nobody to tell it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _speak_swedish() -> None:
    """argparse asks gettext for its own words; give it the Swedish ones, whatever the machine's language."""
    os.environ["LANGUAGE"] = "sv"
    gettext.bindtextdomain("kampanjhjul", str(Path(__file__).parent.parent / "locale"))
    gettext.textdomain("kampanjhjul")
