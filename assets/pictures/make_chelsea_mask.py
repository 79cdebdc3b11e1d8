"""Makes chelsea_mask.png: which pixels of scikit-image's photograph of Chelsea the cat show the cat.

Run from anywhere: python assets/pictures/make_chelsea_mask.py [FILE]

The outline was drawn by hand. In a narrow band along it GrabCut decides, pixel by pixel, which side is fur; a median
filter then smooths the border. The blurred chest, shoulder and foreleg belong to the cat, single whiskers do not.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import skimage

HERE = Path(__file__).resolve().parent

# Corners as (x, y) in pixels, clockwise from the top of the left ear. Points off the picture close the outline.
OUTLINE_XY = [
    (40, -5), (40, 10), (38, 20), (36, 30), (34, 45), (33, 60), (31, 80), (30, 100), (27, 108),
    (20, 115), (12, 121), (5, 126), (-5, 131), (-5, 305), (308, 305),
    (313, 296), (325, 287), (347, 274), (370, 264), (387, 258), (385, 250), (370, 238), (361, 229),
    (347, 217), (335, 208), (338, 200), (345, 190), (351, 180), (357, 170), (361, 160), (364, 150), (365, 140),
    (364, 130), (363, 120), (361, 110), (359, 100), (357, 90), (356, 80), (358, 74), (364, 66), (368, 60),
    (373, 50), (377, 40), (380, 30), (383, 20), (390, 10), (398, -1), (400, -5),
]  # fmt: skip

BAND_PX = 3
"""GrabCut decides this far to either side of the hand-drawn outline."""

MEDIAN_PX = 7
"""Side of the median filter that smooths the border."""


def chelsea_bgr() -> np.ndarray:
    """The photograph, uint8 of shape (300, 451, 3), in OpenCV's order of colours."""
    path = Path(skimage.__file__).parent / "data" / "chelsea.png"
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(
            f"{path} must be scikit-image's photograph of Chelsea; it cannot be read. Install scikit-image."
        )
    return picture


def cat_mask(picture_bgr: np.ndarray) -> np.ndarray:
    """The cat as 255 on 0, uint8 of shape (h, w)."""
    drawn = np.zeros(picture_bgr.shape[:2], np.uint8)
    cv2.fillPoly(drawn, [np.array(OUTLINE_XY, np.int32)], 1)
    # Beyond the picture's edge goes on what lies at the edge, so the band follows the outline only.
    padded = cv2.copyMakeBorder(drawn, *[2 * BAND_PX] * 4, cv2.BORDER_REPLICATE)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND_PX + 1, 2 * BAND_PX + 1))
    inner, outer = (
        operation(padded, disc)[2 * BAND_PX : -2 * BAND_PX, 2 * BAND_PX : -2 * BAND_PX]
        for operation in (cv2.erode, cv2.dilate)
    )
    labels = np.where(drawn == 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[inner == 1] = cv2.GC_FGD
    labels[outer == 0] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(picture_bgr, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    cat = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    cat = cv2.medianBlur(cv2.copyMakeBorder(cat, *[MEDIAN_PX] * 4, cv2.BORDER_REPLICATE), MEDIAN_PX)
    return cat[MEDIAN_PX:-MEDIAN_PX, MEDIAN_PX:-MEDIAN_PX]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "chelsea_mask.png"
    mask = cat_mask(chelsea_bgr())
    cv2.imwrite(str(target), mask, [cv2.IMWRITE_PNG_BILEVEL, 1])
    print(f"{target}: the cat covers {(mask > 0).mean():.1%} of {mask.shape[0]} x {mask.shape[1]} pixels")
