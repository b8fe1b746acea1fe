#!/usr/bin/env python3
"""Rows of lamina-bench or tools/bench_peers.py as a picture.

  tools/plot_bench.py rows.jsonl -o peers.svg
  tools/plot_bench.py a.jsonl b.jsonl --kind batch -o batch.png

Kinds: peers (ms an image of each engine), batch, threads, size (how cost grows), layers (where the
time goes). Without --kind the rows decide. A row without the numbers of a kind is left out.
"""

import argparse
import json
import math
import sys
from pathlib import Path

# What a row must have to be drawn, by kind.
NEEDS = {
    "peers": ["engine", "batch", "min_ms", "p50_ms"],
    "batch": ["engine", "batch", "min_ms"],
    "threads": ["engine", "threads", "images_per_s"],
    "size": ["engine", "size", "batch", "min_ms"],
    "layers": ["layer", "plan", "min_ms"],
}
TEXTS = {"engine", "layer", "plan"}
# What tells one series of rows from another, where it varies.
KEYS = ["model", "device", "mode", "precision", "threads", "batch", "size"]
OURS, DARK, THEIRS, FAINT = "#c8553d", "#333333", "#8fa1af", "#d9dee2"
OTHERS = ["#2f6690", "#6a994e", "#8e6c8a", "#e0a458", "#4fa3a5", "#5c677d", "#a3b18a", "#b56576"]
OFF_SCALE = 8  # times the fastest: a longer bar is cut, or the others would be too short to compare


class Problem(Exception):
    """What is wrong, where, and perhaps what to do."""


def read_rows(path):
    """The objects of a file of JSON Lines, or of one JSON array."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Problem("cannot read", f"{path} ({getattr(error, 'strerror', 'not UTF-8')})") from None
    rows, number = [], 1
    try:
        if text.lstrip().startswith("["):
            rows = json.loads(text)
        else:
            for number, line in enumerate(text.split("\n"), 1):
                rows += [json.loads(line)] if line.strip() else []
    except json.JSONDecodeError as error:
        where = f"{path}, line {number + error.lineno - 1}"
        raise Problem(f"no JSON ({error.msg})", where) from None
    if not all(isinstance(row, dict) for row in rows):
        raise Problem("not every row is a JSON object", path)
    return rows


def usable(rows, kind):
    """The rows that have all a kind needs: steps of a plan never mix with whole passes."""

    def has(row, name):
        value = row.get(name)
        if name in TEXTS:
            return isinstance(value, str) and value.strip()
        return isinstance(value, (int, float)) and 0 < value < math.inf

    these = [row for row in rows if (row.get("mode") == "layers") == (kind == "layers")]
    return [row for row in these if all(has(row, name) for name in NEEDS[kind])]


def values(rows, name):
    """The different values of a field, in order, absent ones left out."""
    return sorted({row[name] for row in rows if row.get(name) not in (None, "")}, key=order)


def order(value):
    """Sorts numbers as numbers and before text, should a field have both."""
    return (isinstance(value, str), value)


def kind_of(rows):
    """Three values of a count make a curve; two, with several engines, make panels of bars."""
    if rows and all(row.get("mode") == "layers" for row in rows):
        return "layers"
    least = 3 if len(values(rows, "engine")) > 1 else 2
    for kind in ("size", "batch", "threads"):
        if len(values(usable(rows, kind), kind)) >= least:
            return kind
    return "peers"


def describe(row, names):
    """One row's values of these fields, for people: fp32, batch 8, 2 threads."""
    formats = {"threads": "{} threads", "batch": "batch {}", "size": "{} pixels"}
    texts = [formats.get(n, "{}").format(row[n]) for n in names if row.get(n) not in (None, "")]
    return ", ".join("1 thread" if text == "1 threads" else text for text in texts)


