"""PowerPoint files: what stands on a slide, where it goes, and the file. `attnviz.export.slides` is the way in."""

import os

Template = str | os.PathLike[str] | bytes
"""Path or bytes of a .pptx or .potx file."""
