"""What every attention module has to do, in every configuration of its options.

The docstring of a check says what a module does that passes. A check raises a `UserError` for one that does not.
"""

import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnbench import cost
from attnbench.networks import Attention, Gate, parameter_count, probe
from attnbench.networks.identity_start import FromIdentity
from attnbench.study import attention
from attnbench.tools.contract.configurations import CHANNELS, SIZE, Configuration, Form, features
from attnbench.tools.contract.one_slot import OneSlot
from attnbench.tools.contract.require import require, require_close, require_gradient

Check = Callable[[Configuration], None]

_SHAPES = {"channel": (4, CHANNELS, 1, 1), "spatial": (4, 1, *SIZE)}  # of the maps for `features()`


def is_probed(case: Configuration) -> None:
    """Can be built, and passes the probe before training."""
    probe.check(case.build(), CHANNELS, SIZE, file=attention.path(case.name), slot=f"of {CHANNELS} channels")


def keeps_shape_type_and_input(case: Configuration) -> None:
    """Keeps shape and type, and does not change its input."""
    x = features()
    before = x.clone()
    for module in (case.build().train(), case.trained().eval()):
        mode = "training" if module.training else "evaluation"
        y = module(x)
        require(y.shape == x.shape, f"returns {tuple(y.shape)} for maps {tuple(x.shape)} in {mode}")
        require(y.dtype == x.dtype, f"returns {y.dtype} for {x.dtype} in {mode}")
        require(y.isfinite().all(), f"gives NaN or infinity in {mode}")
        require(torch.equal(x, before), f"changes its input in {mode}; write `x = x * gate`, not `x *= gate`")


def takes_any_size(case: Configuration) -> None:
    """Takes maps of 1 x 1 and 1 x 7, with channels of zeros: output and gradient are finite."""
    for size in ((1, 1), (1, 7)):
        x = torch.rand(2, 16, *size, generator=torch.Generator().manual_seed(0))
        x[:, 0], x[:, 1] = 0, 1
        x.requires_grad_()
        module = case.trained(channels=16, size=size)
        y = module.train()(x)
        (gradient,) = torch.autograd.grad(y.square().sum(), x)
        for name, tensor in (("output", y), ("gradient", gradient), ("output in evaluation", module.eval()(x))):
            require(tensor.shape == x.shape, f"its {name} is {tuple(tensor.shape)} for maps {tuple(x.shape)}")
            require(tensor.isfinite().all(), f"its {name} has NaN or infinity for maps {tuple(x.shape)}")


def takes_few_channels(case: Configuration) -> None:
    """Takes 1, 2 and 3 channels, or says which are allowed; no layer is empty."""
    for channels in filter(case.takes, (1, 2, 3)):
        module = case.build(channels)
        for name, parameter in module.named_parameters():
            require(
                parameter.numel(),
                f"with {channels} channels `{name}` is empty, {tuple(parameter.shape)}: if its width is "
                "`channels // reduction`, write `max(1, channels // reduction)`",
            )
        y = module(torch.rand(2, channels, *SIZE, generator=torch.Generator().manual_seed(0)).requires_grad_())
        require(y.isfinite().all(), f"gives NaN or infinity with {channels} channels")
        y.sum().backward()
        for name, parameter in module.named_parameters():
            require_gradient(f"`{name}`", parameter, f"with {channels} channels ")


def treats_images_alone(case: Configuration) -> None:
    """Computes each image of a batch as if it were alone."""
    module, x = case.trained().eval(), features()
    alone = torch.cat([module(image[None]) for image in x])
    require_close(module(x), alone, "an image gives something else in a batch than alone", rtol=1e-5, atol=1e-5)


def lets_gradients_through(case: Configuration) -> None:
    """Lets a gradient reach its input and every parameter.

    In a trained module: a norm of weight 0 lets none through. In eval mode: in training a norm cancels a bias.
    """
    module, x = case.trained().eval(), features().requires_grad_()
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    for name, tensor in [("its input", x), *((f"`{name}`", value) for name, value in module.named_parameters())]:
        gradient = require_gradient(name, tensor)
        require(gradient.any(), f"the gradient of {name} is 0 everywhere, after one step of training too")


