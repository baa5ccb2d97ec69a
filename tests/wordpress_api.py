"""A server that keeps WordPress's REST contract, as `test_real_wordpress` has seen it, and its errors."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.contracts import Answer, FakeApi, Request, Trouble

ACCOUNT = "kampanj åäö"
PASSWORD = "KcdR juiz vxE5 OKBl GrwK 9nqt"
LOGIN = "Basic " + b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode()
STATUSES = {"publish", "future", "draft", "pending", "private", "trash"}
FIELDS = {"title", "content", "excerpt", "status", "slug"}


def answered(table: object, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(table).encode())


def wp_error(status: int, code: str, **data: object) -> Answer:
    """An error as WordPress writes it, with a message that repeats what it should not."""
    return answered({"code": code, "message": f"Sorry {PASSWORD}.", "data": {"status": status, **data}}, status)


# What WordPress answers a search for drafts by somebody it does not know: not 401.
FORBIDDEN_SEARCH = {
    name: wp_error(
        400,
        "rest_invalid_param",
        params={"status": "Status is forbidden."},
        details={"status": {"code": "rest_forbidden_status", "message": "", "data": {"status": status}}},
    )
    for name, status in (("unknown", 401), ("subscriber", 403))
}
ME = {
    "id": 2,
    "name": "Åsa",
    "roles": ["author"],
    "capabilities": {"publish_posts": True, "upload_files": True, "unfiltered_html": False},
}


@dataclass
class WordPressApi(FakeApi):
    """A site. `meets` holds what the next calls of a kind, as "POST posts/1", are answered instead of being done.

    `wrong` is what it was asked that it should not have been: a test must leave it empty.
    """

    posts: dict[int, dict[str, Any]] = field(default_factory=dict)
    media: dict[int, dict[str, Any]] = field(default_factory=dict)
    me: dict[str, Any] = field(default_factory=lambda: dict(ME))
    meets: dict[str, list[Answer]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    publishes_as: str = "publish"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publishes(self, request: Request) -> bool:
        return request.method == "POST" and b'"status": "publish"' in request.body

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        if trouble is Trouble.BAD_POST:
            return wp_error(400, "rest_invalid_param", params={"content": "Nej."})
        if trouble is Trouble.BAD_LOGIN:
            return wp_error(401, "rest_cannot_edit")
        return super().refuse(trouble, request)

    def check(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(what)

    def handle(self, request: Request) -> Answer:
        address = urlsplit(request.path)
        query = dict(parse_qsl(address.query, strict_parsing=True))
        route = query.pop("rest_route", "") if address.path == "/" else address.path.removeprefix("/wp-json")
        self.check(route.startswith("/wp/v2/"), f"the address {route}")
        self.check(request.headers.get("authorization") == LOGIN, "the login")
        self.check("_fields" in query, f"every field of {route}")
        route = route.removeprefix("/wp/v2/")
        call = f"{request.method} {route}"
        self.calls.append(call)
        if self.meets.get(call):
            return self.meets[call].pop(0)
        return self.act(call, query, request)

    def act(self, call: str, query: dict[str, str], request: Request) -> Answer:
        method, route = call.split()
        kind, _, number = route.partition("/")
        if call == "GET posts":
            return self.found(query)
        if call == "POST posts":
            return self.create(self.fields(request))
        if kind == "posts" and number.isdecimal():
            return self.on_post(method, int(number), query, request)
        if call == "GET media":
            return answered([media for media in self.media.values() if media["slug"] == query["slug"]])
        if call == "POST media":
            return self.upload(query, request)
        if call == "GET users/me":
            self.check(query.get("context") == "edit", "a user without its rights")
            return answered(self.me)
        self.check(False, call)
        return wp_error(404, "rest_no_route")

    def fields(self, request: Request) -> dict[str, str]:
        self.check(request.headers.get("content-type") == "application/json", "a body that is not JSON")
        found = dict(json.loads(request.body))
        self.check(set(found) <= FIELDS, f"fields {sorted(found)}")
        return found

    def found(self, query: dict[str, str]) -> Answer:
        self.check(set(query["status"].split(",")) == STATUSES, f"a search among {query['status']}")
        slugs = query["slug"].split(",")
        return answered([self.shown(number) for number, post in self.posts.items() if post["slug"] in slugs])

    def create(self, fields: dict[str, str]) -> Answer:
        self.check(fields["status"] == "draft", "a post that is seen at once")
        return answered(self.shown(self.add(**fields)), 201)

    def add(self, **fields: str) -> int:
        """A post of its own number, and a slug of its own."""
        number = 41 + len(self.posts)
        slug = fields.get("slug", "")
        taken = {post["slug"] for post in self.posts.values()}
        self.posts[number] = {**fields, "slug": f"{slug}-2" if slug and slug in taken else slug}
        return number

    def on_post(self, method: str, number: int, query: dict[str, str], request: Request) -> Answer:
        post = self.posts.get(number)
        if post is None:
            return wp_error(404, "rest_post_invalid_id")
        if method == "DELETE":
            return self.delete(number, query)
        if method == "POST":
            post.update(self.fields(request))
            if post["status"] == "publish":
                post["status"] = self.publishes_as
        else:
            self.check(query.get("context") == "edit", "a post as strangers see it")
        return answered(self.shown(number))

    def delete(self, number: int, query: dict[str, str]) -> Answer:
        post = self.posts[number]
        if query.get("force") == "true":
            del self.posts[number]
            return answered({"deleted": True})
        if post["status"] == "trash":
            return wp_error(410, "rest_already_trashed")
        post.update(status="trash", slug=f"{post['slug']}__trashed")
        return answered(self.shown(number))

    def upload(self, query: dict[str, str], request: Request) -> Answer:
        number = 901 + len(self.media)
        name = request.headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
        address = f"{self.address}/wp-content/uploads/{name}"
        self.media[number] = {
            "id": number,
            "source_url": address,
            "slug": query["slug"],
            "alt_text": query["alt_text"],
            "type": request.headers["content-type"],
            "data": request.body.hex(),
        }
        return answered(self.media[number], 201)

    def shown(self, number: int) -> dict[str, Any]:
        post = self.posts[number]
        return {
            "id": number,
            "status": post["status"],
            "slug": post["slug"],
            "link": f"{self.address}/2027/{post['slug']}/",
        }
