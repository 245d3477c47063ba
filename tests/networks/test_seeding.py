from contextlib import nullcontext

import torch
from hypothesis import given
from hypothesis import strategies as st

from attnbench.networks import seeding


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_streams_of_one_seed_and_of_others_differ(seed, other):
    names = ["backbone", "attention/block1.before_pool", "order", "augmentation", "dropout"]
    derived = {seeding.derive(s, name) for s in {seed, other} for name in names}
    assert len(derived) == len({seed, other}) * len(names)
    assert all(0 <= value < 2**63 for value in derived)


def test_a_seed_is_the_same_on_every_machine():
    assert seeding.derive(0, "order") == 3278857439845718984


def test_generators_of_one_stream_agree():
    a, b, c = (seeding.generator(3, name) for name in ("order", "order", "augmentation"))
    assert torch.equal(torch.rand(4, generator=a), torch.rand(4, generator=b))
    assert not torch.equal(torch.rand(4, generator=a), torch.rand(4, generator=c))


def test_the_global_generator_is_as_it_was():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with seeding.global_stream(1, "dropout"):
        inside = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    with seeding.global_stream(1, "dropout"):
        assert torch.equal(torch.rand(3), inside)


def test_the_numbers_are_those_of_the_global_seed():
    with seeding.global_stream(1, "dropout"):
        numbers = torch.rand(3)
    torch.manual_seed(seeding.derive(1, "dropout"))
    assert torch.equal(torch.rand(3), numbers)


def test_only_the_accelerator_of_the_run_is_used(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: calls.append(("get", device)) or "state")
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: calls.append((state, device)))
    for name in ("manual_seed", "manual_seed_all"):
        monkeypatch.setattr(torch.cuda, name, lambda seed, name=name: calls.append((name, seed)))
    with seeding.global_stream(1, "backbone"):
        pass
    assert calls == []
    cuda = torch.device("cuda", 1)
    with seeding.global_stream(1, "dropout", cuda):
        pass
    assert calls == [("get", cuda), ("manual_seed", seeding.derive(1, "dropout")), ("state", cuda)]
