"""Networks without trained weights, or with some that were never loaded: what is made from them says so.

Such a network draws maps that look like any others. So the mark lies on the network itself, and `trace` and `explain`
pass it on to every record and every map.
"""

from torch import nn

_MARK = "_attnviz_untrained"
"""Name of the attribute that holds the words. It lies on every module, so copies and parts of a network keep it."""


def mark_untrained(model: nn.Module, words: str = "untrained") -> None:
    """Say of a network what in it has no trained weights. Figures, tables and files of it repeat the words.

    The mark lasts as long as the network, and its copies and its parts have it too. Training it, or loading weights
    into it, does not take the mark away.

    Args:
        model: any network.
        words: such as "untrained", or "untrained parts: 12 of 62 tensors"; empty takes the mark away.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> mark_untrained(model)
        >>> untrained_of(nn.Sequential(model))
        'untrained'
    """
    for module in model.modules():
        if words:
            setattr(module, _MARK, words)
        elif hasattr(module, _MARK):
            delattr(module, _MARK)


def untrained_of(model: nn.Module) -> str:
    """What `mark_untrained` said of a network or of a part of it, each sentence once; empty for nothing."""
    return ", ".join(dict.fromkeys(words for part in model.modules() if (words := getattr(part, _MARK, ""))))
