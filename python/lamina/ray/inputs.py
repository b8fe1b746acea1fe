"""From what the user names to the files of the job."""

import os
from typing import Iterable, Iterator

__all__ = ["list_images", "shown"]

# Those of vgg16-infer: kinds that cannot be read are errors, not strangers.
EXTENSIONS = ".jpg .jpeg .jpe .jfif .png .bmp .gif .webp .tif .tiff .heic .avif .ppm .pgm".split()


def shown(path: str) -> str:
    """The path as Parquet holds it: UTF-8, bytes that are not as ``\\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def list_images(inputs: Iterable[str], recursive: bool = False) -> list[str]:
    """The absolute paths of all images, sorted, each once.

    ``inputs``: files, directories, ``@list.txt`` with a path a line. A file that is named is taken
    whatever it is, and whether it is there or not: a task finds out. From a directory come the
    files with an image's extension; hidden ones are left out.
    """
    found: set[str] = set()
    for given in inputs:
        if given.startswith("@"):
            found.update(map(os.path.abspath, _lines_of(given[1:])))
        elif os.path.isdir(given):
            found.update(_images_in(os.path.abspath(given), recursive))
        else:
            found.add(os.path.abspath(given))
    return sorted(found)


def _lines_of(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if line.rstrip("\r\n"):
                yield line.rstrip("\r\n")


def _images_in(folder: str, recursive: bool) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                # Links to directories are not followed: they may lead back.
                if recursive and not entry.is_symlink():
                    yield from _images_in(entry.path, recursive)
            elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:
                yield entry.path
