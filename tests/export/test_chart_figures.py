"""Still figures of scores, gates and evidence: they show their numbers, fit every size, and become sound files."""

import io
import json
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.export import (
    ChannelGateFigure,
    ChannelPreference,
    FocusBars,
    FocusOverPictures,
    GateEffectFigure,
    GateHealthFigure,
    HasRows,
    TrustFigure,
    WhatIfFigure,
    figure_pdf,
    figure_png,
    figure_svg,
    restyled,
)
from attnviz.faithfulness import ClassSwap, Control, Randomisation, RemovalCurve, ReplayProof, Trust, WhatIf, WhatIfRow
from attnviz.focus import CENTRED_GAUSSIAN, EDGE_MAP, SCORES, UNIFORM, FocusScore
from attnviz.gate_effect import REST, ChannelSelectivity, GateEffect
from attnviz.geometry import Geometry
from attnviz.health import of_trace
from attnviz.maps import AttentionMap, ChannelProfile
from attnviz.pictures import Picture
from attnviz.records import ChannelWeights, Site, Trace
from attnviz.render import NOT_EXPLANATION, SIZES

PICTURE = Picture(np.full((4, 6, 3), 128, np.uint8), sha256="ab" * 32, name="dog_on_grass.jpg")
SITE = Site("layer4.1.attention", 0, "cbam.spatial")
NBSP = "\N{NO-BREAK SPACE}"


def a_map(**changes) -> AttentionMap:
    settings = {
        "method": "GradCam(layer='layer4')",
        "sites": (Site("layer4", 0, "grad_cam"),),
        "meaning": "what raises the score",
        "unit": "gradient-weighted activation",
        "bounds": (0.0, np.inf),
        "signed": False,
        "geometry": Geometry.identity((4, 6)),
    }
    return AttentionMap(np.eye(2), **(settings | changes))


def a_score(value: float, area: float, blob: float, region: str = "dog") -> FocusScore:
    name, baselines = f"share of the map in {region}", {UNIFORM: area, CENTRED_GAUSSIAN: blob}
    return FocusScore(name, value, area, value / area, baselines, 1.0, "share", region, "GradCam(layer='layer4')")


def scores(region: str, first: float, second: float) -> dict[str, FocusScore]:
    found = {"SE-ResNet": first, "ViT": second, UNIFORM: 0.25, CENTRED_GAUSSIAN: 0.4}
    return {title: a_score(value, 0.25, 0.4, region) for title, value in found.items()}


def focus_bars(**changes) -> FocusBars:
    settings = {
        "picture": PICTURE,
        "by_region": {"dog": scores("dog", 0.75, 0.5)},
        "maps": {"SE-ResNet": a_map(), "ViT": a_map()},
        "weights": {"SE-ResNet": "11" * 32, "ViT": "22" * 32},
    }
    return FocusBars(**(settings | changes))


def any_score(name: str, *regions: str) -> FocusBars:
    """The same numbers as values of another score, with an edge map."""

    def told(one: FocusScore, region: str) -> FocusScore:
        return replace(one, unit=SCORES[name].unit, region=region, baselines={**one.baselines, EDGE_MAP: 0.3})

    known = SCORES[name].of_region is not None
    return focus_bars(
        score=name,
        by_region={
            region: {title: told(one, region if known else "") for title, one in scores(region, 0.75, 0.5).items()}
            for region in regions
        },
    )


def gate_effect(**changes) -> GateEffectFigure:
    """The gate moves 20 points of 100 from the rest to the dog; another one moves 5 back."""
    effects = tuple(
        GateEffect(
            replace(SITE, layer=f"layer{number}"),
            "spatial gate",
            {"dog": 0.3, REST: 0.7},
            {"dog": after, REST: 1 - after},
            {"dog": 0.25, REST: 0.75},
            0.5,
            False,
        )
        for number, after in enumerate((0.5, 0.25), start=1)
    )
    return GateEffectFigure(**({"picture": PICTURE, "network": "CBAM-ResNet", "effects": effects} | changes))


