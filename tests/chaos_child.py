"""A worker that sends until it is killed: `python -m tests.chaos_child DATABASE-URL CLOCK-FILE PORTS`."""

from __future__ import annotations

import json
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from campaigns import channels
from campaigns.channels import Environment
from campaigns.database import Database
from campaigns.sending.attempts import Means
from campaigns.sending.delivery import Sender, reap_leases, send_due
from tests.chaos_town import FileClock, catalog_of, secrets


def main(url: str, clock_file: str, ports: dict[str, int]) -> None:
    catalog = catalog_of(ports)
    environment = Environment(secrets(ports), timeout=(0.3, 0.3), longest=0.5)
    made = {kind: channel for kind, channel in channels.build(environment).items() if kind in ports}
    clock = FileClock(Path(clock_file))
    with ThreadPoolExecutor(8) as pool:
        sender = Sender(Means(Database(url), made, "http://127.0.0.1", clock), pool=pool, threads=8)
        while True:
            reap_leases(sender, now=clock())
            send_due(sender, catalog, local=False)
            time.sleep(0.02)


if __name__ == "__main__":
    logging.disable()
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
