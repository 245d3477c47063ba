"""Libraries that take seconds to import: a run imports them once, and its stages are forks (run/server.py)."""

EVERY = ("torch", "pydantic", "ruamel.yaml", "safetensors.torch", "tqdm")
OF_STAGE = {
    "train": ("torch._dynamo",),  # torch's optimisers import its compiler, and so does torchvision
    "robustness": ("scipy.ndimage",),
    "maps": ("torchvision.transforms.functional", "scipy.stats"),
}


def of_stage(kind: str, device_type: str) -> tuple[str, ...]:
    """Return the modules to import before a stage of this kind is forked.

    With `device_type` "cuda" only those that are known to leave the driver of the cards alone: what one process asks of
    it cannot be used in a fork, and torch's compiler asks how many cards there are when it is imported.
    """
    return EVERY if device_type == "cuda" else (*EVERY, *OF_STAGE.get(kind, ()))
