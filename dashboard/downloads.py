"""The comparison as a picture file and the numbers as a table file, made when they are asked for."""

from attnviz.regions import Region
from dashboard.service import Answers
from dashboard.sidebar import Entry
from dashboard.state import Selection


def buttons(entry: Entry, selection: Selection, answers: Answers, region: Region | None) -> None:
    """Draw the download buttons."""
