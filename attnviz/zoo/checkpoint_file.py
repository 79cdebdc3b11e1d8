"""Read the tensors of a checkpoint file that nobody vouches for. Nothing in the file is run.

A `.safetensors` file holds numbers only. The other formats are pickles, which could hold code: they are read by
PyTorch's restricted unpickler (`weights_only=True`) and never by another one.
"""

import argparse
import hashlib
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from attnviz.errors import AssetError

MOST_BYTES = 2 << 30
"""Largest checkpoint that is read, 2 GiB, and the most that its tensors may take up."""

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".tar")
"""Ends of the names of files that are read. All but the first are pickles."""

_AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema", "teacher")
_PLAIN = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "student")
_INSIDE_OTHERS = ("shadow", "module")
_NAMES_OF_CLASSES = ("classes", "class_names", "labels", "wnids")
_NAMES_OF_ARCHITECTURES = ("arch", "architecture", "model_name")
_DEEPEST = 4
_LONGEST_NAME = 300

_CHUNK = 1 << 24

Progress = Callable[[str, int, int], object]
"""Told what is done now, how much of that is done, and how much there is of it; 0 of 0 where nobody knows.

What it raises ends the work.
"""

_ALLOWING = threading.Lock()


@dataclass(frozen=True, eq=False)
class CheckpointFile:
    """What a checkpoint file holds.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        states: the sets of named tensors in it by where they lie, such as "model"; "" for the whole file. Averaged
            weights come first.
        architecture: the network's name, if the file says it; empty otherwise.
        classes: names of the classes, if the file lists them; empty otherwise.
    """

    path: Path
    sha256: str
    states: Mapping[str, Mapping[str, Tensor]]
    architecture: str = ""
    classes: tuple[str, ...] = ()


def read_checkpoint(path: str | os.PathLike[str], progress: Progress | None = None) -> CheckpointFile:
    """The tensors in a file.

    Args:
        path: of a file whose name ends in one of `SUFFIXES`.
        progress: told how far it is.

    Raises:
        AssetError: there is no such file, it is empty, too large, damaged or of another kind, or it holds anything
            that would have to be run to be read.
    """
    file = Path(path)
    _refuse_by_name_and_size(file)
    tell = progress or (lambda stage, done, total: None)
    with file.open("rb") as stream:
        sha256 = _sha256(stream, lambda done: tell("its hash", done, file.stat().st_size))
        tell("its tensors", 0, 0)
        if file.suffix.lower() == ".safetensors":
            content: object
            said: Mapping[str, object]
            content, said = _safetensors(file)
        else:
            stream.seek(0)
            content = _pickled(file, stream)
            said = content if isinstance(content, Mapping) else {}
    states = dict(_states(content))
    if not states:
        raise AssetError(f"{file.name} must hold named tensors; got {_kind(content)}. Save model.state_dict().")
    for number, state in enumerate(states.values()):
        tell("looking for numbers without end", number, len(states))
        _check(file.name, state)
    return CheckpointFile(file, sha256, states, _architecture(said), _classes(said))


def _sha256(stream: IO[bytes], tell: Callable[[int], object]) -> str:
    found, done = hashlib.sha256(), 0
    tell(0)
    while chunk := stream.read(_CHUNK):
        found.update(chunk)
        done += len(chunk)
        tell(done)
    return found.hexdigest()


def _refuse_by_name_and_size(file: Path) -> None:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise AssetError(f"the checkpoint must be a file that can be read; got {file} ({error.strerror}).") from error
    if not file.is_file():
        raise AssetError(f"the checkpoint must be a file; got {file}, which is none. Name the file in it.")
    if file.suffix.lower() not in SUFFIXES:
        raise AssetError(
            f"the checkpoint's name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}; got {file.name!r}. "
            "Save model.state_dict() with torch.save or safetensors."
        )
    if size == 0:
        raise AssetError(f"{file.name} must hold named tensors; got an empty file. Save it again.")
    if size > MOST_BYTES:
        raise AssetError(
            f"{file.name} must be at most {_gib(MOST_BYTES)}; got {_gib(size)}. "
            "Save model.state_dict() alone, without the optimiser, in half precision."
        )


