"""Pictures: checked, freed from what the camera wrote, signed with the text, and shown when their time has come."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from shutil import copytree
from typing import Any

import feedparser
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from sqlmodel import delete, select, update

from campaigns import pictures, texts
from campaigns.catalog import Municipality
from campaigns.channels.base import NotSentError
from campaigns.content import Content
from campaigns.database import Database
from campaigns.drafts import Draft, render_post
from campaigns.errors import RefusedError, TemplateError
from campaigns.facts import facts_at
from campaigns.models import Attempt, ContentRow, Delivery, DeliveryState, PictureRow
from campaigns.news import news_feeds, published
from campaigns.picture_files import JPEG, PNG, PictureError, checked_picture, read_picture
from campaigns.picture_rows import upload_picture
from campaigns.sending import delivery as sending
from campaigns.settings import shipped_directory
from tests.fakes import MESSAGES, MORNING, FakeChannel
from tests.sites import BASE_URL, Place, planned

INFOR = "valborg/2027/valborg/infor/syskon"
TEXT = '+++\ntitle = "Säg nej"\nshort = "Kort sagt."\nimage = "{image}"\nalt = "{alt}"\n+++\n\nKöp inte ut.\n'
GPS, WHO = 0x8825, "Anna Andersson"


def jpeg(*, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def png(*, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, "PNG", **options)
    return out.getvalue()


def exif(*, orientation: int = 1) -> bytes:
    found = Image.Exif()
    found[0x0112] = orientation
    found[0x013B] = WHO
    found.get_ifd(GPS)[2] = (57.0, 50.0, 1.0)
    return found.tobytes()


def pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


# The file.


@pytest.mark.parametrize("is_progressive", [False, True])
def test_what_the_camera_wrote_is_gone_and_the_pixels_are_untouched(is_progressive: bool) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told: dict[str, Any] = {"exif": exif(), "comment": f"Foto: {WHO}", "xmp": b"<x>hemma</x>", "icc_profile": profile}
    raw = jpeg(progressive=is_progressive, **told)
    assert WHO.encode() in raw

    picture = checked_picture("a.jpg", raw)

    assert (picture.media_type, picture.width, picture.height) == (JPEG, 40, 30)
    assert pixels(picture.data) == pixels(raw)
    assert not any(word in picture.data for word in (WHO.encode(), b"Exif", b"hemma"))
    with Image.open(BytesIO(picture.data)) as image:
        assert not image.getexif()
        assert image.info["icc_profile"] == profile  # without it the colours would be others
    assert checked_picture("b.jpg", raw).sha256 == picture.sha256
    assert checked_picture("a.jpg", picture.data).data == picture.data


def test_what_a_phone_puts_after_a_picture_is_gone() -> None:
    raw = jpeg()
    film = b"\x00\x00\x00\x18ftypmp42" + WHO.encode()

    assert checked_picture("a.jpg", raw + film).data == checked_picture("a.jpg", raw).data
    assert checked_picture("a.png", png() + film).data == checked_picture("a.png", png()).data


def test_two_pictures_in_one_file_become_the_first() -> None:
    out = BytesIO()
    first, second = (Image.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    first.save(out, "MPO", save_all=True, append_images=[second], exif=exif())

    picture = checked_picture("a.jpg", out.getvalue())

    assert WHO.encode() not in picture.data
    with Image.open(BytesIO(picture.data)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("JPEG", 1)
        assert image.getpixel((5, 5)) == (254, 0, 0)


def test_a_png_keeps_its_picture_and_loses_its_texts() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", WHO)
    info.add_itxt("XML:com.adobe.xmp", "hemma")
    raw = png(pnginfo=info, exif=exif())

    picture = checked_picture("a.png", raw)

    assert (picture.media_type, picture.width, picture.height) == (PNG, 40, 30)
    assert pixels(picture.data) == pixels(raw)
    assert not any(word in picture.data for word in (WHO.encode(), b"hemma", b"eXIf"))


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_picture_that_is_only_said_to_be_turned_is_refused(orientation: int) -> None:
    with pytest.raises(PictureError, match="Vrid den rätt i ett bildprogram"):
        checked_picture("a.jpg", jpeg(exif=exif(orientation=orientation)))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def huge_png() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + chunk(b"IEND", b"")


def moving_png() -> bytes:
    out = BytesIO()
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def two_headers() -> bytes:
    raw = jpeg()
    at = raw.index(b"\xff\xc0")
    header = raw[at : at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")]
    return raw[:at] + header + raw[at:]


def png_with_two_headers() -> bytes:
    """A small picture, and then a header that says it is far too large."""
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    end = len(b"\x89PNG\r\n\x1a\n") + len(second)
    return png()[:end] + second + png()[end:]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: b"", "varken JPEG eller PNG"),
        (lambda: b"GIF89a", "varken JPEG eller PNG"),
        (lambda: b"<svg onload='x()'/>", "varken JPEG eller PNG"),
        (lambda: jpeg()[:-40], "skadad eller avbruten"),
        (lambda: jpeg()[:100], "skadad eller avbruten"),
        (lambda: b"\xff\xd8" + b"\xff" * 50, "skadad eller avbruten"),
        (lambda: b"\xff\xd8\xff\xd9", "0 × 0 punkter"),
        (two_headers, "skadad eller avbruten"),
        (lambda: png()[:-30], "skadad eller avbruten"),
        (lambda: png().replace(b"IDAT", b"IDAX"), "skadad eller avbruten"),
        (lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "skadad eller avbruten"),
        (png_with_two_headers, "skadad eller avbruten"),
        (huge_png, "100000 × 100000 punkter"),
        (moving_png, "rör sig"),
        (lambda: jpeg(mode="CMYK"), "färger för tryck"),
    ],
)
def test_what_is_no_sound_picture_is_refused_with_a_sentence(make: Callable[[], bytes], told: str) -> None:
    with pytest.raises(PictureError, match=told) as caught:
        checked_picture("bild.jpg", make())

    assert "”bild.jpg”" in caught.value.message
    assert caught.value.message.endswith(".")


def test_a_picture_that_the_decoder_finds_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)

    with pytest.raises(PictureError, match="skadad eller avbruten"):
        checked_picture("bild.png", png())


def test_a_damaged_file_is_refused_or_read_but_never_breaks_the_program() -> None:
    for raw in (jpeg(exif=exif()), png()):
        for at in range(2, len(raw), 7):
            for changed in (raw[:at], raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]):
                try:
                    found = checked_picture("a.jpg", changed)
                except PictureError:
                    continue
                assert found.data


def test_the_own_folder_wins_over_the_shipped_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    own.mkdir()
    shipped.mkdir()
    (shipped / "brasa.png").write_bytes(png(size=(10, 10)))
    assert read_picture((own, shipped), "brasa.png").width == 10

    (own / "brasa.png").write_bytes(png(size=(20, 10)))
    assert read_picture((own, shipped), "brasa.png").width == 20
    (own / "brasa.png").write_bytes(png(size=(300, 10)))
    assert read_picture((own, shipped), "brasa.png").width == 300


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("brassa.png", "Menade du ”brasa.png”"),
        ("../hemligt.png", "inget filnamn"),
        ("https://www.aneby.se/a.png", "inte en webbadress"),
        ("stor.jpg", "större än 15 MB"),
    ],
)
def test_a_file_that_is_not_there_or_not_to_be_read_is_told_of(tmp_path: Path, name: str, told: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "brasa.png").write_bytes(png())
    (tmp_path / "hemligt.png").write_bytes(png())
    with (folder / "stor.jpg").open("wb") as file:
        file.truncate(15_000_001)

    with pytest.raises(PictureError, match=told):
        read_picture((folder,), name)


# The content.


def test_content_without_a_picture_keeps_the_bytes_that_were_signed_before_there_were_pictures() -> None:
    old = b'{"alt":"","body":"c","image":"","language":"sv","link":"","short":"b","title":"a"}'

    assert Content.from_bytes(old) == Content("a", "b", "c")
    assert Content("a", "b", "c").to_bytes() == old


def test_the_pictures_digest_is_part_of_the_signed_bytes() -> None:
    content = Content("a", "b", "c", image="a.jpg", alt="d", picture="0" * 64)

    assert Content.from_bytes(content.to_bytes()) == content
    assert replace(content, picture="1" * 64).to_bytes() != content.to_bytes()
    with pytest.raises(TemplateError):
        Content.from_bytes(content.to_bytes().replace(b'"picture"', b'"pictures"'))


# A post with a picture.


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    """Aneby with templates of its own, and in them a picture."""
    templates = tmp_path / "templates"
    copytree(MESSAGES, templates / "messages")
    (templates / "pictures").mkdir()
    (templates / "pictures" / "brasa.jpg").write_bytes(jpeg(exif=exif()))
    place = planned(Place(database))
    place.parts.__dict__["settings"] = replace(place.parts.settings, templates_dir=templates)
    place.town.messages = templates / "messages"
    return place


def write(place: Place, *, image: str = "brasa.jpg", alt: str = "En brasa vid vatten.") -> int:
    number = place.town.post(INFOR).id
    assert number is not None
    with place.database.write() as session:
        texts.write_text(
            session,
            place.parts.catalog,
            number,
            language="sv",
            channel="",
            source=TEXT.format(image=image, alt=alt),
            author="Kim",
            now=place.clock.at,
        )
    return number


def rendered(place: Place) -> Draft:
    with place.database.read() as session:
        facts = facts_at(session, place.parts.catalog)
        post = place.town.post(INFOR)
        return render_post(session, place.parts.catalog, place.town.messages, post, now=place.clock.at, facts=facts)


def publish(place: Place) -> str:
    """Write, sign and publish; returns the picture's address."""
    write(place)
    place.town.sign(INFOR)
    place.clock.at = place.town.post(INFOR).due_at
    sending.send_due(place.parts.sender(), place.parts.catalog, local=True)
    return f"/bilder/{digest_of(place)}.jpg"


