"""A user's images, in class folders `train/<class>/*` and `test/<class>/*` or an archive of them.

A file is an image by its content, whatever its suffix. One with the suffix of an image and other content is an error;
all others are left out, and counted in a warning.
"""

import logging
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from pydantic import TypeAdapter

from attnbench import machine
from attnbench.data import archives, source_files
from attnbench.data.decode import FORMATS, Decoded, decode, is_image
from attnbench.data.source_images import LabelledImages, SourceImages
from attnbench.errors import UserError, listed
from attnbench.study.schema import FolderData, Line

PARTS = ("train", "test")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_LAYOUT = source_files.LAYOUT
_CLASS_NAME: TypeAdapter[str] = TypeAdapter(Line)
_COPIES = 3  # of all images in memory at once: as decoded, as one array, and the copy whose statistics are computed
_OBJECTS = 1_000  # bytes of Python's objects for one image
_SUFFIXES = 100  # of files that are left out, counted one by one


def read(data: FolderData, root: Path) -> SourceImages:
    """Read all images, by part, class and name in alphabetical order.

    Images become RGB squares of `image_size`; the provenance says what was changed for that. Files in class folders
    that were left out are logged as a warning.

    Raises:
        UserError: the path is missing, an archive is damaged or not the expected one, a class lacks images in
            one part or has an unprintable name, an image is too large or cannot be decoded, there are none, or
            more than fit into memory.
    """
    path = source_files.folder(data, root)
    _check_sha256(data, path)
    collection = _Collection(data.path, data.image_size, machine.available_memory())
    for name, content in archives.members(path, collection.accepts):
        collection.add(name, content)
    classes = collection.classes()
    collection.warn()
    return SourceImages(
        title=data.title,
        provenance=" ".join((data.provenance.rstrip(), *collection.changes())),
        classes=classes,
        train=collection.labelled("train", classes),
        test=collection.labelled("test", classes),
    )


