# %% [markdown]
# # The object or what is around it?
#
# How much of a map lies on the cat, how much on the wall behind it, and does it matter for the answer?
# With a dog on grass it goes the same way: open your photograph and draw two boxes.

# %%
import attnviz
from attnviz.pictures import sample_pictures
from attnviz.render.whatif_chart import what_if_chart

sample = sample_pictures()[0]
picture = sample.open()
cat = attnviz.Region.from_mask_file("cat", sample.mask_path, picture.hw)
background = cat.invert("background")

# %% [markdown]
# First, where the maps lie. A lift of 1 is chance: as much as the region's area alone would give.

# %%
comparison = attnviz.compare(picture, ["cbam_resnet", "vit"], regions=[cat, background])
for row in comparison.rows():
    print(f"{row['network']:12} {row['region']:11} {row['share']:.0%} of the map, lift {row['lift']:.1f}")
comparison

# %% [markdown]
# Then, whether it matters: blur a region, fill it, hide it from the attention, turn the gates off. Each row about a
# region has its control, the same done to random regions of the same size and shape. Without a small p the change says
# nothing about this region.

# %%
network = attnviz.load("cbam_resnet")
table = attnviz.faithfulness.what_if(network, picture, [cat, background], controls=10)
for row in table.rows:
    print(table.sentence(row))

# %%
what_if_chart(table)

# %% [markdown]
# Both as a talk, with native charts and the numbers in an appendix.

# %%
attnviz.export.talk(comparison, "cat or background.pptx", what_ifs=[table])
