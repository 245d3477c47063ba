"""How fast training is, measured on this machine: `attnbench bench training`.

What is compared (the contenders) runs in processes of its own that take turns, so that a slow minute of the machine
hits all alike, and every ratio is one of turns of the same round. Nothing here is kept by DVC and no time is tested.

    settings    what is measured, and the names of the contenders
    training    the measurement: starts the processes, lets them take turns
    processes   starting, asking and ending a process
    results     from turns to rates, ratios and shares: pure functions
    table       results as text
    worker      one process: `python -m attnbench.tools.bench.worker`; it and what is below import torch
    contenders  what a process may be asked to do
    tutorial    the training loop as tutorials have it
    images      what all train on
"""
