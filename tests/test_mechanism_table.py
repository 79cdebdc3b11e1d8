"""docs/mechanisms.md is what its script writes, and every class in it is proven."""

import math
import re

import pytest

from attnviz.mechanisms import base, refuse, register
from attnviz.mechanisms.gates import ChannelGateMechanism
from docs import mechanisms as script
from docs.mechanisms import FILE, TOLERANCE, MissingError, Row, decade, document, rows


@pytest.fixture(scope="module")
def table() -> list[Row]:
    return rows()


def without_errors(text: str) -> str:
    """The document without the last column, whose digits differ between machines."""
    return re.sub(r"\| (?:0|< 1e-?\d+) \|$", "|", text, flags=re.MULTILINE)


def test_the_committed_table_is_the_present_one(table: list[Row]) -> None:
    committed = FILE.read_text(encoding="utf-8")
    assert without_errors(committed) == without_errors(document(table)), "run python -m docs.mechanisms"
    assert all(row.structure in committed for row in table)


def test_every_class_is_replayed_from_its_records(table: list[Row]) -> None:
    assert [row for row in table if not row.error <= TOLERANCE] == []


def test_there_are_many_classes_of_several_libraries(table: list[Row]) -> None:
    assert len({row.name for row in table}) == len(table) >= 30
    assert {row.library for row in table} >= {"attnviz", "torch", "torchvision", "timm", "transformers"}


def test_the_committed_errors_are_small() -> None:
    errors = re.findall(r"\| (0|< 1e-?\d+) \|$", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(errors) >= 30
    assert {float(error.removeprefix("< ")) for error in errors} <= {0.0, *(10.0**-power for power in range(5, 12))}


@pytest.mark.parametrize(
    ("error", "printed"), [(3e-7, "< 1e-6"), (0.0, "0"), (1e-6, "< 1e-5"), (9.9e-6, "< 1e-5"), (2.0, "< 1e1")]
)
def test_an_error_is_printed_as_the_power_of_ten_above(error: float, printed: str) -> None:
    assert decade(error) == printed


class TestGaps:
    """What the script must not pass over in silence."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No registration lasts, and nothing is measured unless a test says so."""
        monkeypatch.setattr(base, "_MECHANISMS", dict(base._MECHANISMS))
        monkeypatch.setattr(base, "_REFUSED", dict(base._REFUSED))
        monkeypatch.setattr(script, "contracts", lambda: iter(()))
        monkeypatch.setattr(script, "networks", lambda: iter(()))

    def test_a_registered_class_without_a_contract_test(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(script, "known_layers", lambda: {"se": ("torch.nn.modules.linear.Identity",)})
        with pytest.raises(MissingError, match=r"no contract test holds torch\.nn\.modules\.linear\.Identity"):
            rows()
        before = FILE.read_text(encoding="utf-8")
        assert script.main() == 1
        assert "torch.nn.modules.linear.Identity" in capsys.readouterr().err
        assert FILE.read_text(encoding="utf-8") == before

    def test_a_registered_name_that_no_library_defines(self) -> None:
        register("torch.nn.modules.linear.Idnetity")(ChannelGateMechanism("misspelt", gate="gate"))
        with pytest.raises(MissingError, match=r"no library defines .*Idnetity"):
            rows()

    def test_an_error_that_is_too_large_is_not_written(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rows_of = [
            Row("torch.nn.Good", "se", "ChannelWeights", "", 1e-7),
            Row("torch.nn.Bad", "se", "ChannelWeights", "", 2e-5),
            Row("torch.nn.Nan", "se", "ChannelWeights", "", math.nan),
        ]
        monkeypatch.setattr(script, "rows", lambda: rows_of)
        before = FILE.read_text(encoding="utf-8")
        assert script.main() == 1
        said = capsys.readouterr().err
        assert "torch.nn.Bad: 2.0e-05" in said
        assert "torch.nn.Nan" in said
        assert "Good" not in said
        assert FILE.read_text(encoding="utf-8") == before

    def test_refusals_stand_in_the_document_with_their_sentence(self) -> None:
        refuse("it mixes channels and not places.", "torch.nn.modules.linear.Bilinear")
        assert "| `torch.nn.modules.linear.Bilinear` | it mixes channels and not places. |" in document([])
