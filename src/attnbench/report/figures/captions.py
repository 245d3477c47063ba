"""Captions of the image figures: what is drawn, on which data, and with which colour scale."""

from attnbench.records.views import Views
from attnbench.report.figures import maps

GRAD_CAM = (
    "Grad-CAM is for the logit of the predicted class, at the output of the activation (after the attention that sits "
    "there), negative evidence set to 0."
)
_WORDS = "On the left the true class, the predicted class (red where wrong) and its probability."
_PLACE = (
    "Maps are taken at the activation of each block, after an attention that sits right there; one that sits later in "
    "the block acts on the next block's maps."
)
_OUTLINE = "White: the outline of the object, known because the images are generated."


def feature_maps(views: Views, title: str) -> str:
    """Return the caption of `maps.feature_maps`."""
    return (
        f"The first channels of every block, counted from 0, on {_images(views, title)}; {_network(views)}. "
        f"{_PLACE} {_WORDS} {maps.feature_scale(views).sentence()}"
    )


def active_channels(views: Views, title: str) -> str:
    """Return the caption of `maps.active_channels`."""
    return (
        f"The channels with the largest mean activation for the image, largest first, counted from 0, over the image "
        f"in grey, on {_images(views, title)}; {_network(views)}. {_PLACE} {_WORDS} "
        f"{maps.active_scale(views).sentence()}"
    )


def grad_cam(views: Views, title: str) -> str:
    """Return the caption of `maps.grad_cam`."""
    text = f"Grad-CAM of every block over {_images(views, title)}; {_network(views)}. {GRAD_CAM} {_WORDS}"
    return _with_outline(text, views, maps.grad_cam_scale([views]).sentence())


def channel_gates(views: Views, title: str) -> str:
    """Return the caption of `maps.channel_gates`."""
    return (
        f"The gate of every channel, one colour per image, their mean in black, on {_images(views, title)}; "
        f"{_network(views)}. All slots share one axis. "
        "No spread over images means a gate that does not look at its input."
    )


def spatial_gates(views: Views, title: str) -> str:
    """Return the caption of `maps.spatial_gates`, for a variant that has spatial gates."""
    text = f"The spatial gate of every slot over {_images(views, title)}; {_network(views)}. {_WORDS}"
    return _with_outline(text, views, maps.spatial_scale(views).sentence())


def sheet(views: dict[str, Views], image: int, title: str) -> str:
    """Return the caption of `maps.sheet`."""
    rows = list(views.values())
    text = (
        f"Grad-CAM of every block (columns) of every variant (rows), seed {rows[0].seed}, over one test image "
        f"({title}). {GRAD_CAM} {_WORDS}"
    )
    return _with_outline(text, rows[0], maps.grad_cam_scale(rows, image).sentence())


def _images(views: Views, title: str) -> str:
    return f"{len(views.images)} fixed test images ({title})"


def _network(views: Views) -> str:
    return f"variant {views.variant}, seed {views.seed}"


def _with_outline(text: str, views: Views, sentence: str) -> str:
    return " ".join([text, *([] if views.masks is None else [_OUTLINE]), sentence])
