"""The API as a program meets it: with a token, over HTTP, in JSON."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select, update

from campaigns.database import Database
from campaigns.models import Delivery, DeliveryState, PostText, Token
from campaigns.tokens import list_api_tokens, revoke_api_token
from tests.sites import TEXT, Place, copied_config, planned

INFOR = "valborg/2027/valborg/infor/syskon"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def number_of(place: Place, key: str = INFOR) -> int:
    number = place.town.post(key).id
    assert number is not None
    return number


def text(title: str = "Säg nej", body: str = "Köp inte ut.") -> dict[str, str]:
    return {"source": TEXT.format(title=title, short="Kort sagt.", body=body)}


def problem(response: Any) -> tuple[int, str]:
    """The status and the sentence of an answer that must be a problem (RFC 9457)."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    return response.status_code, body["detail"]


def test_a_season_from_plan_to_queue(place: Place) -> None:
    """Plan, read, write, sign by both parties; then the deliveries wait for their minute."""
    kommun, polis = place.token("kommun", "Kim Kommun"), place.token("polis", "Pia Polis")
    api = place.client

    steps = api.get("/api/v1/plan?from=2027-04-01&to=2027-05-01", headers=kommun).json()["steps"]
    number = next(step["post"] for step in steps if step["key"] == f"aneby/{INFOR}")
    written = api.put(f"/api/v1/posts/{number}/text", headers=kommun, json=text("Säg nej till langning"))
    shown = api.get(f"/api/v1/posts/{number}", headers=polis).json()
    first = api.post(f"/api/v1/posts/{number}/approve", headers=kommun, json={"digest": shown["digest"]})
    between = api.get("/api/v1/queue", headers=kommun).json()
    second = api.post(f"/api/v1/posts/{number}/approve", headers=polis, json={"digest": shown["digest"]})
    queue = api.get("/api/v1/queue?state=queued", headers=kommun).json()
    after = api.get(f"/api/v1/posts/{number}", headers=kommun).json()

    assert (written.status_code, written.json()["author"]) == (200, "Kim Kommun")
    assert {piece["title"] for piece in shown["pieces"]} == {"Säg nej till langning"}
    assert [piece["channel"] for piece in shown["pieces"]] == ["webb", "skarm", "sociala-medier"]
    assert first.json() == {"post": number, "digest": shown["digest"], "missing": ["polis"], "queued": 0}
    assert between == []
    assert second.json() == {"post": number, "digest": shown["digest"], "missing": [], "queued": 3}
    assert {(item["post"], item["channel"], item["state"]) for item in queue} == {
        (number, "webb", "queued"),
        (number, "skarm", "queued"),
        (number, "sociala-medier", "queued"),
    }
    assert queue[0]["due_at"] == "2027-04-25T13:30:00Z"
    assert (after["state"], after["missing"]) == ("approved", [])
    assert [(item["party"], item["name"]) for item in after["approvals"]] == [
        ("kommun", "Kim Kommun"),
        ("polis", "Pia Polis"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer kh_finns-inte"},
        {"Authorization": "Basic a2g6a2g="},
        {"Cookie": "token=kh_finns-inte"},
    ],
)
def test_without_a_good_token_every_door_gives_the_same_answer(place: Place, headers: dict[str, str]) -> None:
    answers = [
        place.client.get("/api/v1/posts", headers=headers),
        place.client.get("/api/v1/posts/1", headers=headers),
        place.client.get("/api/v1/posts/999999", headers=headers),
        place.client.post("/api/v1/posts/1/approve", headers=headers, json={"digest": "0" * 64}),
        place.client.get("/api/v1/audit", headers=headers),
    ]

    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="kampanjhjul"'}
    assert problem(answers[0])[1].startswith("Skicka en giltig nyckel")


