"""Every row of the published tables. The integers are an independent count: each network built a second time, by
another script, and its Conv2d and Linear layers counted; they agree with the papers' printed digits."""

from pathlib import Path

import pytest

from attnviz import tables
from attnviz.cli import main
from attnviz.counting import cost, on_meta
from attnviz.models.published import resnet
from attnviz.tables.published import AUGMENTED, CHANNEL, CIFAR, IMAGENET, ORDER, RATIOS, TRANSFORMERS
from attnviz.tables.rows import Computed, Figure, Row

GATED = {
    "resnet18": (11689512, 1814073344),
    "resnet18 + SE": (11778592, 1814160384),
    "resnet18 + CBAM": (11779392, 1815063764),
    "resnet34": (21797672, 3663761408),
    "resnet34 + SE": (21958868, 3663918592),
    "resnet34 + CBAM": (21960468, 3665434742),
    "resnet50": (25557032, 3857973248),
    "resnet50 + SE": (28088024, 3860488192),
    "resnet50 + CBAM": (28089624, 3864362102),
    "resnet101": (44549160, 7570194432),
    "resnet101 + SE": (49326872, 7574937600),
    "resnet101 + CBAM": (49330172, 7581366270),
    "wide_resnet18_1.5": (25875816, 3866327040),
    "wide_resnet18_1.5 + SE": (26074716, 3866522880),
    "wide_resnet18_1.5 + CBAM": (26075516, 3867535060),
    "wide_resnet18_2.0": (45618216, 6695706624),
    "wide_resnet18_2.0 + SE": (45970456, 6696054784),
    "wide_resnet18_2.0 + CBAM": (45971256, 6697219284),
    "resnext50_32x4d": (25028904, 3768057856),
    "resnext50_32x4d + SE": (27559896, 3770572800),
    "resnext50_32x4d + CBAM": (27561496, 3774446710),
    "resnext101_32x4d": (44177704, 7507574784),
    "resnext101_32x4d + SE": (48955416, 7512317952),
    "resnext101_32x4d + CBAM": (48958716, 7518746622),
}
"""Key: a row of the CBAM paper's Table 4. Value: parameters and multiply-adds, with the stride in the first 1x1."""

OTHER_STRIDE = {
    ("resnet50", "none"): 4089184256,
    ("resnet50", "cbam"): 4095573110,
    ("resnext50_32x4d", "se"): 4232994816,
}
"""Multiply-adds with the stride in the 3x3."""

AUGMENTED_PARAMETERS = {
    (AUGMENTED, "AA-resnet34"): 20745072,
    (AUGMENTED, "AA-resnet50"): 25809392,
    (AUGMENTED, "AA-resnet101"): 45386728,
    (AUGMENTED, "AA-resnet152"): 61613536,
}

LIBRARY_PARAMETERS = {
    "RegNetY-4G, 224 px": 20646656,
    "ViT-B/16, 384 px": 86859496,
    "ViT-L/16, 384 px": 304715752,
    "DeiT-S, 224 px": 22050664,
    "Swin-T, 224 px": 28288354,
    "Swin-L, 384 px": 196735516,
    "R-152x4, 480 px": 936533224,
}


DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tables.md"


def computed(table: str) -> dict[str, Computed]:
    """The rows of a table, counted now; the page of the documentation has them, too."""
    rows = {row.network: row.computed() for row in tables.rows() if row.table == table}
    assert tables.markdown(list(rows.values())) in DOCUMENT.read_text("utf-8"), "write docs/tables.md again"
    return rows


def test_every_row_of_se_and_cbam_agrees_as_integers_and_to_every_printed_digit() -> None:
    rows = computed(IMAGENET)
    assert {name: (each.cost.parameters, each.cost.multiply_adds) for name, each in rows.items() if each.cost} == GATED
    for each in rows.values():
        assert each.row.parameters is not None
        assert each.row.costs is not None
        assert each.row.parameters.agreement == each.row.costs.agreement == "digits"
        assert each.row.parameters.of_ours(each.millions) == each.row.parameters.printed
        assert each.row.costs.of_ours(each.billions) == each.row.costs.printed


@pytest.mark.parametrize(("name", "attention"), OTHER_STRIDE)
def test_the_stride_in_the_3x3_costs_more(name: str, attention: str) -> None:
    network = on_meta(lambda: resnet(name, attention, stride_in="3x3"))  # type: ignore[arg-type]
    assert cost(network, (1, 3, 224, 224)).multiply_adds == OTHER_STRIDE[name, attention]


