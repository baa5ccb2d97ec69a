"""What each kind of channel takes, as its owner says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.picture_files import JPEG, PNG


@dataclass(frozen=True)
class Limits:
    """The most that a kind of channel takes: characters of each part, and bytes of the whole and of a picture.

    `image_types` are the media types that it takes, `image_pixels` the most pixels, and `image_ratio` the least and the
    greatest width over height.
    """

    title: int = 120
    short: int = 500
    body: int = 20_000
    short_with_link: int | None = None
    size: int | None = None
    image_size: int | None = None
    needs_image: bool = False
    image_types: tuple[str, ...] = (JPEG, PNG)
    image_pixels: int | None = None
    image_ratio: tuple[float, float] | None = None


LIMITS: dict[str, Limits] = {
    "webb": Limits(),
    "skarm": Limits(title=80),
    "manuell": Limits(title=70),
    "wordpress": Limits(),
    "webhook": Limits(size=19_000),  # 20 kB with the envelope, Standard Webhooks' advice
    "sitevision": Limits(size=19_000),  # the same envelope
    # 28 kB with the card, where each line of the text costs some 85 bytes more: the channel itself counts exactly.
    "teams": Limits(size=12_000),
    # The social channels post the short text and the link, never the body.
    "facebook": Limits(short_with_link=63_206),
    "instagram": Limits(
        short=2_200,
        short_with_link=2_200,
        image_size=8_000_000,
        needs_image=True,
        image_types=(JPEG,),
        image_ratio=(0.8, 1.91),
    ),
    "linkedin": Limits(short_with_link=3_000, image_pixels=36_152_319),  # pixels unconfirmed: from others' manuals
    # What mastodon.social tells of itself in /api/v2/instance; others may differ.
    "mastodon": Limits(short_with_link=500, image_size=16_777_216, image_pixels=33_177_600),
    "bluesky": Limits(short_with_link=300, image_size=1_000_000),  # newer servers take twice as much
    # Ours: many mail servers take 10 MB, and a picture grows by a third on the way.
    "smtp": Limits(image_size=7_000_000),
    "sms": Limits(),
}
