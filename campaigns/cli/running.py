"""Commands that run the product: serve, web, worker; and check and init, before."""

from __future__ import annotations

import argparse
import errno
import gc
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from campaigns import checking, link_checks, link_looks, pack, probing
from campaigns.channels import Environment
from campaigns.cli import show
from campaigns.cli.logs import log_to_stderr
from campaigns.cli.planning import planned
from campaigns.errors import KampanjhjulError, RefusedError
from campaigns.overviews.actions import example_names
from campaigns.people import links, persons
from campaigns.post_list import first_to_sign
from campaigns.publishing import claim_address, refresh_stale
from campaigns.season import planned_years, season
from campaigns.settings import shipped_directory
from campaigns.swedish import long_date
from campaigns.wiring import Parts, open_parts


def serve(_given: argparse.Namespace) -> int:
    """Web and worker in one process. The worker finishes what it holds when the web has stopped."""
    from scheduler.worker import Worker

    log_to_stderr(os.environ.get("KAMPANJHJUL_LOG", ""))
    parts = open_parts(os.environ)
    listening = _listen(parts)
    _claim_address(parts)
    _prepare(parts)
    worker = Worker(parts)
    _welcome(parts)
    return _serve(parts, listening, start=worker.start, stop=worker.stop)


def web(_given: argparse.Namespace) -> int:
    """The web alone."""
    log_to_stderr(os.environ.get("KAMPANJHJUL_LOG", ""))
    parts = open_parts(os.environ)
    listening = _listen(parts)
    show.line(f"Webben finns på {parts.settings.base_url}/. Arbetaren körs för sig: kampanjhjul worker")
    _invite_first(parts)
    return _serve(parts, listening, start=lambda: None, stop=lambda: None)


def worker(_given: argparse.Namespace) -> int:
    """The worker alone, until SIGTERM or Ctrl-C; then it finishes what it holds."""
    from scheduler.worker import Worker

    log_to_stderr(os.environ.get("KAMPANJHJUL_LOG", ""))
    parts = open_parts(os.environ)
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    _claim_address(parts)
    running = Worker(parts)
    running.start()
    show.line("Arbetaren är i gång. Den avslutar det den håller på med när den stoppas.")
    sys.stdout.flush()
    stopped.wait()
    running.stop()
    parts.database.close()
    return 0


