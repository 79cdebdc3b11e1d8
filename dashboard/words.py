"""Sentences and numbers as the page says them; the finding is said in the library's words."""

from attnviz.comparing import contrast_headline, headline, times

__all__ = ["contrast_headline", "headline", "plain", "times"]


def plain(text: str) -> str:
    """Text that Markdown shows as it is: a file's name must not become a link or a picture."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!|~:$&" else sign for sign in text)
