"""What the page `docs/evaluation.md` says whatever the numbers are."""

HEAD = """# How the bundled networks do

This page is generated from the shipped weights:

    python -m attnviz train --report --data data

It is made of the numbers on the networks' cards (`attnviz.zoo.cards()[name].measured`), which the same command
measures. Pictures: the validation pictures of the fifty classes of Tiny ImageNet that the networks know, each seen
whole, with one box around the object. Every interval is of 95 %. "Untrained" networks have fresh weights from
seed {seed}."""

LOOK = """Each map is scored on its own grid, in raw units, against the box of its picture. All maps are of the last
layer that has one; rollout goes through all layers.

- **Energy in box**: the share of the map's total inside the box (`attnviz.focus.share`).
- **Lift**: that share over the share of the picture that the box covers, averaged over pictures. 1 is chance. A picture
  with a small box counts for more in it than one with a large box: energy in box treats all pictures alike.
- **Pointing**: whether the highest cell lies in the box, in parts where the box cuts it or cells tie
  (`attnviz.focus.pointing`; Zhang et al. 2016, arXiv:1608.00507, with no tolerance).

Grad-CAM is that of the picture's **true** class, also where the network answers another one, at the layer that the
network's card names. The other maps know no class.

Each map is compared, picture by picture, with maps that know nothing of it: the **uniform** map; the **centred
Gaussian**, which looks at the middle, because photographers do (sigma is a quarter of the picture); the same map of
the same network **untrained** (fresh weights from seed {seed}, fresh BatchNorm statistics); the same map with every
**gate at its mean** over channels and positions (`attnviz.intervene(model, gates="mean")`); and for a gate-weighted
activation, the activation **before the gate**. With its gate at the mean, a spatial gate or a feature mask is flat,
and scores what the uniform map scores. Intervals are percentile bootstrap over pictures, 2,000 draws."""

TRIED = """\
Runs by one short schedule, half of the others' last phase: the variants of CBAM, and the plain network and CBAM
to compare them with. The number behind a name is the seed. It changes the last phase only: fresh weights, order and
views. Three seeds of both show how much of a difference is luck. The last rows change the plain network's recipe.
A row is added by `python -m attnviz train NAME --measure`."""

MISLEADS = """- The intervals are over pictures. They do not hold what another seed of the training would have given.
- A box is not an outline: a map on the background between a dog's legs counts as inside.
- In many pictures the object fills most of the frame, and then every map scores high. Read the differences.
- Energy in a box says where a map lies, not whether the network needs what is there. `attnviz.faithfulness` tests that.
- Maps of different kinds answer different questions: a spatial gate is a factor, a share of attention is not, and
  neither knows a class. Their lifts stand beside each other, but a higher one is not a better explanation.
- Networks differ in their grid: a map of few large cells cannot lie closely on a small box."""