def test_a_revoked_token_opens_nothing(place: Place) -> None:
    headers = place.token("kommun")
    with place.database.write() as session:
        token = list_api_tokens(session, municipality="aneby")[0]
        assert token.id is not None
        revoke_api_token(session, token.id, name="Kim Kommun", now=place.clock.at)

    assert place.client.get("/api/v1/posts", headers=headers).status_code == 401


def test_the_token_itself_is_kept_nowhere(place: Place) -> None:
    secret = place.token("kommun")["Authorization"].removeprefix("Bearer ")
    with place.database.read() as session:
        row = session.exec(select(Token)).one()
    log = place.client.get("/api/v1/audit", headers={"Authorization": f"Bearer {secret}"}).text

    assert re.fullmatch("[0-9a-f]{64}", row.token_hash)
    assert secret not in str(row.model_dump())
    assert "skapade API-nyckel" in log
    assert secret not in log


def test_the_same_person_cannot_sign_for_both_parties(place: Place) -> None:
    place.write(INFOR)
    number = number_of(place)
    both = place.token("kommun", "Kim Kommun"), place.token("polis", "kim  kommun")
    digest = place.client.get(f"/api/v1/posts/{number}", headers=both[0]).json()["digest"]

    first, second = (
        place.client.post(f"/api/v1/posts/{number}/approve", headers=token, json={"digest": digest}) for token in both
    )

    assert first.status_code == 200
    assert problem(second) == (
        409,
        "kim kommun har redan godkänt för den andra parten. Parterna måste vara två olika personer.",
    )
    assert place.town.deliveries() == []


def test_a_signature_holds_for_the_text_that_was_shown_and_no_other(place: Place) -> None:
    place.write(INFOR, title="Först")
    number, headers = number_of(place), place.token("kommun")
    digest = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()["digest"]
    place.write(INFOR, title="Ändrad")

    answer = place.client.post(f"/api/v1/posts/{number}/approve", headers=headers, json={"digest": digest})

    assert problem(answer) == (
        409,
        "Texten har ändrats sedan du såg den. Läs den igen och godkänn den nya texten.",
    )


def test_a_new_text_voids_the_signatures_and_stops_what_was_queued(place: Place) -> None:
    place.write(INFOR)
    place.town.sign(INFOR)
    number, headers = number_of(place), place.token("kommun")

    same = place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json=text())
    unchanged = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()["state"]
    place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json=text("En annan"))
    changed = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()

    assert (same.status_code, unchanged) == (200, "approved")
    assert (changed["state"], changed["missing"]) == ("draft", ["kommun", "polis"])
    assert set(place.town.states().values()) == {"stopped"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("Bara en text", "filen ska börja med en rad +++"),
        ('+++\ntitel = "T"\nshort = "K"\n+++\nText', "nyckeln ”titel” finns inte. Menade du ”title”?"),
        ('+++\ntitle = "{{ kommun"\nshort = "K"\n+++\nText', "title"),
        ('+++\ntitle = "T"\nshort = "K"\n+++\n{% for i in range(9) %}x{% endfor %}', "rad 5"),
    ],
)
def test_a_text_that_cannot_be_a_template_is_refused_with_what_is_wrong(place: Place, source: str, says: str) -> None:
    answer = place.client.put(
        f"/api/v1/posts/{number_of(place)}/text", headers=place.token("kommun"), json={"source": source}
    )

    status, detail = problem(answer)
    assert status == 422
    assert says in detail


def test_a_post_whose_text_cannot_be_made_says_why_and_has_nothing_to_sign(place: Place) -> None:
    number, headers = number_of(place), place.token("kommun")
    with place.database.write() as session:
        # As if written before the placeholder was taken away: write_text itself would refuse it.
        session.add(
            PostText(post_id=number, source=text(body="{{ komun }}")["source"], author="Kim", created_at=place.clock.at)
        )

    shown = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()

    assert (shown["digest"], shown["pieces"]) == (None, [])
    assert "”komun” finns inte. Menade du ”kommun”?" in shown["problem"]