def split(rows, names):
    """Rows by their values of these fields: a list of rows for each, in order of the values."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) or "" for name in names), []).append(row)
    return [groups[key] for key in sorted(groups, key=lambda key: list(map(order, key)))]


def short(value):
    """Three digits, but never an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def panels(plt, groups, names, width):
    """An axis for the bars of each group, at most three beside each other."""
    columns = min(len(groups), 3 if len(groups) != 4 else 2)
    lines, most = -(-len(groups) // columns), max(map(len, groups))
    size = (width * columns, lines * (1.1 + 0.34 * most))
    figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    for axis, rows in zip(axes.flat, groups):
        axis.set_title(describe(rows[0], names), fontsize=10)
        axis.set_ylim(most - 0.4, -0.6)  # the first on top; bars are equally thick in all panels
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
    return figure, axes.flat


def plot_peers(plt, rows):
    """A bar for the best time of each engine, a thin line to its median; fastest on top."""
    names = [n for n in KEYS if n in ("precision", "batch") or len(values(rows, n)) > 1]
    names = [n for n in names if n != "device"]  # a GPU stands beside the processor, not apart
    groups = split(rows, names)
    figure, axes = panels(plt, groups, names, 5.6)
    for axis, these in zip(axes, groups):
        these.sort(key=lambda row: row["min_ms"])
        ours = next((row["min_ms"] for row in these if row["engine"] == "lamina"), None)
        limit = OFF_SCALE * these[0]["min_ms"] / these[0]["batch"]
        ends = []
        for y, row in enumerate(these):
            best, median = row["min_ms"] / row["batch"], row["p50_ms"] / row["batch"]
            colour = OURS if row["engine"] == "lamina" else THEIRS
            axis.barh(y, min(best, limit), color=colour, height=0.68)
            axis.hlines(y, min(best, limit), min(median, limit), color=DARK, linewidth=1)
            ratio = row.get("ratio_min") or (row["min_ms"] / ours if ours else None)
            times = f"  {ratio:.2f}×" if ratio and row["engine"] != "lamina" else ""
            cut = "… " if best > limit else ""
            ends.append(min(max(best, median), limit))
            axis.text(ends[-1], y, f" {cut}{short(best)} ms{times}", va="center", fontsize=9)
        several = len(values(rows, "device")) > 1
        labels = [describe(row, ["engine", "device"][: 1 + several]) for row in these]
        axis.set_yticks(range(len(these)), labels)
        axis.set_xlim(0, 1.45 * max(ends))
        axis.set_xlabel("ms an image: best (bar), median (line); × is times Lamina's best", fontsize=9)
    return figure


def plot_curves(plt, rows, x, y, ideal=None, note="", through=0):
    """A line for each engine and whatever else varies, and dotted where it would ideally go.

    Colour tells engines apart, or what varies first where there is one engine; the marker the rest.
    The dotted line goes through `through` of the xs and ys: the first point, or the last.
    """
    figure, axis = plt.subplots(figsize=(7.6, 4.2), layout="constrained")
    rest = [n for n in KEYS if n != x and len(values(rows, n)) > 1]
    several = len(values(rows, "engine")) > 1
    others, rests, lines = iter(OTHERS * 9), [], []
    colours = {"lamina": OURS} if several or not rest else {}
    for these in split(rows, (["engine"] if several else []) + rest):
        these.sort(key=lambda row: row[x])
        text = describe(these[0], rest)
        rests += [text] if text not in rests else []
        who = these[0]["engine"] if several or not rest else describe(these[0], rest[:1])
        colours.setdefault(who, next(others))
        xs, ys = [row[x] for row in these], [y(row) for row in these]
        if ideal:
            dots = [ideal(xs[through], ys[through], v) for v in xs]
            axis.plot(xs, dots, ":", color=colours[who], linewidth=1.1)
        look = {"marker": "os^Dv<>P*X"[rests.index(text) % 10], "color": colours[who]}
        label = ", ".join(filter(None, [these[0]["engine"] if several else "", text]))
        look |= {"linewidth": 2.2 if who == "lamina" else 1.4, "markersize": 5}
        lines += axis.plot(xs, ys, label=label, **look)
    lines.sort(key=lambda line: -line.get_ydata()[-1])  # as they end, from the top
    lines = lines if len(lines) > 1 else []
    lines += axis.plot([], [], ":", color=DARK, linewidth=1.1, label=note) if ideal else []
    if lines:
        figure.legend(handles=lines, loc="outside right center", frameon=False, fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color=FAINT)
    axis.set_axisbelow(True)
    return figure, axis


def log_ticks(axis, ticks):
    """A logarithmic x axis with the values measured, those left out that would touch another."""
    kept = []
    for tick in ticks:
        if not kept or math.log(tick / kept[-1]) > 0.065 * math.log(ticks[-1] / ticks[0]):
            kept.append(tick)
    axis.set_xscale("log", base=2)
    axis.set_xticks(kept, [str(tick) for tick in kept])
    axis.minorticks_off()


def an_image(row):
    return row["min_ms"] / row["batch"]


def plot_batch(plt, rows):
    """What an image costs as more go through together."""
    figure, axis = plot_curves(plt, rows, "batch", an_image)
    log_ticks(axis, values(rows, "batch"))
    axis.set_ylim(bottom=0)
    axis.set(xlabel="images a batch", ylabel="ms an image, best")
    return figure


def plot_threads(plt, rows):
    """Images a second, and what they were if threads cost each other nothing."""
    proportional = lambda x0, y0, x: y0 * x / x0  # noqa: E731
    rate = lambda row: row["images_per_s"]  # noqa: E731
    note = "in proportion\nto the threads"
    figure, axis = plot_curves(plt, rows, "threads", rate, proportional, note)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)
    axis.set(xlabel="threads", ylabel="images a second, at the median")
    return figure