def digest_of(place: Place) -> str:
    with place.database.read() as session:
        return session.exec(select(PictureRow.sha256)).one()


def test_a_picture_that_is_wrong_or_lacks_its_alt_text_is_a_fault_of_the_post(place: Place) -> None:
    write(place, image="saknas.jpg", alt="")

    messages = {fault.message for _, fault in rendered(place).errors}

    assert any("finns inte i templates/pictures" in item for item in messages)
    assert any("saknar alternativtext" in item for item in messages)
    with pytest.raises(RefusedError, match=r"saknas\.jpg"):
        place.town.sign(INFOR)


def test_another_picture_under_the_same_name_is_another_content_and_must_be_signed_again(place: Place) -> None:
    write(place)
    shown = rendered(place).digest
    (place.town.messages.parent / "pictures" / "brasa.jpg").write_bytes(jpeg(size=(41, 30)))

    with pytest.raises(RefusedError, match="har ändrats sedan du såg den"):
        place.town.approve(INFOR, "kommun", "Kim Kommun", digest=shown)


def test_the_very_bytes_that_were_signed_are_sent_though_the_file_is_gone(place: Place) -> None:
    write(place)
    place.town.sign(INFOR)
    signed = rendered(place).pieces[0].picture
    assert signed is not None
    (place.town.messages.parent / "pictures" / "brasa.jpg").unlink()
    channel = FakeChannel()
    place.clock.at = place.town.post(INFOR).due_at

    sending.send_due(
        place.town.sender(channel, FakeChannel("skarm"), FakeChannel("manuell")), place.parts.catalog, local=True
    )

    picture = channel.sent[0].picture
    assert picture is not None
    assert (picture.data, picture.media_type, picture.width, picture.height) == (signed.data, JPEG, 40, 30)
    assert picture.url == f"http://test/bilder/{signed.sha256}.jpg"
    assert WHO.encode() not in picture.data


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_picture_that_is_not_kept_as_it_was_signed_stops_its_post_for_good(place: Place, is_gone: bool) -> None:
    write(place)
    place.town.sign(INFOR)
    with place.database.write() as session:
        if is_gone:
            session.delete(session.exec(select(PictureRow)).one())
        else:
            session.execute(update(PictureRow).values(data=jpeg(size=(2, 2))))
        payload = session.exec(select(ContentRow.payload)).first()
    assert payload is not None

    with pytest.raises(NotSentError, match="skickas inte") as caught:
        pictures.of_payload(place.database, payload, base_url=BASE_URL)

    assert caught.value.is_permanent
    place.clock.at = place.town.post(INFOR).due_at
    sending.send_due(place.parts.sender(), place.parts.catalog, local=True)
    assert {item.state for item in place.town.deliveries()} == {DeliveryState.FAILED}


