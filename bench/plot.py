#!/usr/bin/env python3
"""Draws what was measured as an SVG:  plot.py OUT.svg FILE.json...

Of the prefill program's rows, shares of the peak on P1 to P5; ticks across the bars are the targets.  Of the gradient
program's, the same on T1, T2 and the short one; dashed lines are what another library reached elsewhere.  Of the decode
program's, GB/s of cache read on D1 to D4; ticks across the bars are what the read loop beside them reached.
"""

import math
import statistics
import sys
from html import escape

from results import Results, load_targets

WORKLOADS = [
    ("P1", "8 heads, S 1024, D 64"),
    ("P2", "32/8 heads, S 2048, D 128, causal"),
    ("P3", "16 heads, S 4096, D 128"),
    ("P4", "8 x 12 heads, S 128, D 64"),
    ("P5", "8/1 heads, S 8192, D 128, causal"),
]
SERIES = [  # name of the rows, legend, colour of the bar, colour of the number in it
    ("score/BNSD/f32", "glint f32", "#1f5fa8", "#fff"),
    ("score/BNSD/f16", "glint f16", "#3f86c9", "#fff"),
    ("score/BNSD/bf16", "glint bf16, of the bf16 dot peak", "#167566", "#fff"),
    ("score/BNSD/bf16_precise", "glint bf16, float arithmetic", "#7cc4b8", "#222"),
    ("int8/BNSD/to_f16", "glint int8, of the int8 dot peak", "#7d5699", "#fff"),
    ("openblas/f32", "OpenBLAS f32, unfused", "#a6a6a6", "#222"),
    ("eigen/f32", "Eigen f32, unfused", "#cccccc", "#222"),
]
GRADIENT_WORKLOADS = [
    ("T1", "8 heads, S 1024, D 64, causal"),
    ("T2", "16 heads, S 2048, D 128, causal"),
    ("short", "8 x 12 heads, S 128, D 64"),
]
GRADIENT_SERIES = [entry for entry in SERIES if "int8" not in entry[0]]
DECODE_WORKLOADS = [
    ("D1", "32/8 heads, 4096 keys"),
    ("D2", "16 x 32/8 heads, 2048 keys"),
    ("D3", "32 heads, 16384 keys"),
    ("D4", "D1 with an int8 cache"),
]
DECODE_SERIES = [
    ("incre/BNSD/f32", "glint f32", "#1f5fa8", "#fff"),
    ("incre/BNSD/f16", "glint f16", "#3f86c9", "#fff"),
    ("incre/BNSD/bf16", "glint bf16", "#167566", "#fff"),
    ("incre/BNSD/int8", "glint int8", "#7cc4b8", "#222"),
    ("eigen/f32", "Eigen f32, unfused", "#a6a6a6", "#222"),
    ("eigen/bf16", "Eigen bf16, unfused", "#cccccc", "#222"),
    ("eigen/int8", "Eigen int8, unfused", "#e0e0e0", "#222"),
]
PUBLISHED = "PyTorch f32, on an AMD Zen 5 core"  # README, "What is different for the gradient"
WIDTH, LEFT, RIGHT, TOP = 860, 230, 40, 116
BAR, GAP, GROUP_GAP = 14, 3, 20
STYLE = """text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #222; }
.title { font-size: 16px; font-weight: 600; } .name { font-weight: 600; } .quiet { fill: #666; font-size: 12px; }
.grid { stroke: #ddd; } .number { font-size: 11px; }
.target { stroke: #c0392b; stroke-width: 2.5; } .published { stroke: #222; stroke-width: 1.5; stroke-dasharray: 4 3; }"""


def x_of(share):
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def label(x, y, content, kind="", anchor="start", colour=None):
    paint = f' style="fill: {colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}"{paint}>{escape(content)}</text>'