def preference() -> ChannelPreference:
    found = ChannelSelectivity(
        SITE,
        "dog",
        REST,
        np.array([0.5, -0.5, 0.9]),
        np.array([0.7, 0.4, 0.9]),
        np.full(3, 1 / 3),
        1.0,
        (-0.9, 0.9),
        0.3,
    )
    return ChannelPreference(picture=PICTURE, network="CBAM-ResNet", found=found)


def what_if() -> WhatIfFigure:
    """Goose falls from 50 to 20 % with the grass hidden; half of the random regions give -10, half +10 points."""
    control = Control.of(np.array([-10.0, 10.0] * 10), -30.0, "moved")
    rows = (
        WhatIfRow("as it is", "as it is", "", 0.5, 0.0, "goose", 0.5),
        WhatIfRow("all gates off", "gate", "", 0.6, 10.0, "goose", 0.6),
        WhatIfRow("grass hidden", "hidden", "grass", 0.2, -30.0, "dog", 0.7, control=control),
    )
    return WhatIfFigure(picture=PICTURE, table=WhatIf("ViT", 3, "goose", rows, {}, "", "", 0), weights="22" * 32)


def trust(part: str) -> TrustFigure:
    share, rank = np.array([0, 0.5, 1]), np.array([[1.0, 0.5], [1.0, 0.1]])
    random = np.array([[0.8, 0.4, 0], [0.8, 0.6, 0]])
    deletion = RemovalCurve("deletion", share, np.array([0.8, 0.2, 0]), np.array([0.8, 0.6, 0]), random, "grey", 4, 0)
    found = Trust(
        "ViT",
        "goose",
        a_map(),
        ReplayProof("proven", 1, 1e-7, "a", 1e-5, (), 1),
        ClassSwap(("goose", "dog"), (0.6, 0.2), True, 0.3, 0.2, 0.4),
        deletion,
        replace(deletion, direction="insertion"),
        Randomisation(("head", "blocks.0"), np.array([0.1, 1.0]), rank, np.ones((2, 2)), 1, 0),
    )
    return TrustFigure(picture=PICTURE, found=found, part=part)


def gate_health() -> GateHealthFigure:

    weights = torch.tensor([0.2, 0.4, 0.6, 0.8])
    record = ChannelWeights(Site("layer1", 0, "se"), weights, features=torch.ones(4, 2, 2))
    return GateHealthFigure(
        picture=PICTURE, network="SE-ResNet", healths=of_trace(Trace("m", torch.zeros(2), None, (record,)))
    )


def channel_gate() -> ChannelGateFigure:
    profile = ChannelProfile(Site("layer1", 0, "se"), np.array([1, 0]), np.array([0.75, 0.25]), 0.5, 0.25, 0.0, 0.0)
    return ChannelGateFigure(picture=PICTURE, network="SE-ResNet", profile=profile)


def over_pictures(lift: bool = False) -> FocusOverPictures:
    """Shares of 40 and 60 %: their mean is 50 %, twice the area of 25 %."""
    found = {"ViT": (a_score(0.4, 0.25, 0.3), a_score(0.6, 0.25, 0.5))}
    return FocusOverPictures(
        pictures=(PICTURE, replace(PICTURE, name="other.jpg")), by_region={"dog": found}, lift=lift
    )


ALL = {
    "focus": focus_bars,
    "focus by region": lambda: focus_bars(
        by_region={"dog": scores("dog", 0.75, 0.5), "grass": scores("grass", 0.1, 0.3)}, numbers=(0, 2)
    ),
    "focus by another score": lambda: any_score("matched_iou", "dog"),
    "focus by another score and region": lambda: any_score("pointing", "dog", "grass", "a very long path to a house"),
    "focus without a region": lambda: any_score("entropy", "dog", "grass"),
    "focus over pictures": over_pictures,
    "gate effect": gate_effect,
    "channel preference": preference,
    "gate health": gate_health,
    "channel gate": channel_gate,
    "what if": what_if,
    "removal": lambda: trust("removal"),
    "randomisation": lambda: trust("randomisation"),
    "verdicts": lambda: trust("verdicts"),
}