def test_a_text_goes_only_to_channels_and_languages_that_the_post_has(place: Place) -> None:
    number, headers = number_of(place), place.token("kommun")

    channel = place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json={**text(), "channel": "web"})
    language = place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json={**text(), "language": "en"})

    assert problem(channel) == (404, "Budskapet går inte ut i kanalen ”web”. Menade du ”webb”?")
    assert problem(language)[0] == 404


def test_a_preliminary_date_cannot_be_approved_until_somebody_confirms_it(place: Place) -> None:
    key, headers = "student/2027/student.holaveden/tidigt/foraldrar", place.token("kommun")
    place.write(key)
    number = number_of(place, key)
    digest = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()["digest"]
    sign = {"digest": digest}

    before = place.client.post(f"/api/v1/posts/{number}/approve", headers=headers, json=sign)
    confirmed = place.client.put(
        "/api/v1/dates/aneby/student/2027",
        headers=headers,
        json={"place": "holaveden", "day": "2027-06-11", "confirmed": True},
    )
    shown = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()
    after = place.client.post(f"/api/v1/posts/{number}/approve", headers=headers, json={"digest": shown["digest"]})

    assert problem(before)[1].startswith("Datumet är preliminärt.")
    assert confirmed.status_code == 200
    assert f"aneby/{key}" in confirmed.json()["moved"]
    assert shown["due_at"] == "2027-05-28T14:30:00Z"
    assert after.json()["missing"] == ["polis"]


def test_a_date_must_lie_in_the_year_that_is_named(place: Place) -> None:
    body = {"place": "holaveden", "day": "2028-06-09", "confirmed": True}

    answer = place.client.put("/api/v1/dates/aneby/student/2027", headers=place.token(), json=body)

    assert problem(answer) == (409, "2028-06-09 ligger inte i år 2027, som står i adressen.")


def test_a_token_of_no_party_reads_and_writes_but_does_not_sign(place: Place) -> None:
    number, headers = number_of(place), place.token("")

    read = place.client.get(f"/api/v1/posts/{number}", headers=headers)
    signed = place.client.post(f"/api/v1/posts/{number}/approve", headers=headers, json={"digest": "0" * 64})
    rejected = place.client.post(f"/api/v1/posts/{number}/reject", headers=headers, json={"reason": "Fel"})

    assert read.status_code == 200
    assert problem(signed)[0] == 403
    assert problem(rejected)[0] == 403


def test_a_rejection_carries_its_reason_and_stops_what_is_queued(place: Place) -> None:
    place.write(INFOR)
    place.town.sign(INFOR)
    number, headers = number_of(place), place.token("polis", "Pia Polis")

    answer = place.client.post(f"/api/v1/posts/{number}/reject", headers=headers, json={"reason": "Fel åldersgräns"})
    shown = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()

    assert answer.status_code == 204
    assert (shown["state"], shown["reason"]) == ("rejected", "Pia Polis, Lokalpolisområde Höglandet: Fel åldersgräns")
    assert set(place.town.states().values()) == {"stopped"}


