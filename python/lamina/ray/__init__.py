"""Images classified on many machines, with Ray Data; Parquet comes out.

    python -m lamina.ray -r photos answers --address auto

or `classify_images()` from a program. Needs the extra: ``pip install 'lamina[ray]'``.
docs/scale.md in the repository says how it behaves, what it costs, and how to size a cluster.
"""

from .job import Summary, WorkerError, classify_images

__all__ = ["Summary", "WorkerError", "classify_images"]