def _check_sha256(data: FolderData, path: Path) -> None:
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
    memory: int  # bytes that all images may take
    images: dict[tuple[str, str, str], Decoded] = field(default_factory=dict)  # by part, class and file name
    top: PurePosixPath | None = None  # the folder that contains train/ and test/
    ignored: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # files in class folders that are no images, by suffix
    first_left_out: str = ""

    def accepts(self, name: str, head: bytes) -> bool:
        """Return whether a file is an image in a class folder; hidden files and other kinds of file are ignored."""
        path = PurePosixPath(name)
        if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            return False
        in_class = len(path.parts) >= 3 and path.parts[-3] in PARTS
        may_be_image = is_image(head) or path.suffix.lower() in IMAGE_SUFFIXES
        if may_be_image and in_class:
            self._class_of(path)
            return True
        if may_be_image and set(path.parts[:2]) & set(PARTS):
            raise UserError(f"{self.path}: {name!r} is not in a class folder; expected {_LAYOUT}")
        self.ignored += 1
        if in_class:
            self.first_left_out = self.first_left_out or name
            self.left_out[self._kind(path.suffix.lower())] += 1
        return False

    def _kind(self, suffix: str) -> str:
        """Return what a file with this suffix is counted as: suffixes are many, or long, where a file is hostile."""
        is_counted = suffix in self.left_out or len(self.left_out) < _SUFFIXES
        return suffix if re.fullmatch(r"\.\w{1,12}", suffix) and is_counted else "with another or no suffix"

    def _class_of(self, path: PurePosixPath) -> str:
        """Return the name of the class, composed: `é` is one character, however a file system writes it."""
        name = path.parts[-2]
        try:
            if not _visible(name):
                raise ValueError
            return _CLASS_NAME.validate_python(unicodedata.normalize("NFC", name))
        except ValueError:  # pydantic's own is one
            raise UserError(
                f"{self.path}: the class folder {name!a} has a name that cannot be printed: it holds control "
                "characters, no visible ones, or bytes that are not UTF-8. Rename it"
            ) from None

    def add(self, name: str, content: bytes) -> None:
        path = PurePosixPath(name)
        top = path.parents[2]
        if self.top not in (None, top):
            raise UserError(f"{self.path}: both {str(self.top)!r} and {str(top)!r} contain images; expected one set")
        self.top = top
        key = (path.parts[-3], self._class_of(path), path.name)
        if key in self.images:
            raise UserError(f"{self.path}: {name!r} occurs twice; pack the archive again")
        try:
            self.images[key] = decode(content, self.size)
        except ValueError as error:
            raise UserError(
                f"{self.path}: the image {name!r} cannot be read: {error}. Replace it, or remove it"
            ) from None
        needed = len(self.images) * (_COPIES * self.images[key].pixels.nbytes + _OBJECTS)
        if needed > self.memory:
            raise UserError(
                f"{self.path}: {len(self.images):,} images of {self.size} x {self.size} take {needed / 2**30:.1f} GiB "
                f"of memory, of which {self.memory / 2**30:.1f} GiB are free, and there are more. Use fewer images, or "
                "write a smaller `data: image_size` in params.yaml"
            )

    def classes(self) -> tuple[str, ...]:
        """Return the sorted class names, which must be the same in both parts."""
        if not self.images:
            raise UserError(
                f"{self.path} has no images; expected {_LAYOUT}, in one of the formats {', '.join(FORMATS)}"
            )
        train, test = ({name for owner, name, _ in self.images if owner == part} for part in PARTS)
        self._check_distinct(train | test)
        for missing, part, other in ((train - test, "test", "train"), (test - train, "train", "test")):
            if missing:
                raise UserError(
                    f"{self.path}: {part}/ has no images of {listed(sorted(missing))}, which {other}/ has; "
                    "every class needs images in both"
                )
        if len(train) < 2:
            raise UserError(f"{self.path} has only one class ({listed(sorted(train))}); at least two are needed")
        return tuple(sorted(train))

    def _check_distinct(self, classes: set[str]) -> None:
        """Refuse two classes whose names look the same: tables and figures could not tell them apart."""
        spelled: dict[str, str] = {}
        for name in sorted(classes):
            other = spelled.setdefault(_visible(name), name)
            if other != name:
                raise UserError(
                    f"{self.path}: the class folders {other!a} and {name!a} differ in spaces or invisible characters "
                    "only. Give them one name, or names that differ"
                )

    def labelled(self, part: str, classes: tuple[str, ...]) -> LabelledImages:
        """Return the images of a part, in alphabetical order of class and file name."""
        keys = sorted(key for key in self.images if key[0] == part)
        index = {name: number for number, name in enumerate(classes)}
        return LabelledImages(
            images=np.stack([self.images[key].pixels for key in keys]),
            labels=np.array([index[name] for _, name, _ in keys], dtype=np.int64),
        )

    def warn(self) -> None:
        """Log which files in class folders were left out."""
        if self.left_out:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.left_out.most_common(5))
            logging.getLogger(__name__).warning(
                f"warning: {self.path}: {self.left_out.total():,} files in class folders are left out, since they have "
                f"none of the formats {', '.join(FORMATS)}: {kinds}; the first is {self.first_left_out!r}"
            )

    def changes(self) -> list[str]:
        """Return a sentence for each kind of difference between the images and their files."""
        counts = Counter(change for decoded in self.images.values() for change in decoded.changes)
        sentences = [f"{count:,} of {len(self.images):,} images were {change}." for change, count in counts.items()]
        return sorted(sentences) + ([f"{self.ignored:,} other files were ignored."] if self.ignored else [])


def _visible(name: str) -> str:
    """Return a name without characters that take no space, such as U+200B, and with single spaces."""
    shown = (sign for sign in name if unicodedata.category(sign) != "Cf" and not "\ufe00" <= sign <= "\ufe0f")
    return " ".join("".join(shown).split())
