"""Slides read back: native text, tables and charts that hold the scores, words for every picture, notes, marks."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER
from pptx.util import Inches, Pt

from attnviz.errors import ValueRangeError
from attnviz.export import FocusBars, WhatIfFigure, bundle_zip, slides, slides_pptx, talk, talk_pptx
from attnviz.faithfulness.what_if_table import Control, WhatIf, WhatIfRow
from attnviz.focus import CENTRED_GAUSSIAN, EDGE_MAP, UNIFORM, FocusScore
from attnviz.records import Site
from attnviz.render import NOT_EXPLANATION
from tests.export.test_bundle import Bars

WHAT_IF = WhatIf(
    "SE-ResNet",
    7,
    "tabby",
    (
        WhatIfRow("as it is", "as it is", "", 0.75, 0.0, "tabby", 0.75),
        WhatIfRow("all gates off", "gate", "", 0.25, -50.0, "lion", 0.5),
        # of the changes -10, -20 and -30 points the mean is -20; the middle 95 % reach from -29.5 to -10.5
        WhatIfRow(
            "dog blurred",
            "picture",
            "dog",
            0.5,
            -25.0,
            "tabby",
            0.5,
            control=Control.of(np.array([-10.0, -20.0, -30.0]), -25.0, "same shape"),
        ),
    ),
    {},
    "",
    "",
    0,
)


def opened(contents):
    return Presentation(io.BytesIO(contents))


def titled(deck):
    return {slide.shapes.title.text: slide for slide in deck.slides}


def words_of(slide):
    said = []
    for shape in slide.shapes:
        if shape.has_text_frame:
            said.append(shape.text_frame.text)
        if shape.has_table:
            said += [cell.text for row in shape.table.rows for cell in row.cells]
    return "\n".join(said)


def pictures(slide):
    return [shape for shape in slide.shapes if shape.shape_type == MSO_SHAPE_TYPE.PICTURE]


def described(shape):
    return shape._element.xpath(".//p:cNvPr")[0].get("descr")


def charts(slide):
    return [shape.chart for shape in slide.shapes if shape.has_chart]


@pytest.fixture(scope="module")
def deck_of():
    made = {}

    def made_once(comparison):
        if not made:
            made["talk"] = opened(talk_pptx(comparison, what_ifs=[WHAT_IF], figures=[Bars()]))
        return made["talk"]

    return made_once


def test_a_talk_has_its_slides_in_order(small, deck_of):
    assert [slide.shapes.title.text for slide in deck_of(small).slides] == [
        "SE-ResNet looks at the dog",
        "How it was measured",
        "SE-ResNet looks at the dog",
        "SE-ResNet: 50\N{NO-BREAK SPACE}% of its map on the dog",
        "ViT",
        "How much of each map lies on the dog",
        "How many times chance lies on each region",
        # 1 of 3 random regions does as much: p = (1 + 1) / (1 + 3)
        "SE-ResNet: nothing done to a region moves tabby more than the same does to random regions (smallest p = 0.5)",
        "three bars",
        "Appendix: the numbers",
        "Appendix: the maps",
        "Appendix: what-if, SE-ResNet",
        "Appendix: three bars",
    ]


def test_the_focus_chart_is_native_and_holds_the_scores(small, deck_of):
    slide = titled(deck_of(small))["How much of each map lies on the dog"]
    (chart,) = charts(slide)
    score = small.panels[0].focus
    assert list(chart.plots[0].categories) == ["SE-ResNet"]
    assert [(one.name, tuple(one.values)) for one in chart.plots[0].series] == [
        ("on the dog", (0.5,)),  # 0.5 of 0 + 0.25 + 0.25 + 0.5
        ("area (chance)", (0.25,)),  # one of four cells
        ("centred blob", (score.baselines[CENTRED_GAUSSIAN],)),
    ]
    (table,) = [shape.table for shape in slide.shapes if shape.has_table]
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows[0] == ["Network", "Share", "Area", "Blob", "Lift"]
    assert rows[1][:3] == ["SE-ResNet", "50\N{NO-BREAK SPACE}%", "25\N{NO-BREAK SPACE}%"]
    assert rows[1][4] == "2.0"
    assert "No score: ViT." in words_of(slide)


def test_lifts_of_several_regions_are_a_chart(small, deck_of):
    (chart,) = charts(titled(deck_of(small))["How many times chance lies on each region"])
    grass = small.panels[0].others[0]
    assert [(one.name, tuple(one.values)) for one in chart.plots[0].series] == [
        ("the dog", (2.0,)),
        ("the grass", (grass.lift,)),
    ]


def test_the_what_if_chart_has_its_controls_as_error_bars(small, deck_of):
    slide = next(slide for title, slide in titled(deck_of(small)).items() if title.startswith("SE-ResNet: nothing"))
    (chart,) = charts(slide)
    after, random = chart.plots[0].series
    assert list(chart.plots[0].categories) == ["as it is", "all gates off", "dog blurred"]
    assert tuple(after.values) == (0.75, 0.25, 0.5)
    assert chart.category_axis._element.xpath("c:tickLblSkip/@val") == ["1"]  # each row is named
    assert random.values[:2] == (None, None)
    assert random.values[2] == pytest.approx(0.55)  # 0.75 - 20 points
    ends = {
        side: [float(one.text) for one in random._element.xpath(f".//c:errBars/c:{side}//c:v")]
        for side in ("plus", "minus")
    }
    assert ends["plus"] == pytest.approx([0, 0, 0.095])  # from 20 to 10.5 points
    assert ends["minus"] == pytest.approx([0, 0, 0.095])
    table = next(shape.table for shape in slide.shapes if shape.has_table)
    assert [cell.text for cell in table.rows[3].cells] == [
        "dog blurred",
        "50\N{NO-BREAK SPACE}%",
        "\N{MINUS SIGN}25",
        "0.5",
    ]


def test_everything_that_is_seen_has_words(small, deck_of):
    for slide in deck_of(small).slides:
        for shape in slide.shapes:
            if shape.shape_type == MSO_SHAPE_TYPE.PICTURE or shape.has_chart or shape.has_table:
                assert described(shape), f"{slide.shapes.title.text}: {shape.name}"
    side_by_side = deck_of(small).slides[2]
    source, first, second = pictures(side_by_side)[:3]
    assert described(source).startswith("The picture dog.jpg. The dog covers 25")
    assert "SE-ResNet on dog.jpg; first answer tabby" in described(first)
    assert "ViT on dog.jpg; untrained" in described(second)


def test_notes_tell_method_caution_and_how_to_make_it_again(small, deck_of):
    for slide in list(deck_of(small).slides)[:7]:
        notes = slide.notes_slide.notes_text_frame.text
        assert NOT_EXPLANATION in notes
        assert "GradCam(target=7, layer='layer4')" in notes
        assert "weights 121212121212" in notes
        assert "sha256 abababababab" in notes
        assert "python -m attnviz rebuild manifest.json" in notes
    assert all(slide.has_notes_slide for slide in deck_of(small).slides)


def test_untrained_unproven_and_changed_networks_are_marked_wherever_they_are_shown(small):
    site = Site("layer4", 0, "se", proven=False, edit="gate off")
    first = small.panels[0]
    changed = replace(first, attention_map=replace(first.attention_map, sites=(site,)), trained=False)
    deck = opened(talk_pptx(replace(small, panels=(changed, small.panels[1]))))
    for slide in [deck.slides[2], *list(deck.slides)[3:4]]:
        said = words_of(slide)
        assert "UNTRAINED\nUNPROVEN\nINTERVENTION" in said
        assert "without trained weights a map says nothing" in said
        assert "the layer's output does not follow from these numbers" in said
        assert "ran with its attention changed: gate off" in said
    (chart,) = charts(titled(deck)["How much of each map lies on the dog"])
    assert list(chart.plots[0].categories) == ["SE-ResNet (untrained, unproven, intervention)"]
    assert any("UNTRAINED: SE-ResNet" in title for title in titled(deck))


def test_how_colours_are_to_be_read_stands_on_the_comparison(small, deck_of):
    assert "Colour scale shared within a mechanism" in words_of(deck_of(small).slides[2])
    assert NOT_EXPLANATION in words_of(deck_of(small).slides[2])
    smooth = opened(slides_pptx({"dog": replace(small, interpolation="smooth", scale="rank")}))
    assert "the rank of a cell within its own map" in words_of(smooth.slides[0])
    assert "finer than the network's own grid" in words_of(smooth.slides[0])


def test_pictures_keep_their_pixels(small, deck_of):
    source = pictures(deck_of(small).slides[2])[0]
    assert source.image.size == (40, 30)  # the picture's own size
    assert source.image.ext == "png"


def test_the_same_talk_has_the_same_bytes_at_another_time(small, monkeypatch):
    first = talk_pptx(small, what_ifs=[WHAT_IF])
    monkeypatch.setattr("time.localtime", lambda *_: (2001, 2, 3, 4, 5, 6, 0, 0, 0))
    assert talk_pptx(small, what_ifs=[WHAT_IF]) == first
    with zipfile.ZipFile(io.BytesIO(first)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(("size", "width"), [("16:9", 40 / 3), ("4:3", 10.0)])
def test_nothing_leaves_the_slide_and_nothing_covers_another(small, size, width):
    six = replace(small, panels=tuple(replace(small.panels[0], title=f"Network number {n}") for n in range(6)))
    deck = opened(talk_pptx(six, what_ifs=[WHAT_IF], size=size))
    assert (deck.slide_width, deck.slide_height) == (Inches(width), Inches(7.5))
    for slide in deck.slides:
        boxes = [
            (one.left, one.top, one.left + one.width, one.top + one.height, one.name)
            for one in slide.shapes
            if one.shape_type != MSO_SHAPE_TYPE.AUTO_SHAPE  # badges and marks lie on pictures
        ]
        for left, top, right, bottom, name in boxes:
            assert min(left, top) >= 0, name
            assert right <= deck.slide_width + 2, (slide.shapes.title.text, name)
            assert bottom <= deck.slide_height + 2, (slide.shapes.title.text, name)
        for place, one in enumerate(boxes):
            for other in boxes[place + 1 :]:
                apart = (
                    one[2] <= other[0] + 9 or other[2] <= one[0] + 9 or one[3] <= other[1] + 9 or other[3] <= one[1] + 9
                )
                assert apart, (slide.shapes.title.text, one, other)


def template(tmp_path, change=lambda deck: None, name="own.pptx"):
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = "an old slide"
    change(deck)
    path = tmp_path / name
    deck.save(path)
    return path


def test_a_template_s_layouts_and_sizes_are_used_and_its_slides_left_out(small, tmp_path):
    def own(deck):
        deck.slide_width, deck.slide_height = Inches(11), Inches(8)
        deck.slide_layouts[5].name = "Ours"
        title = deck.slide_layouts[5].placeholders[0]
        title.left, title.top, title.width, title.height = Inches(1), Inches(0.2), Inches(9), Inches(1.4)

    deck = opened(talk_pptx(small, template=template(tmp_path, own)))
    assert (deck.slide_width, deck.slide_height) == (Inches(11), Inches(8))
    assert not [slide for slide in deck.slides if "an old slide" in words_of(slide)]
    slide = deck.slides[2]
    assert slide.slide_layout.name == "Ours"
    assert slide.shapes.title.left == Inches(1)
    assert all(shape.top >= Inches(1.6) for shape in slide.shapes if shape.shape_id != slide.shapes.title.shape_id)


def test_a_long_title_is_written_smaller_in_a_template(small, tmp_path):
    deck = opened(slides_pptx({"dog": replace(small, heading="word " * 60)}, template=template(tmp_path)))
    (run,) = deck.slides[0].shapes.title.text_frame.paragraphs[0].runs
    assert run.font.size is not None
    assert run.font.size < Pt(44)  # of the template


def test_a_template_without_a_title_gets_text_boxes(small, tmp_path):
    def bare(deck):
        for layout in deck.slide_layouts:
            for one in list(layout.placeholders):
                if one.placeholder_format.type in (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE):
                    one.element.getparent().remove(one.element)

    deck = opened(talk_pptx(small, template=template(tmp_path, bare)))
    assert deck.slides[2].shapes.title is None
    assert "SE-ResNet looks at the dog" in words_of(deck.slides[2])


def test_a_potx_is_a_template_too(small, tmp_path):
    plain = template(tmp_path)
    potx = tmp_path / "own.potx"
    with zipfile.ZipFile(plain) as read, zipfile.ZipFile(potx, "w") as written:
        for name in read.namelist():
            part = read.read(name)
            if name == "[Content_Types].xml":
                part = part.replace(b"presentationml.presentation.main+xml", b"presentationml.template.main+xml")
            written.writestr(name, part)
    assert len(opened(slides_pptx({"dog": small}, template=potx)).slides) > 1


@pytest.mark.parametrize("damage", ["text", "cut", "zip", "missing"])
def test_a_broken_template_is_one_sentence(small, tmp_path, damage):
    path = template(tmp_path)
    if damage == "missing":
        path.unlink()
    elif damage == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hello.txt", "hello")
    else:
        path.write_bytes(b"no template" if damage == "text" else path.read_bytes()[:9000])
    with pytest.raises(ValueRangeError, match="the template must be") as told:
        talk(small, tmp_path / "talk.pptx", template=path)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "talk.pptx").exists()


def test_files_are_never_overwritten_without_being_told(small, tmp_path):
    path = slides({"bars": Bars()}, tmp_path / "bars.pptx", title="Bars")
    before = path.read_bytes()
    with pytest.raises(ValueRangeError, match="must not exist yet"):
        slides({"bars": Bars("other")}, path)
    assert path.read_bytes() == before
    slides({"bars": Bars("other")}, path, overwrite=True)
    assert "other" in titled(Presentation(path))
    assert [one.name for one in tmp_path.iterdir()] == ["bars.pptx"]
    with pytest.raises(ValueRangeError, match=r"must end in \.pptx"):
        slides({"bars": Bars()}, tmp_path / "bars.ppt")
    with pytest.raises(ValueRangeError, match="got none"):
        slides({}, tmp_path / "empty.pptx")


def test_any_figure_becomes_a_slide_with_its_picture_and_its_rows(tmp_path):
    deck = opened(slides_pptx({"bars": Bars()}, title="Bars"))
    first, shown, numbers = deck.slides
    assert first.shapes.title.text == "Bars"
    (picture,) = pictures(shown)
    assert described(picture) == "bars of 1, 2 and 3"
    assert picture.image.size == (300, 300)  # an inch at 300 dots
    assert "=first" in words_of(numbers)  # a slide runs no formulas


def test_focus_bars_and_what_if_figures_are_native_charts(small):
    dog, grass = small.panels[0].focus, small.panels[0].others[0]
    bars = FocusBars(
        picture=small.picture,
        by_region={"dog": {"SE-ResNet": dog, UNIFORM: dog}, "grass": {"SE-ResNet": grass, UNIFORM: grass}},
        maps={"SE-ResNet": small.panels[0].attention_map},
    )
    deck = opened(slides_pptx({"bars": bars, "what if": WhatIfFigure(picture=small.picture, table=WHAT_IF)}))
    share, lift, change = [chart for slide in deck.slides for chart in charts(slide)]
    assert [tuple(one.values) for one in share.plots[0].series] == [(0.5,), (0.25,), (dog.baselines[CENTRED_GAUSSIAN],)]
    assert list(share.plots[0].categories) == ["SE-ResNet"]  # the baselines are series, not networks
    assert [tuple(one.values) for one in lift.plots[0].series] == [(2.0,), (grass.lift,)]
    assert tuple(change.plots[0].series[0].values) == (0.75, 0.25, 0.5)
    assert not [slide for slide in deck.slides if pictures(slide)]


def test_any_score_is_a_native_chart_with_all_its_baselines(small):
    """A hit of 1 and one of 0.5, where a flat map scores 0.25, the Gaussian 0.4 and the edges 0.3."""
    baselines = {UNIFORM: 0.25, CENTRED_GAUSSIAN: 0.4, EDGE_MAP: 0.3}

    def scored(region):
        hits = {"SE-ResNet": 1.0, "ViT": 0.5} | baselines
        return {
            title: FocusScore("hit", hit, 0.25, hit / 0.25, baselines, hit, "hit", region)
            for title, hit in hits.items()
        }

    maps = {"SE-ResNet": small.panels[0].attention_map, "ViT": small.panels[0].attention_map}
    bars = FocusBars(
        picture=small.picture, by_region={name: scored(name) for name in ("dog", "sky")}, maps=maps, score="pointing"
    )
    deck = opened(slides_pptx({"bars": bars}))
    found = [chart for slide in deck.slides for chart in charts(slide)]
    assert [slide.shapes.title.text for slide in deck.slides][:2] == [
        "Highest cell of each map: the dog",
        "Highest cell of each map: the sky",
    ]
    for chart in found:
        assert list(chart.plots[0].categories) == ["SE-ResNet", "ViT"]
        assert [tuple(one.values) for one in chart.plots[0].series] == [(1.0, 0.5), (0.25,) * 2, (0.4,) * 2, (0.3,) * 2]
    assert len(found) == 2
    assert "Higher: the highest cell lies in the region" in words_of(deck.slides[0])


def test_a_bundle_has_a_talk_when_asked(small):
    with zipfile.ZipFile(io.BytesIO(bundle_zip({"dog": small}, formats=["png"], dpi=50, with_talk=True))) as archive:
        listed = {file["name"] for file in json.loads(archive.read("manifest.json"))["files"]}
        assert "talk.pptx" in listed
        assert opened(archive.read("talk.pptx")).slides[1].shapes.title.text == "How it was measured"


def test_every_slide_of_several_pictures_names_its_own(small):
    """Titles such as "Appendix: the numbers" come once for each picture, so the foot says which."""
    cat = replace(small, picture=replace(small.picture, name="cat\nat home.jpg", sha256="cd" * 32))
    about = {"dog": small, "cat": cat}
    what_ifs = {name: WhatIfFigure(picture=one.picture, table=WHAT_IF) for name, one in about.items()}
    for deck in (
        opened(slides_pptx(about | {f"what if {name}": one for name, one in what_ifs.items()})),
        opened(talk_pptx(small, what_ifs=[WHAT_IF], figures=[cat, what_ifs["cat"]])),
    ):
        numbered = [slide for slide in deck.slides if any(one.has_chart or one.has_table for one in slide.shapes)]
        named = [
            [name for name in ("dog.jpg", "cat at home.jpg") if f"Picture: {name}." in words_of(slide)]
            for slide in numbered
        ]
        # each has two slides of focus, one of what-if, and three in the appendix
        assert sorted(named) == [["cat at home.jpg"]] * 6 + [["dog.jpg"]] * 6


def test_the_talk_of_a_bundle_has_the_shape_and_the_theme_of_its_figures(small):
    """A page of 10 x 7.5 inches is 4:3; dark slides write white on a dark ground, as the figures do."""
    looks = {"size": (10.0, 7.5), "theme": "dark"}
    what_if = WhatIfFigure(picture=small.picture, table=WHAT_IF, **looks)
    for figures in ({"dog": replace(small, **looks)}, {"what if": what_if}):
        with zipfile.ZipFile(io.BytesIO(bundle_zip(figures, formats=["png"], dpi=50, with_talk=True))) as archive:
            made = archive.read("talk.pptx")
        deck = opened(made)
        assert (deck.slide_width, deck.slide_height) == (Inches(10), Inches(7.5))
        same = slides_pptx if "what if" in figures else lambda told, **looks: talk_pptx(told["dog"], **looks)
        assert made == same(figures, size="4:3", theme="dark") != same(figures, size="4:3", theme="light")


def test_only_slides_need_python_pptx():
    """Without it the library is imported as ever, and a talk is refused in a sentence."""
    told = subprocess.run(
        [sys.executable, "-c", 'import sys; sys.modules["pptx"] = None; import attnviz; '
         'attnviz.export.slides_pptx({"a": object()})'],
        capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1] == (
        "attnviz.errors.AssetError: python-pptx must be installed for slides; it is not. Run pip install python-pptx."
    )
