"""A second wall, for text that nobody has saved: rendered in a process of its own with limits on time and memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from campaigns.errors import TemplateError
from campaigns.sandbox.environment import compile_template, plain_data


def render_in_subprocess(source: str, context: Mapping[str, object], *, seconds: int, megabytes: int) -> str:
    """The text of a template that nobody has saved, rendered in a process of its own with limits on time and memory.

    `seconds` of processor time and the double on the wall; `megabytes` of address space (Python itself takes 128).
    """
    request = {"source": source, "context": plain_data(context)}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and words; the template goes in as data
            [
                sys.executable,
                "-c",
                "from campaigns.sandbox.process import _answer; _answer()",
                f"{seconds}",
                f"{megabytes}",
            ],
            input=json.dumps(request, default=lambda day: {"$date": day.isoformat()}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=2 * seconds + 1,
            check=False,
            # Nothing of our own environment: it may hold secrets.
            env={"PYTHONPATH": str(Path(__file__).parent.parent.parent), "PYTHONIOENCODING": "utf-8"},
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise TemplateError("Förhandsvisningen tog för lång tid eller för mycket minne. Förenkla mallen.") from error
    if "error" in answer:
        raise TemplateError(answer["error"])
    return str(answer["text"])


def _answer() -> None:
    seconds, size = int(sys.argv[1]), int(sys.argv[2]) * 2**20
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    request = json.load(sys.stdin, object_hook=_dates)
    try:
        answer = {"text": compile_template(request["source"], name="Förhandsvisning").render(request["context"])}
    except TemplateError as error:
        answer = {"error": error.message}
    os.write(1, json.dumps(answer).encode())


def _dates(table: dict[str, Any]) -> Any:
    return date.fromisoformat(table["$date"]) if table.keys() == {"$date"} else table