def test_a_token_for_one_municipality_never_sees_or_changes_another(database: Database, tmp_path: Path) -> None:
    def add_neighbour(folder: Path) -> None:
        text = (folder / "municipalities" / "aneby.toml").read_text(encoding="utf-8")
        (folder / "municipalities" / "tranas.toml").write_text(text, encoding="utf-8")

    place = planned(Place(database, config=copied_config(tmp_path, add_neighbour)))
    place.write(INFOR)
    place.town.sign(INFOR)
    number, delivery = number_of(place), place.town.deliveries()[0].id
    other = place.token("kommun", "Tove Tranås", municipality="tranas")
    date = {"place": "holaveden", "day": "2027-06-11", "confirmed": True}
    api = place.client

    answers = [
        api.get(f"/api/v1/posts/{number}", headers=other),
        api.put(f"/api/v1/posts/{number}/text", headers=other, json=text()),
        api.post(f"/api/v1/posts/{number}/approve", headers=other, json={"digest": "0" * 64}),
        api.post(f"/api/v1/posts/{number}/reject", headers=other, json={"reason": "Fel"}),
        api.post(f"/api/v1/deliveries/{delivery}/done", headers=other, json={}),
        api.post(f"/api/v1/deliveries/{delivery}/retry", headers=other),
        api.put("/api/v1/dates/aneby/student/2027", headers=other, json=date),
        api.get("/api/v1/posts?municipality=aneby", headers=other),
        api.get("/api/v1/calendar?municipality=aneby", headers=other),
    ]
    seen = [api.get(f"/api/v1/{name}", headers=other).text for name in ("posts", "queue", "audit", "reminders", "plan")]

    assert [problem(answer)[0] for answer in answers] == [404] * 9
    assert [body for body in seen if "aneby/" in body] == []
    assert set(place.town.states().values()) == {"queued"}


def test_the_calendar_tells_days_with_weekdays_and_does_not_guess(place: Place) -> None:
    found = place.client.get("/api/v1/calendar?year=2027", headers=place.token()).json()
    by_key = {item["key"]: item for item in found}

    valborg, student = by_key["aneby/valborg/2027/-"], by_key["aneby/student/2027/holaveden"]
    assert (valborg["day"], valborg["weekday"], valborg["status"]) == ("2027-04-30", "fredag", "confirmed")
    assert (student["day"], student["weekday"], student["status"]) == (None, None, "preliminary")
    assert (student["first_day"], student["last_day"]) == ("2027-05-31", "2027-06-16")


def test_posts_can_be_chosen_by_campaign_state_and_time(place: Place) -> None:
    place.write(INFOR)
    place.town.sign(INFOR)
    headers = place.token()

    def keys(query: str) -> list[str]:
        return [item["key"] for item in place.client.get(f"/api/v1/posts?{query}", headers=headers).json()]

    assert keys("state=approved") == [f"aneby/{INFOR}"]
    assert all(key.startswith("aneby/valborg/") for key in keys("campaign=valborg"))
    assert len(keys("campaign=valborg")) == 9
    assert f"aneby/{INFOR}" in keys("from=2027-04-25&to=2027-04-25")
    assert f"aneby/{INFOR}" not in keys("from=2027-04-26&to=2027-04-30")
    assert all(key.startswith("aneby/student/") for key in keys("campaign=student&state=preliminary"))
    assert keys("campaign=student&state=preliminary") != []


@pytest.mark.parametrize("query", ["from=2027-05-01&to=2027-04-01", "from=2027-01-01&to=2035-01-01", "from=1999-01-01"])
@pytest.mark.parametrize("path", ["plan", "posts"])
def test_a_span_that_cannot_be_is_refused_with_an_example(place: Place, path: str, query: str) -> None:
    status, detail = problem(place.client.get(f"/api/v1/{path}?{query}", headers=place.token()))

    assert status == 409
    assert "?from=2027-01-01&to=2027-12-31" in detail


def test_every_field_that_is_wrong_is_told_at_once(place: Place) -> None:
    answer = place.client.put(
        "/api/v1/dates/aneby/student/2027", headers=place.token(), json={"day": "snart", "plats": "holaveden"}
    )

    assert problem(answer)[0] == 422
    assert {item["field"]: item["message"] for item in answer.json()["errors"]} == {
        "day": "ska vara ett datum som 2027-06-11",
        "confirmed": "saknas",
        "plats": "finns inte",
    }


