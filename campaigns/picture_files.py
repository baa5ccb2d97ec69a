"""Picture files: found by name, checked, and freed from what they tell of the camera, the person and the place.

The pixels are not touched: only the parts that a picture needs are kept (JPEG, ITU-T T.81; PNG, third edition), so
that the same file gives the same bytes whatever version of whatever library is installed. Those bytes are what is
shown, signed and sent.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from campaigns.errors import TemplateError, suggestion

MOST_BYTES = 15_000_000
MOST_PIXELS = 40_000_000
JPEG, PNG = "image/jpeg", "image/png"

_NAME = re.compile(r"\w[\w .()-]*")  # a file of the folder itself, never a path


class PictureError(TemplateError):
    """Bilden går inte att använda."""


@dataclass(frozen=True)
class PictureFile:
    """A picture that may go out. `width` and `height` are pixels, `data` the bytes that are signed."""

    name: str
    media_type: str
    width: int
    height: int
    data: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


def name_fault(name: str) -> str:
    """What is wrong with a picture's name, or nothing."""
    if "://" in name or name.startswith("//"):
        return (
            "Bilden ska vara en fil, inte en webbadress. Hämta hem bilden, ladda upp den och skriv filens namn i image."
        )
    if not _NAME.fullmatch(name):
        return f"”{name}” är inget filnamn. Ladda upp bilden och skriv bara filens namn i image."
    return ""


def read_picture(folders: Sequence[Path], name: str) -> PictureFile:
    """The picture `name` from the first of `folders` that has it. Read again when the file changes.

    Raises PictureError, with what to do about it.
    """
    fault = name_fault(name)
    if fault:
        raise PictureError(fault)
    for folder in folders:
        path = folder / name
        try:
            state = path.stat()
            if state.st_size > MOST_BYTES:
                raise PictureError(f"Bilden ”{name}” är större än {MOST_BYTES // 10**6} MB. Spara den mindre.")
            return _picture_of(path, state.st_mtime_ns, state.st_size)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise PictureError(f"Bilden ”{name}” går inte att läsa. Kontrollera filens rättigheter.") from error
    there = names_in(folders)
    hint = suggestion(name, there) if there else ""
    raise PictureError(
        f"Bilden ”{name}” är inte uppladdad, och finns inte i templates/pictures. Välj en annan eller ladda upp den."
        f" {hint}".rstrip()
    )


def names_in(folders: Sequence[Path]) -> list[str]:
    """The names of the picture files in the folders."""
    there = (path for folder in folders if folder.is_dir() for path in folder.iterdir() if _is_picture(path))
    return sorted({path.name for path in there if not name_fault(path.name)})


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg", ".png")


@lru_cache(maxsize=8)
def _picture_of(path: Path, _mtime_ns: int, _size: int) -> PictureFile:
    return checked_picture(path.name, path.read_bytes())


def checked_picture(name: str, data: bytes) -> PictureFile:
    """The picture in `data` without its metadata. Raises PictureError unless it is a whole JPEG or PNG."""
    try:
        if data.startswith(_PNG_SIGNATURE):
            media_type, (clean, width, height) = PNG, _clean_png(data)
        elif data.startswith(b"\xff\xd8"):
            media_type, (clean, width, height) = JPEG, _clean_jpeg(data)
        else:
            raise PictureError(f"Bilden ”{name}” är varken JPEG eller PNG. Spara om den som en av dem.")
        _refuse_too_large(width, height)
        mode = _mode_when_decoded(clean)
    except _UNREADABLE as error:
        raise PictureError(f"Bilden ”{name}” är skadad eller avbruten. Spara om den som JPEG eller PNG.") from error
    except _UnfitError as error:
        raise PictureError(f"Bilden ”{name}” {error}") from error
    if mode == "CMYK":
        raise PictureError(f"Bilden ”{name}” har färger för tryck (CMYK). Spara om den med RGB-färger.")
    return PictureFile(name, media_type, width, height, clean)


class _UnfitError(Exception):
    """Whole, but not to be used as it is. The message goes on from the picture's name."""


def _refuse_too_large(width: int, height: int) -> None:
    if not 0 < width * height <= MOST_PIXELS:
        raise _UnfitError(f"är {width} × {height} punkter. Spara den mindre: högst {MOST_PIXELS // 10**6} miljoner.")


