# %% [markdown]
# # Four networks look at one photograph
#
# The cells of this file run in Jupyter, VS Code and Spyder, or all at once: `python -m docs.examples.compare`.
# The photograph comes with scikit-image. For one of your own, write `attnviz.open_picture("dog.jpg")`.

# %%
import attnviz
from attnviz.pictures import sample_pictures

sample = sample_pictures()[0]
picture = sample.open()
cat = attnviz.Region.from_mask_file("cat", sample.mask_path, picture.hw)

# %% [markdown]
# Each network is asked the same: which places raise the score of its own first answer (Grad-CAM)? The share of each
# map that lies on the cat stands beside what a flat map would score. Move the pointer over a picture to read values.

# %%
comparison = attnviz.compare(picture, ["resnet_plain", "se_resnet", "cbam_resnet", "vit"], regions=cat)
comparison

# %% [markdown]
# `map="own"` shows what each network itself multiplied with: gates, masks, attention. Their units differ, so compare
# where the maps lie and not how large they are.

# %%
attnviz.compare(picture, ["se_resnet", "cbam_resnet", "vit"], map="own", regions=cat)

# %% [markdown]
# For slides and papers: figures, raw maps, scores, a talk, and the command that makes the numbers again.

# %%
folder = attnviz.export.bundle({"chelsea": comparison}, "chelsea", with_talk=True)
print(sorted(path.name for path in folder.iterdir()))
