"""Adam and SGD: torch's functions, and what they keep of each parameter between two steps.

torch's own optimiser classes import its compiler with their first step, which takes longer than all that a stage does
before it trains. The functions behind them do not, and give the same bits.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd


class Optimizer(ABC):
    """Changes parameters along their gradients; a parameter without a gradient is left as it is.

    `rate` is the learning rate of the next step. `state` has, by the number of the parameter, the tensors that are
    kept of it by name; they are made with its first gradient, where it lies and laid out as it is.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.rate = rate
        self.weight_decay = weight_decay
        self.state: dict[int, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        gradients = {n: each.grad for n, each in enumerate(self.parameters) if each.grad is not None}
        for number in gradients.keys() - self.state.keys():
            self.state[number] = self.begin(self.parameters[number])
        kept = [self.state[number] for number in gradients]
        with torch.no_grad():
            self.update([self.parameters[number] for number in gradients], list(gradients.values()), kept)

    @abstractmethod
    def begin(self, parameter: Tensor) -> dict[str, Tensor]:
        """Return what is kept of a parameter before its first step."""

    @abstractmethod
    def update(self, parameters: list[Tensor], gradients: list[Tensor], kept: list[dict[str, Tensor]]) -> None:
        """Change parameters, and what is kept of them, in place."""


class Adam(Optimizer):
    """Kingma and Ba 2015, algorithm 1, with betas 0.9 and 0.999; weight decay is added to the gradient."""

    def begin(self, parameter: Tensor) -> dict[str, Tensor]:
        return {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }

    def update(self, parameters: list[Tensor], gradients: list[Tensor], kept: list[dict[str, Tensor]]) -> None:
        adam(
            parameters,
            gradients,
            [each["exp_avg"] for each in kept],
            [each["exp_avg_sq"] for each in kept],
            [],
            [each["step"] for each in kept],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.rate,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )


class SGD(Optimizer):
    """Nesterov momentum 0.9 in torch's form of Sutskever et al. 2013; weight decay is added to the gradient."""

    def begin(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"momentum_buffer": torch.zeros_like(parameter)}

    def update(self, parameters: list[Tensor], gradients: list[Tensor], kept: list[dict[str, Tensor]]) -> None:
        sgd(
            parameters,
            gradients,
            [each["momentum_buffer"] for each in kept],
            fused=True,
            weight_decay=self.weight_decay,
            momentum=0.9,
            lr=self.rate,
            dampening=0.0,
            nesterov=True,
            maximize=False,
        )
