"""Images classified on many machines, with Ray Data; Parquet comes out.

    python -m lamina.ray -r photos answers --address auto

or `classify_images()` from a program. Needs the extra: ``pip install 'lamina[ray]'``.
docs/scale.md in the repository says how it behaves, what it costs, and how to size a cluster.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .job import Summary, WorkerError, classify_images

__all__ = ["Summary", "WorkerError", "classify_images"]


def __getattr__(name: str) -> Any:
    """Ray is imported late, so that `python -m lamina.ray` can say that it is not installed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import job

    return getattr(job, name)
