"""Class swap, replay proof, and all tests of a map together."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnviz.errors import ValueRangeError
from attnviz.faithfulness import StoppedError, class_swap, replay_proof, trust
from attnviz.layers import SqueezeExcitation
from attnviz.maps import GatedActivation, GradCam
from attnviz.tracer import trace
from tests.faithfulness.toys import Brightness, Gated, OneChannel, scores
from tests.mechanisms.contract import hooks_of, state_of


class Channels(nn.Module):
    """The score of each of three classes is the mean of one colour."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


@pytest.fixture
def lit() -> Tensor:
    """2 x 2 pixels: red in the first, green in the second, blue nowhere. The likeliest classes are red, then green."""
    tensor = torch.zeros(1, 3, 2, 2)
    tensor[0, 0, 0, 0], tensor[0, 1, 0, 1] = 2.0, 1.0
    return tensor


class TestClassSwap:
    def test_a_map_that_moves_for_another_class(self, lit: Tensor) -> None:
        """Red lies in one cell and green in another: no mass in common; the ranks as in the tests of similarity."""
        found = class_swap(Channels().eval(), lit, OneChannel())
        assert found.names == ("class 0", "class 1")
        assert found.moved == pytest.approx(1)
        assert found.rank == pytest.approx(-1 / 3)
        total = np.exp(0.5) + np.exp(0.25) + 1
        assert found.probabilities == pytest.approx((np.exp(0.5) / total, np.exp(0.25) / total))
        assert "100% of the map's mass lies elsewhere" in found.verdict

    def test_a_map_that_knows_no_class(self, lit: Tensor) -> None:
        found = class_swap(Channels().eval(), lit, Brightness())
        assert not found.knows_class
        assert "knows no class" in found.verdict

    def test_a_method_with_a_class_of_its_own_is_asked_for_the_other_one(self, lit: Tensor) -> None:
        assert class_swap(Channels().eval(), lit, OneChannel(target=0)).moved == pytest.approx(1)

    def test_a_class_whose_map_is_constant(self, lit: Tensor) -> None:
        """Blue is nowhere: a map of zeros, which has no order."""
        found = class_swap(Channels().eval(), lit, OneChannel(), other=2)
        assert np.isnan(found.rank)
        assert "undefined" in found.verdict

    def test_one_class_twice(self, lit: Tensor) -> None:
        with pytest.raises(ValueRangeError, match="class 1"):
            class_swap(Channels().eval(), lit, OneChannel(), target=1, other=1)


class Liar(SqueezeExcitation):
    """A gate that multiplies with twice of what it says."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class TestReplayProof:
    def test_a_map_of_proven_records(self) -> None:
        model, picture = Gated().eval(), torch.rand(1, 3, 4, 4)
        attention_map = GatedActivation()(trace(model, picture))
        found = replay_proof(model, picture, attention_map)
        assert (found.proof, found.used, found.worst_layer) == ("proven", 1, "se")
        assert found.worst_error <= found.limit
        assert "All 1 records" in found.verdict

    def test_a_layer_that_does_something_else(self) -> None:
        """The output is twice the replay: off by half of the largest output."""
        model, picture = Gated().eval(), torch.rand(1, 3, 4, 4)
        liar = Liar(3, reduction=1)
        liar.load_state_dict(model.se.state_dict())
        model.se = liar.eval()
        found = replay_proof(model, picture, GatedActivation()(trace(model, picture)))
        assert found.proof == "unproven"
        assert found.worst_error == pytest.approx(1 / 2)
        assert found.unproven == ("se",)

    def test_a_map_of_no_record(self) -> None:
        model, picture = Gated().eval(), torch.rand(1, 3, 4, 4)
        found = replay_proof(model, picture, Brightness().explain(model, picture, None))  # type: ignore[arg-type]
        assert (found.used, found.proof) == (0, "not verified")
        assert "which no replay proves" in found.verdict


class Small(nn.Module):
    """A convolution, a gate and a classifier, 8 x 8 pixels to a grid of 4 x 4."""

    cam_layer = "se"

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 2, 2)
        self.se = SqueezeExcitation(6, reduction=2)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.se(self.conv(x))).mean(dim=(2, 3)))


class TestAll:
    @pytest.mark.parametrize("method", [GradCam(), GatedActivation()])
    def test_five_verdicts_and_a_model_left_alone(self, method: GradCam | GatedActivation) -> None:
        model, picture = Small().eval(), torch.rand(1, 3, 8, 8)
        before = state_of(model)
        told: list[tuple[int, int]] = []
        found = trust(model, picture, method, orders=3, steps=4, repeats=2, progress=lambda *step: told.append(step))
        assert [name for name, _, _ in found.tests] == [
            "Replay proof",
            "Class swap",
            "Deletion",
            "Insertion",
            "Weight randomisation",
        ]
        assert all(any(sign.isdigit() for sign in verdict) for _, verdict, _ in found.tests)
        assert told[-1][0] == told[-1][1]
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert len({total for _, total in told}) == 1
        assert found.deletion.random.shape == (3, 5)
        assert found.randomisation.rank.shape == (2, 4)  # conv, fc1, fc2 and head
        for stop in (0, 1, 2, 5, 30, told[-1][1] - 1):
            with pytest.raises(StoppedError):
                trust(model, picture, method, orders=3, steps=4, repeats=2, progress=lambda done, _t: done <= stop)  # noqa: B023
        assert state_of(model) == before
        assert hooks_of(model) == 0

    def test_an_exception_of_the_callback_stops_it_too(self) -> None:
        model = Small().eval()

        def stop(done: int, _total: int) -> None:
            if done > 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            trust(model, torch.rand(1, 3, 8, 8), GradCam(), progress=stop)
        assert hooks_of(model) == 0

    def test_toy_scores_are_probabilities(self) -> None:
        assert torch.softmax(scores(torch.tensor([0.3])), dim=1)[0, 0] == pytest.approx(0.3)
