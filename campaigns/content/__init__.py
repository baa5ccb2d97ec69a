"""Messages: a template and a context become content, the very thing that is shown, signed and sent."""

from campaigns.content.fields import FIELD_NAMES, FieldFault, Fields, composed, decomposed, field_faults
from campaigns.content.message import RIGHT_TO_LEFT, SWEDISH, Content, PlainText, link_addresses, plain_text
from campaigns.content.rendering import PLACEHOLDERS, context_for, listed, render
from campaigns.content.source import Source, find_source, parse_source

__all__ = [
    "FIELD_NAMES",
    "PLACEHOLDERS",
    "RIGHT_TO_LEFT",
    "SWEDISH",
    "Content",
    "FieldFault",
    "Fields",
    "PlainText",
    "Source",
    "composed",
    "context_for",
    "decomposed",
    "field_faults",
    "find_source",
    "link_addresses",
    "listed",
    "parse_source",
    "plain_text",
    "render",
]
