"""What machines ask: is the process alive, is everything working, figures for Prometheus, what robots may read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func
from sqlmodel import select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns import audit
from campaigns.errors import DatabaseError
from campaigns.models import AccountState, Delivery, DeliveryState, Post, PostState
from campaigns.overviews import operating
from campaigns.overviews.health import health
from campaigns.sending import accounts
from campaigns.wiring import Parts

# The secret addresses are not named: Google's calendar heeds this file too, and would not fetch them. They are kept out
# of search engines by X-Robots-Tag.
ROBOTS = "User-agent: *\nDisallow: /api/\n"


class Probes:
    """The routes for machines."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(parts))

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/healthz", self.alive),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
            Route("/robots.txt", self.robots),
        ]

    async def alive(self, request: Request) -> Response:  # noqa: ARG002 - Starlette gives every route the request
        return JSONResponse({"status": "ok"})

    def ready(self, request: Request) -> Response:  # noqa: ARG002 - as above
        """200 if the database answers, a worker lives and nothing is overdue; else 503, and which of them it is."""
        try:
            with self._parts.database.read() as session:
                found = health(session, self._parts.catalog, now=self._parts.clock())
        except DatabaseError as error:
            return _unready({"database": error.message, "worker": "okänt", "overdue": None})
        silence = None if found.silence is None else round(found.silence.total_seconds(), 1)
        answer = {
            "status": "ok" if found.is_ready else "fel",
            "database": "ok",
            "worker": "ok" if found.is_worker_alive else "Arbetaren svarar inte. Starta den med: kampanjhjul serve",
            "seconds_since_heartbeat": silence,
            "overdue": found.overdue,
        }
        return JSONResponse(answer) if found.is_ready else _unready(answer)

    def metrics(self, request: Request) -> Response:  # noqa: ARG002 - as above
        try:
            body = generate_latest(self._registry)
        except DatabaseError as error:
            return PlainTextResponse(error.message, 503)
        return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def robots(self, request: Request) -> Response:  # noqa: ARG002 - as above
        return PlainTextResponse(ROBOTS)


def _unready(answer: Mapping[str, object]) -> Response:
    return JSONResponse({"status": "fel", **answer}, 503, headers={"Cache-Control": "no-store"})


class _Figures(Collector):
    """Counts the rows when Prometheus asks, so that every process tells the same."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Metric]:
        return ()  # so that registering does not ask the database

    def collect(self) -> Iterable[Metric]:
        with self._parts.database.read() as session:
            deliveries = session.exec(
                select(Delivery.municipality, Delivery.state, func.count()).group_by(
                    Delivery.municipality, Delivery.state
                )
            ).all()
            posts = session.exec(
                select(Post.municipality, Post.state, func.count()).group_by(Post.municipality, Post.state)
            ).all()
            now = self._parts.clock()
            found = health(session, self._parts.catalog, now=now)
            rows = operating.standing(session, self._parts.catalog, now=now)
            logged = audit.entries_written(session)
            held = [(item.municipality, item.state, 1) for item in accounts.standing(session)]
        known = self._parts.catalog.municipalities
        yield _family("kampanjhjul_deliveries", "Leveranser efter läge", DeliveryState, deliveries, known)
        yield _family("kampanjhjul_posts", "Budskap efter läge", PostState, posts, known)
        silence = GaugeMetricFamily("kampanjhjul_heartbeat_seconds", "Sekunder sedan arbetarens senaste livstecken")
        if found.silence is not None:
            silence.add_metric([], found.silence.total_seconds())
        yield silence
        overdue = GaugeMetricFamily("kampanjhjul_overdue_deliveries", "Leveranser som borde ha försökts tidigare")
        overdue.add_metric([], found.overdue)
        yield overdue
        oldest = GaugeMetricFamily("kampanjhjul_oldest_overdue_seconds", "Hur länge den äldsta av dem har väntat")
        oldest.add_metric([], found.oldest.total_seconds())
        yield oldest
        not_working = (AccountState.RESTING, AccountState.STOPPED)
        yield _family("kampanjhjul_channels", "Kanaler som inte arbetar", not_working, held, known)
        unsigned = GaugeMetricFamily(
            "kampanjhjul_unsigned_posts", "Budskap som ska ut inom sju dagar utan godkännande", labels=("municipality",)
        )
        for row in sorted(rows, key=lambda item: item.id):
            unsigned.add_metric([row.id], row.unsigned)
        yield unsigned
        written = GaugeMetricFamily("kampanjhjul_log_entries", "Rader som har skrivits i loggen: minskar aldrig")
        written.add_metric([], logged)
        yield written
        broken = GaugeMetricFamily("kampanjhjul_configuration_faults", "Fel i inställningarna; de förra gäller")
        broken.add_metric([], len(self._parts.configuration.problems))
        yield broken


def _family(
    name: str,
    text: str,
    states: Iterable[str],
    rows: Iterable[tuple[str, str, int]],
    municipalities: Iterable[str],
) -> Metric:
    """Every state of every municipality, also those with none: a series that comes and goes cannot be alarmed on.

    Rows of municipalities that have left the configuration are left out, so that the series are as many as the files.
    """
    family = GaugeMetricFamily(name, text, labels=("municipality", "state"))
    counts: Counter[tuple[str, str]] = Counter()
    for municipality, state, count in rows:
        counts[municipality, state] += count
    for key in sorted((municipality, str(state)) for municipality in municipalities for state in states):
        family.add_metric(list(key), counts[key])
    return family
