"""Follow-ups as files: CSV, JSON, and PDF that is tagged for screen readers (PDF/UA-1, ISO 14289-1).

WeasyPrint makes the PDF, with Debian's Pango; both are looked for only when a PDF is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

from starlette.responses import Response

from campaigns.catalog import Municipality
from campaigns.errors import RefusedError
from campaigns.followup.document import Document
from campaigns.followup.stored import Signature
from campaigns.overviews import follow_up_files
from campaigns.web.pages import Pages

# It takes seconds of work: whoever asks for many waits for each.
_ONE_AT_A_TIME = Lock()
FORMATS = ("pdf", "csv", "json")
NO_PDF = (
    "PDF går inte att göra här: programbiblioteket Pango saknas. Be kommunens IT installera det (på Debian: "
    "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core). "
    "Utskrift från sidan går alltid."
)


def file_of(
    pages: Pages, municipality: Municipality, document: Document, wanted: str, *, signatures: Sequence[Signature] = ()
) -> Response:
    """The follow-up as a file to keep, `wanted` being one of FORMATS. Raises RefusedError where no PDF can be made.

    With `signatures` it is one that every party has signed.
    """
    name = f"uppfoljning-{document.municipality}-{document.period}.{wanted}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if wanted == "csv":
        return Response(follow_up_files.table(document), media_type="text/csv; charset=utf-8", headers=headers)
    if wanted == "json":
        return Response(json_of(document), media_type="application/json", headers=headers)
    body = pdf(pages, municipality, document, signatures=signatures)
    return Response(body, media_type="application/pdf", headers=headers)


def json_of(document: Document) -> bytes:
    """The document as JSON for people's programs: indented, days as ISO 8601."""
    return json.dumps(follow_up_files.values(document), ensure_ascii=False, indent=1, default=str).encode()


def pdf(pages: Pages, municipality: Municipality, document: Document, *, signatures: Sequence[Signature] = ()) -> bytes:
    """The follow-up as a tagged PDF. Raises RefusedError, saying what to install, where none can be made."""
    with _ONE_AT_A_TIME:
        return pdf_of(_html_of(pages, municipality, document, signatures))


def _html_of(pages: Pages, municipality: Municipality, document: Document, signatures: Sequence[Signature]) -> str:
    return pages.text(
        "uppfoljning-utskrift.html",
        document=document,
        signatures=signatures,
        is_signed=bool(signatures),
        names=municipality.party_names,
        zone=municipality.zone,
    )


@lru_cache(maxsize=16)  # a published one never changes, and takes a second to set
def pdf_of(html: str) -> bytes:
    """A page of ours as a tagged PDF. Raises RefusedError, saying what to install, where none can be made."""
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:  # OSError: Pango itself is not there
        raise RefusedError(NO_PDF) from error
    document: Any = HTML(string=html, base_url=None, url_fetcher=URLFetcher(allowed_protocols=[]))
    made: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    return made