def depends_on_features(case: Configuration) -> None:
    """Has an effect that depends on the features, unless it is a null control.

    Fixed factors and terms map the mean of two images to the mean of their outputs. In float64, for a term that is
    small compared with the features after one step.
    """
    module, x = case.trained().double().eval(), features().double()
    of_mean, mean = module((x + x.flip(0)) / 2), (module(x) + module(x.flip(0))) / 2
    if case.name in attention.NULL_CONTROLS:
        require_close(of_mean, mean, "its effect depends on the features", rtol=1e-12, atol=1e-12)
    else:
        require(
            (of_mean - mean).abs().max() > 1e-9 * mean.abs().max(),
            "its gate does not depend on the features; as a null control take the module `constant` or `static`",
        )


def takes_another_size_or_names_its_own(case: Configuration) -> None:
    """Works on maps of another size, or refuses them with both sizes, as it must if its tensors depend on it."""
    one, other = (case.build(16, size=size).eval() for size in (SIZE, (7, 4)))
    x = torch.rand(2, 16, 7, 4, generator=torch.Generator().manual_seed(0))
    if _tensor_shapes(one) == _tensor_shapes(other):
        require(one(x).shape == x.shape, "changes the shape of maps of another size than before")
        return
    advice = "was built for 6 x 5 and gets 7 x 4; raise a ValueError that names both sizes"
    for call in (one, one.maps):
        try:
            call(x)
        except (ValueError, RuntimeError) as error:
            is_clear = isinstance(error, ValueError) and all(digit in str(error) for digit in "6574")
            require(is_clear, f"{advice}; it raises {type(error).__name__}: {error}")
        else:
            require(False, advice)


def _tensor_shapes(module: Attention) -> list[torch.Size]:
    return [tensor.shape for tensor in (*module.parameters(), *module.buffers())]


def can_be_counted(case: Configuration) -> None:
    """Can be counted: every operator has a counting rule, and every operation is the module's."""
    module, shape = case.build(16), (16, *SIZE)
    counts = cost.count(OneSlot(module, 16, SIZE), shape)
    own = parameter_count(module)
    require(
        counts.attention_parameters == counts.parameters == own,
        f"has {own} parameters, of which {counts.attention_parameters} are counted",
    )
    require(counts.attention_macs == counts.macs, f"{counts.macs - counts.attention_macs} multiply-adds are elsewhere")
    size = math.prod(shape)
    require(
        counts.elementwise_operations >= size,
        f"only {counts.elementwise_operations} element-wise operations are counted for {size} activations",
    )


def survives_a_file(case: Configuration) -> None:
    """Computes the same after its state was written to a file and read."""
    module, other, x = case.trained(), case.build(seed=2), features()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        save_file(module.state_dict(), path)
        other.load_state_dict(load_file(path))
    require(
        torch.equal(module.eval()(x), other.eval()(x)),
        "computes something else after its state was read: keep all that it learns in parameters and buffers",
    )


def follows_the_seed(case: Configuration) -> None:
    """Starts with the same weights from the same seed, and with others from another.

    A module that draws no random number starts every tensor as one constant.
    """
    first, again, other = (case.build(seed=seed).state_dict() for seed in (1, 1, 2))
    stream = torch.get_rng_state()
    require(same(first, again), "starts with other weights from the same seed; draw them from torch's global generator")
    if torch.equal(stream, torch.Generator().manual_seed(2).get_state()):
        for name, parameter in case.build().named_parameters():
            require(
                (parameter == parameter.flatten()[0]).all(),
                f"`{name}` starts with values that do not come from torch's global generator",
            )
    else:
        require(not same(first, other), "starts with the same weights from every seed")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Return whether two dictionaries have the same tensors, to the bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def shows_maps_in_range(case: Configuration) -> None:
    """Shows maps of the documented shapes, in 0..1 where its activation keeps that range, and not constant.

    A distribution that weighs all positions alike may be constant, and the module `constant` is.
    """
    maps = case.trained().eval().maps(features())
    require(maps, "shows no map; return `channel`, `spatial` or both from `maps`")
    for name, tensor in maps.items():
        require(tensor.shape == _SHAPES.get(name), f"`{name}` of its maps is {tuple(tensor.shape)}; allowed: {_SHAPES}")
        require(tensor.isfinite().all(), f"`{name}` of its maps has NaN or infinity")
        low, high = tensor.min().item(), tensor.max().item()
        require(
            case.leaves_the_range or (low >= 0 and high <= 1),
            f"`{name}` of its maps reaches from {low:.3g} to {high:.3g}; keep it in 0..1, or offer an option "
            "`activation` (tanh, relu, none) or `bounded` that says so",
        )
        is_even = name == "spatial" and tensor.eq(1).all()
        require(
            tensor.std() > 0 or is_even or case.name == "constant",
            f"`{name}` of its maps is {low:.3g} everywhere, for all images",
        )