def words(figure) -> list:
    """Every text that is drawn."""
    figure.canvas.draw()
    drawn = list(figure.texts)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            drawn += [axis.label, *shown]
    return [text for text in drawn if text.get_text().strip()]


def said(figure) -> str:
    return " ".join(text.get_text() for text in figure.texts).replace(NBSP, " ")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", SIZES)
def test_text_can_be_read_and_stays_inside(name: str, size: str) -> None:
    """At least 7 points on paper and 14 on a slide, nothing outside the page, and no title cut short."""
    source = restyled(ALL[name](), SIZES[size], "light")
    figure = source.figure()
    figure.set_dpi(300)  # as files are made: at fewer dots letters are spaced by whole ones
    width, height = figure.get_size_inches() * figure.dpi
    found = words(figure)
    assert min(text.get_size() for text in found) >= (7 if SIZES[size][0] < 8 else 14)
    renderer = figure.canvas.get_renderer()
    for text in found:
        box = text.get_window_extent(renderer)
        assert box.x0 >= -3, text.get_text()
        assert box.x1 <= width + 3, text.get_text()
        assert box.y0 >= -3, text.get_text()
        assert box.y1 <= height + 3, text.get_text()
    assert NOT_EXPLANATION.split(":")[0] in said(figure)


@pytest.mark.parametrize("name", ALL)
def test_figures_tell_their_origin_and_numbers(name: str) -> None:
    source = ALL[name]()
    told = json.loads(json.dumps(source.provenance(), allow_nan=False))
    pictures = told.get("pictures") or [told["picture"]]
    assert pictures[0]["sha256"] == "ab" * 32
    assert told["networks"]
    assert told["unit"]
    assert told["note"] == NOT_EXPLANATION
    assert isinstance(source, HasRows)
    assert source.rows()
    assert source.title
    assert "\n" not in source.title
    assert re.search(r"\d", source.alt)


@pytest.mark.parametrize("name", ["focus by region", "what if"])
def test_files_have_live_text_and_no_bitmap_fonts(name: str, tmp_path) -> None:
    source = ALL[name]()
    svg = figure_svg(source).decode()
    assert "<text" in svg
    assert "ViT" in re.sub(r"<[^>]*>", "", svg)
    pdf = figure_pdf(source)
    assert b"/Type3" not in pdf
    file = tmp_path / "figure.pdf"
    file.write_bytes(pdf)
    text = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, text=True, check=True).stdout
    assert "ViT" in text
    assert (pdf, svg) == (figure_pdf(ALL[name]()), figure_svg(ALL[name]()).decode())


def test_looks_are_those_that_were_asked_for() -> None:
    clear = Image.open(io.BytesIO(figure_png(focus_bars(transparent=True, size=(4, 3)), 50)))
    dark = Image.open(io.BytesIO(figure_png(focus_bars(theme="dark", size=(9, 5)), 50)))
    assert clear.getpixel((0, 0))[3] == 0
    assert dark.getpixel((0, 0)) == (0x0E, 0x11, 0x17, 255)
    assert dark.size == (450, 250)  # 9 x 5 inches at 50 dots
    with pytest.raises(ValueRangeError, match="theme must be one of light, dark; got 'blue'"):
        focus_bars(theme="blue").figure()
    with pytest.raises(ValueRangeError, match="at least 2 x 2 inches"):
        focus_bars(size=(1, 1)).figure()


