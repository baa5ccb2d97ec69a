"""What can be proved of a channel that has no way of asking: how its settings are written, and where they lead."""

from __future__ import annotations

from campaigns.catalog import ChannelConfig
from campaigns.channels.addresses import checked_addresses
from campaigns.channels.base import Environment
from campaigns.channels.http import place, prepared  # what `call` does before it connects


class SettingsOnly:
    """A channel whose probe proves its settings and no more: it does not show that a stopped one works again."""


def prove_settings(url: str, *, channel: ChannelConfig, environment: Environment) -> str:
    """A Swedish sentence on the host that `url` leads to. Nothing is sent, and nothing is connected to.

    Raises NotSentError, as a sending would: for an address of the wrong form, without TLS, in a network of our own, or
    with a name that has no answer.
    """
    allow_private = channel.allow_private_addresses
    _, host, port = place(prepared("POST", url, {}, None), allow_private=allow_private)
    checked_addresses(host, port, allow_private=allow_private, resolver=environment.resolver)
    return (
        f"Adressen hos {host} finns och hemligheten är rätt skriven. Bara inställningarna är kontrollerade: om"
        " mottagaren godtar dem syns först när något skickas."
    )
