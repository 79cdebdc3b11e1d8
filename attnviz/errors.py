"""The errors this library raises on purpose.

Every message reads `{what} must be {expected}; got {actual}. {next step}.` Each kind is also a built-in error,
so that a script may catch `ValueError` or `LookupError` without knowing this library. Anything else that escapes is a
bug.
"""

import difflib
from collections.abc import Iterable


class AttnvizError(Exception):
    """Base of every error below: catch it to show the message to a person."""


class ShapeError(AttnvizError, ValueError):
    """An array or tensor does not have the axes it must have."""


class ValueRangeError(AttnvizError, ValueError):
    """A value is of the right kind and outside what is allowed."""


class NothingTracedError(AttnvizError, LookupError):
    """A network ran and no known attention layer ran in it."""


class UnreadableError(NothingTracedError):
    """All attention of a network is of kinds that are not read. The message says which, and why."""


class NotFoundError(AttnvizError, LookupError):
    """A name stands for nothing here. The message lists the nearest name and all of them."""

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[str], where: str = "known here") -> "NotFoundError":
        """The error for `name` that is not one of `known`.

        Args:
            what: what the name should stand for, such as "model".
            name: the name that was asked for.
            known: every name that would have been right.
            where: where it was looked up, to complete "is not ...".

        Returns:
            The error, to be raised by the caller.

        Example:
            >>> print(NotFoundError.among("model", "vit_tny", ["se_resnet", "vit_tiny"], "in the zoo"))
            model 'vit_tny' is not in the zoo; nearest: 'vit_tiny'. All: se_resnet, vit_tiny.
        """
        names = sorted(known)
        if not names:
            return cls(f"{what} {name!r} is not {where}: there is none at all.")
        nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; nearest: {nearest[0]!r}" if nearest else ""
        return cls(f"{what} {name!r} is not {where}{hint}. All: {', '.join(names)}.")


class AssetError(AttnvizError, OSError):
    """A file that comes with the project is missing, damaged or was replaced."""


class PictureError(AttnvizError, ValueError):
    """A file cannot be used as a picture."""
