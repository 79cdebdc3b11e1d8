"""What watching costs: tracing and Grad-CAM as ratios to a plain forward pass of the same network in the same run.

A trace keeps references and computes queries, keys and logits when they are asked for; the rows "all read" have it
compute and copy everything while the network runs.

The plain pass and the measured one take turns, so that whatever else the machine does slows both; the ratio is the
median of the rounds' ratios. Random weights of the true architectures: the time does not depend on the numbers.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import attnviz
from attnviz.models import build

SMALL = (1, 3, 96, 128)
LARGE = (1, 3, 224, 224)


def plain(model: nn.Module, picture: Tensor) -> Tensor:
    with torch.no_grad():
        return model(picture)


def grad_cam(model: nn.Module, picture: Tensor) -> object:
    return attnviz.explain(model, picture, attnviz.maps.GradCam())


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def ratio(measured: Callable[[], object], reference: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median over rounds of measured / reference, and the reference's median in seconds."""
    for run in (measured, reference):
        run()
    pairs = [(seconds(measured), seconds(reference)) for _ in range(rounds)]
    return statistics.median(m / r for m, r in pairs), statistics.median(r for _, r in pairs)


def cases() -> list[tuple[str, nn.Module, tuple[int, ...], Callable[[nn.Module, Tensor], object], float | None]]:
    """(what is measured, network, input shape, the measured call, target ratio or None)."""
    from timm import create_model
    from torchvision import models as torchvision_models

    own = {name: build(name).eval() for name in ("resnet_plain", "se_resnet", "cbam_resnet", "aa_resnet", "vit")}
    resnet18 = torchvision_models.resnet18().eval()
    resnet18_cbam = create_model("resnet18", block_args={"attn_layer": "cbam"}).eval()
    vit_s = create_model("vit_small_patch16_224").eval()
    traced = [
        ("trace, SE gates: se_resnet", own["se_resnet"], SMALL),
        ("trace, CBAM gates: cbam_resnet", own["cbam_resnet"], SMALL),
        ("trace, AA attention: aa_resnet", own["aa_resnet"], SMALL),
        ("trace, ViT: vit", own["vit"], SMALL),
        ("trace, SE gates: torchvision efficientnet_b0", torchvision_models.efficientnet_b0().eval(), LARGE),
        ("trace, CBAM gates: timm resnet18 + cbam", resnet18_cbam, LARGE),
        ("trace, ViT: torchvision vit_b_16", torchvision_models.vit_b_16().eval(), LARGE),
        ("trace, ViT: timm vit_small_patch16_224", vit_s, LARGE),
    ]  # fmt: skip
    explained = [
        ("Grad-CAM, last stage: resnet_plain", own["resnet_plain"], SMALL),
        ("Grad-CAM, last stage: cbam_resnet", own["cbam_resnet"], SMALL),
        ("Grad-CAM, last block: vit", own["vit"], SMALL),
        ("Grad-CAM, last stage: torchvision resnet18", resnet18, LARGE),
        ("Grad-CAM, last block: timm vit_small_patch16_224", vit_s, LARGE),
    ]
    read_all = partial(attnviz.trace, eager=True)
    return [
        *((*case, attnviz.trace, 1.10) for case in traced),
        *((f"all read, {case[0]}", *case[1:], read_all, None) for case in traced[:4]),
        *((*case, grad_cam, 1.20) for case in explained),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="turns per case (default 31)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{'measured':52} {'ratio':>6} {'target':>7} {'plain':>9}")
    for name, model, shape, call, target in cases():
        picture = torch.rand(shape)
        measured, reference = ratio(partial(call, model, picture), partial(plain, model, picture), options.rounds)
        verdict = "  above target" if target is not None and measured > target else ""
        wanted = "" if target is None else f"{target:.2f}"
        print(f"{name:52} {measured:6.2f} {wanted:>7} {reference * 1e3:6.1f} ms{verdict}", flush=True)
    print(f"median of {options.rounds} turns, {options.threads} thread(s), torch {torch.__version__}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
