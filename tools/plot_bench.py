#!/usr/bin/env python3
"""Rows of lamina-bench or tools/bench_peers.py as a picture.

  tools/plot_bench.py rows.jsonl -o peers.svg
  tools/plot_bench.py a.jsonl b.jsonl --kind batch -o batch.svg

Kinds: peers (ms an image of each engine), batch, threads, size (how cost grows), layers (where the
time goes). Without --kind the rows decide.
"""

import argparse
import json
import sys
from pathlib import Path

KINDS = ["peers", "batch", "threads", "size", "layers"]
OURS, THEIRS, FAINT = "#c8553d", "#7a8b99", "#d9dee2"


def fail(what, where, hint=""):
    print(f"plot_bench: error: {what}: {where}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    sys.exit(2)


def read_rows(path):
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        fail(f"cannot read ({error.strerror})", path)
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError as error:
            fail(f"no JSON ({error})", path)
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            rows += [json.loads(line)] if line.strip() else []
        except ValueError:
            fail("no JSON", f"{path}, line {number}")
    return rows


def values(rows, name):
    return sorted({row.get(name) for row in rows if row.get(name) is not None})


def kind_of(rows):
    if all(row.get("mode") == "layers" for row in rows):
        return "layers"
    if len(values(rows, "engine")) > 1:
        return "peers"
    for name, kind in (("size", "size"), ("batch", "batch"), ("threads", "threads")):
        if len(values(rows, name)) > 1:
            return kind
    return "peers"


def panels(plt, count, width, height):
    figure, axes = plt.subplots(1, count, figsize=(width * count, height), squeeze=False)
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes[0]


def plot_peers(plt, rows):
    """A bar for the best time of each engine, a line to its median; fastest on top."""
    cases = sorted({(row["precision"], row["batch"]) for row in rows}, key=str)
    most = max(sum((r["precision"], r["batch"]) == case for r in rows) for case in cases)
    figure, axes = panels(plt, len(cases), 5.2, 1.2 + 0.42 * most)
    for axis, case in zip(axes, cases):
        these = [row for row in rows if (row["precision"], row["batch"]) == case]
        fastest = min(row["min_ms"] for row in these)
        # What takes ten times as long as the fastest would leave no room for the others.
        left_out = [row["engine"] for row in these if row["min_ms"] > 10 * fastest]
        these = [row for row in these if row["min_ms"] <= 10 * fastest]
        these.sort(key=lambda row: -row["min_ms"])
        best = [row["min_ms"] / row["batch"] for row in these]
        median = [row["p50_ms"] / row["batch"] for row in these]
        colours = [OURS if row["engine"] == "lamina" else THEIRS for row in these]
        axis.barh(range(len(these)), best, color=colours, height=0.68)
        axis.hlines(range(len(these)), best, median, color="#333", linewidth=1)
        for y, row in enumerate(these):
            ratio = row.get("ratio_min")
            times = f"  {ratio:.2f}x" if ratio and row["engine"] != "lamina" else ""
            axis.text(median[y], y, f" {best[y]:.0f} ms{times}", va="center", fontsize=9)
        axis.set_yticks(range(len(these)), [row["engine"] for row in these])
        axis.set_xlim(0, 1.35 * max(median))
        axis.set_xlabel("ms an image: best (bar), median (line)")
        note = f"\n(off the scale: {', '.join(left_out)})" if left_out else ""
        axis.set_title(f"{case[0]}, batch {case[1]}{note}", fontsize=10)
    return figure


def plot_lines(plt, rows, x, y, label, x_label, y_label, ideal=None):
    """A line for each engine, precision and whatever else varies."""
    figure, (axis,) = panels(plt, 1, 6.4, 4)
    others = [n for n in ("engine", "precision", "threads", "batch") if n != x]
    named = [name for name in others if len(values(rows, name)) > 1]
    for key in sorted({tuple(str(row.get(n)) for n in named) for row in rows}):
        these = [row for row in rows if tuple(str(row.get(n)) for n in named) == key]
        these.sort(key=lambda row: row[x])
        units = {"threads": " threads", "batch": " a batch"}
        text = ", ".join(k + units.get(n, "") for k, n in zip(key, named))
        xs, ys = [row[x] for row in these], [y(row) for row in these]
        (line,) = axis.plot(xs, ys, marker="o", markersize=4, label=text or label)
        if ideal:
            axis.plot(xs, [ideal(xs[0], ys[0], v) for v in xs], ":", color=line.get_color())
    axis.set_xscale("log", base=2)
    ticks = values(rows, x)
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_ylim(bottom=0)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.grid(axis="y", color=FAINT)
    axis.legend(frameon=False, fontsize=9)
    return figure, axis


def plot_batch(plt, rows):
    ms = lambda row: row["min_ms"] / row["batch"]  # noqa: E731
    return plot_lines(plt, rows, "batch", ms, "", "images a batch", "ms an image, best")[0]


def plot_threads(plt, rows):
    figure, axis = plot_lines(
        plt,
        rows,
        "threads",
        lambda row: row["images_per_s"],
        "",
        "threads",
        "images a second, at the median",
        ideal=lambda x0, y0, x: y0 * x / x0,
    )
    axis.set_title("dotted: as many times as fast as there are threads", fontsize=9)
    return figure


def plot_size(plt, rows):
    figure, axis = plot_lines(
        plt,
        [row for row in rows if row.get("size")],
        "size",
        lambda row: row["min_ms"],
        "measured",
        "pixels of a side",
        "ms, best",
        ideal=lambda x0, y0, x: y0 * (x / x0) ** 2,
    )
    axis.set_yscale("log")
    axis.set_title("dotted: in proportion to the pixels", fontsize=9)
    return figure


def plot_layers(plt, rows):
    """Every step over half a percent of the whole; the plan's expectation as a mark."""
    total = sum(row["p50_ms"] for row in rows)
    rows = [row for row in rows if row["p50_ms"] > 0.005 * total]
    figure, (axis,) = panels(plt, 1, 7, 1 + 0.32 * len(rows))
    algorithms = list(dict.fromkeys(row["plan"].split()[0] for row in rows))
    colours = dict(zip(algorithms, plt.get_cmap("Set2").colors))
    for y, row in enumerate(reversed(rows)):
        algorithm = row["plan"].split()[0]
        axis.barh(y, row["min_ms"], color=colours[algorithm], height=0.7)
        if row.get("expected_ms"):
            axis.plot([row["expected_ms"]] * 2, [y - 0.4, y + 0.4], color="#333", linewidth=1.2)
        rate = f"  {row['gflops']:.0f} GFLOP/s" if row.get("gflops") else ""
        axis.text(row["min_ms"], y, f" {row['min_ms']:.2f} ms{rate}", va="center", fontsize=8)
    axis.set_yticks(range(len(rows)), [row["layer"] for row in reversed(rows)], fontsize=9)
    axis.set_xlim(0, 1.4 * max(row["min_ms"] for row in rows))
    axis.set_xlabel("ms, best; the mark is what the plan expects")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colours[name]) for name in algorithms]
    axis.legend(handles, algorithms, frameon=False, fontsize=9, loc="lower right")
    return figure