def _mode_when_decoded(data: bytes) -> str:
    """How the colours are kept. Decodes everything, so that a broken picture is found now and not by a reader."""
    from PIL import Image  # 60 ms, and most messages have no picture

    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as image:
            image.load()
            return image.mode
    except Image.DecompressionBombError as error:
        raise ValueError from error


# What Pillow and the walkers below meet in damaged files.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error, zlib.error)

# JPEG.

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APPLICATION = range(0xE0, 0xF0)
# Frame headers: C0 to CF but for the tables DHT and DAC, and one that is reserved.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within coded data
# The application segments without which the colours would be others: JFIF, an ICC profile, Adobe's transform.
_NEEDED = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))


def _clean_jpeg(data: bytes) -> tuple[bytes, int, int]:
    """The picture's own segments, up to its end (a phone may put a film or a second picture after), and its size."""
    kept = bytearray(data[:2])
    width = height = 0
    for marker, segment in _segments(data):
        body = segment[4:]
        if marker in _FRAMES:
            if width:
                raise ValueError
            _, height, width = struct.unpack_from(">BHH", body)
        if marker == 0xE1 and _is_turned(body):
            raise _UnfitError(
                "är tagen med kameran på sidan eller upp och ned. Vrid den rätt i ett bildprogram och spara om den."
            )
        is_extra = marker == _COM or marker in _APPLICATION
        if not is_extra or any(marker == kind and body.startswith(name) for kind, name in _NEEDED):
            kept += segment
    return bytes(kept), width, height


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The markers after the first with their segments, and with a scan also its coded data. Ends with the end marker.

    Raises ValueError if the picture ends before that.
    """
    at = 2
    while True:
        while data[at + 1] == 0xFF:  # fill
            at += 1
        if data[at] != 0xFF:
            raise ValueError
        marker = data[at + 1]
        if marker == _EOI:
            yield marker, b"\xff\xd9"
            return
        if marker in (0x00, 0x01, _SOI) or marker in range(0xD0, 0xD8):
            raise ValueError
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end >= len(data):
            raise ValueError
        if marker == _SOS:
            found = _NEXT_MARKER.search(data, end)
            if found is None:
                raise ValueError
            end = found.start()
        yield marker, data[at:end]
        at = end


def _is_turned(body: bytes) -> bool:
    """Whether an APP1 segment says that the picture is to be turned (Exif 2.3, tag 0x0112): channels differ in that."""
    if not body.startswith(b"Exif\0\0"):
        return False
    exif = body[6:]
    order = "little" if exif.startswith(b"II") else "big"

    def number(at: int, length: int) -> int:
        return int.from_bytes(exif[at : at + length], order)  # type: ignore[arg-type]  # one of the two words

    first = number(4, 4)
    tags = (first + 2 + 12 * index for index in range(number(first, 2)))
    return any(number(tag, 2) == 0x0112 and number(tag + 8, 2) in range(2, 9) for tag in tags if tag + 12 <= len(exif))


# PNG.

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNKS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD")
)


# Samples in a pixel, by the type of colour (PNG specification, 11.2.2).
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def _refuse_swollen(coded: bytes | bytearray, needed: int) -> None:
    """Raises ValueError for data that unpacks to much more than the `needed` bytes: a small file can be made to fill
    a computer's memory.
    """
    most = 2 * needed + 1_000_000  # filters take a byte for each line, and interlaced pictures have more lines
    unpacking = zlib.decompressobj()
    unpacking.decompress(coded, most)
    if unpacking.unconsumed_tail:
        raise ValueError


def _clean_png(data: bytes) -> tuple[bytes, int, int]:
    """The chunks that are the picture itself, up to its end, and its size. Raises ValueError if it ends before that."""
    kept = bytearray(_PNG_SIGNATURE)
    coded = bytearray()
    at, kind = len(_PNG_SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError
        if kind == b"IHDR" and len(kept) > len(_PNG_SIGNATURE):  # decoders differ in which one they believe
            raise ValueError
        if kind == b"acTL":
            raise _UnfitError("rör sig. Spara en stillbild i stället.")
        if kind in _CHUNKS:
            kept += data[at:end]
        if kind == b"IDAT":
            coded += data[at + 8 : end - 4]
        at = end
    if kept[12:16] != b"IHDR":
        raise ValueError
    width, height, depth, colours = struct.unpack_from(">IIBB", kept, 16)
    if colours not in _SAMPLES:
        raise ValueError
    _refuse_too_large(width, height)  # before anything is unpacked
    _refuse_swollen(coded, width * height * depth * _SAMPLES[colours] // 8)
    return bytes(kept), width, height
