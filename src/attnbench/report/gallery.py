"""The figures of the report: drawn, saved, and described."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from attnbench import figures
from attnbench.figures import captions, gates, maps
from attnbench.records.views import Views
from attnbench.report.inputs import Inputs


@dataclass(frozen=True)
class Drawn:
    """A figure in its file; `link` is relative to the report."""

    link: str
    alt: str
    caption: str


Caption = Callable[[Views, str], str]
Draw = Callable[[Views, str], Figure | None]

# One figure each for every variant; a variant without gates of a kind has none of them.
MAPS: dict[str, tuple[str, Draw, Caption]] = {
    "feature_maps": ("Feature maps", maps.feature_maps, captions.feature_maps),
    "active_channels": ("Most active channels", maps.active_channels, captions.active_channels),
    "grad_cam": ("Grad-CAM", maps.grad_cam, captions.grad_cam),
    "channel_gates": ("Channel gates", gates.channel_gates, captions.channel_gates),
    "spatial_gates": ("Spatial gates", maps.spatial_gates, captions.spatial_gates),
}


def sheets(inputs: Inputs) -> list[Drawn]:
    """Draw each looked-at image through all variants."""
    first = next(iter(inputs.views.values()))
    title = inputs.data.title
    return [
        _save(
            inputs,
            f"sheet_{image + 1}",
            maps.sheet(inputs.views, image, title),
            f"Grad-CAM of all variants, image {image + 1}",
            captions.sheet(inputs.views, image, title),
        )
        for image in range(len(first.images))
    ]


def of_variant(inputs: Inputs, variant: str) -> list[Drawn]:
    """Draw what one variant looks at."""
    return list(_of_variant(inputs, variant, inputs.views[variant]))


def _of_variant(inputs: Inputs, variant: str, views: Views) -> Iterator[Drawn]:
    title = inputs.data.title
    for name, (words, draw, caption) in MAPS.items():
        figure = draw(views, title)
        if figure is not None:
            alt = f"{words} of {variant}"
            yield _save(inputs, f"{name}_{variant}", figure, alt, caption(views, title))


def _save(inputs: Inputs, name: str, figure: Figure, alt: str, caption: str) -> Drawn:
    path = inputs.paths.figures / f"{name}.png"
    figures.save(figure, path)
    return Drawn(path.relative_to(inputs.paths.report).as_posix(), alt, caption)
