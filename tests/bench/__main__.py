"""`python -m tests.bench [--machines] [--only NAMN] [--json FIL]`: measures and prints the table.

It never fails for what it finds. With --machines it measures many machines on PostgreSQL, otherwise everything else.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measuring import Row, as_json, guarded, machine, table

# Short measurements in this process first, before anything else has filled its caches.
BENCHES = (
    *("rendering", "pages", "republish", "year", "sweden", "growth", "capacity", "start"),
    *("change", "sending", "throughput", "rivals", "feed"),
)
# Many machines on PostgreSQL: as long again.
OF_MACHINES = ("drain", "town_pages", "machines")


def main() -> int:
    """Run the measurements asked for and tell what came of them. Returns 0 whatever they were."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Mäter mot målen.")
    parser.add_argument(
        "--only", action="append", choices=(*BENCHES, *OF_MACHINES), help="bara den här mätningen (kan upprepas)"
    )
    parser.add_argument("--machines", action="store_true", help="mätningarna av flera maskiner på PostgreSQL")
    parser.add_argument("--json", type=Path, metavar="FIL", help="skriv också resultatet som JSON")
    given = parser.parse_args()
    facts, began = machine(), time.monotonic()
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    rows: list[Row] = []
    for name in given.only or (OF_MACHINES if given.machines else BENCHES):
        print(f"… {name}", file=sys.stderr, flush=True)
        rows.extend(_run(name))
    facts["tid"] = f"{time.monotonic() - began:.0f} s"
    print(f"\n{table(rows)}\n\nHela mätningen tog {facts['tid']}.")
    missed = [row for row in rows if row.is_met is False]
    print(
        f"!!! {len(missed)} MÅL ÄR INTE NÅDDA: " + "; ".join(row.name for row in missed)
        if missed
        else "Alla mål nådda."
    )
    if given.json:
        given.json.write_text(as_json(rows, facts), encoding="utf-8")
    return 0


def _run(name: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix=f"kampanjhjul-{name}-") as folder:
        return guarded(name, lambda: importlib.import_module(f"tests.bench.{name}").run(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