def test_content_without_a_picture_or_that_cannot_be_read_has_none(place: Place) -> None:
    mentioned = Content("a", 'skriv "picture": så', "c").to_bytes()

    assert pictures.of_payload(place.database, mentioned, base_url=BASE_URL) is None
    assert pictures.of_payload(place.database, b'{"picture":', base_url=BASE_URL) is None


# For anyone to see.


def test_a_picture_is_served_from_its_due_time_and_may_be_kept_for_ever(place: Place) -> None:
    write(place)
    place.town.sign(INFOR)
    address = f"/bilder/{digest_of(place)}.jpg"
    due_at = place.town.post(INFOR).due_at
    place.clock.at = due_at - timedelta(seconds=1)
    before = place.client.get(address)
    place.clock.at = due_at

    answer = place.client.get(address)

    assert (before.status_code, before.headers["cache-control"]) == (404, "no-cache")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content.startswith(b"\xff\xd8")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = place.client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = place.client.head(address)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))


def test_a_picture_that_is_unsigned_stopped_or_taken_back_is_not_served(place: Place) -> None:
    address = publish(place)
    assert place.client.get(address).status_code == 200

    for state in (DeliveryState.WITHDRAWN, DeliveryState.STOPPED, DeliveryState.MISSED, DeliveryState.SKIPPED):
        with place.database.write() as session:
            session.execute(update(Delivery).values(state=state))
        assert place.client.get(address).status_code == 404, state
    with place.database.write() as session:
        session.execute(delete(Attempt))
        session.execute(delete(Delivery))
    assert place.client.get(address).status_code == 404


