"""The catalogue of pretrained networks, and the page that lists all networks.

python -m docs.networks            reads the facts of every entry from the installed torchvision and timm, writes
                                   attnviz/zoo/pretrained/catalogue.json again, and then docs/networks.md

To add a network, put an object with the fields named in CHOSEN at its place in catalogue.json, and run this.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.hub import HASH_REGEX

from attnviz import zoo
from attnviz.zoo.pretrained import libraries
from attnviz.zoo.pretrained.entries import FILE, Pretrained
from attnviz.zoo.pretrained.load import preprocessing_of

PAGE = Path(__file__).with_name("networks.md")

CHOSEN = ("name", "origin", "title", "mechanism", "paper", "trained_on", "cam_layer", "note", "weights")
"""The fields of an entry that people choose."""

TORCHVISION_LICENCE = "not stated (torchvision: BSD-3-Clause)"
"""torchvision states the licence of its code, and of few weights only."""


def entry(chosen: Mapping[str, str]) -> Pretrained:
    """The whole entry: what was chosen, and what the network's library says."""
    if chosen["origin"] == "torchvision":
        facts = torchvision_facts(chosen["name"], chosen["weights"])
    else:
        facts = timm_facts(chosen["name"])
    found = Pretrained(**{field: chosen[field] for field in CHOSEN}, **facts)  # type: ignore[arg-type]
    crop_hw = preprocessing_of(found).crop_hw
    if crop_hw != found.input_hw:
        raise ValueError(f"{found.name}: its preprocessing crops to {crop_hw} and not to {found.input_hw}")
    model = on_no_device(found)
    if chosen["cam_layer"] not in dict(model.named_modules()):
        raise ValueError(f"{found.name} has no layer {chosen['cam_layer']!r}")
    return found


def torchvision_facts(name: str, weights_name: str) -> dict[str, object]:
    """The facts that torchvision states of weights, and the size of its network."""
    weights = libraries.torchvision_weights(name, weights_name)
    meta = weights.meta  # type: ignore[attr-defined]
    crop = weights.transforms().crop_size  # type: ignore[attr-defined]
    accuracy = meta["_metrics"]["ImageNet-1K"]
    address = weights.url  # type: ignore[attr-defined]
    digits = HASH_REGEX.search(address.rpartition("/")[2])
    if digits is None:
        raise ValueError(f"{address} must hold digits of its sha256")
    return {
        "parameters": meta["num_params"],
        "input_hw": (crop[0], crop[-1]),
        "classes": len(meta["categories"]),
        "licence": meta.get("license", TORCHVISION_LICENCE),
        "megabytes": round(meta["_file_size"], 1),
        "megabytes_known": True,
        "top1": round(accuracy["acc@1"] / 100, 5),
        "top5": round(accuracy["acc@5"] / 100, 5),
        "address": address,
        "sha256_prefix": digits[1],
    }


def timm_facts(name: str) -> dict[str, object]:
    """The facts that timm states of weights, and the size of its network."""
    config = libraries.timm_config(name)
    with torch.device("meta"):
        model = libraries.untrained_network("timm", name)
    _, height, width = config["input_size"]  # type: ignore[misc]
    stored = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "input_hw": (height, width),
        "classes": config["num_classes"],
        "licence": config["license"] or "not stated",
        "megabytes": round(stored / 2**20, 1),
        "megabytes_known": False,
        "top1": None,
        "top5": None,
        "address": libraries.HUB.format(
            hub_id=config["hf_hub_id"], file=config["hf_hub_filename"] or "model.safetensors"
        ),
        "sha256_prefix": "",
    }


def on_no_device(found: Pretrained) -> nn.Module:
    """The network without numbers in it: quick to build, and its layers have their names."""
    try:
        with torch.device("meta"):
            return libraries.untrained_network(found.origin, found.name)
    except NotImplementedError:  # torchvision's RegNet computes its widths with tensors
        return libraries.untrained_network(found.origin, found.name)


def chosen_fields() -> list[dict[str, str]]:
    """What people chose of each entry in the catalogue's file."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return [{field: one.get(field, "") for field in CHOSEN} for one in stored]


def written(entries: list[Pretrained]) -> str:
    """The catalogue's file."""
    return json.dumps([one.to_json() for one in entries], indent=1, ensure_ascii=False) + "\n"


def page(entries: tuple[Pretrained, ...] | list[Pretrained]) -> str:
    """The whole of docs/networks.md."""
    lines = [
        "# Networks",
        "",
        "Written by `python -m docs.networks`. Do not edit. `python -m attnviz models` prints the same list, and which",
        "files are already downloaded; `--origin`, `--attention`, `--search`, `--downloaded` and `--json` narrow it.",
        "",
        "## Bundled",
        "",
        "Trained by this project on 50 classes, and there without a download: `attnviz.load(name)`. README.md lists",
        "them with their accuracy. Licence: MIT.",
    ]
    lines += [
        "",
        "## Pretrained",
        "",
        "`attnviz.zoo.load_pretrained(name)` downloads a file once, or `python -m attnviz models --download NAME`.",
        "`untrained=True` gives the same architecture with random weights, without a download, and everything made of",
        "it says UNTRAINED. Names, licences, sizes and accuracies are those that torchvision and timm state; timm's",
        "package states no accuracy, and its sizes (~) are counted from the tensors. Licences bind you: read the one",
        "of the weights that you use.",
        "",
        "| name | network | attention | from | licence | MB | parameters | input | classes | top-1 | paper |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in entries:
        top1 = "" if one.top1 is None else f"{one.top1:.1%}"
        number = one.paper.removeprefix("arXiv:")
        lines.append(
            f"| `{one.name}` | {one.title} | {one.mechanism} | {one.origin} | {one.licence} "
            f"| {'' if one.megabytes_known else '~'}{one.megabytes:.0f} | {one.parameters / 1e6:.1f} M "
            f"| {one.input_hw[0]} px | {one.classes or 'none'} | {top1} | [{number}](https://arxiv.org/abs/{number}) |"
        )
    lines += ["", "Notes:", ""]
    lines += [f"- `{one.name}`: {one.note}" for one in entries if one.note]
    lines += [
        "- CBAM: neither library publishes weights of a network with it. The bundled `cbam_resnet` has it.",
        "",
        "## What is checked",
        "",
        "The whole file is hashed before it gets its name in the cache, and again at each load.",
        "",
        "- torchvision: the first 8 digits of the sha256 must be those in the file's name. They find damage; 32 bits",
        "  do not prove who made the file.",
        "- timm: the sha256 must be the one that its hub reports for the file (header `X-Linked-Etag`). It comes from",
        "  the same server as the file, so it finds damage on the way and not a change on that server.",
        "- A mirror that reports no sha256: the length only. The note beside the file, and",
        '  `card.measured["weights checked"]`, say which of these it was.',
        "",
        "Files are read as safetensors, or with `weights_only=True`: nothing in them can run. A broken download leaves",
        "nothing under the file's name, and the next one goes on where it broke.",
        "",
        "| environment variable | meaning |",
        "|---|---|",
        f"| `{zoo.pretrained.CACHE_VARIABLE}` | folder of downloaded weights; otherwise the system's cache folder |",
        f"| `{zoo.pretrained.MIRROR_VARIABLE}` | base address of a mirror; each original path is put behind it |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    collected = [entry(chosen) for chosen in chosen_fields()]
    FILE.write_text(written(collected), encoding="utf-8")
    PAGE.write_text(page(collected), encoding="utf-8")
    print(f"{len(collected)} pretrained networks")
