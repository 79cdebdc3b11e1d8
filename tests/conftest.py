"""What every test stands on: one thread, fixed seeds, a few pictures; in CI, no browser test may be skipped."""

import os
import shutil
from collections.abc import Iterator

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # read when numpy and torch are first imported, so before them

import random

import numpy as np
import pytest
import torch

torch.set_num_threads(1)

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.fixture(autouse=True)
def seeds() -> None:
    """The same random numbers in each test, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  libraries under test may draw from the old global generator
    torch.manual_seed(0)


@pytest.fixture
def picture_hwc() -> np.ndarray:
    """A picture (40, 60, 3), uint8, whose pixel values tell their place: red = 4 y, green = 4 x, blue = 128."""
    rows, columns = np.mgrid[0:40, 0:60]
    return np.dstack([4 * rows, 4 * columns, np.full_like(rows, 128)]).astype(np.uint8)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of an installed Chromium or Chrome; without one the test is skipped (and fails in CI)."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on the path")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a skipped browser test is a failure: a green run must mean that the pages were driven."""
    report = yield
    if IN_CI and report.skipped and item.get_closest_marker("browser") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and in CI a browser test must run: {report.longrepr}"
    return report