def test_bars_are_the_scores() -> None:
    figure = focus_bars().figure()
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [75, 50]
    dashed, diamonds = axes.lines
    assert list(dashed.get_xdata()) == [25, 25]  # the area
    assert list(diamonds.get_xdata()) == [40, 40]
    assert "75 %, lift 3.0" in said(figure)  # 0.75 / 0.25
    with_edges = scores("dog", 0.75, 0.5) | {EDGE_MAP: a_score(0.3, 0.25, 0.4)}
    (axes,) = focus_bars(by_region={"dog": with_edges}).figure().axes
    assert [bar.get_width() for bar in axes.patches] == [75, 50]  # a row of a baseline is no network


def test_another_score_is_told_with_its_unit_and_baselines() -> None:
    source = any_score("matched_iou", "dog")
    assert source.title == "Overlap (IoU) of each map: the dog"
    row = source.rows()[0]
    assert (row["network"], row["value"], row["unit"]) == ("SE-ResNet", 0.75, "IoU")
    assert (row["baseline: uniform"], row["baseline: centred Gaussian"], row["baseline: edge map"]) == (0.25, 0.4, 0.3)
    told = source.provenance()
    assert (told["score"], told["unit"]) == ("matched_iou", "IoU; lift: the score over a flat map's")
    assert len(any_score("entropy", "dog", "grass").rows()) == 4  # two networks and two baselines, once


def test_scores_of_another_unit_are_refused() -> None:
    with pytest.raises(ValueRangeError, match=r"in the unit 'IoU' of 'matched_iou'; got \['share'\]"):
        focus_bars(score="matched_iou")
    with pytest.raises(NotFoundError, match="matched_iou"):
        focus_bars(score="matched_iuo")


def test_an_untrained_network_is_marked() -> None:
    maps = {"SE-ResNet": a_map(), "ViT": a_map(sites=(Site("b", 0, "mhsa", untrained="untrained", proven=False),))}
    figure = focus_bars(maps=maps).figure()
    assert "UNTRAINED, UNPROVEN" in said(figure)
    assert "without trained weights a map says nothing" in said(figure)
    assert "ViT: untrained, unproven." in focus_bars(maps=maps).alt


def test_means_over_pictures_have_their_intervals() -> None:
    source = over_pictures()
    (row,) = source.rows()
    assert row["mean"] == pytest.approx(0.5)  # of 0.4 and 0.6
    assert (row["low"], row["high"]) == pytest.approx((0.4, 0.6))  # of two pictures, a draw may hold one twice
    assert over_pictures(lift=True).rows()[0]["mean"] == pytest.approx(2.0)  # 0.5 / 0.25
    axes = source.figure().axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([50])
    whisker = axes.lines[0]
    assert list(whisker.get_xdata()) == pytest.approx([40, 60])
    with pytest.raises(ValueRangeError, match="at most 1; got 2"):
        replace(source, pictures=source.pictures[:1])


def test_a_region_may_be_in_fewer_pictures_but_in_the_same_for_all_networks() -> None:
    dogs = (a_score(0.4, 0.25, 0.3), a_score(0.6, 0.25, 0.5))
    source = replace(over_pictures(), by_region={"dog": {"ViT": dogs}, "cat": {"ViT": dogs[:1]}}, map_title="Grad-CAM")
    assert [row["pictures"] for row in source.rows()] == [2, 1]
    assert source.title.endswith("the dog and the cat: means over 1 to 2 pictures")
    told = said(source.figure())
    assert "50 % (40 to 60)" in told
    assert "40 % (" not in told  # one picture has no interval
    assert "Map: Grad-CAM." in told
    with pytest.raises(ValueRangeError, match=r"Swin must have one score for each picture with the dog.*got 1"):
        replace(source, by_region={"dog": {"ViT": dogs, "Swin": dogs[:1]}})


