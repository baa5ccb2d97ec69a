"""wrk: how many requests a second a server answers, and how long its clients wait."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.processes import CLIENT_CORE, LOOPBACK, NotAvailableError, pinned, program

CONNECTIONS, SECONDS = 32, 3
# Asks for the addresses in turn, from one that chance decides; each connection rests `pause` milliseconds in between.
_IN_TURN = """
local asked, at = %(asked)s, 0
local made = {}
init = function(args)
    for place, one in ipairs(asked) do made[place] = wrk.format("GET", one[1], one[2]) end
end
request = function() at = at %% #made + 1; return made[at] end
%(delay)s
"""


@dataclass
class Contestant:
    """A server, what is asked of it, and how it did: requests a second and the 99th percentile in milliseconds.

    `many` are paths with the headers of each, asked for in turn instead of `path`. Where it `is_closing`, each request
    has a connection of its own; wrk's time then runs from when the connection stands.
    """

    name: str
    port: int
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    many: Sequence[tuple[str, Mapping[str, str]]] = ()
    is_tls: bool = False
    is_closing: bool = False
    rates: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def p99(self) -> float:
        return statistics.median(self.slowest)

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s (p99 {self.p99:.1f} ms)".replace(",", " ")


def load(
    contestant: Contestant,
    *,
    connections: int = CONNECTIONS,
    seconds: int = SECONDS,
    pause: int = 0,
    core: int | None = CLIENT_CORE,
) -> None:
    """One round of wrk against `contestant`. Raises NotAvailableError if it was not answered as it should be.

    Each connection waits `pause` milliseconds before it asks.
    """
    closing = {"Connection": "close"} if contestant.is_closing else {}
    asked = contestant.many or ((contestant.path, contestant.headers),)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        listed = ", ".join(f"{{{json.dumps(path)}, {_table({**given, **closing})}}}" for path, given in asked)
        delay = f"delay = function() return {pause} end" if pause else ""
        script.write(_IN_TURN % {"asked": f"{{{listed}}}", "delay": delay})
        script.flush()
        url = f"{'https' if contestant.is_tls else 'http'}://{LOOPBACK}:{contestant.port}"
        command = [program("wrk", package="wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        command += ["--latency", "-s", script.name, url]
        command = command if core is None else pinned(command, core)
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
    if rate is None or slowest is None or "Non-2xx" in told:
        raise NotAvailableError(f"wrk mot {contestant.name}: {told[-200:]}")
    contestant.rates.append(float(rate[1]))
    contestant.slowest.append(float(slowest[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slowest[2]])


def _table(headers: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()) + "}"
