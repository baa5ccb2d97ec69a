"""Secrets are named in the configuration, found elsewhere, and never told."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.channels.credentials import CredentialError, resolve


def test_a_secret_is_found_in_the_environment() -> None:
    assert resolve("env:ANEBY_NYCKEL", environ={"ANEBY_NYCKEL": " hemlig\n"}) == "hemlig"


def test_a_secret_is_found_in_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "nyckel").write_text("hemlig\n", encoding="utf-8")

    assert resolve(f"file:{tmp_path / 'nyckel'}", environ={}) == "hemlig"


def test_a_changed_secret_is_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / "nyckel"
    path.write_text("gammal", encoding="utf-8")
    first = resolve(f"file:{path}", environ={})
    path.write_text("ny", encoding="utf-8")

    assert (first, resolve(f"file:{path}", environ={})) == ("gammal", "ny")


@pytest.mark.parametrize("environ", [{}, {"ANEBY_NYCKEL": "  "}, {"aneby_nyckel": "x7Kq"}])
def test_a_missing_variable_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(CredentialError, match="ANEBY_NYCKEL") as caught:
        resolve("env:ANEBY_NYCKEL", environ=environ)

    assert "x7Kq" not in caught.value.message
    assert caught.value.stops_channel
    assert not caught.value.is_permanent


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tom").write_text("\n", encoding="utf-8")

    with pytest.raises(CredentialError, match="saknas-helt"):
        resolve(f"file:{tmp_path / 'saknas-helt'}", environ={})
    with pytest.raises(CredentialError, match="tom är tom"):
        resolve(f"file:{tmp_path / 'tom'}", environ={})
    with pytest.raises(CredentialError, match=str(tmp_path)):
        resolve(f"file:{tmp_path}", environ={})


def test_a_file_that_is_not_text_is_named_and_its_bytes_are_not_told(tmp_path: Path) -> None:
    (tmp_path / "nyckel").write_bytes(b"hemlig\xff")

    with pytest.raises(CredentialError, match="inte text") as caught:
        resolve(f"file:{tmp_path / 'nyckel'}", environ={})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("reference", ["whsec_aGVtbGln", "env:", "file:", "", "vault:whsec_aGVtbGln"])
def test_what_is_not_a_reference_is_refused_and_never_repeated_since_it_may_be_the_secret(reference: str) -> None:
    with pytest.raises(CredentialError, match="env:NAMN") as caught:
        resolve(reference, environ={"": "x"})

    assert "whsec_" not in caught.value.message
