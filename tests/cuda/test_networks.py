"""Networks, modules, pools and augmentation on an NVIDIA GPU, against the processor and against themselves."""

import pytest
import torch
from small_training import small_study
from torch import Tensor

from attnbench import networks
from attnbench.networks import arithmetic, pooling
from attnbench.networks.evaluation import logits_of
from attnbench.networks.normalisation import Normalisation
from attnbench.study import attention, backbones
from attnbench.train.augment import augment, draw_epoch
from attnbench.train.augment.batch import OPERATIONS

pytestmark = pytest.mark.cuda
CARD, CPU = "cuda", torch.device("cpu")


@pytest.fixture(autouse=True)
def device() -> torch.device:
    """The card, with the settings of a run: deterministic algorithms and no TF32."""
    return arithmetic.set_up(small_study(machine={"device": CARD}).machine)


def photos(n: int = 64) -> Tensor:
    return torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def filled(backbone: str, site: str, module: str) -> networks.Network:
    """Return a network whose slots at one site hold the module, always with the same weights."""
    torch.manual_seed(0)
    network = networks.build_backbone(backbone, 3, (3, 32, 32))
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(networks.build_attention(module, slot.channels, slot.size))
    return network.to(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("backbone", "module"),
    [*(("cnn", name) for name in attention.names()), *((name, "se") for name in backbones.names())],
)
def test_logits_are_those_of_the_processor(backbone: str, module: str, device: torch.device) -> None:
    network, images = filled(backbone, "before_pool" if backbone == "cnn" else "standard", module), photos()
    expected, ours = (
        logits_of(network.to(where), images.to(where), Normalisation((0.5,) * 3, (0.25,) * 3, where)).cpu()
        for where in (CPU, device)
    )
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("module", attention.names())
def test_a_map_keeps_its_type_and_its_layout_under_autocast(module: str, device: torch.device) -> None:
    built = networks.build_attention(module, 32, (16, 16)).to(device, memory_format=torch.channels_last)
    for dtype in (torch.bfloat16, torch.float32):
        x = torch.rand(8, 32, 16, 16, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            y = built(x)
        assert y.dtype == dtype
        assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("backbone", backbones.names())
def test_training_is_deterministic_at_every_site(backbone: str, device: torch.device) -> None:
    x = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1)).to(device)
    for site in sorted({slot.site for slot in networks.build_backbone(backbone, 3, (3, 32, 32)).slots().values()}):
        gradients = []
        for _ in range(2):
            network = filled(backbone, site, "cbam").to(device).train()
            torch.manual_seed(0)  # of the dropout, on the card too
            network(x).square().sum().backward()
            gradients.append([parameter.grad for parameter in network.parameters()])
        assert all(torch.equal(first, again) for first, again in zip(*gradients, strict=True)), site


@pytest.mark.parametrize("pool", [pooling.mean_and_max_over_positions, pooling.mean_and_max_over_channels])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pools_are_those_of_the_processor_where_maxima_are_equal(pool, layout, device: torch.device) -> None:
    """A maximum occurs several times in every map, as zeros do after a ReLU; the gradient has to go the same way."""
    values = torch.randint(0, 3, (16, 32, 8, 8), generator=torch.Generator().manual_seed(0)).float()
    results = []
    for where in (CPU, device):
        x = values.to(where).clone(memory_format=layout).requires_grad_()  # not `values` itself
        mean, largest = pool(x)
        weights = torch.arange(1, mean.numel() + 1, device=where).view(mean.shape) / mean.numel()
        ((mean * weights).sum() + (largest * (weights + 0.5)).sum()).backward()
        results.append([tensor.cpu() for tensor in (mean, largest, x.grad)])
    torch.testing.assert_close(*results)


def test_augmentation_is_that_of_the_processor(device: torch.device) -> None:
    ours, expected = (
        augment(photos(512).to(where), OPERATIONS, draw_epoch([512], OPERATIONS, 4, torch.Generator(), where)[0]).cpu()
        for where in (device, CPU)
    )
    different = ((ours - expected).abs() > 1e-5).any(1).float().mean()  # at an exact half the last bit decides
    assert different < 1e-3


def test_the_environment_names_the_card_its_driver_and_cudnn() -> None:
    environment = arithmetic.environment(small_study(machine={"device": CARD}).machine)
    assert environment.device == torch.cuda.get_device_name()
    assert environment.driver
    assert environment.cudnn
