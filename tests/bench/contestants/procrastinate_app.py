"""Procrastinate: a job for each delivery, ten at a time. `fill` the queue, or `work` until it is empty."""

from __future__ import annotations

import asyncio
import os
import sys

from procrastinate import App, PsycopgConnector

from tests.bench.contestants import ticking


async def tick() -> None:
    ticking.tick()


app = App(connector=PsycopgConnector(conninfo=os.environ["RIVAL_POSTGRESQL"]))
task = app.task(name="tick")(tick)


async def main(act: str) -> None:
    async with app.open_async():
        if act == "fill":
            await app.schema_manager.apply_schema_async()
            await task.batch_defer_async(*({} for _ in range(ticking.JOBS)))
        else:
            await app.run_worker_async(concurrency=10, wait=False)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
