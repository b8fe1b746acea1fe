# mypy: disable-error-code="import-not-found,import-untyped"
"""The Parquet files of a job: one for each block of images, there as a whole or not at all.

A file's name is a hash of its images' paths. A block that is done twice, since the first worker was
killed or was only thought dead, replaces its file by an equal one: no image is there twice.
"""

import contextlib
import glob
import hashlib
import json
import os
import socket
from typing import Any, Sequence

import pyarrow
import pyarrow.dataset
import pyarrow.parquet

from ..errors import InvalidArgument

__all__ = ["finished_paths", "part_name", "remove_leftovers", "schema_of", "write_part"]

METADATA_KEY = b"lamina"
SCORE = pyarrow.struct(
    [
        ("index", pyarrow.int32()),
        ("label", pyarrow.string()),
        ("prob", pyarrow.float32()),
        ("logit", pyarrow.float32()),
    ]
)


def schema_of(identity: dict[str, Any]) -> pyarrow.Schema:
    """What a row is. ``identity``: what decides the answers; it stands in each file's metadata."""
    fields = [
        pyarrow.field("path", pyarrow.string(), nullable=False),
        pyarrow.field("ok", pyarrow.bool_(), nullable=False),
        ("error", pyarrow.string()),
        ("width", pyarrow.int32()),
        ("height", pyarrow.int32()),
        ("top", pyarrow.list_(SCORE)),
    ]
    if identity["logits"]:
        fields.append(("logits", pyarrow.list_(pyarrow.float32())))
    return pyarrow.schema(fields, {METADATA_KEY: json.dumps(identity, sort_keys=True)})


def part_name(paths: Sequence[str]) -> str:
    digest = hashlib.sha256("\0".join(paths).encode()).hexdigest()
    return f"part-{digest[:24]}.parquet"


def write_part(rows: list[dict[str, Any]], schema: pyarrow.Schema, folder: str, name: str) -> None:
    """Writes, syncs and renames. An OSError names the file, of which nothing is left."""
    sink = pyarrow.BufferOutputStream()
    table = pyarrow.Table.from_pylist(rows, schema)
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    final = os.path.join(folder, name)
    temporary = os.path.join(folder, f".{name}.{socket.gethostname()}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(sink.getvalue())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, final)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise OSError(error.errno, os.strerror(error.errno or 0), final) from None


def remove_leftovers(folder: str) -> None:
    """What workers left that were killed while they wrote."""
    for path in glob.glob(os.path.join(glob.escape(folder), ".part-*.tmp")):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def finished_paths(folder: str, identity: dict[str, Any]) -> set[str]:
    """The images that have a row; InvalidArgument where they were classified in another way."""
    parts = sorted(glob.glob(os.path.join(glob.escape(folder), "part-*.parquet")))
    if not parts:
        return set()
    # Every run looks before it writes, so all parts of a folder are like the first.
    metadata = pyarrow.parquet.read_schema(parts[0]).metadata or {}
    before = json.loads(metadata.get(METADATA_KEY, "{}"))
    for key in sorted(identity.keys() | before.keys()):
        if identity.get(key) != before.get(key):
            raise InvalidArgument(
                f"[ray] {folder} holds answers with {key} {before.get(key)!r}, "
                f"this run has {identity.get(key)!r}: name another folder"
            )
    found = pyarrow.dataset.dataset(parts, format="parquet").to_table(columns=["path"])
    return set(found["path"].to_pylist())
