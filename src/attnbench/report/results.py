"""results.csv: a study as one tidy table, a row per variant. docs/reports.md describes its columns."""

import pandas as pd

from attnbench.report import tables
from attnbench.report.inputs import Inputs

SCHEMA = 1  # raised when a column changes its meaning or goes


def results(inputs: Inputs) -> pd.DataFrame:
    """Return one row per variant, with the facts of the study in each: shares 0..1, ratios to the baseline's."""
    study, data = inputs.study, inputs.data
    size = max(study.latency.batch_sizes)
    frame = tables.results_frame(inputs)
    sizes = [f"latency_{other}" for other in study.latency.batch_sizes]
    return pd.DataFrame(
        {
            "schema": SCHEMA,
            "study": study.name,
            "title": study.title,
            "question": study.question,
            "images": data.title,
            "network": study.backbone.name,
            "epochs": study.recipe.epochs,
            "reference": study.baseline,
            "confidence": study.confidence,
            "margin": study.margin_share,
            **frame.drop(columns=[*sizes, "training_step"]),
            "latency_batch_size": size,
            "latency_ratio": frame[f"latency_{size}"],
            "training_step_ratio": frame["training_step"],
            "data_sha256": data.sha256,
            "code_sha256": frame["variant"].map(inputs.code),
        }
    )