def test_what_gates_took_and_gave_are_bars_of_one_length() -> None:
    """The first gate takes 20 points from the rest and gives them to the dog; the second takes 5 from the dog."""
    figure = gate_effect().figure()
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == pytest.approx([20, -5, -20, 5])  # the dog's bars, then those of the rest
    assert "20.0" in said(figure)
    assert gate_effect(heading="").figure().texts[0].get_text() == "the dog"  # no title, so the legend comes first


def test_a_slide_shows_the_gates_that_moved_most_and_paper_all() -> None:
    one = gate_effect().effects[0]
    many = tuple(
        replace(
            one,
            site=replace(SITE, layer=f"layer{number:02}"),
            after={"dog": 0.3 + number / 200, REST: 0.7 - number / 200},
        )
        for number in range(40)
    )
    slide = said(gate_effect(effects=many).figure())
    shown = re.search(r"Shown: the (\d+) of 40 gates that moved most", slide)
    assert shown
    assert 5 <= int(shown[1]) < 40
    assert "layer39" in slide  # it moved most
    assert "layer00" not in slide
    page = gate_effect(effects=many, size=SIZES["one column"]).figure()
    assert "layer00" in said(page)
    assert page.get_size_inches()[1] > SIZES["one column"][1]


def test_dots_are_the_probabilities_and_bands_the_random_regions() -> None:
    figure = what_if().figure()
    axes = figure.axes[0]
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((40, 20))  # 50 % less and more 10 points
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert list(dots[0].get_xdata()) == pytest.approx([60, 20])
    assert "now dog" in said(figure)


def test_curves_are_drawn_with_their_areas() -> None:
    """By trapezoids (0.8 + 0.2) / 4 + 0.2 / 4 = 0.3; the middle 0.5; random orders 0.4 and 0.5, their mean 0.45."""
    figure = trust("removal").figure()
    assert "area: map 0.30, middle 0.50, random 0.45" in said(figure)
    assert [80, 20, 0] in [pytest.approx(list(line.get_ydata())) for line in figure.axes[0].lines]
    lines = trust("randomisation").figure().axes[0].lines
    assert list(lines[0].get_ydata()) == pytest.approx([1, 1, 0.3])  # the map itself, then means of 1, 1 and 0.5, 0.1
    assert "Asked for dog" in said(trust("verdicts").figure())


@pytest.mark.parametrize("size", ["one column", "two columns"])
def test_a_comparison_on_paper_grows_with_its_networks(size: str, small) -> None:
    many = replace(small, panels=small.panels[:1] * 6, size=SIZES[size])
    figure = many.figure()
    width, height = figure.get_size_inches()
    assert width == pytest.approx(SIZES[size][0])
    assert height > replace(many, panels=many.panels[:1]).figure().get_size_inches()[1]
    texts = [text for text in figure.texts if text.get_text().strip()]
    assert min(text.get_size() for text in texts) >= 7
    pictures = [axes for axes in figure.axes if axes.get_position().height * height > 0.3]
    assert len(pictures) == 7  # the picture and six maps
    for axes in pictures:  # 40 x 30 pixels
        place = axes.get_position()
        assert place.width * width / (place.height * height) == pytest.approx(40 / 30)
        assert place.width * width > 1.2


def test_a_talk_leaves_the_numbers_of_hundreds_of_channels_to_the_csv() -> None:
    from pptx import Presentation

    from attnviz.export import slides_pptx

    def titles(count: int) -> list[str]:
        profile = ChannelProfile(Site("a", 0, "se"), np.arange(count), np.linspace(1, 0, count), 0.5, 0.3, 0.0, 0.0)
        figure = ChannelGateFigure(picture=PICTURE, network="SE-ResNet", profile=profile)
        deck = Presentation(io.BytesIO(slides_pptx({"gate": figure})))
        return [slide.shapes.title.text for slide in deck.slides if slide.shapes.title is not None]

    assert any(title.startswith("Appendix") for title in titles(20))
    assert not any(title.startswith("Appendix") for title in titles(200))
