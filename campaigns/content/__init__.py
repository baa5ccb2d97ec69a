"""Messages: a template and a context become content, the very thing that is shown, signed and sent."""

from campaigns.content.message import RIGHT_TO_LEFT, SWEDISH, Content, PlainText, link_addresses, plain_text
from campaigns.content.rendering import PLACEHOLDERS, context_for, listed, render
from campaigns.content.source import Source, find_source, parse_source

__all__ = [
    "PLACEHOLDERS",
    "RIGHT_TO_LEFT",
    "SWEDISH",
    "Content",
    "PlainText",
    "Source",
    "context_for",
    "find_source",
    "link_addresses",
    "listed",
    "parse_source",
    "plain_text",
    "render",
]