def _safetensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, and what the file says of itself."""
    try:
        with safe_open(file, framework="pt") as opened:  # type: ignore[no-untyped-call]
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError) as error:
        raise _damaged(file) from error


def _pickled(file: Path, stream: IO[bytes]) -> object:
    """What the restricted unpickler makes of a file."""
    if zipfile.is_zipfile(stream):
        stream.seek(0)
        try:
            with zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                unpacked = sum(member.file_size for member in members)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise _damaged(file) from error
        if unpacked > MOST_BYTES:
            raise AssetError(
                f"{file.name} must unpack to at most {_gib(MOST_BYTES)}; got {_gib(unpacked)}. "
                "Save model.state_dict() alone."
            )
        if any(member.filename.endswith("/constants.pkl") for member in members):
            raise AssetError(
                f"{file.name} must hold named tensors; got a TorchScript program, which is not run. "
                "Save model.state_dict() of the network it was made from."
            )
    stream.seek(0)
    try:
        # timm keeps the options of its training run in a Namespace: names and values, no code. The list of allowed
        # classes is one for all threads.
        with _ALLOWING, torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file makes the parser stumble over
        raise _unreadable(file, str(error)) from error


def _unreadable(file: Path, said: str) -> AssetError:
    """The sentence for a file that the restricted unpickler refused."""
    wants = re.search(r"(?:GLOBAL|[Uu]nsupported (?:global|class|operand))[: ]+([A-Za-z_][\w.]*\.[\w.]+)", said)
    if wants or "Weights only load failed" in said:
        code = f"a pickle that calls {wants[1]}" if wants else "a pickle that holds more than tensors"
        return AssetError(
            f"{file.name} must hold named tensors and nothing to be run; got {code}. Nothing of it was run. "
            "Save model.state_dict(), best as .safetensors."
        )
    return _damaged(file)


def _damaged(file: Path) -> AssetError:
    return AssetError(
        f"{file.name} must be a whole checkpoint; got a file that is cut off, damaged or of another kind. "
        "Copy or save it again."
    )


def _states(content: object, place: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every set of named tensors in what was read, averaged weights first, the outer before the inner."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return
    inner = _AVERAGED + _PLAIN + (_INSIDE_OTHERS if depth else ())
    for name in inner:
        if isinstance(content.get(name), Mapping):
            yield from _states(content[name], f"{place}.{name}".lstrip("."), depth + 1)
    tensors = {name: one for name, one in content.items() if isinstance(name, str) and isinstance(one, Tensor)}
    if tensors:
        yield place, tensors


def _check(name: str, state: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are no plain numbers, have endless names, or would become larger than the file when read."""
    held = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if held > MOST_BYTES:
        raise AssetError(f"{name} must hold at most {_gib(MOST_BYTES)} of numbers; got {_gib(held)}. Save fewer.")
    for key, tensor in state.items():
        if len(key) > _LONGEST_NAME:
            raise AssetError(
                f"{name}: names of tensors must have at most {_LONGEST_NAME} characters; got {len(key):,}, "
                f"{key[:40]!r} and on. Save model.state_dict()."
            )
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.is_meta:
            raise AssetError(
                f"{name}: {key!r} must be a plain dense tensor; got {tensor.dtype}, {tensor.layout}. "
                "Save the network before it is quantised or made sparse."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
            raise AssetError(
                f"{name}: {key!r} must hold finite numbers; got infinities or NaN. "
                "The training went wrong, or the file is damaged: take an earlier checkpoint."
            )


def _architecture(said: Mapping[str, object]) -> str:
    """The network's name as training scripts write it down; "" where they do not."""
    places: list[Mapping[str, object]] = [said]
    options = said.get("args")
    if isinstance(options, argparse.Namespace):
        places.append({"arch": getattr(options, "model", None) or getattr(options, "arch", None)})
    for place in places:
        for name in _NAMES_OF_ARCHITECTURES:
            if isinstance(value := place.get(name), str):
                return value
    return ""


def _classes(said: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the classes where a file lists them."""
    for name in _NAMES_OF_CLASSES:
        value = said.get(name)
        if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
            return tuple(value)
    numbered = said.get("class_to_idx")
    if isinstance(numbered, Mapping) and sorted(map(str, numbered.values())) == sorted(map(str, range(len(numbered)))):
        return tuple(str(name) for name in sorted(numbered, key=lambda one: int(numbered[one])))
    return ()


def _kind(content: object) -> str:
    if isinstance(content, Mapping):
        names = ", ".join(repr(name) for name in list(content)[:5])
        return f"a mapping without tensors ({names})" if names else "an empty mapping"
    return f"one {type(content).__name__}"


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
