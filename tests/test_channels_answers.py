"""What errors and statuses mean for the post: the tables, purely."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest
import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError, SSLError

from campaigns.channels.base import NotSentError, SendError, UnknownOutcomeError
from campaigns.channels.http import Response, classify, refusal, retry_after

NOW = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)


def _max_retry(reason: Exception) -> MaxRetryError:
    return MaxRetryError(None, "/hemlig?sig=1", reason)  # type: ignore[arg-type]  # the pool is only for its text


NO_NAME = NameResolutionError("a.example", None, socket.gaierror())  # type: ignore[arg-type]  # the same
CUT = ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))


@pytest.mark.parametrize(
    ("error", "is_connected", "expected"),
    [
        (requests.ConnectionError(_max_retry(NewConnectionError(None, "refused"))), False, NotSentError),  # type: ignore[arg-type]
        (requests.ConnectionError(_max_retry(NO_NAME)), False, NotSentError),
        (requests.ConnectTimeout(), False, NotSentError),
        (requests.exceptions.SSLError(_max_retry(SSLError("certificate"))), False, NotSentError),
        (requests.ConnectionError(CUT), False, NotSentError),
        (requests.exceptions.SSLError(_max_retry(SSLError("bad record mac"))), True, UnknownOutcomeError),
        (requests.ConnectionError(CUT), True, UnknownOutcomeError),
        (requests.ReadTimeout(), True, UnknownOutcomeError),
        (requests.exceptions.ChunkedEncodingError(), True, UnknownOutcomeError),
        (requests.exceptions.InvalidHeader(), True, UnknownOutcomeError),
        (OSError("anything"), True, UnknownOutcomeError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_an_error_means_for_the_post(error: Exception, is_connected: bool, expected: type[SendError]) -> None:
    meaning = classify(error, host="a.example", is_connected=is_connected)

    assert type(meaning) is expected
    assert "a.example" in meaning.message
    assert "sig" not in meaning.message


def make_response(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response("a.example", status, CaseInsensitiveDict(headers or {}), b"")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_accepted(status: int) -> None:
    assert refusal(make_response(status), now=NOW) is None


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 400, 404, 405, 409, 410, 413, 415, 422, 451])
def test_3xx_and_most_4xx_refuse_the_post_for_good(status: int) -> None:
    error = refusal(make_response(status), now=NOW)

    assert isinstance(error, NotSentError)
    assert error.is_permanent
    assert str(status) in error.message


def test_410_also_stops_the_channel_and_404_does_not() -> None:
    gone, missing = (refusal(make_response(status), now=NOW) for status in (410, 404))

    assert isinstance(gone, NotSentError)
    assert isinstance(missing, NotSentError)
    assert (gone.stops_channel, missing.stops_channel) == (True, False)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_stop_the_channel_and_not_the_post(status: int) -> None:
    error = refusal(make_response(status), now=NOW)

    assert isinstance(error, NotSentError)
    assert (error.is_permanent, error.stops_channel) == (False, True)


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_busy_is_tried_again_after_the_time_asked_for(status: int) -> None:
    error = refusal(make_response(status, {"retry-after": "90"}), now=NOW)

    assert isinstance(error, NotSentError)
    assert (error.is_permanent, error.stops_channel, error.retry_after) == (False, False, timedelta(seconds=90))


@pytest.mark.parametrize("status", [100, 500, 501, 502, 504, 599, 999])
def test_other_answers_are_unknown_since_the_work_may_have_been_done(status: int) -> None:
    assert isinstance(refusal(make_response(status), now=NOW), UnknownOutcomeError)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("Thu, 22 Apr 2027 14:45:00 GMT", timedelta(minutes=15)),
        ("Thu, 22 Apr 2027 16:45:00 +0200", timedelta(minutes=15)),
        ("Thu, 22 Apr 2027 14:45:00 -0000", timedelta(minutes=15)),
        ("Thursday, 22-Apr-27 14:45:00 GMT", timedelta(minutes=15)),
        ("Thu Apr 22 14:45:00 2027", timedelta(minutes=15)),
        ("Thu, 22 Apr 2027 14:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=7)),
        ("9" * 5000, timedelta(days=7)),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("snart", None),
        ("Thu, 99 Apr 2027 14:45:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(value: str | None, expected: timedelta | None) -> None:
    assert retry_after(value, now=NOW) == expected
