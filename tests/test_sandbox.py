"""Templates from people who may mean harm: what is refused, what is bounded, and what still works."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from campaigns.errors import TemplateError
from campaigns.sandbox import BoundedTemplate, compile_template, swedish_date
from campaigns.sandbox.checks import MAX_SOURCE
from campaigns.sandbox.environment import MAX_OUTPUT
from campaigns.sandbox.filters import MAX_TURNS

CONTEXT: dict[str, object] = {
    "kommun": "Aneby kommun",
    "datum": date(2027, 4, 30),
    "dagar_kvar": 3,
    "plats": "",
    "fakta": {"polisen_tips": "114 14", "nodnummer": "112"},
    "skolor": ["Ett", "Två", "Tre"],
    "lang": "x" * 2_000,
    "manga": [1] * 100,
}


def template(source: str) -> BoundedTemplate:
    return compile_template(source, name="prov.md")


def render(source: str, **more: object) -> str:
    return template(source).render({**CONTEXT, **more})


REFUSED_AT_ONCE = {
    "nested ranges": "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
    "range bomb": "{{ range(10**9)|list }}",
    "power": "{{ 10**(10**8) }}",
    "power of powers": "{{ 9**9**9**9 }}",
    "lipsum": "{{ lipsum(n=100000) }}",
    "repeated text": "{{ 'x'*10**10 }}",
    "repeated list": "{{ [0]*10**9 }}",
    "percent format": "{{ '%0999999999d' % 1 }}",
    "format filter": "{{ '%0999999999d'|format(1) }}",
    "center": "{{ 'x'|center(10**9) }}",
    "center method": "{{ 'x'.center(1000000000) }}",
    "doubling by set": "{% set x = 'xx' %}{% set x = x ~ x %}{{ x }}",
    "doubling by block set": "{% set x %}{{ kommun }}{{ kommun }}{% endset %}{{ x }}",
    "doubling by namespace": "{% set n = namespace(x='x') %}{% for i in manga %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "concatenation": "{{ kommun ~ kommun }}",
    "macro recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "call block": "{% call kommun() %}x{% endcall %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'x' as x %}",
    "from import": "{% from 'x' import y %}",
    "extends": "{% extends 'x' %}",
    "block": "{% block a %}{% endblock %}",
    "self": "{{ self }}",
    "super": "{{ super }}",
    "cycler": "{{ cycler('a', 'b') }}",
    "joiner": "{{ joiner(',') }}",
    "flashed messages": "{{ get_flashed_messages() }}",
    "class": "{{ ''.__class__ }}",
    "class by bracket": "{{ ''['__class__'] }}",
    "mro": "{{ kommun.__class__.__mro__[1].__subclasses__() }}",
    "globals by init": "{{ self.__init__.__globals__ }}",
    "attr filter": "{{ kommun|attr('__class__') }}",
    "attr to format (CVE-2025-27516)": "{{ ('{0.__class__}'|attr('format'))(kommun) }}",
    "str.format (CVE-2024-56326)": "{{ '{0.__class__}'.format(kommun) }}",
    "stored format": "{% set f = '{0.__class__}'.format %}{{ f(kommun) }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "map to attribute": "{{ skolor|map(attribute='__class__')|list }}",
    "append": "{{ skolor.append('x') }}",
    "clear": "{% do skolor.clear() %}",
    "dynamic key": "{{ fakta[kommun] }}",
    "slice": "{{ skolor[::1] }}",
    "dict": "{{ {'a': 1} }}",
    "wordwrap": "{{ lang|wordwrap(1, wrapstring='x'*1000) }}",
    "indent": "{{ lang|indent(1000000) }}",
    "filesizeformat": "{{ 1|filesizeformat }}",
    "pprint": "{{ fakta|pprint }}",
    "tojson": "{{ fakta|tojson(indent=1000000) }}",
    "safe": "{{ kommun|safe }}",
    "batch": "{{ skolor|batch(100000000, 'x')|list }}",
    "huge decimal": "{{ " + "9" * 900 + " }}",
    "huge hexadecimal": "{{ 0x" + "f" * 900 + " }}",
    "huge power literal": "{{ 1e308 }}",
    "large number": "{{ 1000001 }}",
    "number too long to convert": "{{ " + "9" * 9000 + " }}",
    "deep parentheses": "{{ " + "(" * 450 + "1" + ")" * 450 + " }}",
    "very deep parentheses": "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "deep not": "{{ " + "not " * 240 + "1 }}",
    "deep minus": "{{ " + "-" * 900 + "1 }}",
    "deep attributes": "{{ fakta" + ".a" * 400 + " }}",
    "deep additions": "{{ 1" + "+1" * 400 + " }}",
    "deep ifs": "{% if kommun %}" * 60 + "x" + "{% endif %}" * 60,
    "deep loops": "{% for a in skolor %}" * 60 + "x" + "{% endfor %}" * 60,
    "too many tags": "{{ kommun }}" * 201,
    "very many tags": "{{a}}" * 9_999,
    "openings only": "{{" * 20_000,
    "unclosed text": '{{ "' + "x" * 40_000,
    "unclosed comment": "{#" * 20_000,
    "long source": "x" * (MAX_SOURCE + 1),
    "code hidden in a text": '{{ "}}" + ' + "1 + " * 10_000 + "1 }}",
    "code hidden in a comment in a text": '{{ "{#" + ' + "1 + " * 10_000 + '"#}" }}',
    "code hidden in raw": "{% raw %}{#{% endraw %}" + "{{ 1 }}" * 500 + "#}",
    "many filters": "{{ kommun" + "|upper" * 101 + " }}",
    "recursive loop": "{% for a in skolor recursive %}{{ loop(skolor) }}{% endfor %}",
    "unpacked arguments": "{{ skolor|join(*skolor) }}",
    "private name": "{{ _turns }}",
    "private name as target": "{% for _turns in skolor %}{% endfor %}",
    "with": "{% with x = 1 %}{% endwith %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "autoescape": "{% autoescape true %}{{ kommun }}{% endautoescape %}",
    "if without else": "{{ kommun if plats }}",
    "trans": "{% trans %}x{% endtrans %}",
    "debug": "{% debug %}",
    "break": "{% for a in skolor %}{% break %}{% endfor %}",
}


@pytest.mark.parametrize("source", REFUSED_AT_ONCE.values(), ids=REFUSED_AT_ONCE)
def test_an_attack_is_refused_before_anything_is_rendered(source: str) -> None:
    with pytest.raises(TemplateError, match=r"prov\.md"):
        template(source)


REFUSED_IN_TIME = {
    "loops multiply": "{% for a in manga %}{% for b in manga %}x{% endfor %}{% endfor %}",
    "nested empty loops": "{% for a in manga %}{% for b in manga %}{% endfor %}{% endfor %}",
    "a text as a list": "{% for a in lang %}x{% endfor %}",
    "output": "{% for a in manga %}{{ lang }}{% endfor %}",
    "replace": "{{ lang|replace('x', 'xxxxxxxxxx') }}",
    "chained replace": "{{ 'x'" + "|replace('x', 'xxxxxxxxxx')" * 30 + " }}",
    "replace nothing": "{{ lang|replace('', 'xxx') }}",
    "join": "{{ manga|join(lang) }}",
    "add texts": "{{ kommun + kommun }}",
    "method as a part": "{{ kommun.upper }}",
    "method of a dict": "{{ fakta.items }}",
    "part of a number": "{{ dagar_kvar.real }}",
    "part of a date": "{{ datum.today }}",
    "part of the loop": "{% for a in skolor %}{{ loop.nextitem }}{% endfor %}",
    "the loop itself": "{% for a in skolor %}{{ loop }}{% endfor %}",
    "a whole dict": "{{ fakta }}",
    "a whole list": "{{ skolor }}",
    "wrong kinds": "{{ dagar_kvar < kommun }}",
    "outside a list": "{{ skolor[7] }}",
    "first of nothing": "{{ [] |first }}",
}


@pytest.mark.parametrize("source", REFUSED_IN_TIME.values(), ids=REFUSED_IN_TIME)
def test_what_only_shows_while_rendering_is_stopped(source: str) -> None:
    checked = template(source)

    with pytest.raises(TemplateError, match=r"^prov\.md"):
        checked.render(CONTEXT)


def test_only_plain_data_goes_in() -> None:
    with pytest.raises(TypeError):
        render("{{ kommun }}", kommun=object())
    with pytest.raises(TypeError):
        render("{{ kommun }}", fakta={"a": [print]})


def test_the_context_is_not_changed_and_has_no_hidden_names() -> None:
    context: dict[str, Any] = {"skolor": ["Ett"]}

    assert template("{% for a in skolor %}{{ a }}{% endfor %}").render(context) == "Ett"
    assert context == {"skolor": ["Ett"]}


def test_every_rendering_has_its_own_budget() -> None:
    checked = template("{% for a in manga %}x{% endfor %}")

    assert {checked.render(CONTEXT) for _ in range(MAX_TURNS)} == {"x" * 100}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ kommun }}", "Aneby kommun"),
        ("{{ datum }}", "fredag 30 april"),
        ("{{ datum|datum }}", "fredag 30 april"),
        ("{{ datum|datum('kort') }}", "30 april"),
        ("{{ datum|datum('lang') }}", "fredag 30 april 2027"),
        ("{{ datum|datum('iso') }}", "2027-04-30"),
        ("{{ datum|capitalize }}", "Fredag 30 april"),
        ("{{ dagar_kvar + 1 }} {{ dagar_kvar - 1 }}", "4 2"),
        ("{% if dagar_kvar > 1 and not plats %}a{% elif plats %}b{% else %}c{% endif %}", "a"),
        ("{{ fakta.polisen_tips }} {{ fakta['nodnummer'] }}", "114 14 112"),
        (
            "{% for s in skolor %}{{ loop.index }}{{ s }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1Ett, 2Två, 3Tre",
        ),
        ("{% for s in skolor if s != 'Två' %}{{ s }}{% else %}inga{% endfor %}", "EttTre"),
        (
            "{{ skolor|join(' och ') }} {{ skolor|first }} {{ skolor|last }} {{ skolor|length }}",
            "Ett och Två och Tre Ett Tre 3",
        ),
        ("{{ kommun|upper|replace('ANEBY', 'Tranås')|trim }}", "Tranås KOMMUN"),
        ("{{ okand|default('inget') }} {{ plats|default('ingen', true) }}", "inget ingen"),
        ("{{ 'ja' if okand is defined else 'nej' }}", "nej"),
        ("{{ 'ja' if kommun in ['Aneby kommun', 'Tranås'] else 'nej' }}", "ja"),
        ("{# en kommentar {{ som }} inte syns #}text", "text"),
        ("å ä ö – ” 'citat' { } }} %}", "å ä ö – ” 'citat' { } }} %}"),
        ('{{ "}}" }}{{ "{#" }}', "}}{#"),
    ],
)
def test_what_a_message_needs_works(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("rad ett\n{{ kommn }}", "prov.md, rad 2: platshållaren ”kommn” finns inte. Menade du ”kommun”?"),
        ("{{ fakta.polisen_tip }}", "prov.md, rad 1: ”polisen_tip” finns inte. Menade du ”polisen_tips”?"),
        ("\n\n{{ kommun|uper }}", "prov.md, rad 3: filtret ”uper” finns inte. Menade du ”upper”?"),
        ("{% if plats %}x", "prov.md, rad 1: ett if eller for stängs aldrig: skriv {% endif %} eller {% endfor %}."),
        ("{% endif %}", "prov.md, rad 1: ”endif” har ingen början."),
        ("\n{% fro a in b %}", "prov.md, rad 2: taggen ”fro” finns inte. Menade du ”for”?"),
        ("{% set a = 1 %}", "prov.md, rad 1: set får inte användas i en mall."),
        ("{{ kommun.upper() }}", "prov.md, rad 1: anrop med ( ) får inte användas i en mall."),
    ],
)
def test_a_mistake_is_told_in_swedish_with_its_line(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source)

    assert caught.value.message == message


def test_lines_are_counted_in_the_whole_file() -> None:
    with pytest.raises(TemplateError, match="rad 12: set"):
        compile_template("a\n\n{% set a = 1 %}", name="prov.md", first_line=10)
    with pytest.raises(TemplateError, match="rad 11: platshållaren"):
        compile_template("a\n{{ okand }}", name="prov.md", first_line=10).render({})


def test_a_template_knows_what_it_uses() -> None:
    checked = template(
        "{{ kommun }}{% for s in skolor %}{{ s }}{{ loop.index }}{% endfor %}\n{{ fakta.a }}{{ fakta['b'] }}"
    )

    assert checked.placeholders == {"kommun", "skolor", "fakta"}
    assert {("fakta", "a"), ("fakta", "b")} <= checked.attributes
    assert checked.line_of("fakta") == 2


def test_a_template_is_compiled_once() -> None:
    assert template("{{ kommun }} samma") is template("{{ kommun }} samma")
    assert template("{{ kommun }} samma") is not template("{{ kommun }} annan")


def test_the_output_has_a_roof() -> None:
    assert len(render("{{ lang }}" * 10)) == MAX_OUTPUT
    with pytest.raises(TemplateError, match="längre än"):
        render("{{ lang }}" * 10 + "x")


def test_an_unknown_form_of_a_date_is_refused() -> None:
    with pytest.raises(TemplateError, match="kort"):
        render("{{ datum|datum('kortt') }}")


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(2027, 4, 30), "fredag 30 april"),
        (date(2026, 12, 24), "torsdag 24 december"),
        (date(2028, 2, 29), "tisdag 29 februari"),
    ],
)
def test_days_are_written_in_swedish(day: date, text: str) -> None:
    assert swedish_date(day) == text
