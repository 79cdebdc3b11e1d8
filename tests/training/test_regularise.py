import pytest
import torch
from torch import nn

from attnviz.training.regularise import Average, cutmix, erase


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(20))
def test_a_mixed_view_is_its_own_in_just_the_share_that_is_told(seed: int) -> None:
    views = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 3, 10, 14)  # a view is one number everywhere
    mixed, partner, own = cutmix(views, generator(seed))
    for row in range(6):
        assert set(mixed[row].unique().tolist()) <= {float(row), float(partner[row])}
        if partner[row] != row:
            assert (mixed[row] == row).float().mean() == pytest.approx(own)
    assert torch.equal(views[:, 0, 0, 0], torch.arange(6.0))  # the views given stay as they were


def test_half_of_a_view_is_pasted_on_average_before_the_cut_at_the_edges() -> None:
    # The uncut rectangle has 1 - lambda of the area, lambda uniform: at most one half is pasted on average.
    shares = [1 - cutmix(torch.zeros(2, 1, 32, 32), generator(seed))[2] for seed in range(300)]
    assert 0.2 < sum(shares) / len(shares) < 0.5


def test_erasing_blanks_one_rectangle_in_the_share_of_views_asked_for() -> None:
    views = torch.ones(400, 3, 20, 20)
    erased = erase(views, generator(), 0.25)
    blank = (erased == 0).float().mean(dim=(1, 2, 3))
    # 400 draws with probability 1/4: 100 with a standard deviation of 8.7
    assert 65 < int((blank > 0).sum()) < 135
    assert blank.max() <= 0.2 * 1.2  # a fifth of the area, and rounding to whole pixels
    one = erased[int(blank.argmax()), 0] == 0
    rows, columns = one.any(1), one.any(0)
    assert torch.equal(one, rows[:, None] & columns[None])
    assert torch.equal(erase(views, generator(), 0.0), views)


def test_the_average_follows_the_weights_by_its_decay() -> None:
    model = nn.BatchNorm1d(1)
    average = Average(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(11.0)  # from 1
        model.num_batches_tracked.fill_(7)
    average.update(model)
    assert average.state["weight"].item() == pytest.approx(0.9 * 1 + 0.1 * 11)
    assert average.state["num_batches_tracked"].item() == 7
    average.update(model)
    assert average.state["weight"].item() == pytest.approx(0.9 * 2 + 0.1 * 11)
    assert model.weight.item() == 11.0
