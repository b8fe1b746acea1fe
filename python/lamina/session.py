"""A model made ready to run on one device."""

import os
import time
from typing import Any, Iterable, Mapping, Optional, Sequence

import numpy

from . import _core
from .errors import Error
from .pictures import read_image

__all__ = ["Session"]


class _Ready:
    """A picture on its way through classify(), or why there is none."""

    def __init__(self, image: Any, transforms: _core.Transforms) -> None:
        named = isinstance(image, (str, os.PathLike))
        self.result: dict[str, Any] = {"path": os.fspath(image) if named else None, "ok": True}
        self.pixels = numpy.empty(0, numpy.float32)
        try:
            start = time.perf_counter()
            picture = read_image(image)
            decoded = time.perf_counter()
            self.pixels = _core.preprocess_image(picture, transforms)
            done = time.perf_counter()
        except Error as error:
            self.result |= {"ok": False, "error": str(error)}
            return
        self.result |= {"width": picture.width, "height": picture.height, "top": []}
        self.result["ms"] = {
            "decode": 1e3 * (decoded - start),
            "preprocess": 1e3 * (done - decoded),
        }


class Session(_core.Session):
    """Packs the weights for this machine and plans the memory once.

    The same image gives the same bits alone, in any batch, and on any number of threads.

    ``device``: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``. ``precision``: ``"fp32"``,
    ``"bf16"``, ``"int8"``, on CUDA also ``"tf32"`` and ``"fp16"``; never lowered unless asked.
    ``threads``: 0 takes what the process may use. ``max_batch``: images a pass; larger batches are
    cut into passes. ``outputs``: layers whose output is wanted too, ``["features.28"]``.
    ``profile``: time each step. ``input_ranges``: for int8, the model's own by default.

    Several threads may use one session: they take turns. After ``fork()`` it works in the child
    too, unless it is on CUDA.
    """

    def __init__(
        self,
        model: _core.Model,
        device: str = "auto",
        precision: str = "fp32",
        threads: int = 0,
        max_batch: int = 8,
        *,
        outputs: Sequence[str] = (),
        profile: bool = False,
        input_ranges: Optional[Mapping[str, float]] = None,
    ) -> None:
        ranges = None if input_ranges is None else dict(input_ranges)
        super().__init__(
            model, device, precision, threads, max_batch, list(outputs), profile, ranges
        )
        self.labels = model.labels
        self.transforms = model.transforms

    def classify(self, images: Iterable[Any], topk: int = 5) -> list[dict[str, Any]]:
        """What `vgg16-infer --format jsonl` says of each picture, in order.

        ``images``: paths, or anything else that `lamina.preprocess` takes. A picture that cannot be
        read is ``{"path": ..., "ok": False, "error": ...}``, and the others go on.
        """
        if isinstance(images, (str, bytes, os.PathLike)):
            images = [images]
        results: list[dict[str, Any]] = []
        batch: list[_Ready] = []
        for image in images:
            ready = _Ready(image, self.transforms)
            results.append(ready.result)
            if not ready.result["ok"]:
                continue
            if batch and batch[0].pixels.shape != ready.pixels.shape:
                self._classify_batch(batch, topk)
                batch = []
            batch.append(ready)
            if len(batch) == self.max_batch:
                self._classify_batch(batch, topk)
                batch = []
        if batch:
            self._classify_batch(batch, topk)
        return results

    def _classify_batch(self, batch: list[_Ready], topk: int) -> None:
        pixels = numpy.stack([ready.pixels for ready in batch])
        start = time.perf_counter()
        logits = self.run(pixels)
        infer_ms = 1e3 * (time.perf_counter() - start) / len(batch)
        for ready, top in zip(batch, self.named_classes(logits, topk)):
            ready.result["ms"]["infer"] = infer_ms
            ready.result["top"] = top

    def named_classes(self, logits: Any, topk: int = 5) -> list[list[dict[str, Any]]]:
        """Of each row of logits ``[n, classes]`` the likeliest: index, label, prob, logit."""
        return [
            [
                {
                    "index": index,
                    "label": self.labels[index] if index < len(self.labels) else None,
                    "prob": probability,
                    "logit": logit,
                }
                for index, probability, logit in scores
            ]
            for scores in _core.top_classes(logits, topk)
        ]