def test_every_row_of_augmented_networks_agrees_in_its_parameters() -> None:
    for table in (AUGMENTED, RATIOS):
        for name, each in computed(table).items():
            assert each.wrong == ()
            assert each.row.parameters is not None
            assert each.row.parameters.agreement == "digits"
            assert each.cost is not None
            if (table, name) in AUGMENTED_PARAMETERS:
                assert each.cost.parameters == AUGMENTED_PARAMETERS[table, name]


def test_poolings_and_orders() -> None:
    channel = {name: each.cost for name, each in computed(CHANNEL).items()}
    # The second pooling sends another vector through the MLPs: their weights once more, which are the parameters that
    # SE adds, less the biases: 16 blocks of c / 16 + c, for c = 256 (3), 512 (4), 1024 (6), 2048 (3): 16048.
    biases = sum(blocks * (c // 16 + c) for c, blocks in ((256, 3), (512, 4), (1024, 6), (2048, 3)))
    one, both = channel["+ avg"], channel["+ both"]
    assert one is not None
    assert both is not None
    assert one.parameters == both.parameters == GATED["resnet50 + SE"][0]
    assert one == channel["+ max"]
    weights = GATED["resnet50 + SE"][0] - GATED["resnet50"][0] - biases
    assert both.multiply_adds - one.multiply_adds == weights
    for each in computed(ORDER).values():
        assert each.cost is not None
        assert (each.cost.parameters, each.cost.multiply_adds) == GATED["resnet50 + CBAM"]


def test_what_is_said_not_to_agree_does_not() -> None:
    for table in (CHANNEL, CIFAR):
        rows = computed(table)
        assert tables.wrong(list(rows.values())) == ()
        opened = [each for each in rows.values() if each.row.parameters and each.row.parameters.agreement == "open"]
        assert opened
        assert all(each.row.why for each in opened)


@pytest.mark.slow
def test_transformers_agree_within_their_tolerance() -> None:
    pytest.importorskip("timm")
    rows = computed(TRANSFORMERS)
    assert tables.wrong(list(rows.values())) == ()
    for name, parameters in LIBRARY_PARAMETERS.items():
        each = rows[name].cost
        assert each is not None
        assert each.parameters == parameters


def _tiny() -> object:
    from torch import nn

    return nn.Conv2d(3, 1000, 1, bias=False)  # 3,000 parameters; at 100 x 100 px 30 million multiply-adds


def _row(parameters: Figure | None, costs: Figure | None, library: str | None = None) -> Row:
    return Row(IMAGENET, "tiny", _tiny, parameters, costs, (100, 100), library=library, why="so")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figure", "value", "holds"),
    [
        (Figure("3.86"), 3.8649, True),
        (Figure("3.86"), 3.8651, False),
        (Figure("86", "near"), 86.9, True),  # truncated: less than one unit of the last digit
        (Figure("86", "near"), 87.1, False),
        (Figure("840.5", "near"), 839.25, True),  # 0.15%
        (Figure("840.5", "near"), 830.0, False),
        (Figure("3.94", "open"), 3.86, True),
        (Figure("3.94", "open"), 3.94, False),  # said not to agree, and does
    ],
)
def test_a_claim_holds_or_does_not(figure: Figure, value: float, holds: bool) -> None:
    assert figure.holds(value) is holds


def test_the_command_prints_both_numbers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tables, "rows", lambda: (_row(Figure("0.003"), Figure("0.04", "open")),))
    assert main(["tables"]) == 0
    printed = capsys.readouterr().out
    assert "| 3,000      | 0.003 | 0.003   | 0.03 | 0.04    | parameters agree, costs not reproduced: so |" in printed
    assert "1 printed figures must agree to the digit, 0 within their tolerance; 1 cannot be reproduced" in printed


@pytest.mark.parametrize("figures", [(Figure("0.004"), None), (None, Figure("0.03", "open"))])
def test_the_command_fails_when_a_claim_does(
    figures: tuple[Figure | None, Figure | None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "rows", lambda: (_row(*figures),))
    assert main(["tables"]) == 1
    output = capsys.readouterr()
    assert "WRONG" in output.out
    assert "1 figures are not as they are said to be" in output.err


def test_the_verdict_names_what_is_not_reproduced() -> None:
    both = _row(Figure("1", "open"), Figure("1", "open")).computed()
    assert "| parameters and costs not reproduced: so |" in tables.markdown([both])
    near = _row(Figure("0.003", "near"), None).computed()
    assert "| agrees within tolerance |" in tables.markdown([near])
    assert "| none printed |" in tables.markdown([_row(None, None).computed()])


def test_a_missing_library_is_said() -> None:
    each = _row(Figure("1"), Figure("1"), library="no_such_package").computed()
    assert each.cost is None
    assert "not counted: no_such_package is not installed" in tables.markdown([each])
    assert "1 rows not counted: no_such_package is not installed" in tables.in_short([each])