def plot_size(plt, rows):
    """What a larger picture costs, and what it would at the largest one's ms a pixel."""
    squared = lambda x0, y0, x: y0 * (x / x0) ** 2  # noqa: E731
    note = "in proportion\nto the pixels"
    figure, axis = plot_curves(plt, rows, "size", an_image, squared, note, through=-1)
    log_ticks(axis, values(rows, "size"))
    axis.set_yscale("log")
    axis.yaxis.get_major_locator().set_params(subs=[1, 2, 5])
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.set(xlabel="pixels of a side", ylabel="ms an image, best")
    return figure


def plot_layers(plt, rows):
    """Every step over half a percent of the whole; the plan's expectation as a mark."""
    names = [n for n in KEYS + ["engine"] if n != "mode" and len(values(rows, n)) > 1]
    groups = split(rows, names)
    totals = [sum(row["min_ms"] for row in these) for these in groups]
    groups = [[r for r in g if r["min_ms"] >= 0.005 * all_] for g, all_ in zip(groups, totals)]
    figure, axes = panels(plt, groups, names, 7.2)
    algorithms = list(dict.fromkeys(r["plan"].split()[0] for g in groups for r in g))
    colours = dict(zip(algorithms, [OURS, *OTHERS * 9]))
    for axis, these in zip(axes, groups):
        ends = [max(row["min_ms"], row.get("expected_ms") or 0) for row in these]
        for y, (row, end) in enumerate(zip(these, ends)):
            axis.barh(y, row["min_ms"], color=colours[row["plan"].split()[0]], height=0.68)
            if row.get("expected_ms"):
                axis.vlines(row["expected_ms"], y - 0.42, y + 0.42, color=DARK, linewidth=1.4)
            rate = f"  {short(row['gflops'])} GFLOP/s" if row.get("gflops") else ""
            axis.text(end, y, f" {short(row['min_ms'])} ms{rate}", va="center", fontsize=8)
        axis.set_yticks(range(len(these)), [row["layer"] for row in these], fontsize=9)
        axis.set_xlim(0, 1.4 * max(ends))
        mark = "; the mark is what the plan expects" if any(r.get("expected_ms") for r in these) else ""
        axis.set_xlabel(f"ms, best{mark}", fontsize=9)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colours[name]) for name in algorithms]
    figure.legend(handles, algorithms, loc="outside right center", frameon=False, fontsize=9)
    return figure


def title_of(rows):
    """What all rows share, and what the machine does at most, where that was measured."""
    text = ", ".join(values(rows, "model"))
    if len(values(rows, "threads")) == 1:
        text = ", ".join(filter(None, [text, describe(rows[0], ["threads"])]))
        peaks = values(rows, "fma_gflops")  # grows with the threads: one number only for one count
        text += f"; this machine: at most {peaks[-1]:.0f} GFLOP/s" if peaks else ""
    return text


def draw(options):
    rows = [row for path in options.rows for row in read_rows(path)]
    files = ", ".join(options.rows)
    kind = options.kind or kind_of(rows)
    if kind not in NEEDS:
        raise Problem("unknown kind", f"{kind} (there are {', '.join(NEEDS)})")
    if not usable(rows, kind):
        raise Problem(f"no rows for kind {kind}, with {', '.join(NEEDS[kind])}" if rows else "no rows", files)
    rows = usable(rows, kind)
    try:
        import matplotlib
    except ImportError:
        hint = "build/peers/bin/python, made by tools/bench_peers.py --setup, has it"
        raise Problem("no matplotlib", sys.executable, hint) from None
    matplotlib.use("Agg")
    matplotlib.rcdefaults()  # whoever draws it: the same rows, the same file
    matplotlib.rcParams["svg.hashsalt"] = "lamina"
    from matplotlib import pyplot

    figure = globals()[f"plot_{kind}"](pyplot, rows)
    figure.suptitle(options.title or title_of(rows), fontsize=11)
    metadata = {"Date": None} if options.output.endswith(".svg") else None
    try:
        figure.savefig(options.output, dpi=150, metadata=metadata, bbox_inches="tight")
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise Problem("cannot write", f"{options.output} ({what})") from None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="+", help="JSON Lines, or a JSON array")
    parser.add_argument("-o", "--output", required=True, help=".svg or .png")
    parser.add_argument("--kind", help=", ".join(NEEDS))
    parser.add_argument("--title")
    try:
        parser.error = lambda message: (_ for _ in ()).throw(Problem("arguments", message))
        draw(parser.parse_args())
    except Problem as problem:
        what, where, *hints = problem.args
        print(f"plot_bench: error: {what}: {where}", file=sys.stderr)
        for hint in hints:
            print(f"  hint: {hint}", file=sys.stderr)
        sys.exit(2)


main()
