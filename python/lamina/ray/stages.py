# mypy: disable-error-code="import-not-found,import-untyped"
"""What runs on the workers: pictures are decoded in tasks and classified by actors.

Both get blocks as Arrow tables. Between them a picture is float32 pixels in Ray's shared memory,
which an actor on the same machine reads without a copy.
"""

import hashlib
import mmap
import os
import socket
from dataclasses import asdict, dataclass
from typing import Any, Iterator, Optional

import numpy
import pyarrow

from .. import _core, models
from ..errors import Error, InvalidArgument
from ..pictures import read_image
from ..session import Session
from .inputs import shown
from .output import part_name, schema_of, write_part

__all__ = ["Classifier", "Settings", "decode", "load"]

DECODED = pyarrow.schema(
    [
        ("file", pyarrow.binary()),
        ("error", pyarrow.string()),
        ("width", pyarrow.int32()),
        ("height", pyarrow.int32()),
        ("shape", pyarrow.list_(pyarrow.int32())),
        ("pixels", pyarrow.large_binary()),
    ]
)
# Of a block; its file is written where there is no problem.
REPORT = pyarrow.schema(
    [
        ("images", pyarrow.int64()),
        ("failed", pyarrow.int64()),
        ("problem", pyarrow.string()),
        ("machine", pyarrow.string()),
    ]
)


@dataclass(frozen=True)
class Settings:
    """What decides the answers, and how an actor comes to them."""

    model: str  # a name, or the path of a file that holds a whole model
    weights: str  # for a name: as in lamina.models
    digest: str  # of the model's or weights' file; empty where there is none
    precision: str
    topk: int
    logits: bool
    batch: int
    threads: int

    def identity(self) -> dict[str, Any]:
        """What must stay the same when a run goes on."""
        fields = asdict(self)
        return {key: fields[key] for key in fields if key not in ("batch", "threads")}


def digest_of(path: str) -> str:
    """SHA-256 of a file, or nothing where the name is not a file's."""
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        return ""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return hashlib.sha256(data).hexdigest()


def load(model: str, weights: str) -> _core.Model:
    """A whole model's file is mapped: actors of one machine share its pages."""
    if model in models.model_names():
        return models.make_model(model, weights, progress=False)
    return _core.load_model(model)


def decode(block: pyarrow.Table, transforms: dict[str, Any]) -> pyarrow.Table:
    """A task: reads, decodes and preprocesses. A picture that is bad is a row with an error."""
    how = _core.Transforms(**transforms)
    rows = [_decode_one(file, how) for file in block["file"].to_pylist()]
    return pyarrow.Table.from_pylist(rows, DECODED)


def _decode_one(file: bytes, transforms: _core.Transforms) -> dict[str, Any]:
    try:
        image = read_image(os.fsdecode(file))
        pixels = _core.preprocess_image(image, transforms)
    except (Error, OSError, MemoryError) as error:
        return {"file": file, "error": str(error) or type(error).__name__}
    return {
        "file": file,
        "width": image.width,
        "height": image.height,
        "shape": pixels.shape,
        "pixels": pixels.tobytes(),
    }


class Classifier:
    """An actor: a session, and the writer of the blocks that went through it."""

    def __init__(self, settings: Settings, folder: str) -> None:
        self.settings = settings
        self.folder = folder
        self.schema = schema_of(settings.identity())
        self.session: Optional[Session] = None

    def __call__(self, block: pyarrow.Table) -> pyarrow.Table:
        """A report of the block. Problems are told to the driver, who ends the run: Ray would bury
        an exception in its own, and one of `__init__` deeper still."""
        report: dict[str, Any] = {"images": len(block), "failed": 0, "problem": None}
        report["machine"] = socket.gethostname()
        try:
            report["failed"] = self._classify_block(block)
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            report["problem"] = f"{error.strerror or error}{where}"
        except (Error, MemoryError) as error:
            report["problem"] = str(error) or type(error).__name__
        return pyarrow.Table.from_pylist([report], REPORT)

    def _classify_block(self, block: pyarrow.Table) -> int:
        """Writes the block's file; returns how many images failed."""
        self.session = self.session or self._make_session()
        rows = [
            {"path": shown(os.fsdecode(row["file"])), "ok": row["error"] is None} | row
            for row in block.drop_columns(["pixels"]).to_pylist()
        ]
        for numbers in self._batches(rows):
            self._classify(self.session, rows, block["pixels"], numbers)
        write_part(rows, self.schema, self.folder, part_name([row["path"] for row in rows]))
        return sum(not row["ok"] for row in rows)

    def _make_session(self) -> Session:
        settings = self.settings
        # An old copy under the same name would give other answers, unseen among the rest.
        if digest_of(settings.weights or settings.model) != settings.digest:
            raise InvalidArgument(
                f"[ray] not the file that the driver has: {settings.weights or settings.model}"
            )
        model = load(settings.model, settings.weights)
        return Session(model, "cpu", settings.precision, settings.threads, settings.batch)

    def _batches(self, rows: list[dict[str, Any]]) -> Iterator[list[int]]:
        """The numbers of good rows; a batch has one shape, as all have where a model crops."""
        batch: list[int] = []
        for number, row in enumerate(rows):
            if not row["ok"]:
                continue
            full = len(batch) == self.settings.batch
            if batch and (full or rows[batch[0]]["shape"] != row["shape"]):
                yield batch
                batch = []
            batch.append(number)
        if batch:
            yield batch

    def _classify(
        self,
        session: Session,
        rows: list[dict[str, Any]],
        pixels: pyarrow.ChunkedArray,
        numbers: list[int],
    ) -> None:
        inputs = [
            numpy.frombuffer(pixels[i].as_buffer(), numpy.float32).reshape(rows[i]["shape"])
            for i in numbers
        ]
        try:
            logits = session.run(numpy.stack(inputs))
        except InvalidArgument as error:  # a size that the model cannot take
            for i in numbers:
                rows[i] |= {"ok": False, "error": str(error)}
            return
        scores = session.named_classes(logits, self.settings.topk)
        for i, top, row_logits in zip(numbers, scores, logits):
            rows[i]["top"] = top
            if self.settings.logits:
                rows[i]["logits"] = row_logits
