"""A notebook of the study `quickstart`: its tables with pandas, its forest with seaborn, a module inserted by hand.

Each `# %%` starts a cell: VS Code, PyCharm and Spyder run it cell by cell, `jupytext --to ipynb` converts it. In a
terminal, type `python notebooks/quickstart.py` in the repository root. It reads what git holds and trains nothing.
"""

# %% [markdown]
# ## The tables of a report
# `reports/<study>/tables/` has every table in full precision, `summary.json` the differences and their intervals.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
import torch
from torch import Tensor, nn

from attnbench import networks, records
from attnbench.networks import Gate, pooling
from attnbench.study import StudyPaths, load

study = load(Path("params.yaml"))
paths = StudyPaths(study.name)
runs = pd.read_csv(paths.tables / "runs.csv")  # one row per run: variant, seed, accuracy (a share), ...
summary = pd.read_json(paths.summary, orient="index")  # one row per variant, in percent and percentage points
print(runs.groupby("variant", sort=False)["accuracy"].agg(["mean", "std", "count"]))

# %% [markdown]
# ## Differences, paired by seed
# Seeds are rows and variants are columns. Subtracting the baseline's column removes what a seed does to every variant.
# Where seeds move all variants together, differences spread less than accuracies. Is that so here?

# %%
accuracy = 100 * runs.pivot(index="seed", columns="variant", values="accuracy")  # %
differences = accuracy.sub(accuracy[study.baseline], axis="index").drop(columns=study.baseline)  # points
spread = pd.DataFrame({"accuracy": accuracy.std(), "difference": differences.std()})
print(spread.round(2))

# %% [markdown]
# ## The forest
# Each seed is a point. The lines are the intervals of the report.

# %%
intervals = summary.drop(index=study.baseline).sort_values("difference", ascending=False)
points = differences[intervals.index].melt(value_name="difference")

figure, axes = plt.subplots(figsize=(8, 0.4 * len(intervals) + 1), layout="constrained")
axes.axvline(0, color="grey", linewidth=1)
axes.hlines(intervals.index, intervals["low"], intervals["high"], color="black")
sns.stripplot(points, x="difference", y="variant", jitter=False, color="tab:orange", zorder=3, ax=axes)
axes.set(xlabel="test accuracy minus the baseline's (percentage points)", ylabel="")
plt.show()

# %% [markdown]
# ## A module of one's own
# A gate is a class with one method, as in the README.


# %%
class ChannelScale(Gate):
    """A gate for each channel from its own mean alone: y = sigmoid(w * mean + b) * x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def gate(self, x: Tensor) -> Tensor:
        """Return the gate (n, c, 1, 1) of feature maps (n, c, h, w)."""
        return (self.weight * pooling.mean_over_positions(x) + self.bias).sigmoid()[:, :, None, None]


# %% [markdown]
# ## Insert it
# A backbone has named slots, which are empty at first.

# %%
images = records.read(paths.data_summary, records.DataSummary)  # classes and shape of the study's images
network = networks.build(study, study.baseline, images, seed=0)
before = networks.parameter_count(network)
for name, slot in network.slots().items():
    if slot.site == "before_pool":
        slot.fill(ChannelScale(slot.channels))
        print(f"{name}: {slot.channels} channels, maps of {slot.size}")
added = networks.parameter_count(network) - before
print(f"{added} parameters more: 2 (16 + 32 + 64)")

# %% [markdown]
# ## What the gates do
# A module that keeps every gate at 0.5 only rescales. Look at the values, with one fixed scale, before you draw them.

# %%
modules = networks.attention_modules(network)
gates: dict[str, Tensor] = {}
for name, module in modules.items():
    module.register_forward_pre_hook(lambda module, inputs, name=name: gates.update({name: module.gate(*inputs)}))
with torch.no_grad():
    logits = network.eval()(torch.randn(8, *images.image_shape))  # (8, classes); untrained, on noise
for name, gate in gates.items():
    print(f"{name}: gate {tuple(gate.shape)}, from {gate.min():.3f} to {gate.max():.3f}")

# %% [markdown]
# ## The output of any layer
# `named_modules` lists the layers of a network, `get_submodule` returns one by its name. A hook sees what passes it.

# %%
shapes: dict[str, tuple[int, ...]] = {}
for name in ("block1.conv", "block2.before_pool", "block3.pool"):
    layer = network.get_submodule(name)
    layer.register_forward_hook(lambda layer, inputs, output, name=name: shapes.update({name: tuple(output.shape)}))
with torch.no_grad():
    network(torch.randn(8, *images.image_shape))
print(shapes)

# %% [markdown]
# ## The same from params.yaml
# `build` fills the slots that a variant names; the stage `cost` counted the same network.

# %%
cost = pd.read_csv(paths.tables / "cost.csv", index_col="variant")
cbam = networks.build(study, "cbam", images, seed=0)
print(f"{networks.parameter_count(cbam):,} parameters; in the table {cost.loc['cbam', 'parameters']:,}")
