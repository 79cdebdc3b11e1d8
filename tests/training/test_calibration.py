import math

import pytest
import torch

from attnviz.errors import ShapeError
from attnviz.training.calibration import calibration


def logits(*probabilities: float) -> torch.Tensor:
    """Two classes; the probability of the first one."""
    return torch.tensor([[math.log(p / (1 - p)), 0.0] for p in probabilities])


def test_six_predictions_by_hand() -> None:
    # Five bins. Up to 0.6: 0.55 wrong. Up to 0.8: 0.7 right, 0.7 wrong, 0.75 right. Above: 0.9 right, 0.9 right.
    found = calibration(logits(0.55, 0.7, 0.7, 0.75, 0.9, 0.9), torch.tensor([1, 0, 1, 0, 0, 0]), bins=5)
    assert [each.count for each in found.bins] == [0, 0, 1, 3, 2]
    assert [each.accuracy for each in found.bins[2:]] == pytest.approx([0, 2 / 3, 1])
    assert [each.confidence for each in found.bins[2:]] == pytest.approx([0.55, 2.15 / 3, 0.9], abs=1e-6)
    # (|0 - 0.55| + |2 - 2.15| + |2 - 1.8|) / 6
    assert found.error == pytest.approx((0.55 + 0.15 + 0.2) / 6, abs=1e-6)
    right = [math.log(p) for p in (1 - 0.55, 0.7, 1 - 0.7, 0.75, 0.9, 0.9)]
    assert found.likelihood == pytest.approx(-sum(right) / 6, abs=1e-6)
    assert (found.accuracy, found.confidence) == (pytest.approx(4 / 6), pytest.approx(4.5 / 6, abs=1e-6))


def test_the_limiting_cases() -> None:
    labels = torch.tensor([0, 1, 2, 2])
    sure = torch.nn.functional.one_hot(labels, 3) * 1000.0
    always_right, always_wrong = calibration(sure, labels), calibration(sure, (labels + 1) % 3)
    assert (always_right.error, always_right.likelihood) == (0.0, 0.0)
    assert always_wrong.error == 1.0
    # A network that knows nothing answers the first class, with 1/3, and is right in one of four.
    nothing = calibration(torch.zeros(4, 3), labels)
    assert nothing.likelihood == pytest.approx(math.log(3))
    assert nothing.error == pytest.approx(1 / 3 - 1 / 4)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"got \(2, 3\) and \(3,\)"):
        calibration(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ShapeError, match="one label for each picture"):
        calibration(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
