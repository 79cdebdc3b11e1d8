"""The README's figure and its sentence: five networks on scikit-image's Chelsea the cat, by Grad-CAM.

python -m docs.chelsea            writes docs/chelsea.png and prints the scores
"""

from pathlib import Path

import torch

import attnviz
from attnviz.export import Comparison
from attnviz.pictures import sample_pictures
from attnviz.render import Panel

FILE = Path(__file__).with_name("chelsea.png")
WIDTH_PX = 1600
TARGET = "tabby"
NETWORKS = ("resnet_plain", "se_resnet", "cbam_resnet", "aa_resnet", "vit")


def comparison() -> Comparison:
    """Chelsea, her outline, and where five networks see evidence for a tabby."""
    sample = sample_pictures()[0]
    picture = sample.open()
    assert sample.mask_path is not None
    assert sample.region_name is not None
    cat = attnviz.Region.from_mask_file(sample.region_name, sample.mask_path, picture.hw)
    panels = []
    for name in NETWORKS:
        loaded = attnviz.load(name)
        model_input = loaded.preprocess(picture)
        with torch.no_grad():
            probabilities = loaded.model(model_input.tensor)[0].softmax(dim=0)
        best = probabilities.argsort(descending=True).tolist()
        tabby = attnviz.maps.GradCam(target=loaded.card.classes.index(TARGET))
        shown = attnviz.explain(loaded.model, model_input, tabby)
        panels.append(
            Panel(
                title=loaded.card.title,
                attention_map=shown,
                predictions=tuple((loaded.card.classes[k], float(probabilities[k])) for k in best),
                focus=attnviz.focus.share(shown, cat),
                weights=f"{name} {loaded.card.sha256[:12]}",
            )
        )
    return Comparison(picture, tuple(panels), region=cat, scale="per map", heading=f"Grad-CAM for {TARGET}")


def main() -> int:
    drawn = comparison()
    figure = drawn.figure()
    FILE.parent.mkdir(exist_ok=True)
    figure.savefig(FILE, dpi=WIDTH_PX / figure.get_size_inches()[0])
    print(drawn.alt)
    for panel in drawn.panels:
        if panel.focus is not None:
            gaussian = panel.focus.baselines["centred Gaussian"]
            print(f"{panel.title}: {panel.focus.value:.1%} on the cat, area {panel.focus.area:.1%}, "
                  f"centred Gaussian {gaussian:.1%}, {panel.prediction_line}")  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
