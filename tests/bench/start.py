"""`kampanjhjul serve` from its start to the first calendar, on an empty data folder and a used one; memory at rest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench.measuring import Row, at_most
from tests.bench.processes import free_port, kampanjhjul, resident_mb, running, settings, wait_for
from tests.bench.worlds import FEED

ROUNDS, REST = 3, 10.0


def run(folder: Path) -> Iterable[Row]:
    empty, used = [], []
    memory = 0.0
    for turn in range(ROUNDS):
        data = folder / f"data-{turn}"
        is_last = turn == ROUNDS - 1
        took, _ = _start(data, folder)
        empty.append(took)
        took, memory = _start(data, folder, rest=REST if is_last else 0.0)
        used.append(took)
    yield at_most("”serve” på tom datamapp till första kalendern", statistics.median(empty), limit=2, unit="s")
    yield at_most("”serve” på befintlig datamapp till första kalendern", statistics.median(used), limit=2, unit="s")
    yield at_most(f"  minne efter {REST:.0f} s vila", memory, limit=130, unit="MB")


def _start(data: Path, folder: Path, *, rest: float = 0.0) -> tuple[float, float]:
    port = free_port()
    began = time.perf_counter()
    with running(kampanjhjul("serve"), log=folder / "serve.log", environ=settings(data, port)) as process:
        wait_for(port, FEED, process)
        took = time.perf_counter() - began
        time.sleep(rest)
        return took, resident_mb(process.pid)
