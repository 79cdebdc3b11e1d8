"""Trace one network of each family of timm, with random weights, and say what became of it.

Run: `python -m benchmarks.timm_sweep` for all names, or with names behind it.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, UnreadableError
from attnviz.tracer import trace

import timm  # isort: skip - after attnviz, which cures torchvision's missing operators

VIT: dict[str, Any] = {"img_size": (64, 96), "depth": 2}

NETWORKS: Mapping[str, dict[str, Any]] = {
    # channel and spatial gates
    "seresnet18": {},
    "ecaresnet26t": {},
    "gcresnet33ts": {},
    "resnet18/cbam": {"model": "resnet18", "block_args": {"attn_layer": "cbam"}},
    "efficientnet_b0": {},
    "mobilenetv3_small_050": {},
    "regnety_002": {},
    "ghostnet_050": {},
    "ese_vovnet19b_dw": {},
    # vision transformers
    "vit_tiny_patch16_224": VIT,
    "deit_tiny_distilled_patch16_224": VIT,
    "deit3_small_patch16_224": VIT,
    "vit_small_patch14_reg4_dinov2": {"img_size": (56, 84), "depth": 2},
    "vit_base_patch16_siglip_224": {"img_size": (64, 96), "depth": 1, "embed_dim": 96, "num_heads": 3},
    "vit_relpos_small_patch16_224": VIT,
    "vit_relpos_base_patch32_plus_rpn_256": {"img_size": 64, "depth": 1, "embed_dim": 96, "num_heads": 3},
    "vit_srelpos_small_patch16_224": VIT,
    "eva02_tiny_patch14_224": {"img_size": (56, 84), "depth": 2},
    "vit_small_patch16_dinov3": VIT,
    "vit_small_patch16_rope_224": VIT,
    "beit_base_patch16_224": {"img_size": (64, 96), "depth": 2, "embed_dim": 96, "num_heads": 3},
    "beitv2_base_patch16_224": {"img_size": (64, 96), "depth": 2, "embed_dim": 96, "num_heads": 3},
    "samvit_base_patch16_224": {"img_size": 64, "depth": 2, "embed_dim": 96, "num_heads": 3, "window_size": 3},
    "vit_small_r26_s32_224": {"img_size": 64, "depth": 1},
    "crossvit_tiny_240": {"img_size": 240, "depth": [[1, 1, 0]]},
    "tnt_s_legacy_patch16_224": {"img_size": 64, "depth": 1},
    "cait_xxs24_224": VIT,
    "xcit_nano_12_p16_224": {"img_size": 64, "depth": 1},
    "convit_tiny": {"img_size": 64, "depth": 2, "local_up_to_layer": 1},
    "pit_ti_224": {"img_size": 96, "depth": (1, 1, 1)},
    "pit_ti_distilled_224": {"img_size": 96, "depth": (1, 1, 1)},
    "volo_d1_224": {"img_size": 64},
    "naflexvit_base_patch16_gap": {"depth": 1, "embed_dim": 96, "num_heads": 3},
    # pyramids
    "swin_tiny_patch4_window7_224": {"img_size": 64, "depths": (1, 2, 1, 1)},
    "swinv2_tiny_window8_256": {"img_size": 64, "depths": (1, 2, 1, 1)},
    "swinv2_cr_tiny_224": {"img_size": 64, "depths": (1, 2, 1, 1)},
    "maxvit_rmlp_pico_rw_256": {"img_size": 64},
    "coatnet_nano_rw_224": {"img_size": 64},
    "pvt_v2_b0": {"depths": (1, 1, 1, 1)},
    "pvt_v2_b2_li": {"depths": (1, 1, 1, 1), "embed_dims": (16, 32, 80, 128)},
    "twins_svt_small": {"img_size": 64, "depths": (1, 1, 2, 1)},
    "twins_pcpvt_small": {"img_size": 64, "depths": (1, 1, 1, 1)},
    "mvitv2_tiny": {"img_size": 64},
    "mvitv2_small_cls": {"img_size": 64},
    "davit_tiny": {"depths": (1, 1, 1, 1)},
    "gcvit_xxtiny": {"img_size": 64, "window_size": (4, 4, 4, 2)},
    "nest_tiny": {"img_size": 64},
    "levit_128s": {"img_size": 64},
    "levit_conv_128s": {"img_size": 64},
    "hiera_tiny_224": {"img_size": 64, "stages": (1, 1, 1, 1)},
    "tiny_vit_5m_224": {"picture": 96, "depths": (1, 1, 1, 1)},
    "efficientvit_m0": {"img_size": 128},
    "efficientvit_b0": {},
    # convolutions and attention
    "botnet26t_256": {"img_size": 64},
    "halonet26t": {"picture": 256},
    "lambda_resnet26t": {},
    "lamhalobotnet50ts_256": {"img_size": 128},
    "visformer_tiny": {"img_size": 64},
    "edgenext_xx_small": {},
    "mobilevit_xxs": {},
    "mobilevitv2_050": {},
    "efficientformer_l1": {"picture": 224},
    "efficientformerv2_s0": {"img_size": 64},
    "fastvit_sa12": {},
    "caformer_s18": {},
    "coat_tiny": {"img_size": 64, "serial_depths": (1, 1, 1, 1), "parallel_depth": 1},
    "mobilenetv4_hybrid_medium": {},
    "shvit_s1": {},
    "repvit_m0_9": {},
    "nextvit_small": {},
    "swiftformer_xs": {},
    "iformer_t": {},
    "resnet50_clip": {"img_size": 64},
    "lowformer_b0": {},
    "skresnet18": {},
    "resnest14d": {},
    # no attention at all
    "poolformer_s12": {},
    "resmlp_12_224": {"img_size": 64},
    "resnet18": {},
}
"""Name to arguments of timm's builder, and "picture", the size to trace with, where the builder takes none.

