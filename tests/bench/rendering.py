"""Bounded rendering against plain Jinja: the same cached template, a message with a loop, a condition and a date."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from jinja2 import Environment

from campaigns.sandbox import compile_template
from campaigns.sandbox.filters import swedish_date
from tests.bench.measuring import Row, at_least, seconds

ROUNDS, TIMES = 9, 2_000
MESSAGE = """Hej! {{ risktillfalle }} firas {{ datum|datum }}, {{ dagen }}.
{% if dagar_kvar < 14 %}
Prata hemma om vad som gäller, redan nu. Det är olagligt att köpa ut alkohol till den som inte har fyllt 20 år.
{% else %}
Det är gott om tid kvar, men prata gärna om det i god tid.
{% endif %}

{% for skola in skolor %}
- {{ loop.index }}. {{ skola.namn }}: {{ skola.dag|datum('kort') }}
{% endfor %}

Säg nej när någon yngre ber dig köpa ut, låna ut legitimation eller bjuda. Ett lugnt nej räcker, och du behöver inte
förklara varför. Ring 112 om någon är i fara. Annars når du polisen på 114 14, dygnet runt.

{{ kommun }} och polisen, {{ polisomrade }}, i samarbete. En del av vårt medborgarlöfte.
"""
CONTEXT: Mapping[str, object] = {
    "kommun": "Aneby kommun",
    "polisomrade": "lokalpolisområde Höglandet",
    "risktillfalle": "studenten",
    "datum": date(2027, 6, 11),
    "dagen": "om 7 dagar",
    "dagar_kvar": 7,
    "skolor": [{"namn": f"Skola {number}", "dag": date(2027, 6, number)} for number in (8, 9, 10)],
}


def run(_folder: Path) -> Iterable[Row]:
    plain = Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    plain.filters["datum"] = swedish_date
    theirs = plain.from_string(MESSAGE)
    ours = compile_template(MESSAGE, name="meddelande")
    assert ours.render(CONTEXT).strip() == theirs.render(CONTEXT).strip()
    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        took["ours"].append(seconds(lambda: [ours.render(CONTEXT) for _ in range(TIMES)]) / TIMES)
        took["theirs"].append(seconds(lambda: [theirs.render(CONTEXT) for _ in range(TIMES)]) / TIMES)
    bounded, jinja = (1 / statistics.median(took[name]) for name in ("ours", "theirs"))
    yield at_least(
        f"Begränsad rendering, mall på {len(MESSAGE.encode())} byte",
        f"{bounded:,.0f}/s mot {jinja:,.0f}/s".replace(",", " "),
        ratio=bounded / jinja,
        limit=0.6,
        of="Jinja",
        bounded=bounded,
        jinja=jinja,
    )
