"""A folder of pictures asked of several networks: scores of each picture, and their means with intervals.

It runs on this computer, one picture after the other, and goes on where it was when it is started again.
"""

from attnviz.study.kept import Failure, Measured
from attnviz.study.looking_from import StudyPoint
from attnviz.study.run import FAILED, Study, run
from attnviz.study.summary import Mean, MeanDifference

__all__ = ["FAILED", "Failure", "Mean", "MeanDifference", "Measured", "Study", "StudyPoint", "run"]