def test_a_task_done_by_hand_is_marked_with_where_it_can_be_seen(place: Place) -> None:
    place.publish(INFOR)
    number = next(item.id for item in place.town.deliveries() if item.state == DeliveryState.MANUAL)
    headers = place.token("kommun")

    wrong = place.client.post(f"/api/v1/deliveries/{number}/done", headers=headers, json={"url": "javascript:x"})
    right = place.client.post(
        f"/api/v1/deliveries/{number}/done", headers=headers, json={"url": "https://social.example/1"}
    )
    again = place.client.post(f"/api/v1/deliveries/{number}/done", headers=headers, json={})

    assert problem(wrong)[0] == 409
    assert (right.json()["state"], right.json()["url"]) == ("published", "https://social.example/1")
    assert problem(again)[0] == 409


def test_a_failed_delivery_is_tried_again_when_a_person_says_so(place: Place) -> None:
    place.publish(INFOR)
    with place.database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.channel) == "skarm").values(state=DeliveryState.FAILED))
    number = next(item.id for item in place.town.deliveries() if item.state == DeliveryState.FAILED)

    answer = place.client.post(f"/api/v1/deliveries/{number}/retry", headers=place.token("kommun"))

    assert (answer.status_code, answer.json()["state"]) == (200, "queued")


def test_a_checked_fact_is_confirmed_until_a_day(place: Place) -> None:
    headers = place.token("kommun")
    url = "/api/v1/facts/langning_lag/confirm"

    no_party = place.client.post(url, headers=place.token(), json={"valid_until": "2028-12-31"})
    too_long = place.client.post(url, headers=headers, json={"valid_until": "2099-12-31"})
    good = place.client.post("/api/v1/facts/langning_lag/confirm", headers=headers, json={"valid_until": "2028-12-31"})
    past = place.client.post("/api/v1/facts/langning_lag/confirm", headers=headers, json={"valid_until": "2020-12-31"})
    unknown = place.client.post(
        "/api/v1/facts/langnings_lag/confirm", headers=headers, json={"valid_until": "2028-12-31"}
    )

    assert good.json() == {"id": "langning_lag", "valid_until": "2028-12-31"}
    assert problem(past)[0] == 409
    assert problem(no_party)[0] == 403
    assert problem(too_long)[0] == 409
    assert "högst två år" in problem(too_long)[1]
    assert problem(unknown) == (404, "Det finns inget faktum ”langnings_lag”. Menade du ”langning_lag”?")


def test_every_act_is_in_the_log_with_who_did_it(place: Place) -> None:
    number, headers = number_of(place), place.token("kommun", "Kim Kommun")
    place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json=text("Hemlig rubrik"))
    digest = place.client.get(f"/api/v1/posts/{number}", headers=headers).json()["digest"]
    place.client.post(f"/api/v1/posts/{number}/approve", headers=headers, json={"digest": digest})

    log = place.client.get("/api/v1/audit", headers=headers)

    acts = [(entry["actor"], entry["action"], entry["subject"]) for entry in log.json()][:2]
    assert acts == [
        ("Kim Kommun", "godkände för kommun", f"aneby/{INFOR}"),
        ("Kim Kommun", "skrev text", f"aneby/{INFOR}"),
    ]
    assert "Hemlig rubrik" not in log.text


def test_a_locked_database_asks_the_program_to_come_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'busy.db'}"
    with_patience = planned(_migrated(Place(Database(url))))
    headers, number = with_patience.token("kommun"), number_of(with_patience)
    impatient = Place(Database(url, busy_timeout_ms=50))

    with with_patience.database.write():
        answer = impatient.client.put(f"/api/v1/posts/{number}/text", headers=headers, json=text())

    assert problem(answer)[0] == 503
    assert int(answer.headers["retry-after"]) > 0


def _migrated(place: Place) -> Place:
    from campaigns.migrate import upgrade

    upgrade(place.database)
    return place


def test_what_does_not_exist_is_a_problem_in_swedish_too(place: Place) -> None:
    unknown = place.client.get("/api/v1/finns-inte", headers=place.token())
    method = place.client.request("DELETE", "/api/v1/posts", headers=place.token())

    assert problem(unknown) == (404, "Adressen finns inte. Kontrollera den eller börja från startsidan.")
    assert problem(method) == (405, "Adressen finns men kan inte anropas så.")


