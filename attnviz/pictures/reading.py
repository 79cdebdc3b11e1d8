"""From a file to an upright 8-bit colour picture.

Every decision about reading is here: limits, rotation, bit depth, transparency. The limit on pixels is held against the
file's header before anything is decoded, and only the formats listed here reach a decoder.
"""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from attnviz.errors import PictureError, ShapeError

MAX_BYTES = 20 * 2**20
"""Largest file that `open_picture` reads unless told otherwise: 20 MB."""

MAX_PIXELS = 40_000_000
"""Most pixels that `open_picture` decodes unless told otherwise: 40 megapixels."""

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF")
"""Pillow's names of the formats that are read. Each further decoder is one more way to attack the reader."""

PictureFile = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes of a file, or an open binary file."""

# EXIF orientation: how the stored pixels must be turned to stand upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True, eq=False)
class Picture:
    """A photograph, upright, as 8-bit colour.

    Attributes:
        rgb: the pixels, uint8 of shape (h, w, 3), read-only.
        sha256: of the file's bytes, in hexadecimal; the key of every cache.
        name: the file's name without its folder.
        notes: what was done to the file that a reader should know, one sentence each; usually empty.
    """

    rgb: npt.NDArray[np.uint8]
    sha256: str
    name: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.size == 0 or self.rgb.dtype != np.uint8:
            raise ShapeError(
                f"rgb must be uint8 of shape (h, w, 3); got {self.rgb.dtype} of shape {self.rgb.shape}. "
                "Convert it, or read the file with open_picture."
            )
        view = self.rgb.view()
        view.setflags(write=False)
        object.__setattr__(self, "rgb", view)

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @classmethod
    def from_array(cls, rgb: npt.NDArray[np.uint8], name: str = "array") -> "Picture":
        """A picture from pixels, uint8 of shape (h, w, 3). They are copied; the hash is of the shape and the pixels."""
        copy = np.ascontiguousarray(rgb).copy()
        return cls(copy, hashlib.sha256(repr(copy.shape).encode() + copy.tobytes()).hexdigest(), name)


def open_picture(
    file: PictureFile, *, name: str | None = None, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS
) -> Picture:
    """A photograph from a file, upright and as 8-bit colour.

    JPEG, PNG, WebP, BMP, TIFF, GIF and AVIF are read. EXIF rotation is applied, 16 bits are scaled to 8, transparent
    parts are laid on white, of an animation the first frame is taken. Colour profiles are not applied.

    Args:
        file: a path, the bytes of a file, or an open binary file.
        name: shown to people; taken from the file where it has one.
        max_bytes: the file must not be larger.
        max_pixels: the picture must not have more; held against the header before decoding.

    Returns:
        The picture; `sha256` is of the file's bytes.

    Raises:
        PictureError: the file is missing, too large, damaged or not a picture. The message says what to do.
    """
    contents, file_name = read_file(file, max_bytes, name)
    shown = name or file_name
    image, notes = decode(contents, shown, max_pixels)
    rgb = np.asarray(upright(_as_rgb(image, shown, notes), image, notes))
    return Picture(rgb, hashlib.sha256(contents).hexdigest(), shown, tuple(notes))


def read_file(file: PictureFile, max_bytes: int = MAX_BYTES, shown: str | None = None) -> tuple[bytes, str]:
    """The bytes of a file, at most `max_bytes`, and its name, or `shown`. An open file is read from its beginning.

    Raises:
        PictureError: the file is missing, empty or too large.
    """
    if isinstance(file, bytes):
        contents, name = file, "picture"
    elif isinstance(file, str | os.PathLike):
        path = Path(file)
        name = path.name
        try:
            with path.open("rb") as opened:
                contents = opened.read(max_bytes + 1)
        except OSError as error:
            raise PictureError(
                f"the picture must be a file that can be read; got {path}: {error.strerror or error}. Check the path."
            ) from error
    else:
        given = getattr(file, "name", None)
        name = Path(given).name if isinstance(given, str) and given else "picture"
        if file.seekable():
            file.seek(0)
        contents = file.read(max_bytes + 1)
        if not isinstance(contents, bytes):
            raise PictureError(f"{name}: the file must be open for bytes; got text. Open it with mode 'rb'.")
    name = shown or name
    if len(contents) > max_bytes:
        raise PictureError(
            f"{name}: the file must have at most {max_bytes / 2**20:g} MB; got more. Save it smaller, as JPEG."
        )
    if not contents:
        raise PictureError(f"{name}: the file must hold a picture; got an empty file. Save or copy it again.")
    return contents, name


def decode(contents: bytes, name: str, max_pixels: int = MAX_PIXELS) -> tuple[Image.Image, list[str]]:
    """The first frame of a picture file as it is stored (any mode, not yet upright), and notes about it.

    Raises:
        PictureError: not a known format, more than `max_pixels` by its header, or damaged.
    """
    Image.init()
    try:
        image = Image.open(io.BytesIO(contents), formats=[known for known in FORMATS if known in Image.OPEN])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(name, "far more", max_pixels) from error
    except Exception as error:  # decoders raise whatever a damaged file leads them into
        raise PictureError(_not_a_picture(contents, name)) from error
    if image.width * image.height > max_pixels:
        raise _too_many_pixels(name, f"{image.width} x {image.height}", max_pixels)
    notes = []
    try:
        # An MPO is a JPEG of a phone with a preview or a second view behind it, not an animation.
        if image.format != "MPO" and getattr(image, "is_animated", False):
            several = "has several pages" if image.format == "TIFF" else "is animated"
            notes.append(f"The file {several}: only the first frame is used.")
        image.seek(0)
        image.load()
    except Exception as error:  # as above
        raise PictureError(
            f"{name}: the picture must be complete; its data end early or are damaged ({error}). Copy or save it again."
        ) from error
    return image, notes


def upright(pixels: Image.Image, stored: Image.Image, notes: list[str]) -> Image.Image:
    """`pixels`, turned as the EXIF data of `stored` say. Unreadable EXIF data are noted and change nothing."""
    try:
        orientation = stored.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # EXIF data are free-form; a broken block must not cost the picture
        notes.append("The EXIF data cannot be read: the picture is shown as it is stored.")
        return pixels
    turn = _UPRIGHT.get(orientation)
    return pixels if turn is None else pixels.transpose(turn)


def _as_rgb(image: Image.Image, name: str, notes: list[str]) -> Image.Image:
    """Any mode as RGB. A plain convert would clip 16 bits to 8 and show the colours that transparency hides."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_eight_bits(np.asarray(image), notes)).convert("RGB")
    try:
        if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
            straight = image.convert("LA" if image.mode == "La" else "RGBA")
            colours = straight.convert("RGBA")
            alpha = colours.getchannel("A")
            if alpha.getextrema() == (255, 255):
                return colours.convert("RGB")
            notes.append("The picture has transparent parts: they are laid on white.")
            white = Image.new("RGB", image.size, "white")
            white.paste(colours.convert("RGB"), mask=alpha)
            return white
        return image.convert("RGB")
    except (ValueError, OSError) as error:
        raise PictureError(
            f"{name}: the colour mode must be grey, RGB, CMYK or a palette; got {image.mode} ({error}). Save it as PNG."
        ) from error


