import torch

from attnviz.training.augment import MEAN, STD, normalise, random_views


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_normalise_takes_the_mean_colour_to_zero_and_one_deviation_above_to_one() -> None:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (MEAN, STD))
    torch.testing.assert_close(normalise(mean), torch.zeros(1, 3, 1, 1))
    torch.testing.assert_close(normalise(mean + std), torch.ones(1, 3, 1, 1))


def test_without_changes_a_view_is_the_picture_or_its_mirror_image() -> None:
    pictures = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8, generator=generator())
    # An aspect change only acts when it is drawn: squares of the whole area leave a shift of |1 - side|, near 0.
    views = random_views(pictures, 8, generator(), area=(1, 1), zoom_out=0, light=0, aspect=1)
    same = normalise(pictures.float())
    mirrored = same.flip(-1)
    kinds = [(torch.allclose(v, s, atol=1e-3), torch.allclose(v, m, atol=1e-3)) for v, s, m in
             zip(views, same, mirrored, strict=True)]  # fmt: skip
    assert all(any(kind) for kind in kinds)
    assert {kind.index(True) for kind in kinds} == {0, 1}


def test_a_crop_shows_only_what_is_in_the_picture() -> None:
    # A horizontal ramp: every value seen lies between the ramp's ends, and a quarter of the area spans half the ramp.
    ramp = torch.arange(64, dtype=torch.uint8).expand(32, 3, 64, 64) * 4
    views = random_views(ramp, 32, generator(), area=(0.25, 0.25), zoom_out=0, light=0, aspect=1)
    shown = views * torch.tensor(STD).view(1, 3, 1, 1) * 255 + torch.tensor(MEAN).view(1, 3, 1, 1) * 255
    span = shown.amax(dim=(1, 2, 3)) - shown.amin(dim=(1, 2, 3))
    # 32 samples over half of 64 pixels: 31 steps of 4 grey levels
    torch.testing.assert_close(span, torch.full((32,), 124.0), atol=1.0, rtol=0)
    assert shown.min() > -1
    assert shown.max() < 253


def test_zooming_out_keeps_the_whole_picture_in_view() -> None:
    pictures = torch.zeros(64, 3, 64, 64, dtype=torch.uint8)
    pictures[:, :, 0, :] = pictures[:, :, -1, :] = pictures[:, :, :, 0] = pictures[:, :, :, -1] = 255
    views = random_views(pictures, 64, generator(), zoom_out=1, light=0, aspect=1)
    bright = views.mean(dim=1) > normalise(torch.zeros(1, 3, 1, 1)).mean() + 0.3
    # Left and right edge of the frame: at least two bright columns in every view, top and bottom likewise.
    assert (bright.float().mean(dim=1) > 0.5).sum(dim=1).min() >= 2
    assert (bright.float().mean(dim=2) > 0.5).sum(dim=1).min() >= 2


def test_a_seed_gives_the_same_views_again_and_another_gives_others() -> None:
    pictures = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=generator())
    first, again, other = (random_views(pictures, 12, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
