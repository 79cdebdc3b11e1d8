"""Reading picture files: what every odd file must come out as, worked out from the format's own rules."""

import contextlib
import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attnviz.errors import PictureError, ShapeError
from attnviz.pictures import Picture, open_picture


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def asymmetric(height: int = 24, width: int = 40) -> np.ndarray:
    """A picture whose colours tell the place: red grows downwards, green to the right, blue is 60."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.dstack([rows * 255 // height, columns * 255 // width, np.full_like(rows, 60)]).astype(np.uint8)


def with_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png_header_only(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels: 1 bit grey."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# As the EXIF standard puts it: which visual side the stored row 0 is, and which the stored column 0.
# stored[r, c] in terms of the upright picture, for each orientation.
STORED = {
    1: lambda up: up,  # row 0 top, column 0 left
    2: lambda up: up[:, ::-1],  # top, right
    3: lambda up: up[::-1, ::-1],  # bottom, right
    4: lambda up: up[::-1],  # bottom, left
    5: lambda up: up.swapaxes(0, 1),  # left, top
    6: lambda up: up.swapaxes(0, 1)[::-1],  # right, top
    7: lambda up: up.swapaxes(0, 1)[::-1, ::-1],  # right, bottom
    8: lambda up: up.swapaxes(0, 1)[:, ::-1],  # left, bottom
}


class TestOrdinaryFiles:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
    def test_every_format_gives_the_pixels(self, kind):
        options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
        picture = open_picture(encoded(Image.fromarray(asymmetric()), kind, **options))
        # JPEG rounds; a GIF has 256 colours for the 960 here.
        tolerance = {"JPEG": 4, "GIF": 24}.get(kind, 0)
        assert np.abs(picture.rgb.astype(int) - asymmetric()).max() <= tolerance
        assert picture.notes == ()

    def test_path_bytes_and_open_file_are_one_picture(self, tmp_path):
        contents = encoded(Image.fromarray(asymmetric()), "PNG")
        path = tmp_path / "dog.png"
        path.write_bytes(contents)
        with path.open("rb") as opened:
            opened.read(10)  # a file that was looked into is read from its beginning
            from_file = open_picture(opened)
        for picture in (open_picture(path), open_picture(str(path)), open_picture(contents), from_file):
            assert picture.sha256 == hashlib.sha256(contents).hexdigest()
            np.testing.assert_array_equal(picture.rgb, asymmetric())
        assert open_picture(path).name == from_file.name == "dog.png"
        assert open_picture(contents, name="upload.png").name == "upload.png"

    def test_the_pixels_cannot_be_written(self):
        picture = open_picture(encoded(Image.fromarray(asymmetric()), "PNG"))
        with pytest.raises(ValueError, match="read-only"):
            picture.rgb[0, 0] = 0

    @pytest.mark.parametrize("hw", [(1, 1), (1, 5000), (5000, 1)])
    def test_extreme_shapes(self, hw):
        picture = open_picture(encoded(Image.new("RGB", hw[::-1], (10, 20, 30)), "PNG"))
        assert picture.hw == hw
        assert picture.rgb.reshape(-1, 3)[-1].tolist() == [10, 20, 30]

    def test_from_array_copies(self):
        pixels = asymmetric()
        picture = Picture.from_array(pixels)
        pixels[:] = 0
        np.testing.assert_array_equal(picture.rgb, asymmetric())
        assert picture.sha256 != Picture.from_array(pixels).sha256

    def test_a_picture_has_three_channels_of_bytes(self):
        with pytest.raises(ShapeError, match=r"got float64 of shape \(2, 2, 3\)"):
            Picture(np.zeros((2, 2, 3)), "", "")
        with pytest.raises(ShapeError, match=r"got uint8 of shape \(2, 2\)"):
            Picture(np.zeros((2, 2), np.uint8), "", "")


class TestModes:
    def test_grey(self):
        grey = asymmetric()[..., 0]
        np.testing.assert_array_equal(open_picture(encoded(Image.fromarray(grey), "PNG")).rgb, np.dstack([grey] * 3))

    def test_one_bit(self):
        bits = Image.fromarray(np.array([[0, 255, 0]], np.uint8)).convert("1")
        assert open_picture(encoded(bits, "PNG")).rgb[..., 0].tolist() == [[0, 255, 0]]

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_sixteen_bits_are_scaled_and_not_clipped(self, kind):
        # 65535 / 257 = 255, so a value of 257 k is the grey k: all 256 greys survive.
        deep = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
        picture = open_picture(encoded(Image.fromarray(deep), kind))
        np.testing.assert_array_equal(picture.rgb[..., 1], np.arange(256).reshape(16, 16))
        assert picture.notes == ("The picture has 16 bits per pixel: they are scaled to 8.",)

    def test_floating_point_from_zero_to_one(self):
        # 0.5 * 255 = 127.5, and numpy rounds a half to the even 128
        picture = open_picture(encoded(Image.fromarray(np.float32([[0.0, 0.5, 1.0]])), "TIFF"))
        assert picture.rgb[0, :, 0].tolist() == [0, 128, 255]

    def test_floating_point_without_a_range_is_stretched_and_noted(self):
        picture = open_picture(encoded(Image.fromarray(np.float32([[-10.0, 0.0, 30.0]])), "TIFF"))
        assert picture.rgb[0, :, 0].tolist() == [0, 64, 255]  # 10 / 40 * 255 = 63.75
        assert "-10 to 30" in picture.notes[0]

    def test_transparency_is_laid_on_white(self):
        # Red under no, half and full cover: white, 255 * (1 - 128/255) = 127 of green and blue, red.
        pixels = np.array([[[255, 0, 0, 0], [255, 0, 0, 128], [255, 0, 0, 255]]], np.uint8)
        picture = open_picture(encoded(Image.fromarray(pixels), "PNG"))
        assert picture.rgb[0].tolist() == [[255, 255, 255], [255, 127, 127], [255, 0, 0]]
        assert picture.notes == ("The picture has transparent parts: they are laid on white.",)

    def test_grey_with_transparency(self):
        pixels = np.array([[[0, 0], [0, 255]]], np.uint8)
        assert open_picture(encoded(Image.fromarray(pixels, "LA"), "PNG")).rgb[0].tolist() == [[255] * 3, [0] * 3]

    def test_an_opaque_alpha_channel_is_not_worth_a_note(self):
        opaque = np.dstack([asymmetric(), np.full((24, 40), 255, np.uint8)])
        picture = open_picture(encoded(Image.fromarray(opaque), "PNG"))
        assert picture.notes == ()
        np.testing.assert_array_equal(picture.rgb, asymmetric())

    def test_palette(self):
        image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        assert open_picture(encoded(image, "PNG")).rgb[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]

    def test_a_transparent_palette_colour_is_laid_on_white(self):
        image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        contents = encoded(image, "PNG", transparency=1)
        assert open_picture(contents).rgb[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]

    @pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
    def test_cmyk(self, kind):
        # No ink is white, all black ink is black, full cyan takes the red away.
        for ink, expected in (((0, 0, 0, 0), [255] * 3), ((0, 0, 0, 255), [0] * 3), ((255, 0, 0, 0), [0, 255, 255])):
            picture = open_picture(encoded(Image.new("CMYK", (8, 8), ink), kind))
            np.testing.assert_allclose(picture.rgb[4, 4].astype(int), expected, atol=3)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
    def test_of_an_animation_the_first_frame_is_taken(self, kind):
        frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
        picture = open_picture(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))
        np.testing.assert_allclose(picture.rgb[2, 3].astype(int), [255, 0, 0], atol=4)
        assert picture.notes == ("The file is animated: only the first frame is used.",)

    def test_the_preview_behind_a_phones_jpeg_is_no_animation(self):
        views = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime")]
        contents = encoded(views[0], "MPO", save_all=True, append_images=views[1:])
        assert Image.open(io.BytesIO(contents)).format == "MPO"
        picture = open_picture(contents)
        np.testing.assert_allclose(picture.rgb[8, 8].astype(int), [255, 0, 0], atol=4)
        assert picture.notes == ()

    def test_of_a_tiff_the_first_page_is_taken(self):
        pages = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime")]
        picture = open_picture(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
        assert picture.rgb[0, 0].tolist() == [255, 0, 0]
        assert picture.notes == ("The file has several pages: only the first frame is used.",)


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
    def test_every_orientation_stands_upright(self, kind, orientation):
        upright = asymmetric()
        stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
        options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
        picture = open_picture(encoded(stored, kind, exif=with_exif(orientation), **options))
        assert picture.hw == (24, 40)
        assert np.abs(picture.rgb.astype(int) - upright).max() <= (4 if kind == "JPEG" else 0)

    @pytest.mark.parametrize("orientation", [0, 9, 200])
    def test_an_unknown_orientation_changes_nothing(self, orientation):
        contents = encoded(Image.fromarray(asymmetric()), "PNG", exif=with_exif(orientation))
        np.testing.assert_array_equal(open_picture(contents).rgb, asymmetric())

    def test_rotation_and_transparency_together(self):
        alpha = np.zeros((24, 40, 1), np.uint8)
        alpha[:5] = 255  # only the top is covered
        stored = Image.fromarray(np.ascontiguousarray(STORED[6](np.dstack([asymmetric(), alpha]))))
        rgb = open_picture(encoded(stored, "PNG", exif=with_exif(6))).rgb
        np.testing.assert_array_equal(rgb[:5], asymmetric()[:5])
        assert (rgb[5:] == 255).all()


class TestRefusals:
    def test_the_limit_on_pixels_is_held_before_decoding(self):
        # 5001 x 8000 = 40.008 megapixels by the header, in a file of 60 bytes without any pixels.
        with pytest.raises(PictureError, match="at most 40 megapixels; got 8000 x 5001"):
            open_picture(png_header_only(8000, 5001))

    def test_just_below_the_limit_is_decoded(self):
        # 40,000,000 is allowed: the file passes the limit and fails for its missing pixels.
        with pytest.raises(PictureError, match="must be complete"):
            open_picture(png_header_only(8000, 5000))

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    @pytest.mark.parametrize("side", [12_000, 60_000])  # Pillow warns at the first and refuses the second
    def test_a_decompression_bomb_gets_one_sentence(self, side):
        with pytest.raises(PictureError, match=r"at most 40 megapixels; got .* Save a smaller copy\."):
            open_picture(png_header_only(side, side), name="bomb.png")

    def test_own_limits(self):
        contents = encoded(Image.fromarray(asymmetric()), "PNG")
        open_picture(contents, max_pixels=24 * 40, max_bytes=len(contents))
        with pytest.raises(PictureError, match="megapixels; got 40 x 24"):
            open_picture(contents, max_pixels=24 * 40 - 1)
        with pytest.raises(PictureError, match="must have at most"):
            open_picture(contents, max_bytes=len(contents) - 1)

    def test_a_large_file_is_not_read_to_its_end(self):
        class Endless(io.RawIOBase):
            name = "endless.jpg"
            asked = 0

            def seekable(self):
                return False

            def read(self, size=-1):
                assert 0 <= size <= 20 * 2**20 + 1
                return b"\xff" * size

        with pytest.raises(PictureError, match=r"endless.jpg: the file must have at most 20 MB; got more"):
            open_picture(Endless())

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
    def test_a_truncated_file(self, kind):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        contents = encoded(Image.fromarray(noise), kind)
        with pytest.raises(PictureError) as raised:
            open_picture(contents[: len(contents) * 2 // 3], name="half.img")
        assert str(raised.value).startswith("half.img: ")

    @pytest.mark.parametrize(
        ("contents", "says"),
        [
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "got HEIC. Save it as JPEG or PNG."),
            (b'<?xml version="1.0"?><SVG xmlns="http://www.w3.org/2000/svg"/>', "got SVG."),
            (b"%PDF-1.7 and so on", "got PDF."),
            (b"just some text, not pixels", "got something else"),
            (b"\xff\xd8\xff\xe0 broken", "JPEG"),
            (b"", "got an empty file"),
        ],
    )
    def test_what_is_no_picture(self, contents, says):
        with pytest.raises(PictureError) as raised:
            open_picture(contents, name="upload")
        assert says in str(raised.value)

    def test_the_name_is_no_proof(self, tmp_path):
        path = tmp_path / "really.jpg"
        path.write_text("no picture at all")
        with pytest.raises(PictureError, match=r"^really\.jpg: the file must be JPEG, PNG"):
            open_picture(path)

    def test_formats_beyond_the_list_never_reach_a_decoder(self):
        # Pillow reads PCX; an EPS would even start another program.
        with pytest.raises(PictureError, match="must be JPEG, PNG"):
            open_picture(encoded(Image.fromarray(asymmetric()), "PCX"))

    def test_missing_file_and_folder(self, tmp_path):
        with pytest.raises(PictureError, match=r"must be a file that can be read; got .*nowhere\.png"):
            open_picture(tmp_path / "nowhere.png")
        with pytest.raises(PictureError, match="must be a file that can be read"):
            open_picture(tmp_path)

    def test_a_file_open_for_text(self):
        with pytest.raises(PictureError, match="open for bytes"):
            open_picture(io.StringIO("text"))

    @settings(max_examples=80, deadline=None)
    @given(
        kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]),
        spoil=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6),
        keep=st.floats(0.05, 1),
    )
    @pytest.mark.filterwarnings("ignore")
    def test_a_spoiled_file_is_a_picture_or_a_picture_error(self, kind, spoil, keep):
        contents = bytearray(encoded(Image.fromarray(asymmetric()), kind, exif=with_exif(6)))
        for place, value in spoil:
            contents[int(place * len(contents))] = value
        # Any other exception would fail here.
        with contextlib.suppress(PictureError):
            picture = open_picture(bytes(contents[: max(1, int(keep * len(contents)))]), max_pixels=10**6)
            assert picture.rgb.ndim == 3
            assert picture.rgb.dtype == np.uint8


@pytest.mark.parametrize(("contents", "most"), [(b"", 10), (b"x" * 11, 10)])
def test_an_empty_or_large_file_is_called_by_its_name(contents: bytes, most: int) -> None:
    with pytest.raises(PictureError, match=r"^holiday\.jpg: the file must"):
        open_picture(contents, name="holiday.jpg", max_bytes=most)
