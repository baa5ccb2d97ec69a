"""Dramatiq on Redis: run as a program it fills the queue; `dramatiq` empties it."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.contestants import ticking

dramatiq.set_broker(RedisBroker(url=os.environ["RIVAL_REDIS"]))
tick = dramatiq.actor(ticking.tick)

if __name__ == "__main__":
    for _ in range(ticking.JOBS):
        tick.send()
