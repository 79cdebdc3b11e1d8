"""A talk as LibreOffice shows it: a page for each slide, none of them blank, no word off the slide or over another."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image
from pptx import Presentation
from skimage import data

from attnviz.export import talk
from attnviz.focus import share
from attnviz.geometry import Geometry
from attnviz.pictures import Picture
from attnviz.regions import Region
from tests.export.test_slides import WHAT_IF

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
MISSING = [name for name in ("soffice", "pdftoppm", "pdftotext") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING) and not IN_CI, reason=f"needs {', '.join(MISSING)}")

TITLES = ("SE-ResNet", "CBAM-ResNet", "AA-ResNet", "ViT", "Swin", "CBAM channel, average pool")
"""Six networks, the most that are shown at once, one with a long name."""


@pytest.fixture(scope="module")
def photograph():
    return Picture(np.ascontiguousarray(data.chelsea()[:, :450]), "cd" * 32, "a rather long name of a photograph.png")


def full(small, picture):
    """A comparison as full as they come: six networks, two regions, a long finding, marks."""
    cat = Region.from_box("cat", (30, 60, 290, 440), picture.hw)
    wall = cat.invert("wall behind it")
    one = replace(small.panels[0].attention_map, geometry=Geometry.identity(picture.hw))
    panels = [
        replace(
            small.panels[0],
            title=title,
            attention_map=one,
            focus=share(one, cat),
            others=(share(one, wall),),
            trained=number != 1,
        )
        for number, title in enumerate(TITLES)
    ]
    heading = "CBAM-ResNet puts 68 % of its map on the cat, which covers 48 % of the picture (lift 1.4); a blob 73 %."
    return replace(small, picture=picture, panels=tuple(panels), region=cat, others=(wall,), heading=heading)


def rendered(path, folder):
    """The talk as a PDF."""
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "pdf",
            "--outdir",
            str(folder),
            str(path),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return folder / f"{path.stem}.pdf"


def words(pdf):
    """Of each page its size and its words with their boxes, in points."""
    told = subprocess.run(["pdftotext", "-bbox", pdf, "-"], check=True, capture_output=True, text=True).stdout
    told = re.sub(r"[\x00-\x08\x0b-\x1f]", "", told)
    for page in ElementTree.fromstring(told).iter("{http://www.w3.org/1999/xhtml}page"):
        found = [
            (tuple(float(word.get(edge)) for edge in ("xMin", "yMin", "xMax", "yMax")), word.text)
            for word in page.iter("{http://www.w3.org/1999/xhtml}word")
        ]
        yield (float(page.get("width")), float(page.get("height"))), found


def overlap(one, other):
    """How much of the smaller box the two have in common."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return max(0.0, width) * max(0.0, height) / max(1e-9, min(areas))


@pytest.mark.parametrize(("size", "theme"), [("16:9", "light"), ("4:3", "dark")])
def test_every_slide_can_be_read(small, photograph, tmp_path, size, theme):
    assert not MISSING, f"in CI a talk must be rendered; {', '.join(MISSING)} must be installed"
    path = talk(full(small, photograph), tmp_path / "talk.pptx", what_ifs=[WHAT_IF], size=size, theme=theme)
    pdf = rendered(path, tmp_path)
    slides = Presentation(path).slides
    pages = list(words(pdf))
    assert len(pages) == len(slides)
    for number, ((width, height), found) in enumerate(pages, start=1):
        assert len(found) > 4, f"slide {number} says nothing"
        for (left, top, right, bottom), word in found:
            assert left >= 0, (number, word)
            assert top >= 0, (number, word)
            assert right <= width, (number, word)
            assert bottom <= height, (number, word)
        for (one, word), (other, other_word) in combinations(found, 2):
            assert overlap(one, other) < 0.35, f"slide {number}: {word!r} over {other_word!r}"
    subprocess.run(["pdftoppm", "-r", "20", "-png", pdf, tmp_path / "page"], check=True)
    drawn = sorted(tmp_path.glob("page-*.png"))
    assert len(drawn) == len(slides)
    for page in drawn:
        assert np.asarray(Image.open(page).convert("L")).std() > 5, f"{page.name} is blank"
