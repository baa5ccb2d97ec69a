"""What machines ask: is the process alive, is everything working, figures for Prometheus, what robots may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func
from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.errors import DatabaseError
from campaigns.models import Delivery, DeliveryState, Heartbeat, Post, PostState
from campaigns.wiring import Parts

# The worker leaves a sign of life every five seconds; one that has missed six is taken for stopped.
SILENT_AFTER = timedelta(seconds=30)
# The worker looks every second. What has waited this long past its time is not being sent.
OVERDUE_AFTER = timedelta(minutes=2)

# The secret addresses are not named: Google's calendar heeds this file too, and would not fetch them. They are kept out
# of search engines by X-Robots-Tag.
ROBOTS = "User-agent: *\nDisallow: /api/\n"


@dataclass(frozen=True)
class Health:
    """How the machinery stands. `silence` is the time since any worker's last sign of life, None if there was none."""

    silence: timedelta | None
    overdue: int

    @property
    def is_worker_alive(self) -> bool:
        return self.silence is not None and self.silence <= SILENT_AFTER

    @property
    def is_ready(self) -> bool:
        return self.is_worker_alive and self.overdue == 0


def health(session: Session, *, now: datetime) -> Health:
    """How the worker and the queue stand at `now`."""
    newest = session.exec(select(func.max(Heartbeat.at))).one()
    overdue = session.exec(
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.state == DeliveryState.QUEUED, Delivery.next_attempt_at < now - OVERDUE_AFTER)
    ).one()
    return Health(None if newest is None else now - newest, overdue)


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
                found = health(session, now=self._parts.clock())
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
            found = health(session, now=self._parts.clock())
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


def _family(
    name: str,
    text: str,
    states: Iterable[str],
    rows: Iterable[tuple[str, str, int]],
    municipalities: Iterable[str],
) -> Metric:
    """Every state of every municipality, also those with none: a series that comes and goes cannot be alarmed on."""
    family = GaugeMetricFamily(name, text, labels=("municipality", "state"))
    counts = {(municipality, state): count for municipality, state, count in rows}
    wanted = {(municipality, str(state)) for municipality in municipalities for state in states} | set(counts)
    for key in sorted(wanted):
        family.add_metric(list(key), counts.get(key, 0))
    return family