def maps_change_nothing(case: Configuration) -> None:
    """Shows the same maps twice; `maps` changes neither input nor state, and draws no random number."""
    module, x = case.trained().eval(), features()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    before, stream = x.clone(), torch.get_rng_state()
    require(same(module.maps(x), module.maps(x)), "`maps` returns something else the second time")
    require(torch.equal(x, before), "`maps` changes its input")
    require(torch.equal(torch.get_rng_state(), stream), "`maps` draws random numbers in evaluation")
    require(same(module.state_dict(), state), "`maps` changes the state of the module in evaluation")


def shows_its_gate(case: Configuration) -> None:
    """Multiplies its input by its gate; its maps are the gate, or the means of it."""
    module, x = case.trained().eval(), features()
    assert isinstance(module, Gate)
    gate = module.gate(x)  # broadcasts to x
    require(torch.equal(module(x), x * gate), "`forward` is not x * gate(x)")
    means = {"channel": gate.mean((2, 3), keepdim=True), "spatial": gate.mean(1, keepdim=True)}
    expected = means if gate.shape == x.shape else {name: gate for name in _SHAPES if gate.shape == _SHAPES[name]}
    maps = module.maps(x)
    require(maps.keys() == expected.keys(), f"shows {list(maps)} for a gate {tuple(gate.shape)}, not {list(expected)}")
    for name, tensor in maps.items():
        require_close(tensor, expected[name], f"`{name}` of its maps is not its gate", rtol=1e-5, atol=1e-6)


def shows_both_gates(case: Configuration) -> None:
    """Multiplies its input by two gates, and shows both."""
    module, x = case.trained().eval(), features()
    maps = module.maps(x)
    require(maps.keys() == _SHAPES.keys(), f"shows {list(maps)}; the product of two gates shows {list(_SHAPES)}")
    product = x * maps["channel"] * maps["spatial"]
    require_close(module(x), product, "`forward` is not x * channel * spatial of its maps", rtol=1e-6, atol=1e-7)


def shows_a_distribution(case: Configuration) -> None:
    """Shows a channel map, or a distribution over positions divided by its largest."""
    maps = case.trained().eval().maps(features())
    if "channel" not in maps:
        largest = maps["spatial"].amax((2, 3))
        is_one_or_zero = largest.isclose(torch.ones(())) | largest.eq(0)  # 0: an image without any weight
        require(is_one_or_zero.all() and largest.any(), "the largest value of `spatial` of its maps is not 1")


def applies_its_modulation(case: Configuration) -> None:
    """Computes modulate(x, modulation(x)), with a row of every tensor for each image."""
    module, x = case.trained().eval(), features()
    modulation = module.modulation(x)
    for name, tensor in modulation.items():
        require(len(tensor) == len(x), f"`{name}` of its modulation has {len(tensor)} rows for {len(x)} images")
    require(torch.equal(module(x), module.modulate(x, modulation)), "`forward` is not modulate(x, modulation(x))")


def shows_its_factor(case: Configuration) -> None:
    """Returns from `factor` what its input is multiplied by; every gate has one."""
    module, x = case.trained().eval(), features()
    factor = module.factor(module.modulation(x))
    if factor is None:
        require(not isinstance(module, Gate), "is a gate, and `factor` returns None")
    else:
        require_close(module(x), x * factor, "`forward` is not x * factor(modulation(x))", rtol=1e-5, atol=1e-6)


def starts_as_the_identity(case: Configuration) -> None:
    """Starts as the identity, to the bit, with `start: identity`, and is itself once the amount is 1."""
    module, x = FromIdentity(case.build()), features()
    for training in (True, False):
        require(torch.equal(module.train(training)(x), x), "`start: identity` does not return its input")
    module, x = module.double(), x.double()
    torch.nn.init.ones_(module.amount)
    inside = module.module(x)
    require_close(module(x), inside, "`start: identity` with amount 1 is another module", rtol=1e-9, atol=1e-9)


FOR_ALL: tuple[Check, ...] = (
    keeps_shape_type_and_input,
    takes_any_size,
    takes_few_channels,
    treats_images_alone,
    lets_gradients_through,
    depends_on_features,
    takes_another_size_or_names_its_own,
    can_be_counted,
    survives_a_file,
    follows_the_seed,
    shows_maps_in_range,
    maps_change_nothing,
    applies_its_modulation,
    shows_its_factor,
    starts_as_the_identity,
)
FOR_SOME: dict[Check, Form] = {
    shows_its_gate: "gate",
    shows_both_gates: "pair",
    shows_a_distribution: "other",
}