def _serve(parts: Parts, listening: socket.socket, *, start: Callable[[], None], stop: Callable[[], None]) -> int:
    import uvicorn

    from campaigns.web.app import build
    from campaigns.web.feedprotocol import feed_protocol

    site = build(parts)
    site.start()
    start()
    # What is loaded now stays for good: the collector need not walk it while requests wait.
    gc.collect()
    gc.freeze()
    server = uvicorn.Server(
        uvicorn.Config(
            site.application,
            http=feed_protocol(site.store),
            access_log=False,
            log_config=None,  # its lines go where ours do, in the same form
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    # The server, when it has stopped, raises the signal that stopped it once more: by then it has done its work, and
    # the worker must be let finish what it holds.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)
    try:
        server.run(sockets=[listening])
    finally:
        stop()
        site.stop()
        parts.database.close()
    return 0


def _listen(parts: Parts) -> socket.socket:
    """The listening socket. Taken first, so that an occupied port is told of before anything else happens."""
    host, port = parts.settings.host, parts.settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            why = "Porten är upptagen. Stoppa det andra programmet eller välj en annan port med KAMPANJHJUL_PORT."
        elif error.errno == errno.EACCES:
            why = "Porten kräver högre rättigheter. Välj en över 1023 med KAMPANJHJUL_PORT."
        else:
            why = "Datorn har ingen sådan adress. Rätta KAMPANJHJUL_HOST."
        raise RefusedError(f"Det går inte att lyssna på {host}:{port}. {why}") from error
    return listening


def _claim_address(parts: Parts) -> None:
    earlier = claim_address(parts.database, parts.settings.base_url)
    if earlier is not None:
        show.line(
            f"Adressen i kalendrarna ändras från {earlier} till {parts.settings.base_url}. "
            "Ge alla processer på samma databas samma KAMPANJHJUL_BASE_URL."
        )


def _prepare(parts: Parts) -> None:
    """Plan and write the calendars before the first visitor. What fails is told of; the worker tries again."""
    try:
        planned(parts)
        refresh_stale(parts.database, parts.catalog, now=parts.clock(), base_url=parts.settings.base_url)
    except KampanjhjulError as error:
        logging.getLogger(__name__).error(error.message)


def _welcome(parts: Parts) -> None:
    """The next risk date, the feed's address and what to do first."""
    now = parts.clock()
    base = parts.settings.base_url
    show.line(f"Kampanjhjulet är i gång: {base}/")
    with parts.database.read() as session:
        for municipality in list(parts.catalog.municipalities.values())[:5]:
            today = now.astimezone(municipality.zone).date()
            laid = season(session, parts.catalog, municipality, years=planned_years(now, municipality))
            coming = [item for item in laid.occurrences if item.last_day >= today and item.has_day]
            show.line(f"\n{municipality.name}")
            if coming:
                show.line(
                    f"  Nästa riskdatum: {coming[0].title}, {long_date(coming[0].day)}{_left(coming[0].day, today)}"
                )
            show.line(f"  Kalender att prenumerera på: {base}/feeds/{municipality.id}/riskdatum-{municipality.id}.ics")
            undated = [item for item in laid.occurrences if not item.has_day and item.last_day >= today]
            if undated:
                show.line(f"  Datum som saknas: {len(undated)}. Lägg in dem med: kampanjhjul dates set")
            if first := first_to_sign(session, municipality, now=now):
                show.line(
                    f"  Börja här: läs nästa budskap med ”kampanjhjul posts {first.id}” och låt båda parter godkänna:"
                )
                for party, name in example_names(municipality).items():
                    show.line(f'    kampanjhjul approve {first.id} --party {party} --as "{name}"')
    _invite_first(parts)
    show.line("\nStoppa med Ctrl-C.")
    sys.stdout.flush()


def _invite_first(parts: Parts) -> None:
    """The address at which the first administrator chooses a password, as long as there is none."""
    with parts.database.read() as session:
        if persons.anybody(session):
            return
    with parts.database.write() as session:
        secret = links.first_link(session, now=parts.clock())
    if secret:
        show.line("\nIngen kan logga in än. Den första administratören väljer lösenord här (gäller en vecka, en gång):")
        show.line(f"  {parts.settings.base_url}/valkommen/{secret}")


def _left(day: date, today: date) -> str:
    days = (day - today).days
    if days < 0:
        return ", pågår"
    return ", i dag" if days == 0 else f", om {days} {'dag' if days == 1 else 'dagar'}"


def check(given: argparse.Namespace) -> int:
    """Every fault in the configuration, the texts and the facts, at once; with --live in links and logins too."""
    parts = open_parts(os.environ)
    planned(parts)
    unseen = _look_at_links(parts) if given.live else []
    with parts.database.read() as session:
        found = checking.check(session, parts.catalog, parts.messages, now=parts.clock(), environ=os.environ) + unseen
    proofs = list(_proofs(parts)) if given.live else []
    errors = [item for item in found if item.is_error]
    failed = [proof for proof in proofs if proof.is_ok is False]
    if given.json:
        show.as_json([*(vars(item) for item in found), *(_as_finding(proof) for proof in proofs)])
    else:
        for item in found:
            show.line(f"{'FEL' if item.is_error else 'Obs'}  {item.where}: {item.message}")
        for proof in proofs:
            word = {True: "OK: ", False: "FEL ", None: "--  "}[proof.is_ok]
            show.line(f"{word} {proof.where}: {proof.sentence}")
        count = f"{len(errors) + len(failed)} fel, {len(found) - len(errors)} saker att tänka på."
        show.line(count if found or failed else "Inga fel.")
    return 1 if errors or failed else 0


def _look_at_links(parts: Parts) -> list[checking.Finding]:
    look = partial(link_looks.look, environment=Environment(environ=os.environ))
    count = link_checks.look_at_all(parts.database, parts.catalog, parts.messages, look=look, now=parts.clock())
    if count is not None:
        return []
    message = "Ingen länk gick att kontrollera: härifrån nås ingen server på internet. Försök igen senare."
    return [checking.Finding(is_error=False, where="länkar", message=message)]


def _proofs(parts: Parts) -> Iterator[probing.Proof]:
    yield from probing.prove_all(parts.database, parts.catalog, parts.channels, now=parts.clock())
    if parts.settings.smtp_url:
        yield probing.prove_mail(parts.settings.smtp_url, environment=Environment(environ=os.environ))


def _as_finding(proof: probing.Proof) -> dict[str, object]:
    return {"is_error": proof.is_ok is False, "where": proof.where, "message": proof.sentence}


def init(given: argparse.Namespace) -> int:
    """Lay out a folder of the municipality's own."""
    target = Path(given.directory)
    taken = [name for name in ("config", "templates") if (target / name).exists()]
    if taken:
        raise RefusedError(f"{target} har redan {' och '.join(taken)}. Inget har ändrats. Välj en annan mapp.")
    try:
        for name in ("config", "templates"):
            shutil.copytree(shipped_directory(name), target / name)
        pack.record_all({name: shipped_directory(name) for name in ("config", "templates")}, target / "config")
    except OSError as error:
        raise RefusedError(f"Mappen {target} går inte att skriva i. Välj en annan.") from error
    show.line(f"Klart. Ändra i {target / 'config' / 'municipalities'} och kör sedan från mappen:")
    show.line(f"  cd {target}\n  kampanjhjul check\n  kampanjhjul serve")
    return 0
