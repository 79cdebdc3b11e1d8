"""Makes torchvision importable where its compiled operators cannot load.

`import torchvision` registers shape functions for operators that its compiled library defines. Where that library
does not fit the installed torch (a CPU build of torch beside torchvision's CUDA build is the usual case: pip takes
them from different places), the import dies with `operator torchvision::nms does not exist`, and with it timm and
every network of torchvision, although none of the attention layers needs those operators.

`cure()` declares the missing operators without giving them a body. Networks then import and run; calling `nms` itself
still fails, with torchvision's own explanation. An installation whose operators load is left exactly as it is.
"""

import importlib.util
import sys

import torch

MISSING_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""The operators that torchvision's import asks for before it looks whether its compiled library loaded."""

_declared: list[torch.library.Library] = []
"""Keeps the declarations alive: torch withdraws them when their Library object goes."""


def cure() -> bool:
    """Declares torchvision's operators if, and only if, importing torchvision fails for want of them.

    Returns:
        True if the operators had to be declared. False if torchvision imports by itself, is not installed, or fails
        for another reason, which is left for whoever imports it to see.
    """
    if _declared or "torchvision" in sys.modules or importlib.util.find_spec("torchvision") is None:
        return False
    # The import itself is the only safe question: a library declared here and loaded later would be defined twice.
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            return False
    except (ImportError, OSError, AttributeError):
        return False
    else:
        return False

    library = torch.library.Library("torchvision", "DEF")
    for schema in MISSING_SCHEMAS:
        library.define(schema)
    _declared.append(library)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    return True


cure()
