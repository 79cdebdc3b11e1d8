"""Any figure that tells its title, words, drawing and origin can be written to files."""

import io
import json

import pytest
from matplotlib.figure import Figure
from PIL import Image

from attnviz.export import COLUMNS, HasArrays, HasRows, figure_pdf, figure_png, figure_svg


class Dot:
    """A figure of two by one inches that holds nothing."""

    title = "a dot"
    alt = "nothing to be seen"

    def figure(self) -> Figure:
        return Figure(figsize=(2, 1))

    def provenance(self):
        return {"unit": "inches"}


def test_a_source_of_ones_own_becomes_files() -> None:
    picture = Image.open(io.BytesIO(figure_png(Dot(), dpi=100)))
    assert picture.size == (200, 100)  # 2 x 1 inches
    assert json.loads(picture.text["Description"]) == {"unit": "inches"}
    assert picture.text["Title"] == "a dot"
    assert b"<dc:title>a dot</dc:title>" in figure_svg(Dot())
    assert figure_pdf(Dot()).startswith(b"%PDF")


def test_a_comparison_has_rows_and_arrays(comparison) -> None:
    assert isinstance(comparison, HasRows)
    assert isinstance(comparison, HasArrays)
    assert not isinstance(Dot(), HasRows)
    first, second = comparison.rows()
    assert set(first) <= set(COLUMNS)
    assert (first["network"], first["share"]) == ("SE-ResNet", 0.5)  # 0.5 of 0 + 0.25 + 0.25 + 0.5
    assert "share" not in second  # it has no score
    assert list(comparison.arrays()) == ["se-resnet", "vit"]
    assert comparison.arrays()["vit"].tolist() == [[0.0, 0.25], [0.25, 0.5]]


def test_the_title_is_the_heading_or_what_is_shown(comparison) -> None:
    assert comparison.title == "attention of 2 networks in =dog.jpg"
    assert type(comparison)(comparison.picture, comparison.panels[:1]).title == "attention of 1 network in =dog.jpg"


@pytest.mark.parametrize("dpi", [49, 601])
def test_a_resolution_out_of_range_is_refused(dpi: int) -> None:
    with pytest.raises(ValueError, match=r"dpi must be in 50\.\.600"):
        figure_png(Dot(), dpi)