def _to_eight_bits(values: npt.NDArray[np.generic], notes: list[str]) -> npt.NDArray[np.uint8]:
    """Grey values of more than 8 bits, scaled by the range of their type, or by their own range where it is free."""
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        notes.append("The picture has 16 bits per pixel: they are scaled to 8.")
        low, high = 0.0, 65535.0
    elif values.dtype.kind == "f" and low >= 0 and high <= 1:
        notes.append("The picture has floating-point pixels: 0 to 1 is drawn as black to white.")
        low, high = 0.0, 1.0
    else:
        notes.append(f"The picture's values have no fixed range: {low:g} to {high:g} is drawn as black to white.")
    return np.round((numbers - low) * (255 / max(high - low, 1e-300))).clip(0, 255).astype(np.uint8)


def _too_many_pixels(name: str, size: str, max_pixels: int) -> PictureError:
    return PictureError(
        f"{name}: the picture must have at most {max_pixels / 1e6:g} megapixels; got {size}. Save a smaller copy."
    )


def _not_a_picture(contents: bytes, name: str) -> str:
    """What to tell about a file that no decoder knows."""
    kinds: dict[str, Callable[[bytes], bool]] = {
        "HEIC": lambda start: start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"),
        "SVG": lambda start: b"<svg" in start.lower(),
        "PDF": lambda start: start.startswith(b"%PDF"),
    }
    start = contents[:2048]
    found = next((kind for kind, is_kind in kinds.items() if is_kind(start)), "something else, or a damaged header")
    return f"{name}: the file must be JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF; got {found}. Save it as JPEG or PNG."
