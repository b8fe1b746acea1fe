# mypy: disable-error-code="import-not-found,import-untyped"
"""python -m lamina.ray INPUT... OUT_DIR: classifies images on a Ray cluster, into Parquet files."""

import argparse
import contextlib
import logging
import os
import sys
from typing import Optional, Sequence

from .. import __version__, errors

AGAIN_HINT = "started again, it goes on with the images that have no row yet"
EXTRA_HINT = "pip install 'lamina[ray]'"
# The first that fits, as the tools' statuses: docs/scale.md.
STATUSES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.DownloadError, 6),
    (errors.DeviceError, 5),
    (errors.StateDictError, 4),
    (errors.InvalidArgument, 2),
    (errors.Error, 3),
)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="lamina.ray",
        usage="python -m lamina.ray [OPTIONS] INPUT... OUT_DIR",
        description="Classifies images on a Ray cluster, into Parquet files in OUT_DIR. Started "
        "again, it goes on with the images that have no row yet.",
        epilog="exit status: 0 fine; 1 some images failed, or the run stopped; 2 usage; 3 model or "
        "weights missing or unreadable; 4 weights do not fit; 6 download failed; 130 interrupted",
    )
    add = result.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="files, directories, @list.txt")
    add("out_dir", metavar="OUT_DIR", help="a folder that all machines share")
    add(
        "--address",
        metavar="A",
        help="of the Ray cluster: 'auto', host:port; else RAY_ADDRESS, "
        "a cluster on this machine, or a new one on it alone",
    )
    add("-r", "--recursive", action="store_true", help="subdirectories too")
    add("-m", "--model", default="vgg16", help="a name, or a .lamina file with a whole model")
    add(
        "-w",
        "--weights",
        metavar="W",
        help="for a name: IMAGENET1K_V1 (the default), random:SEED, or a file of any kind",
    )
    add("-k", "--topk", type=_positive, default=5, metavar="N", help="classes a row (5)")
    add("--logits", action="store_true", help="a column with all of them")
    add("--precision", default="fp32", choices=("fp32", "bf16", "int8"))
    add("-b", "--batch", type=_positive, default=8, metavar="N", help="images a forward pass (8)")
    add("--block", type=_positive, default=256, metavar="N", help="images a task and a file (256)")
    add("--concurrency", type=_positive, metavar="N", help="actors (one a machine)")
    add(
        "-t",
        "--threads",
        type=_positive,
        metavar="N",
        help="of an actor (the smallest machine's CPUs but an eighth)",
    )
    add("-q", "--quiet", action="store_true", help="no notes and no progress")
    add("-v", "--verbose", action="store_true", help="with an error, where it came from")
    add("--version", action="version", version=f"lamina.ray {__version__}")
    return result


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is needed")
    return number


def complain(error: BaseException, hint: str = "") -> None:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.strerror}: {error.filename}"
    print(f"lamina.ray: error: {text}", file=sys.stderr)
    hint = getattr(error, "hint", "") or hint
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    options = parser().parse_args(arguments)
    with contextlib.redirect_stdout(sys.stderr):  # what Ray prints, until its end, is no result
        return run(options)


def run(options: argparse.Namespace) -> int:
    try:
        import ray
        import ray.data

        from .job import classify_images
    except ImportError as error:
        complain(error, EXTRA_HINT)
        return 2
    ray.data.DataContext.get_current().enable_progress_bars = not options.quiet
    if options.quiet:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        summary = classify_images(
            options.inputs,
            options.out_dir,
            model=options.model,
            weights=options.weights,
            precision=options.precision,
            topk=options.topk,
            logits=options.logits,
            batch=options.batch,
            block=options.block,
            concurrency=options.concurrency,
            threads=options.threads,
            recursive=options.recursive,
            ray_init={
                "address": options.address,
                "logging_level": logging.ERROR if options.quiet else logging.INFO,
                "log_to_driver": options.verbose,
            },
        )
    except KeyboardInterrupt:
        print("lamina.ray: interrupted; started again it goes on", file=sys.stderr)
        return 130
    except Exception as error:
        if options.verbose:
            logging.getLogger("lamina.ray").error("", exc_info=error)
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 1)
        complain(error, AGAIN_HINT if status == 1 else "")
        return status
    finally:
        ray.shutdown()
    if not options.quiet:
        before = f", {summary.before} had a row" if summary.before else ""
        print(
            f"lamina.ray: {summary.images} images{before}, {summary.done} done, "
            f"{summary.failed} of them failed: {os.path.abspath(options.out_dir)}",
            file=sys.stderr,
        )
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
