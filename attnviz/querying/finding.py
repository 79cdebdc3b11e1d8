"""The answers of several networks in one sentence."""

from collections.abc import Sequence

from attnviz.querying.answer_words import tenths
from attnviz.querying.answers import AttentionAnswer, PlaceAnswer, QueryAnswer


def finding(answers: Sequence[QueryAnswer]) -> str:
    """The answers in one sentence: the network that looks most sharply from the point.

    Networks are compared by how often the strongest cell gets its even share, so that a window of 16 cells does not
    win by being small.
    """
    looking = [one for one in answers if isinstance(one, AttentionAnswer) and not one.is_off]
    if not looking:
        if any(isinstance(one, PlaceAnswer) for one in answers):
            return "No place of the picture looks at another in these networks: their gates have a value at the point"
        return "None of these networks has a number for this point"
    first = max(looking, key=lambda one: one.sharpness)
    times = f"{first.sharpness:.{0 if first.sharpness >= 10 else 1}f} times an even look"
    return f"From this point {first.model} looks most sharply: {tenths(first.row.value_range[1])} to one cell, {times}"
