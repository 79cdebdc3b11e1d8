"""What commands raise beside the library's own errors."""

from attnviz.errors import AttnvizError


class CheckFailedError(AttnvizError):
    """A command did its work, and what it checked is not as it should be."""