A name with a slash says in "model" which network it is."""

WITHOUT_ATTENTION = ("poolformer_s12", "resmlp_12_224", "resnet18")
"""Networks for which "no known attention layer" is the truth."""


def build(name: str) -> tuple[nn.Module, Tensor]:
    """A network with random weights in evaluation mode, and a picture of the size it takes."""
    options = dict(NETWORKS[name])
    size = options.pop("picture", options.get("img_size", 64))
    torch.manual_seed(0)
    model = timm.create_model(options.pop("model", name), pretrained=False, num_classes=5, **options)
    scatter_weights(model)
    height, width = size if isinstance(size, tuple) else (size, size)
    return model.eval(), torch.randn(1, 3, height, width)


def scatter_weights(model: nn.Module) -> None:
    """Weights that make gates and attention differ from place to place. A flat gate would hide errors."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)) and name == "weight":
                nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
            elif "norm" in type(module).__name__.lower() and name == "weight":
                nn.init.uniform_(parameter, 0.5, 1.5)
            elif parameter.dim():
                nn.init.normal_(parameter, std=0.3)


def outcome(name: str) -> tuple[str, str]:
    """How a network came out, in a word for counting and in a line."""
    model, picture = build(name)
    try:
        result = trace(model, picture, verify=True)
    except UnreadableError as error:
        return "refused", f"refused: {error}"
    except NothingTracedError as error:
        return "no attention", f"no attention: {error}"
    worst = max(
        record.replay_error / record.output_scale
        for record in result.records
        if record.replay_error is not None and record.output_scale
    )
    unproven = f", {len(result.unproven)} of them unproven" if result.unproven else ""
    unread = f"; not read: {len(result.unread)} layers" if result.unread else ""
    word = "unproven" if unproven else "proven, partly read" if unread else "proven"
    return word, f"{len(result.records)} records{unproven}, worst replay error {worst:.1e}{unread}"


def main(names: list[str]) -> int:
    """Print a line for each name, and how many came out which way; 1 if a record is unproven."""
    counts: Counter[str] = Counter()
    for name in names:
        word, line = outcome(name)
        print(f"{name}: {line}", flush=True)
        counts[word] += 1
    print("; ".join(f"{count} {what}" for what, count in counts.most_common()))
    return int(counts["unproven"] > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or list(NETWORKS)))
