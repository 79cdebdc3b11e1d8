"""`import attnviz` makes torchvision importable, and leaves a torchvision whose operators load as it is.

Each case runs in its own interpreter. Most use a small stand-in for torchvision that asks for its operators as the
real one does: it loads the compiled library first, then registers shape functions.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

REGISTERS_SHAPES = """
import torch

@torch.library.register_fake("torchvision::nms")
def meta_nms(dets, scores, iou_threshold):
    return dets

@torch.library.register_fake("torchvision::qnms")
def meta_qnms(dets, scores, iou_threshold):
    return dets
"""

LOADS_ITS_OPERATORS = """
import torch
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""

CURE = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("cure", {str(ROOT / "attnviz/_torchvision_ops.py")!r})
cure = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cure)
"""
"""The module alone, as `import attnviz` runs it first."""


def run_python(code: str, path: Path = ROOT) -> str:
    """Standard output of a fresh interpreter that finds `path` before everything installed; a warning is an error."""
    code = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}"
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def stand_in(folder: Path, extension: str = "", package: str = "from torchvision import extension, shapes\n") -> Path:
    """A package named torchvision in `folder`."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision/__init__.py").write_text(package)
    (folder / "torchvision/extension.py").write_text(extension)
    (folder / "torchvision/shapes.py").write_text(REGISTERS_SHAPES)
    return folder


def test_without_operators_the_import_dies_and_the_cure_revives_it(tmp_path: Path) -> None:
    printed = run_python(
        "try:\n import torchvision\nexcept RuntimeError as error:\n print(error)\n"
        "for name in ['torchvision', 'torchvision.extension']:\n sys.modules.pop(name, None)\n"
        f"{CURE}\nimport torchvision\nprint(len(cure._declared), torchvision.shapes.__name__, cure.cure())",
        stand_in(tmp_path),
    )
    assert printed.splitlines() == ["operator torchvision::nms does not exist", "1 torchvision.shapes False"]


def test_a_torchvision_imported_before_is_left_alone(tmp_path: Path) -> None:
    printed = run_python(
        f"import torchvision as first\n{CURE}\nimport torchvision\nprint(cure._declared, first is torchvision)",
        stand_in(tmp_path, extension=LOADS_ITS_OPERATORS),
    )
    assert printed == "[] True"


def test_operators_that_load_are_left_alone(tmp_path: Path) -> None:
    """The stand-in defines the same operators, so a declaration of ours before or after it would raise."""
    path = stand_in(tmp_path, extension=LOADS_ITS_OPERATORS)
    assert run_python(f"{CURE}\nimport torchvision.shapes\nprint(cure._declared)", path) == "[]"


@pytest.mark.parametrize("failure", ["raise ImportError('half an installation')", "raise RuntimeError('other')"])
def test_other_failures_are_left_for_whoever_imports_torchvision(tmp_path: Path, failure: str) -> None:
    path = stand_in(tmp_path, package=f"{failure}\n")
    assert run_python(f"{CURE}\nprint(cure._declared)", path) == "[]"


def test_without_torchvision_nothing_happens() -> None:
    printed = run_python(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'torchvision' else find(name, *rest)\n"
        f"{CURE}\nprint('torchvision' in sys.modules, cure._declared)"
    )
    assert printed == "False []"


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
def test_the_installed_torchvision_and_timm_run_beside_attnviz() -> None:
    timm = "import timm" if importlib.util.find_spec("timm") else ""
    printed = run_python(
        f"import attnviz, torch, torchvision\n{timm}\n"
        "model = torchvision.models.mobilenet_v3_small().eval()\n"
        "print(tuple(model(torch.zeros(1, 3, 32, 32)).shape))"
    )
    assert printed == "(1, 1000)"
