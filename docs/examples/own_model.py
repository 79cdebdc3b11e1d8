# %% [markdown]
# # A network of your own
#
# Any `torch.nn.Module` with an attention layer that is known can be read
# (docs/mechanisms.md lists them). Here: two convolutions with a squeeze-and-excitation gate between them.

# %%
import torch
from torch import nn

import attnviz
from attnviz.pictures import Preprocessing, sample_pictures
from attnviz.records import mark_untrained
from attnviz.zoo import Card, Loaded


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.before = nn.Conv2d(3, 16, 5, stride=4, padding=2)
        self.gate = attnviz.layers.SqueezeExcitation(16, reduction=4)
        self.after = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        x = self.gate(torch.relu(self.before(x)))
        return self.head(torch.relu(self.after(x)).mean((2, 3)))


torch.manual_seed(0)
model = Small().eval()

# %% [markdown]
# A trace holds what the layers multiplied: here one factor for each of 16 channels. The output stays the same to the
# last bit, and nothing is left on the model.

# %%
picture = sample_pictures()[0].open()
preprocessing = Preprocessing(short_side=96, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
trace = attnviz.trace(model, attnviz.pictures.preprocess(picture, preprocessing), verify=True)
print(trace.summary())
print(trace.of(attnviz.ChannelWeights)[0].weights)

# %% [markdown]
# A card names it for figures. Its weights are random, so it is marked, and everything made of it says UNTRAINED. After
# training leave the mark out. A checkpoint of a known architecture is one line:
# `attnviz.zoo.load_checkpoint("best.pt")`.

# %%
mark_untrained(model)
card = Card(
    name="small",
    title="Small",
    mechanism="SE: channel gates",
    architecture="small",
    classes=("cat", "no cat"),
    preprocessing=preprocessing,
    cam_layer="after",
    parameters=sum(one.numel() for one in model.parameters()),
    origin="file",
)
attnviz.compare(picture, [Loaded(model, card), "se_resnet"])
