"""Masks grown by a distance."""

import numpy as np
import numpy.typing as npt


def grown(mask_hw: npt.NDArray[np.bool_], radius_px: float) -> npt.NDArray[np.bool_]:
    """A mask with every pixel added whose centre is at most `radius_px` from the centre of one inside."""
    outside = np.where(mask_hw, 0, 1).astype(np.uint8)
    try:
        import cv2

        distance_px = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    except ImportError:  # opencv-python needs system libraries that a bare server lacks; this is exact too, but slower
        from scipy.ndimage import distance_transform_edt

        distance_px = distance_transform_edt(outside)
    return np.asarray(distance_px <= radius_px + 1e-4)
