"""Train a small run on a device in a process of its own, print the SHA-256 of its weights and whether CUDA was started.

Usage: python tests/cuda/run_digest.py DEVICE PRECISION
"""

import hashlib
import sys

import torch
from small_training import edges, run, small_study

study = small_study(machine={"device": sys.argv[1], "precision": sys.argv[2]}, augmentation=["crop", "jitter"])
digest = hashlib.sha256()
for tensor in run(study, "cbam", 0, edges()).state.values():
    digest.update(tensor.numpy().tobytes())
print(digest.hexdigest(), torch.cuda.is_initialized())