def rectangle(x, y, width, height, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def line(x0, y0, x1, y1, kind):
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" class="{kind}"/>'


def target_of_row(targets):
    """name -> the share to reach, from the classes of unforced runs"""
    return {name: target["target"] for target in targets for name in target["names"]
            if target["kind"] == "share" and "isa" not in target}


class Chart:
    published = {}  # name of a row -> what another library reached elsewhere

    def __init__(self, results):
        self.results = results

    def name(self, rows, workload):
        return f"{self.program}/{rows}/{workload}"

    def published_at(self, workload):
        names = (self.name(rows, workload) for rows, *_ in self.series)
        return next((self.published[name] for name in names if name in self.published), None)


class Prefill(Chart):
    program = "prefill"
    title = "Prefill: useful work as a share of the peak probed beside it"
    tick = "target"
    workloads, series = WORKLOADS, SERIES
    longest, step = 1, 0.2

    def __init__(self, results):
        super().__init__(results)
        targets = load_targets()
        self.targets = target_of_row(targets)
        self.published = {name: target["published"] for target in targets if target["published"] != 1
                          for name in target["names"] if name.startswith(self.program)}

    def value(self, name):
        return self.results.median(name)

    def tick_at(self, name):
        return self.targets.get(name)

    def number(self, value):
        return f"{100 * value:.0f}"

    def axis(self, value):
        return f"{100 * value:.0f} %"


class Gradient(Prefill):
    program = "gradient"
    title = "Gradient: useful work as a share of the peak probed beside it"
    workloads, series = GRADIENT_WORKLOADS, GRADIENT_SERIES


class Decode(Chart):
    program = "decode"
    title = "Decode: GB/s of the cache, keys and values each counted once"
    workloads, series = DECODE_WORKLOADS, DECODE_SERIES
    step = 10

    def __init__(self, results):
        super().__init__(results)
        reads = [value for (name, isa) in results.rows if isa == results.isa
                 for value in results.values(name, "read_bytes_per_second") if self.is_drawn(name)]
        usual = statistics.median(reads) / 1e9 if reads else 0
        self.tick = f"the read loop beside it (median {usual:.1f} GB/s)"
        self.longest = self.step * math.ceil(max(reads + [1e9]) / 1e9 / self.step)

    def is_drawn(self, name):
        return any(name == self.name(rows, workload) for rows, *_ in self.series for workload, _ in self.workloads)

    def value(self, name):
        value = self.results.median(name, "bytes_per_second")
        return None if value is None else value / 1e9

    def tick_at(self, name):
        return self.results.median(name, "read_bytes_per_second") / 1e9

    def number(self, value):
        return f"{value:.1f}"

    def axis(self, value):
        return f"{value:.0f} GB/s"


def legend(chart, series):
    parts = []
    lines = [(chart.tick, "target")] + ([(PUBLISHED, "published")] if chart.published else [])
    for i, (text, paint) in enumerate([(text, colour) for _, text, colour, _ in series] + lines):
        x, y = 20 + i % 3 * 280, 52 + i // 3 * 20
        parts.append(rectangle(x, y - 10, 12, 12, paint) if paint.startswith("#") else
                     line(x + 6, y - 11, x + 6, y + 2, paint))
        parts.append(label(x + 18, y, text))
    return parts


def bars(chart, series, y):
    parts = []
    for workload, shape in chart.workloads:
        shown = [(chart.name(rows, workload), colour, ink) for rows, _, colour, ink in series
                 if chart.value(chart.name(rows, workload)) is not None]
        top, middle = y, y + len(shown) * (BAR + GAP) / 2
        parts.append(label(LEFT - 12, middle - 4, workload, "name", "end"))
        parts.append(label(LEFT - 12, middle + 13, shape, "quiet", "end"))
        for name, colour, ink in shown:
            value = chart.value(name)
            end = x_of(value / chart.longest)
            parts.append(rectangle(x_of(0), y, end - x_of(0), BAR, colour))
            if tick := chart.tick_at(name):
                parts.append(line(x_of(tick / chart.longest), y - 1, x_of(tick / chart.longest), y + BAR + 1, "target"))
            outside = end - x_of(0) < 40  # no room for the number in so short a bar
            parts.append(label(end + 6, y + BAR - 3, chart.number(value), "number") if outside else
                         label(end - 12, y + BAR - 3, chart.number(value), "number", "end", ink))
            y += BAR + GAP
        if published := chart.published_at(workload):
            parts.append(line(x_of(published), top - 4, x_of(published), y + 1, "published"))
        y += GROUP_GAP
    return parts, y - GROUP_GAP


def draw(chart):
    series = [entry for entry in chart.series
              if any(chart.value(chart.name(entry[0], workload)) is not None for workload, _ in chart.workloads)]
    top = TOP + 20 * max(0, len(series) // 3 - 2)  # a line of the legend for every three
    shapes, bottom = bars(chart, series, top)
    context = chart.results.contexts[0]
    grid = []
    for i in range(round(chart.longest / chart.step) + 1):
        x = x_of(i * chart.step / chart.longest)
        grid += [line(x, top - 6, x, bottom + 4, "grid"),
                 label(x, bottom + 20, chart.axis(i * chart.step), "quiet", "middle")]
    compiler = context.get("compiler", "").split(" (")[0]
    where = f"{context.get('cpu_model')}, one thread, {context.get('isa')}, {compiler}, {context.get('flags')}"
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 58:.0f}" '
            f'viewBox="0 0 {WIDTH} {bottom + 58:.0f}">', f"<style>{STYLE}</style>",
            rectangle(0, 0, WIDTH, bottom + 58, "#ffffff"), label(20, 26, chart.title, "title")]
    parts = head + legend(chart, series) + grid + shapes
    return "\n".join(parts + [label(20, bottom + 44, where, "quiet"), "</svg>"]) + "\n"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    results = Results(sys.argv[2:])
    if not results.rows:
        sys.exit("no row was measured")
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        chart = next((kind for kind in (Decode, Gradient)
                      if all(name.startswith(kind.program) for name, _ in results.rows)), Prefill)
        file.write(draw(chart(results)))


if __name__ == "__main__":
    main()
