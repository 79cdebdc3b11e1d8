"""What the network is given, and where it lies: hand-worked sizes, and torchvision as the other implementation."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import attnviz  # noqa: F401  makes torchvision importable
from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.pictures import ModelInput, Picture, Preprocessing, preprocess, seen_rgb
from attnviz.pictures import preprocessing as module

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def noise(height: int, width: int) -> Picture:
    return Picture.from_array(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def whole(**changes) -> Preprocessing:
    return Preprocessing(**({"short_side": 64, "mean": MEAN, "std": STD} | changes))


class TestWholePicture:
    @pytest.mark.parametrize(
        ("source_hw", "input_hw"),
        [
            ((300, 451), (64, 96)),  # 64 * 451 / 300 = 96.2, nearest multiple of 8 is 96
            ((451, 300), (96, 64)),
            ((500, 500), (64, 64)),
            ((100, 400), (64, 256)),  # exactly 4 to 1 is not padded
            ((64, 70), (64, 72)),  # 70 -> 72
            ((8, 8), (64, 64)),
        ],
    )
    def test_size_and_geometry(self, source_hw, input_hw):
        made = preprocess(noise(*source_hw), whole())
        assert made.tensor.shape == (1, 3, *input_hw)
        assert made.tensor.dtype == torch.float32
        assert made.geometry == Geometry(
            source_hw, input_hw, (input_hw[0] / source_hw[0], input_hw[1] / source_hw[1]), (0.0, 0.0)
        )
        assert made.geometry.seen_box() == pytest.approx((0, 0, *source_hw))

    def test_normalisation_hand_worked(self):
        # Red 255, green 0, blue 51 = 0.2: (1 - 0.5) / 0.25, (0 - 0.25) / 0.5, (0.2 - 0.2) / 0.1
        picture = Picture.from_array(np.full((64, 64, 3), (255, 0, 51), np.uint8))
        made = preprocess(picture, whole(mean=(0.5, 0.25, 0.2), std=(0.25, 0.5, 0.1)))
        assert made.tensor[0, :, 10, 20].tolist() == pytest.approx([2.0, -0.5, 0.0], abs=1e-6)
        assert made.picture_sha256 == picture.sha256

    @pytest.mark.parametrize(
        ("source_hw", "input_hw", "resized_hw", "offset_yx"),
        [
            # 10 to 1, at most 4 to 1: the long side becomes 256, the short side 256 / 10 = 25.6 -> 26,
            # and 64 - 26 = 38 rows of padding, 19 above.
            ((100, 1000), (64, 256), (26, 256), (-19, 0)),
            ((1000, 100), (256, 64), (256, 26), (0, -19)),
            # One pixel high: it stays one pixel high, (64 - 1) // 2 = 31 above.
            ((1, 5000), (64, 256), (1, 256), (-31, 0)),
        ],
    )
    def test_an_extreme_picture_is_padded_and_not_squeezed(self, source_hw, input_hw, resized_hw, offset_yx):
        picture = Picture.from_array(np.full((*source_hw, 3), 255, np.uint8))
        made = preprocess(picture, whole())
        assert made.geometry == Geometry(
            source_hw, input_hw, (resized_hw[0] / source_hw[0], resized_hw[1] / source_hw[1]), offset_yx
        )
        seen = seen_rgb(made)
        is_picture = (seen == 255).all(axis=2)
        expected = np.zeros(input_hw, bool)
        top, left = -offset_yx[0], -offset_yx[1]
        expected[top : top + resized_hw[0], left : left + resized_hw[1]] = True
        np.testing.assert_array_equal(is_picture, expected)
        # The padding has the mean colour, which is about zero for the network: half a grey level, 1 / 510 / 0.224.
        padding = made.tensor[0].permute(1, 2, 0)[torch.from_numpy(~expected)]
        assert padding.abs().max() < 0.01

    def test_without_padding_the_limit_can_be_raised(self):
        made = preprocess(noise(100, 1000), whole(max_aspect=10))
        assert made.geometry.input_hw == (64, 640)
        assert made.geometry.offset_yx == (0, 0)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([4, 8, 16]), st.floats(1, 5))
    @example(11, 16, 16, 1.375)  # 32 * 1.375 = 44 rounds up to 48, whose short side would be 33
    def test_every_size_divides_evenly_and_shows_all(self, height, width, multiple, max_aspect):
        made = preprocess(noise(height, width), whole(short_side=32, multiple_of=multiple, max_aspect=max_aspect))
        assert min(made.geometry.input_hw) == 32
        assert all(size % multiple == 0 for size in made.geometry.input_hw)
        assert made.geometry.seen_box() == pytest.approx((0, 0, height, width))


class TestCropped:
    @pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
    @pytest.mark.parametrize(
        ("source_hw", "short_side", "crop_hw"),
        [
            ((120, 200), 64, (56, 56)),
            ((201, 99), 64, (56, 56)),
            ((75, 75), 64, (63, 61)),  # odd remainders: 0.5 and 1.5 rows
            ((30, 41), 64, (64, 64)),
            ((90, 100), 64, (96, 128)),  # the crop is larger than the resized picture: black borders
            ((100, 90), 64, (81, 33)),  # larger one way, smaller the other
        ],
    )
    def test_equals_torchvision(self, source_hw, short_side, crop_hw, interpolation):
        from PIL import Image
        from torchvision import transforms

        picture = noise(*source_hw)
        theirs = transforms.Compose(
            [
                transforms.Resize(short_side, interpolation=transforms.InterpolationMode(interpolation)),
                transforms.CenterCrop(crop_hw),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )(Image.fromarray(picture.rgb))
        ours = preprocess(picture, whole(short_side=short_side, crop_hw=crop_hw, interpolation=interpolation))
        torch.testing.assert_close(ours.tensor[0], theirs, atol=1e-6, rtol=0)

    def test_geometry_hand_worked(self):
        # 120 x 200 -> 64 x int(64 * 200 / 120 = 106.67) = 64 x 106; crop 56 x 56 from (4, 25).
        made = preprocess(noise(120, 200), whole(crop_hw=(56, 56)))
        assert made.geometry == Geometry((120, 200), (56, 56), (64 / 120, 106 / 200), (4.0, 25.0))

    def test_a_strip_is_not_blown_up_whole(self, monkeypatch):
        # 1 x 5000 would become 224 x 1,120,000, which is 750 MB; only the crop of it is made.
        monkeypatch.setattr(module, "_resize", lambda *arguments: pytest.fail("resized the whole strip"))
        strip = np.zeros((1, 5000, 3), np.uint8)
        strip[:, 2500:] = 255
        # The crop of 224 columns begins at (1,120,000 - 224) / 2 = 559,888, which is source column 2499.5, and ends at
        # 2500.5: half of it is black.
        settings_224 = whole(short_side=224, crop_hw=(224, 224), interpolation="nearest")
        seen = seen_rgb(preprocess(Picture.from_array(strip), settings_224))
        assert (seen[:, :112] == 0).all()
        assert (seen[:, 112:] == 255).all()

    def test_the_shortcut_for_strips_equals_the_plain_way(self, monkeypatch):
        picture, preprocessing = noise(60, 101), whole(crop_hw=(48, 50))
        plain = preprocess(picture, preprocessing)
        monkeypatch.setattr(module, "MAX_PIXELS", 100)
        short = preprocess(picture, preprocessing)
        assert short.geometry == plain.geometry
        # Pillow takes the box as 32-bit floats, which moves it by far less than a pixel: one grey level at most.
        assert np.abs(seen_rgb(short).astype(int) - seen_rgb(plain)).max() <= 1


class TestSeen:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 80), st.integers(1, 80), st.booleans())
    def test_normalisation_is_undone_exactly(self, height, width, cropped):
        preprocessing = whole(short_side=32, crop_hw=(24, 40) if cropped else None)
        made = preprocess(noise(height, width), preprocessing)
        seen = seen_rgb(made)
        again = (
            torch.from_numpy(seen).permute(2, 0, 1)[None] / 255 - torch.tensor(MEAN).view(1, 3, 1, 1)
        ) / torch.tensor(STD).view(1, 3, 1, 1)
        torch.testing.assert_close(made.tensor, again, atol=1e-6, rtol=0)

    def test_a_model_input_made_by_hand_has_nothing_to_undo(self):
        made = ModelInput(torch.zeros(1, 3, 4, 6), Geometry.identity((4, 6)), "")
        with pytest.raises(ValueRangeError, match="must know its preprocessing"):
            seen_rgb(made)

    def test_tensor_and_geometry_must_agree(self):
        with pytest.raises(ShapeError, match=r"\(1, 3, 4, 6\), as its geometry says; got \(1, 3, 6, 4\)"):
            ModelInput(torch.zeros(1, 3, 6, 4), Geometry.identity((4, 6)), "")


class TestPreprocessing:
    def test_lists_from_a_card_become_tuples(self):
        card = {"short_side": 64, "mean": list(MEAN), "std": list(STD), "crop_hw": [56, 56]}
        assert Preprocessing(**card) == whole(crop_hw=(56, 56))
        assert hash(Preprocessing(**card)) == hash(whole(crop_hw=(56, 56)))
        assert Preprocessing(**dataclasses.asdict(whole())) == whole()

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"short_side": 60}, "multiple of multiple_of; got 60 and 8"),
            ({"short_side": 0}, "got 0 and 8"),
            ({"std": (1.0, 0.0, 1.0)}, "std positive"),
            ({"mean": (0.5,)}, "three numbers each"),
            ({"interpolation": "area"}, "got 'area'"),
            ({"max_aspect": 0.5}, "at least 1; got 0.5"),
            ({"crop_hw": (0, 5)}, r"got \(0, 5\)"),
        ],
    )
    def test_impossible_settings_are_refused(self, change, says):
        with pytest.raises(ValueRangeError, match=says):
            whole(**change)

    def test_a_crop_may_have_any_size(self):
        assert preprocess(noise(70, 90), whole(short_side=63, crop_hw=(57, 59))).tensor.shape == (1, 3, 57, 59)
