"""Where channels report on deliveries. Any answer but 204 is asked again for hours, so nonsense gets one too."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns.channels.sms import report
from campaigns.sending import reports
from campaigns.wiring import Parts

MOST_FIELDS = 50


class Reporting:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def routes(self) -> list[BaseRoute]:
        return [Route(f"{reports.PREFIX}{{name}}", self.take_in, methods=["POST"])]

    async def take_in(self, request: Request) -> Response:
        """A report. 404 for an address that we did not make."""
        # In a thread: the database may keep it waiting, and readers of feeds must not wait with it.
        return await run_in_threadpool(self._taken_in, request.path_params["name"], await request.body())

    def _taken_in(self, name: str, body: bytes) -> Response:
        delivery_id = reports.delivery_of(self.parts.secret_key, name)
        if delivery_id is None:
            return Response(status_code=404)
        found = report(_form(body))
        if found is not None:
            with self.parts.database.write() as session:
                is_taken = reports.take_in(session, delivery_id, found, now=self.parts.clock())
            if not is_taken:
                return Response(status_code=503, headers={"Retry-After": "120"})
        return Response(status_code=204)


def _form(body: bytes) -> dict[str, str]:
    """A urlencoded form; empty if it is something else."""
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}
