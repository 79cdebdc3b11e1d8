"""Photographs that are there without a download."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from attnviz.errors import AssetError
from attnviz.pictures.reading import Picture, open_picture

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "pictures"
"""The pictures that this project made, beside the package in the repository."""


@dataclass(frozen=True)
class SamplePicture:
    """A photograph that is there without a download.

    Attributes:
        name: short name, such as "chelsea".
        title: what it shows.
        credit: where it comes from and its licence.
        path: the file, in scikit-image's package.
        region_name: what the mask covers, such as "cat"; None where there is no mask.
        mask_path: mask of the region, made by this project; None where there is none.
    """

    name: str
    title: str
    credit: str
    path: Path
    region_name: str | None = None
    mask_path: Path | None = None

    def open(self) -> Picture:
        """The photograph."""
        return open_picture(self.path)


def sample_pictures() -> tuple[SamplePicture, ...]:
    """Photographs that come with scikit-image, readable offline; the first has a region mask.

    Raises:
        AssetError: scikit-image or its pictures are missing.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise AssetError(
            "scikit-image must be installed for the sample pictures; it is not. Run pip install scikit-image."
        )
    folder = Path(spec.origin).parent / "data"
    samples = (
        SamplePicture(
            "chelsea",
            "Chelsea the cat",
            "Stéfan van der Walt, CC0, from scikit-image",
            folder / "chelsea.png",
            "cat",
            ASSETS / "chelsea_mask.png",
        ),
        SamplePicture("coffee", "A cup of espresso", "Rachel Michetti, CC0, from scikit-image", folder / "coffee.png"),
        SamplePicture(
            "rocket", "A rocket on its launch pad", "SpaceX, public domain, from scikit-image", folder / "rocket.jpg"
        ),
        SamplePicture(
            "astronaut", "Eileen Collins", "NASA, public domain, from scikit-image", folder / "astronaut.png"
        ),
    )
    for path in [sample.path for sample in samples] + [ASSETS / "chelsea_mask.png"]:
        if not path.is_file():
            raise AssetError(f"the sample picture {path.name} must lie in {path.parent}; it is missing. Install again.")
    return samples
