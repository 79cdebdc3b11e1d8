"""What folding BatchNorm gains: the folded network's forward pass as a ratio to the network's own, in the same run.

The two take turns, so that whatever else the machine does slows both; the ratio is the median of the rounds' ratios.
Random weights of the true architectures: the time does not depend on the numbers.
"""

import argparse
from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

import attnviz
from attnviz.models import build
from attnviz.models.published import aa_resnet, resnet
from benchmarks.overhead import LARGE, SMALL, plain, ratio


def cases() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """(name, network, input shape)."""
    for name in ("resnet_plain", "se_resnet", "cbam_resnet", "aa_resnet"):
        yield name, build(name), SMALL
    yield "published resnet50", resnet("resnet50"), LARGE
    yield "published resnet50 + SE", resnet("resnet50", "se"), LARGE
    yield "published resnet50 + CBAM", resnet("resnet50", "cbam"), LARGE
    yield "published AA-resnet50", aa_resnet("resnet50"), LARGE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="turns per network (default 31)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{'network':28} {'folded':>7} {'left':>5} {'ratio':>6} {'unfolded':>9} {'difference':>11}")
    for name, model, shape in cases():
        picture = torch.rand(shape)
        folded = attnviz.fold_batchnorm(model.eval(), picture)
        measured, reference = ratio(partial(plain, folded, picture), partial(plain, model, picture), options.rounds)
        told = folded.folding
        counts = f"{len(told.folded):7} {len(told.left):5}"
        print(f"{name:28} {counts} {measured:6.2f} {reference * 1e3:6.1f} ms {told.difference:11.0e}", flush=True)
    print(f"median of {options.rounds} turns, {options.threads} thread(s), torch {torch.__version__}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
