"""Rows of the table of results, and the few sums that they rest on."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import NotAvailableError


@dataclass(frozen=True)
class Row:
    """One line of the table. `is_met` is None where there is no goal; `numbers` are for programs (seconds, MB, /s)."""

    name: str
    measured: str
    ratio: str = ""
    goal: str = ""
    is_met: bool | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)


def at_least(name: str, measured: str, *, ratio: float, limit: float, of: str, **numbers: float) -> Row:
    """A row whose goal is a ratio that must reach `limit`; `of` says of what."""
    decimals = 0 if limit >= 10 else 2
    return Row(
        name,
        measured,
        f"{ratio:.{decimals}f}",
        f"≥ {limit:.{decimals}f} × {of}",
        ratio >= limit,
        {"ratio": ratio, **numbers},
    )


def at_most(name: str, value: float, *, limit: float, unit: str, detail: str = "", **numbers: float) -> Row:
    """A row whose goal is a value of at most `limit`, both in `unit`."""
    measured = f"{shown(value, unit)}{f' ({detail})' if detail else ''}"
    return Row(
        name, measured, f"{value / limit:.2f}", f"≤ {shown(limit, unit)}", value <= limit, {unit: value, **numbers}
    )


def told(name: str, measured: str, **numbers: float) -> Row:
    """A row for information, without a goal."""
    return Row(name, measured, numbers=numbers)


def unmeasured(name: str, why: str) -> Row:
    """A row that could not be measured: its goal is not shown to be met."""
    return Row(name, f"EJ MÄTT: {why}", is_met=False)


def guarded(name: str, measure: Callable[[], Iterable[Row]]) -> list[Row]:
    """One measurement's rows. What breaks in it is told of, so that others can go on."""
    found: list[Row] = []
    try:
        found.extend(measure())
    except NotAvailableError as error:
        found.append(unmeasured(name, str(error)))
    except Exception as error:  # noqa: BLE001 - one broken measurement must not take the others along
        traceback.print_exc()
        found.append(unmeasured(name, f"gick sönder: {error!r:.80}"))
    return found


def shown(value: float, unit: str) -> str:
    """The value with three figures that mean something: 3,52 ms, 128 MB."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{decimals}f} {unit}".replace(".", ",")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of `values` do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float]) -> str:
    """Median, 99th percentile and worst, of values in milliseconds."""
    middle, slow = statistics.median(values), percentile(values, 99)
    return f"median {middle:.1f}, p99 {slow:.1f}, värst {max(values):.1f}, n={len(values)}"


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "minne": f"{memory:.0f} GiB",
        "fdatasync": f"{_fdatasync() * 1000:.2f} ms (median)",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "takt": f"{1000 * seconds(_fixed_work):.0f} ms för ett fast räknearbete (säger hur fort maskinen går just nu)",
        "belastning": f"{load} (1, 5 och 15 minuter)",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _fixed_work() -> int:
    return sum(number * number for number in range(2_000_000))


def _fdatasync() -> float:
    with tempfile.TemporaryFile() as file:

        def write() -> None:
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())

        return statistics.median(seconds(write) for _ in range(50))


def table(rows: Sequence[Row]) -> str:
    """The rows in columns, for people."""
    verdicts = {True: "ja", False: "NEJ", None: ""}
    lines = [("Mätning", "Uppmätt", "Kvot", "Mål", "Nått")]
    lines.extend((row.name, row.measured, row.ratio, row.goal, verdicts[row.is_met]) for row in rows)
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_json(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """The same for programs."""
    found = [vars(row) | {"numbers": dict(row.numbers)} for row in rows]
    return json.dumps({"machine": dict(facts), "rows": found}, ensure_ascii=False, indent=2) + "\n"
