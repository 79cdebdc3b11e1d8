"""Makes torchvision and timm importable for test files that are run alone."""

import attnviz  # noqa: F401
