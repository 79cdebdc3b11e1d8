"""Sentences: what they say, worked by hand."""

from attnviz.focus import FocusScore
from dashboard.controls import disagreement
from dashboard.words import contrast_headline, headline, plain

SPACE = "\N{NO-BREAK SPACE}"


def score(value: float, area: float, gaussian: float) -> FocusScore:
    return FocusScore("share", value, area, value / area, {"uniform": area, "centred Gaussian": gaussian}, 1.0, "share")


def test_the_headline_names_the_highest_share_beside_chance() -> None:
    scores = {"SE-ResNet": score(0.5, 0.38, 0.53), "CBAM-ResNet": score(0.608, 0.38, 0.53)}
    said = headline(scores, ["SE-ResNet", "CBAM-ResNet"], "cat").replace(SPACE, " ")
    # 0.608 / 0.38 = 1.6
    assert said == (
        "CBAM-ResNet puts 61 % of its map on the cat, which covers 38 % of the picture (lift 1.6); "
        "a centred blob would score 53 %."
    )


def test_the_headline_never_names_a_baseline_or_a_network_it_may_not_name() -> None:
    scores = {"SE": score(0.4, 0.4, 0.5), "ResNet": score(0.9, 0.4, 0.5), "centred Gaussian": score(0.95, 0.4, 0.5)}
    assert headline(scores, ["SE"], "cat").startswith("SE puts 40")
    assert headline({"ResNet": scores["ResNet"]}, ["SE"], "cat") == ""
    assert headline({}, ["SE"], "cat") == ""


def test_a_file_name_cannot_become_a_link_or_a_foreign_picture() -> None:
    assert plain("![x](https://example.org/a.png)") == r"\!\[x\]\(https\://example\.org/a\.png\)"
    assert plain("cat 12") == "cat 12"


def test_disagreement_names_each_class_once_with_its_networks() -> None:
    said = disagreement([("A", "tabby"), ("B", "lion"), ("C", "tabby")])
    assert "(tabby: A, C; lion: B)" in said
    assert disagreement([("A", "tabby"), ("B", "tabby")]) == ""


def test_several_regions_are_compared_by_lift() -> None:
    # 0.5 / 0.25 = 2.0 and 0.3 / 0.25 = 1.2 on the dog; 0.3 / 0.5 = 0.6 on the grass, 0.05 / 0.1 = 0.5 on the ivy
    dog = {"SE": score(0.5, 0.25, 0.5), "ViT": score(0.3, 0.25, 0.5), "uniform": score(0.25, 0.25, 0.5)}
    grass, ivy = {"SE": score(0.3, 0.5, 0.4)}, {"SE": score(0.05, 0.1, 0.1)}
    said = contrast_headline({"dog": dog, "grass": grass, "ivy": ivy}, ["SE", "ViT"])
    assert said == "SE puts 2.0× as much of its map on the dog as chance, the grass 0.6× and the ivy 0.5×."
    assert contrast_headline({"dog": dog, "grass": grass}, ["SE"]).endswith("as chance, the grass 0.6×.")
    alone = contrast_headline({"dog": dog, "grass": {}}, ["ViT"])
    assert alone == "ViT puts 1.2× as much of its map on the dog as chance."
    assert contrast_headline({"dog": dog}, ["AA"]) == ""
