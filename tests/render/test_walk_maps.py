"""The pictures of a walk."""

import matplotlib
import numpy as np

from attnviz.render.walk_maps import channel_pictures, channel_range, painted
from tests.render.walks import FEATURES, HW, PHOTO, channel, spatial, walk_of


def test_a_flat_mask_is_never_painted():
    flat = walk_of(spatial(((0.50, 0.501, 0.502),) * 2)).layers[0].where  # 0.002 / 0.502 is under 0.05
    made = painted(PHOTO, flat, 60)
    assert made.scaled is None
    assert made.words == "flat: gate value 0.5 to 0.502"
    assert np.ptp(made.image.astype(int), axis=2).max() == 0  # grey: no colour anywhere
    sharp = painted(PHOTO, walk_of(spatial()).layers[0].where, 60)
    assert sharp.scaled is not None
    assert np.ptp(sharp.image.astype(int), axis=2).max() > 50


def test_channels_share_one_scale_in_the_frame_of_the_picture():
    (layer,) = walk_of(channel()).layers
    gate = layer.gates[0]
    low, high = channel_range(gate)
    assert low == 0  # no feature is negative
    assert high == np.float32(np.quantile(FEATURES.numpy(), 0.99))  # all four channels are shown
    strongest = channel_pictures(gate.strongest, gate, HW, 60)
    assert strongest[0].image.shape == (40, 60, 3)
    # channel 0 holds 1 to 6 on 2 x 3 cells of 20 px: the cell in the middle of the upper row is 2
    wanted = np.array(matplotlib.colormaps["inferno"](2 / high)[:3]) * 255
    assert np.abs(strongest[0].image[5, 30] - wanted).max() <= 1
    assert (strongest[0].image[:20, 20:40] == strongest[0].image[5, 30]).all()