@pytest.mark.parametrize("name", ["0" * 64 + ".jpg", "x.jpg", "..%2fx", "0" * 64, ("A" * 64) + ".png"])
def test_an_address_of_no_picture_is_not_found(place: Place, name: str) -> None:
    assert place.client.get(f"/bilder/{name}").status_code == 404


def test_a_picture_has_one_address_only(place: Place) -> None:
    assert place.client.get(publish(place).replace(".jpg", ".png")).status_code == 404


def test_the_public_page_shows_it_with_its_alternative_text(place: Place) -> None:
    address = publish(place)

    page = place.page("/sida/aneby")

    assert f'src="{address}" alt="En brasa vid vatten." width="40" height="30"' in page


def test_the_feeds_carry_it_as_media(place: Place) -> None:
    address = publish(place)
    with place.database.read() as session:
        messages = published(session, "aneby", kind="webb", most=10)
    municipality = place.parts.catalog.municipality("aneby")
    made = news_feeds(municipality, messages, base_url=BASE_URL, templates=[shipped_directory("templates")])
    rss, atom, news = (feed.body for feed in made)

    (entry,) = feedparser.parse(rss).entries
    assert entry.media_content == [
        {
            "url": f"{BASE_URL}{address}",
            "type": "image/jpeg",
            "medium": "image",
            "filesize": str(messages[0].picture.size if messages[0].picture else 0),
            "width": "40",
            "height": "30",
        }
    ]
    assert (
        f'<img alt="En brasa vid vatten." height="30" src="{BASE_URL}{address}" width="40" />' in entry.content[0].value
    )
    (entry,) = feedparser.parse(atom).entries
    assert [(item.href, item.type) for item in entry.enclosures] == [(f"{BASE_URL}{address}", "image/jpeg")]
    (item,) = json.loads(news)["items"]
    assert item["image"] == f"{BASE_URL}{address}"
    assert item["attachments"][0]["title"] == "En brasa vid vatten."


def test_a_fault_calls_the_picture_what_its_owner_does(database: Database, aneby: Municipality) -> None:
    def refused(filename: str, data: bytes) -> str:
        with pytest.raises(PictureError) as caught, database.write() as session:
            upload_picture(session, aneby, filename=filename, data=data, by="Kim", now=MORNING)
        return caught.value.message

    assert refused("C:\\bilder\\svg.svg", b"<svg/>").startswith("Bilden ”svg.svg” är varken")
    large = b"\x89PNG" + b"x" * 20_000_000
    assert refused("stor.png", large) == "Bilden ”stor.png” är större än 15 MB. Spara den mindre."


def small_png(data: bytes, *, size: int = 10, colours: int = 2) -> bytes:
    """A picture that says it is `size` wide and high, with this as its unpacked data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def test_a_small_picture_that_unpacks_to_much_more_is_refused() -> None:
    assert checked_picture("liten.png", small_png(bytes(10 * 31))).width == 10
    with pytest.raises(PictureError, match="skadad"):
        checked_picture("liten.png", small_png(bytes(200_000_000)))


def test_a_picture_that_says_it_is_huge_is_refused_before_it_is_unpacked() -> None:
    data = small_png(bytes(200_000_000), size=60_000)

    tracemalloc.start()
    try:
        with pytest.raises(PictureError, match="60000 × 60000 punkter"):
            checked_picture("stor.png", data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_picture_with_colours_of_no_known_type_is_damaged() -> None:
    with pytest.raises(PictureError, match="skadad"):
        checked_picture("liten.png", small_png(bytes(10 * 31), colours=5))