def title_of(rows):
    models, threads = values(rows, "model"), values(rows, "threads")
    text = ", ".join(models)
    if len(threads) == 1:
        text += f", {threads[0]} threads"
    peaks = values(rows, "fma_gflops")
    if peaks:
        text += f"; multiply-adds at most {max(peaks):.0f} GFLOP/s"
    return text


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="+", help="JSON Lines, or a JSON array")
    parser.add_argument("-o", "--output", required=True, help=".svg, .png or .pdf")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--title")
    options = parser.parse_args()
    rows = [row for path in options.rows for row in read_rows(path)]
    if not rows:
        fail("no rows", ", ".join(options.rows))
    try:
        import matplotlib
    except ImportError:
        hint = "build/peers/bin/python has it, once tools/bench_peers.py --setup has run"
        fail("this Python has no matplotlib", sys.executable, hint)
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "lamina"  # the same rows, the same file
    from matplotlib import pyplot

    kind = options.kind or kind_of(rows)
    try:
        figure = globals()[f"plot_{kind}"](pyplot, rows)
    except (KeyError, ValueError) as error:
        fail(f"these rows do not make a picture of kind {kind} ({error})", options.rows[0])
    figure.suptitle(options.title or title_of(rows), fontsize=11)
    figure.tight_layout()
    metadata = {"Date": None} if options.output.endswith(".svg") else None
    try:
        figure.savefig(options.output, dpi=150, metadata=metadata)
    except (OSError, ValueError) as error:
        fail(f"cannot write ({error})", options.output)


main()
