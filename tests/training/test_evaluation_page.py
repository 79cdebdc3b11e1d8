from attnviz.training.evaluation_numbers import difference, percent, points, table
from attnviz.training.evaluation_page import page
from attnviz.training.tried import TRIED_FILE, Tried, tried


def run(name: str, top1: float) -> Tried:
    return Tried(name, "seed", {"64": top1}, {"64": 0.9}, 12.0)


def test_numbers_are_printed_with_their_interval_and_differences_with_their_sign() -> None:
    assert percent([0.5, 0.25, 0.755]) == "50.0 % (25.0 to 75.5)"
    assert points([-0.021, -0.04, 0.0]) == "\N{MINUS SIGN}2.1 (\N{MINUS SIGN}4.0 to 0.0)"
    assert difference([0.5, -0.001, 1.0]) == "+0.50 (0.00 to +1.00)"


def test_columns_of_numbers_stand_on_the_right() -> None:
    made = table(("name", "how", "much"), [("1. a", "b", "1.0"), ("2. c", "d", "not known")])
    assert made.splitlines()[1] == "| --- | --- | ---: |"


def test_runs_that_differ_in_their_seed_are_taken_together() -> None:
    rows = [
        run("plain_short_0", 0.70),
        run("plain_short_1", 0.72),
        run("plain_short_2", 0.71),
        run("plain_short_mix", 0.9),
    ]
    text = page([], rows)
    # The mean of 70, 72, 71 is 71; the squared deviations 1, 1, 0 over two degrees of freedom give 1.
    assert "- plain, 3 seeds: 71.0 % on average, standard deviation 1.0 points, at 64 px." in text
    assert "| plain_short_mix | seed | 90.0 / 90.0 % | 12 |" in text
    assert "on average" not in page([], rows[:1])
    assert "Welch" not in text


def test_a_difference_between_architectures_stands_beside_what_the_seed_changes() -> None:
    """Two runs of each, 2 points apart, so that the arithmetic is short."""
    far = [
        run("gated_short_0", 0.80),
        run("gated_short_1", 0.82),
        run("plain_short_0", 0.70),
        run("plain_short_1", 0.72),
    ]
    near = [run("gated_short_0", 0.71), run("gated_short_1", 0.73), *far[2:]]
    # each variance is 2 x 0.01**2, of the mean 0.01**2; both together 2 x 0.01**2, standard error 0.01414, and the
    # quantile of Student's t with 2 degrees of freedom is 4.303: half an interval is 0.0608
    sure = "gated minus plain at 64 px: +10.0 (+3.9 to +16.1) points by Welch's t-test, more than the seed changes."
    luck = "gated minus plain at 64 px: +1.0 (\N{MINUS SIGN}5.1 to +7.1) points by Welch's t-test, not to be told from "
    assert f"- {sure}" in page([], far)
    assert f"- {luck}luck." in page([], near)


def test_the_table_that_is_shipped_can_be_read() -> None:
    names = [row.name for row in tried(TRIED_FILE)]
    assert len(names) == len(set(names))
