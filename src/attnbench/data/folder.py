"""Class folders `train/<class>/*` and `test/<class>/*`, or an archive of them: a user's own images."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np
from numpy.typing import NDArray

from attnbench.data import archives
from attnbench.data.decode import Decoded, decode
from attnbench.data.images import Images, Part
from attnbench.errors import UserError, listed
from attnbench.study.schema import FolderData

PARTS = ("train", "test")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_LAYOUT = "train/<class>/<image> and test/<class>/<image>"


def read(config: FolderData, root: Path) -> Images:
    """Read all images, by part, class and name in alphabetical order.

    Images are taken as RGB squares of `image_size`; what was changed for that is said in the provenance.

    Raises:
        UserError: the place is missing, an archive is damaged or not the expected one, a class lacks images in
            one part, an image cannot be decoded, or there are none.
    """
    path = root / config.path
    _check_place(config, path)
    found = _Found(place=config.path, size=config.image_size)
    for name, content in archives.members(path, found.wants):
        found.add(name, content)
    classes = _classes(config.path, found)
    parts = {part: found.part(part, classes) for part in PARTS}
    return Images(
        title=config.title,
        provenance=" ".join((config.provenance.rstrip(), *found.changes())),
        classes=classes,
        train=parts["train"],
        test=parts["test"],
    )


def _check_place(config: FolderData, path: Path) -> None:
    if not path.exists():
        raise UserError(
            f"data: path: {config.path!r} does not exist ({path.absolute()}). Put the images there as {_LAYOUT}, in a "
            f"folder or an archive ({', '.join(archives.SUFFIXES)}), or name another place in params.yaml. "
            f"Wanted are: {config.title}. {config.provenance}"
        )
    if config.sha256 is None:
        return
    if path.is_dir():
        raise UserError(
            f"data: sha256: is that of an archive, but {config.path!r} is a folder; name the archive or remove sha256"
        )
    archives.check_sha256(path, config.sha256)


@dataclass
class _Found:
    """Images as they come, in any order."""

    place: str
    size: int
    images: dict[tuple[str, str, str], Decoded] = field(default_factory=dict)  # by part, class and file name
    above: PurePosixPath | None = None  # the folder that holds train/ and test/
    ignored: int = 0

    def wants(self, name: str) -> bool:
        """Tell whether a file is an image in a class folder; hidden files and other kinds of file are passed over."""
        path = PurePosixPath(name)
        if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            return False
        is_image = path.suffix.lower() in IMAGE_SUFFIXES
        if is_image and len(path.parts) >= 3 and path.parts[-3] in PARTS:
            return True
        if is_image and set(path.parts[:2]) & set(PARTS):
            raise UserError(f"{self.place}: {name!r} is not in a class folder; wanted is {_LAYOUT}")
        self.ignored += 1
        return False

    def add(self, name: str, content: bytes) -> None:
        path = PurePosixPath(name)
        above = path.parents[2]
        if self.above not in (None, above):
            raise UserError(f"{self.place}: both {str(self.above)!r} and {str(above)!r} hold images; wanted is one set")
        self.above = above
        key = cast(tuple[str, str, str], path.parts[-3:])
        if key in self.images:
            raise UserError(f"{self.place}: {name!r} is there twice; pack the archive again")
        try:
            self.images[key] = decode(content, self.size)
        except ValueError as error:
            raise UserError(
                f"{self.place}: the image {name!r} cannot be read: {error}. Replace it, or remove it"
            ) from None

    def part(self, part: str, classes: tuple[str, ...]) -> Part:
        keys = sorted(key for key in self.images if key[0] == part)
        index = {name: number for number, name in enumerate(classes)}
        return Part(
            images=_stacked([self.images[key].pixels for key in keys]),
            labels=np.array([index[name] for _, name, _ in keys], dtype=np.int64),
        )

    def changes(self) -> list[str]:
        """Return a sentence for each way in which images differ from their files."""
        counts = Counter(change for decoded in self.images.values() for change in decoded.changes)
        sentences = [f"{count:,} of {len(self.images):,} images were {change}." for change, count in counts.items()]
        return sorted(sentences) + ([f"{self.ignored:,} other files were ignored."] if self.ignored else [])


def _stacked(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(images) if images else np.empty((0, 3, 0, 0), dtype=np.uint8)


def _classes(place: str, found: _Found) -> tuple[str, ...]:
    if not found.images:
        raise UserError(f"{place} has no images; wanted is {_LAYOUT}, with a suffix of: {', '.join(IMAGE_SUFFIXES)}")
    train, test = ({name for part, name, _ in found.images if part == wanted} for wanted in PARTS)
    for missing, part, other in ((train - test, "test", "train"), (test - train, "train", "test")):
        if missing:
            raise UserError(
                f"{place}: {part}/ has no images of {_named(missing)}, which {other}/ has; "
                "every class needs images in both"
            )
    if len(train) < 2:
        raise UserError(f"{place} has one class only ({_named(train)}); at least two are needed")
    return tuple(sorted(train))


def _named(classes: Iterable[str]) -> str:
    return listed(sorted(classes))
