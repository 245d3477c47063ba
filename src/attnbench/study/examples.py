"""An example value for each required key, for the message that the key is missing. Tests check each example."""

from pydantic import BaseModel

_CYCLE = "name: onecycle, optimizer: adam, epochs: 50, batch_size: 64, learning_rate: 0.003, weight_decay: 0.0, "

_EXAMPLES: dict[str, dict[str, str]] = {
    "Study": {
        "name": "quickstart",
        "root": ".",
        "params": "params.yaml",
        "title": "Attention in a small CNN",
        "data": "{source: cifar10, split_seed: 0}",
        "backbone": "{name: cnn}",
        "variants": "{baseline: {attention: none}, se: {attention: se, site: before_pool}}",
        "baseline": "baseline",
        "seeds": "[0, 1, 2]",
        "recipe": f"{{{_CYCLE}warmup: 0.3, label_smoothing: 0.0, augmentation: [crop, flip]}}",
        "machine": "{device: cpu, precision: float32, threads: 1}",
        "confidence": "0.95",
        "latency": "{batch_sizes: [1, 64], rounds: 30}",
        "views": "{images: 6}",
    },
    "ShapesData": {"source": "shapes", "train_images": "4000", "test_images": "2000", "seed": "0", "split_seed": "0"},
    "Cifar10Data": {"source": "cifar10", "split_seed": "0"},
    "FolderData": {
        "source": "folder",
        "path": "data/raw/images.tar.gz",
        "title": "My images",
        "provenance": "Photographs of ten kinds of leaves, taken by us.",
        "split_seed": "0",
    },
    "Backbone": {"name": "cnn"},
    "Variant": {"attention": "se"},
    "CommonRecipe": {
        "epochs": "50",
        "batch_size": "64",
        "learning_rate": "0.001",
        "weight_decay": "0.0",
        "label_smoothing": "0.0",
        "augmentation": "[crop, flip]",
    },
    "SourceRecipe": {"name": "source", "patience": "5", "factor": "0.5"},
    "OneCycleRecipe": {"name": "onecycle", "optimizer": "sgd", "warmup": "0.3"},
    "Machine": {"device": "cpu", "precision": "float32", "threads": "1"},
    "Latency": {"batch_sizes": "[1, 64]", "rounds": "30"},
    "ViewedImages": {"images": "6"},
    "ClusterFile": {"cluster": "{engine: dask, address: tcp://10.0.0.1:8786}"},
    "DaskCluster": {"engine": "dask", "address": "tcp://10.0.0.1:8786"},
    "SshCluster": {"engine": "ssh", "hosts": "[node1, node2]"},
    "QueueCluster": {"engine": "slurm", "jobs": "10"},
}


def example(section: type[BaseModel], key: str) -> str:
    """Return `key: value` as it may be written in the file."""
    values = next(_EXAMPLES[kind.__name__][key] for kind in section.__mro__ if key in _EXAMPLES.get(kind.__name__, {}))
    return f"{key}: {values}"
