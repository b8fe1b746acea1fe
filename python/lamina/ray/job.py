# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"
"""The driver: lists, leaves out what is done, and sets Ray Data to work on the rest."""

import os
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Optional, cast

import pyarrow
import ray
import ray.data

from .. import models
from ..errors import InvalidArgument
from .inputs import list_images, shown
from .output import finished_paths, remove_leftovers
from .stages import Classifier, Settings, decode, digest_of, load

__all__ = ["Summary", "WorkerError", "classify_images"]


class WorkerError(RuntimeError):
    """What a worker met that ends the run: a full disk, a model that is not there."""


@dataclass
class Summary:
    """``images`` were asked for; ``before`` of them had a row already; ``done`` came new, of which
    ``failed`` could not be read."""

    images: int = 0
    before: int = 0
    done: int = 0
    failed: int = 0


def classify_images(
    inputs: Iterable[str],
    out_dir: "str | os.PathLike[str]",
    *,
    model: str = "vgg16",
    weights: Optional[str] = None,
    precision: str = "fp32",
    topk: int = 5,
    logits: bool = False,
    batch: int = 8,
    block: int = 256,
    concurrency: Optional[int] = None,
    threads: Optional[int] = None,
    recursive: bool = False,
    ray_init: Optional[dict[str, Any]] = None,
) -> Summary:
    """Classifies images on the Ray cluster that this process is connected to; where it is to none,
    ``ray.init(**ray_init)`` connects it, or starts one on this machine.

    Writes ``out_dir/part-*.parquet``: a row for each image, with ``path``, ``ok``, ``error``,
    ``width``, ``height``, ``top`` and, where asked, ``logits``. Images that have a row there are
    left out, so a run that was stopped goes on. All machines must see the images, ``out_dir`` and
    the model under the same paths.

    ``inputs``: files, directories, ``@list.txt``. ``model``: a name or a ``.lamina`` file;
    ``weights``: for a name, as in `lamina.models`, the published ones by default. ``batch``: images
    a forward pass; ``block``: images a task, a file, and what a killed worker has to do again.
    ``threads``: of an actor; ``concurrency``: actors. By default each machine has one actor, with
    all of the smallest machine's CPUs but an eighth, which decodes.

    Raises what loading the model raises, ``InvalidArgument`` where ``out_dir`` holds answers of
    another model, and ``WorkerError`` for what ends the run on a worker: a full disk, say, with the
    name of the file.
    """
    settings = _settings(model, weights, precision, topk, logits, batch, threads or 0)
    folder = os.path.abspath(os.fspath(out_dir))
    transforms = load(settings.model, settings.weights).transforms
    os.makedirs(folder, exist_ok=True)
    remove_leftovers(folder)

    paths = list_images(inputs, recursive)
    finished = finished_paths(folder, settings.identity())
    blocks = list(_blocks(paths, block, finished))
    left = sum(map(len, blocks))
    summary = Summary(images=len(paths), before=len(paths) - left)
    if not left:
        return summary

    if not ray.is_initialized():
        ray.init(**(ray_init or {}))
    plan = _Plan(_machines(), threads, concurrency)
    fields = {key: getattr(transforms, key) for key in ("resize", "crop", "mean", "std")}
    # A block must not be cut in two on its way, whatever its pixels weigh.
    ray.data.DataContext.get_current().target_max_block_size = None
    # Ray Data does what dead workers had in hand again, as often as it takes.
    parts = (
        ray.data.from_arrow(blocks)
        .map_batches(
            cast(Any, decode),
            batch_size=None,
            batch_format="pyarrow",
            fn_kwargs={"transforms": fields},
            num_cpus=0,  # else actors of a dead machine may take the last CPU, and all wait
            compute=ray.data.TaskPoolStrategy(size=plan.decoders),
        )
        .map_batches(
            Classifier,
            batch_size=None,
            batch_format="pyarrow",
            fn_constructor_args=(plan.with_threads(settings), folder),
            num_cpus=plan.threads,
            compute=ray.data.ActorPoolStrategy(size=plan.concurrency),
        )
    )
    for part in parts.iter_rows():
        if part["problem"]:
            raise WorkerError(f"{part['problem']} (on {part['machine']})")
        summary.done += part["images"]
        summary.failed += part["failed"]
    remove_leftovers(folder)  # of workers that were killed in this run
    return summary


def _settings(
    model: str,
    weights: Optional[str],
    precision: str,
    topk: int,
    logits: bool,
    batch: int,
    threads: int,
) -> Settings:
    """Names of files made absolute: workers have other current directories."""
    if model in models.model_names():
        weights = weights or "IMAGENET1K_V1"
        weights = os.path.abspath(weights) if os.path.isfile(weights) else weights
        digest = digest_of(weights)
    else:
        if weights:
            raise InvalidArgument(f"[ray] weights go with a model's name, and {model} is a file")
        model, weights = os.path.abspath(model), ""
        digest = digest_of(model)
    return Settings(model, weights, digest, precision, topk, logits, batch, threads)


def _machines() -> list[float]:
    """The CPUs of each machine that has any."""
    found = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    return [cpus for cpus in found if cpus > 0]


class _Plan:
    """How many actors, with how many threads, and how many tasks that decode beside them."""

    def __init__(
        self, machines: list[float], threads: Optional[int], concurrency: Optional[int]
    ) -> None:
        smallest = int(min(machines, default=1))
        for_actors = max(1, smallest - max(1, smallest // 8))
        self.threads = threads or for_actors
        self.concurrency = concurrency or len(machines) * max(1, for_actors // self.threads)
        rest = int(sum(machines)) - self.threads * self.concurrency
        self.decoders = max(len(machines), rest)

    def with_threads(self, settings: Settings) -> Settings:
        return Settings(**{**vars(settings), "threads": self.threads})


def _blocks(paths: list[str], size: int, finished: set[str]) -> Iterator[Any]:
    """What is left of each block of all images. A block that nothing is done of has the name that
    it had before: a worker of a killed run, which may live for a moment, writes the same file.
    """
    for start in range(0, len(paths), size):
        block = paths[start : start + size]
        files = [os.fsencode(path) for path in block if shown(path) not in finished]
        if files:
            yield pyarrow.table({"file": pyarrow.array(files, pyarrow.binary())})
