"""A user's images, in class folders `train/<class>/*` and `test/<class>/*` or an archive of them."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np

from attnbench.data import archives, experiments
from attnbench.data.decode import Decoded, decode
from attnbench.data.source_images import LabelledImages, SourceImages
from attnbench.errors import UserError, listed
from attnbench.study.schema import FolderData

PARTS = ("train", "test")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_LAYOUT = "train/<class>/<image> and test/<class>/<image>"


def read(data: FolderData, root: Path) -> SourceImages:
    """Read all images, by part, class and name in alphabetical order.

    Images become RGB squares of `image_size`; the provenance says what was changed for that.

    Raises:
        UserError: the path is missing, an archive is damaged or not the expected one, a class lacks images in
            one part, an image cannot be decoded, or there are none.
    """
    path = experiments.find(root, Path(data.path))
    _check_path(data, path, root)
    collection = _Collection(path=data.path, size=data.image_size)
    for name, content in archives.members(path, collection.accepts):
        collection.add(name, content)
    classes = collection.classes()
    return SourceImages(
        title=data.title,
        provenance=" ".join((data.provenance.rstrip(), *collection.changes())),
        classes=classes,
        train=collection.labelled("train", classes),
        test=collection.labelled("test", classes),
    )


def _check_path(data: FolderData, path: Path, root: Path) -> None:
    if not path.exists():
        raise UserError(
            f"data: path: {data.path!r} does not exist ({path.absolute()}).{experiments.hint(root)} Put the images "
            f"there as {_LAYOUT}, in a folder or an archive ({', '.join(archives.SUFFIXES)}), or give another path in "
            f"params.yaml. Expected images: {data.title}. {data.provenance}"
        )
    if data.sha256 is None:
        return
    if path.is_dir():
        raise UserError(
            f"data: sha256: is that of an archive, but {data.path!r} is a folder; name the archive or remove sha256"
        )
    archives.check_sha256(path, data.sha256)


@dataclass
class _Collection:
    """Images, added in any order."""

    path: str  # as in params.yaml, for messages
    size: int
    images: dict[tuple[str, str, str], Decoded] = field(default_factory=dict)  # by part, class and file name
    top: PurePosixPath | None = None  # the folder that contains train/ and test/
    ignored: int = 0

    def accepts(self, name: str) -> bool:
        """Return whether a file is an image in a class folder; hidden files and other kinds of file are ignored."""
        path = PurePosixPath(name)
        if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            return False
        is_image = path.suffix.lower() in IMAGE_SUFFIXES
        if is_image and len(path.parts) >= 3 and path.parts[-3] in PARTS:
            return True
        if is_image and set(path.parts[:2]) & set(PARTS):
            raise UserError(f"{self.path}: {name!r} is not in a class folder; expected {_LAYOUT}")
        self.ignored += 1
        return False

    def add(self, name: str, content: bytes) -> None:
        path = PurePosixPath(name)
        top = path.parents[2]
        if self.top not in (None, top):
            raise UserError(f"{self.path}: both {str(self.top)!r} and {str(top)!r} contain images; expected one set")
        self.top = top
        key = cast(tuple[str, str, str], path.parts[-3:])
        if key in self.images:
            raise UserError(f"{self.path}: {name!r} occurs twice; pack the archive again")
        try:
            self.images[key] = decode(content, self.size)
        except ValueError as error:
            raise UserError(
                f"{self.path}: the image {name!r} cannot be read: {error}. Replace it, or remove it"
            ) from None

    def classes(self) -> tuple[str, ...]:
        """Return the sorted class names, which must be the same in both parts."""
        if not self.images:
            raise UserError(
                f"{self.path} has no images; expected {_LAYOUT}, with a suffix of: {', '.join(IMAGE_SUFFIXES)}"
            )
        train, test = ({name for owner, name, _ in self.images if owner == part} for part in PARTS)
        for missing, part, other in ((train - test, "test", "train"), (test - train, "train", "test")):
            if missing:
                raise UserError(
                    f"{self.path}: {part}/ has no images of {listed(sorted(missing))}, which {other}/ has; "
                    "every class needs images in both"
                )
        if len(train) < 2:
            raise UserError(f"{self.path} has only one class ({listed(sorted(train))}); at least two are needed")
        return tuple(sorted(train))

    def labelled(self, part: str, classes: tuple[str, ...]) -> LabelledImages:
        """Return the images of a part, in alphabetical order of class and file name."""
        keys = sorted(key for key in self.images if key[0] == part)
        index = {name: number for number, name in enumerate(classes)}
        return LabelledImages(
            images=np.stack([self.images[key].pixels for key in keys]),
            labels=np.array([index[name] for _, name, _ in keys], dtype=np.int64),
        )

    def changes(self) -> list[str]:
        """Return a sentence for each kind of difference between the images and their files."""
        counts = Counter(change for decoded in self.images.values() for change in decoded.changes)
        sentences = [f"{count:,} of {len(self.images):,} images were {change}." for change, count in counts.items()]
        return sorted(sentences) + ([f"{self.ignored:,} other files were ignored."] if self.ignored else [])
