"""Files can be read back, say how they were made, and are written whole or not at all."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from attnviz.errors import ValueRangeError
from attnviz.export import (
    COLUMNS,
    comparison_pdf,
    comparison_png,
    comparison_svg,
    maps_npz,
    scores_csv,
    slug,
    unique_slugs,
)
from attnviz.focus import pointing, share
from attnviz.records import Site
from attnviz.regions import Region
from attnviz.render import NOT_EXPLANATION, SLIDE_IN
from tests.export.by_hand import HW, VALUES


def test_png_is_slide_sized_and_says_how_it_was_made(comparison):
    picture = Image.open(io.BytesIO(comparison_png(replace(comparison, size=SLIDE_IN))))
    assert picture.size == (4000, 2250)  # 13.333 x 7.5 inches at 300 dots
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    told = json.loads(picture.text["Description"])
    assert told["picture"]["sha256"] == "ab" * 32
    assert told["note"] == NOT_EXPLANATION
    assert told["drawing"]["scale"] == "shared"
    assert told["drawing"]["colours"][0].startswith("Colour scale shared within a mechanism")
    first, second = told["panels"]
    # the map runs from 0 to 0.5 and its unit has no upper bound: each panel has a scale of its own
    assert [panel["colours"] for panel in (first, second)] == [
        {"low": 0.0, "high": 0.5, "unit": first["unit"], "group": group} for group in (0, 1)
    ]
    assert first["network"] == "SE-ResNet"
    assert first["weights"] == "se_resnet 1234"
    assert first["method"] == "GradCam(target=7, layer='layer4')"
    assert first["layers"] == ["layer4"]
    assert first["target"] == 7
    assert first["bounds"] == [0.0, None]  # JSON knows no infinity
    assert first["range"] == [0.0, 0.5]
    assert first["focus"]["value"] == 0.5  # 0.5 of 0 + 0.25 + 0.25 + 0.5
    assert (second["trained"], second["focus"]) == (False, None)


def test_a_transparent_png_has_see_through_corners(comparison):
    clear = Image.open(io.BytesIO(comparison_png(replace(comparison, transparent=True), dpi=60)))
    solid = Image.open(io.BytesIO(comparison_png(comparison, dpi=60)))
    assert clear.getpixel((0, 0))[3] == 0
    assert solid.getpixel((0, 0)) == (255, 255, 255, 255)


@pytest.mark.parametrize("dpi", [0, 49, 601])
def test_resolutions_that_no_slide_needs(comparison, dpi):
    with pytest.raises(ValueRangeError, match=rf"50\.\.600; got {dpi}"):
        comparison_png(comparison, dpi)


def test_svg_has_text_that_stays_text_and_equal_bytes(comparison):
    first, second = comparison_svg(comparison), comparison_svg(comparison)
    assert first == second
    words = " ".join(ElementTree.fromstring(first).itertext())
    assert "SE-ResNet" in words
    assert NOT_EXPLANATION in words
    assert "ab" * 32 in words


def test_pdf_embeds_truetype_and_equal_bytes(comparison):
    first, second = comparison_pdf(comparison), comparison_pdf(comparison)
    assert first.startswith(b"%PDF")
    assert first == second
    assert b"/Type3" not in first
    assert b"/Type /Font" in first


def test_scores_as_a_table(comparison):
    first, second = csv.DictReader(io.StringIO(scores_csv([comparison]).decode()))
    assert tuple(first) == COLUMNS
    assert first["network"] == "SE-ResNet"
    assert (float(first["share"]), float(first["area"]), float(first["lift"])) == (0.5, 0.25, 2.0)
    assert (first["prediction"], float(first["probability"])) == ("tabby", 0.75)
    assert (first["grid_rows"], first["grid_columns"]) == ("2", "2")
    assert (first["colour_scale"], first["colour_low"], first["colour_high"]) == ("shared", "0.0", "0.5")
    assert first["region"] == "dog"
    assert (first["target"], first["weights"], first["note"]) == ("7", "se_resnet 1234", "a remark")
    assert (second["region"], second["share"], second["trained"]) == ("", "", "False")
    assert all("not explanation" in row["caution"] for row in (first, second))


def test_each_further_region_has_a_row_and_stands_in_the_provenance_and_the_words(comparison):
    grass = Region.from_box("grass", (0, 0, 15, 40), HW)  # the upper half: cells 0 and 0.25 of a total of 1
    score = share(comparison.panels[0].attention_map, grass)
    panels = (replace(comparison.panels[0], others=(score,)), comparison.panels[1])
    both = replace(comparison, panels=panels, others=(grass,))
    rows = list(csv.DictReader(io.StringIO(scores_csv([both]).decode())))
    told = [(row["network"], row["region"], row["share"], row["lift"]) for row in rows]
    assert told == [("SE-ResNet", "dog", "0.5", "2.0"), ("SE-ResNet", "grass", "0.25", "0.5"), ("ViT", "", "", "")]
    assert both.provenance()["other_regions"] == [{"name": "grass", "area": 0.5}]
    assert both.provenance()["panels"][0]["other_focus"][0]["region"] == "grass"
    assert "The grass covers 50" in both.alt
    assert "the grass\N{NO-BREAK SPACE}0.5×" in both.alt


def test_a_flat_map_has_no_colours(comparison):
    dull = replace(comparison.panels[0].attention_map, values_hw=np.full((2, 2), 0.5))
    flat = replace(comparison, panels=(replace(comparison.panels[0], attention_map=dull),))
    (row,) = csv.DictReader(io.StringIO(scores_csv([flat]).decode()))
    assert (row["flat"], row["colour_low"], row["colour_high"]) == ("True", "", "")
    (panel,) = flat.provenance()["panels"]
    assert panel["colours"] is None


def test_a_map_without_a_class_has_an_empty_target(comparison):
    classless = replace(comparison.panels[0], attention_map=replace(comparison.panels[0].attention_map, target=None))
    (row,) = csv.DictReader(io.StringIO(scores_csv([replace(comparison, panels=(classless,))]).decode()))
    assert row["target"] == ""


def test_a_score_that_is_no_share_is_refused(comparison):
    panel = comparison.panels[0]
    with pytest.raises(ValueRangeError, match=r"unit 'share'; got 'hit'.*focus\.share"):
        replace(panel, focus=pointing(panel.attention_map, comparison.region))


def test_a_file_name_that_starts_a_formula_is_defused(comparison):
    (row, _) = csv.DictReader(io.StringIO(scores_csv([comparison]).decode()))
    assert row["picture"] == "'=dog.jpg"


def test_raw_maps_can_be_read_back(comparison):
    with np.load(io.BytesIO(maps_npz(comparison))) as read:
        told = json.loads(str(read["provenance"]))
        assert told["arrays"] == {"se-resnet": "SE-ResNet", "vit": "ViT"}
        assert np.array_equal(read["se-resnet"], VALUES)
        assert read["vit"].dtype == np.float32


def test_networks_named_like_numpy_s_own_words_keep_their_arrays(comparison):
    panels = tuple(replace(comparison.panels[0], title=title) for title in ("file", "Provenance", "allow_pickle"))
    with np.load(io.BytesIO(maps_npz(replace(comparison, panels=panels)))) as read:
        assert set(read) == {"provenance", "file-2", "provenance-2", "allow_pickle-2"}


def test_nothing_to_write_is_an_error():
    with pytest.raises(ValueRangeError, match="got none"):
        scores_csv([])


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("My Dog (2).JPG", "my-dog-2-jpg"),
        ("../../etc/passwd", "etc-passwd"),
        ("Grüße", "grusse"),
        ("猫", "figure"),
        ("", "figure"),
        ("CON", "con-"),
        ("a" * 100, "a" * 60),
    ],
)
def test_names_become_file_names(name, made):
    assert slug(name) == made


def test_equal_names_are_told_apart():
    assert unique_slugs(["Dog", "dog", "DOG!"]) == ["dog", "dog-2", "dog-3"]
    assert unique_slugs(["scores"], taken={"scores"}) == ["scores-2"]


def test_files_say_whether_a_map_is_proven_and_its_network_unchanged(comparison):
    shown, plain = comparison.panels
    site = Site("layer4", 0, "se", proven=False, edit="gate off")
    off = replace(shown, attention_map=replace(shown.attention_map, sites=(site,)))
    both = replace(comparison, panels=(off, plain))
    first, second = csv.DictReader(io.StringIO(scores_csv([both]).decode()))
    assert (first["proof"], first["intervention"]) == ("unproven", "gate off")
    assert (second["proof"], second["intervention"]) == ("not verified", "")
    told = [(panel["proof"], panel["intervention"]) for panel in both.provenance()["panels"]]
    assert told == [("unproven", ["gate off"]), ("not verified", [])]
    assert b"UNPROVEN" in comparison_svg(both)
    assert b"UNPROVEN" not in comparison_svg(comparison)
    said = json.loads(Image.open(io.BytesIO(comparison_png(both, dpi=50))).text["Description"])
    assert said["panels"][0]["proof"] == "unproven"