def test_the_api_describes_itself(place: Place) -> None:
    described = place.client.get("/api/v1/openapi.json").json()

    assert set(described["paths"]) >= {
        "/api/v1/calendar",
        "/api/v1/plan",
        "/api/v1/posts/{post_id}/approve",
        "/api/v1/deliveries/{delivery_id}/done",
        "/api/v1/dates/{municipality}/{risk_date}/{year}",
    }
    assert {"HTTPBearer"} == set(described["components"]["securitySchemes"])
    assert place.client.get("/docs").status_code == 404


def test_a_token_needs_an_owner_and_a_party_that_exists(place: Place) -> None:
    from campaigns.errors import NotFoundError, RefusedError

    with pytest.raises(RefusedError, match="Ange vems nyckeln är"):
        place.token("kommun", " ")
    with pytest.raises(NotFoundError, match="Menade du ”polis”"):
        place.token("polisen")


def test_a_post_that_is_too_late_cannot_be_signed(place: Place) -> None:
    post = place.write(INFOR)
    headers = place.token("kommun")
    place.clock.at = post.not_after + timedelta(seconds=1)
    digest = place.client.get(f"/api/v1/posts/{post.id}", headers=headers).json()["digest"]

    answer = place.client.post(f"/api/v1/posts/{post.id}/approve", headers=headers, json={"digest": digest})

    assert problem(answer)[1].startswith("Det är för sent")


def test_what_is_far_too_large_is_not_taken_in(place: Place) -> None:
    number, headers = number_of(place), place.token("kommun")

    long = place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json={"source": "x" * 50_001})
    huge = place.client.put(f"/api/v1/posts/{number}/text", headers=headers, json={"source": "x" * 1_000_000})

    assert problem(long) == (422, "”source” är för lång.")
    assert huge.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/posts/99999999999999999999999", 422),
        ("GET", "/posts/0", 422),
        ("POST", "/deliveries/9223372036854775808/retry", 422),
        ("GET", "/plan?from=9999-12-31", 409),
        ("GET", "/posts?from=2027-01-01&to=9999-12-31", 409),
        ("GET", "/posts?from=1812672000", 422),
        ("GET", "/posts?campaign=a%00b", 422),
        ("GET", "/queue?state=%00", 422),
    ],
)
def test_values_beyond_all_bounds_are_refused_in_swedish(place: Place, method: str, path: str, status: int) -> None:
    answer = place.client.request(method, f"/api/v1{path}", headers=place.token("kommun"))

    assert problem(answer)[0] == status


@pytest.mark.parametrize(
    "fields",
    [{"day": 1812672000}, {"day": "1812672000"}, {"confirmed": "yes"}, {"confirmed": 1}, {"place": "a\0b"}],
)
def test_a_date_is_a_date_and_yes_is_true(place: Place, fields: dict[str, Any]) -> None:
    body = {"place": "vetlanda", "day": "2027-06-08", "confirmed": True} | fields

    answer = place.client.put("/api/v1/dates/aneby/student/2027", headers=place.token("kommun"), json=body)

    assert problem(answer)[0] == 422
    assert [item["field"] for item in answer.json()["errors"]] == list(fields)


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b'{"day": ', 422, "”body” är inte giltig JSON."),
        (b"\xff\xfe{", 400, "går inte att läsa"),
        (b"[" * 100_000, 400, "går inte att läsa"),
        (b"x" * 1_000_000, 413, "för stort"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_swedish(
    place: Place, content: bytes, status: int, sentence: str
) -> None:
    headers = place.token("kommun") | {"Content-Type": "application/json"}

    answer = place.client.put("/api/v1/dates/aneby/student/2027", headers=headers, content=content)

    assert problem(answer)[0] == status
    assert sentence in problem(answer)[1]
