import numpy as np
import pandas as pd

from attnbench.report.figures import ablation


def test_frozen_and_shuffled_are_accuracies_with_the_intervals_of_their_differences():
    row = {"variant": "se", "accuracy": 0.8, "frozen_mean": -0.02, "frozen_low": -0.03, "frozen_high": -0.01}
    shuffled = {"shuffled_mean": 0.0, "shuffled_low": np.nan, "shuffled_high": np.nan}  # one seed
    figure = ablation.frozen_and_shuffled(pd.DataFrame([row | shuffled]), baseline="none", accuracy=0.7)
    ax = figure.axes[0]
    points = {line.get_label(): line.get_xdata()[0] for line in ax.lines}
    assert {name: round(float(x), 6) for name, x in points.items()} == {
        "none, full": 70,
        "full": 80,
        "frozen": 78,
        "shuffled": 80,
    }
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 0], [77, 79])


def test_the_heat_map_has_blocks_in_order_and_a_constant_is_white():
    names = ["layer10.0.standard", "layer2.0.standard"]
    rows = [(variant, slot, "gate", spread) for variant, spread in (("se", 0.02), ("fixed", 0.0)) for slot in names]
    rows += [("cbam", "layer2.0.standard", quantity, 0.3) for quantity in ("channel", "spatial")]
    ax = ablation.gate_spread(pd.DataFrame(rows, columns=["variant", "slot", "quantity", "spread"])).axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["layer2.0", "layer10.0"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["se", "fixed", "cbam, channel", "cbam, spatial"]
    colours = ax.collections[0].get_facecolors().reshape(4, 2, 4)
    assert colours[1, :, :3].min() > 0.96
    assert colours[0, :, :3].min() < 0.95
