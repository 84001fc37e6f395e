#!/usr/bin/env python3
"""Draws shares of the peak on P1 to P5 as an SVG:  plot.py OUT.svg FILE.json...

Ticks across the bars are the targets.
"""

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
    ("openblas/f32", "OpenBLAS f32, unfused", "#a6a6a6", "#222"),
    ("eigen/f32", "Eigen f32, unfused", "#cccccc", "#222"),
]
WIDTH, LEFT, RIGHT, TOP = 860, 230, 40, 116
BAR, GAP, GROUP_GAP = 14, 3, 20
STYLE = """text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #222; }
.title { font-size: 16px; font-weight: 600; } .name { font-weight: 600; } .quiet { fill: #666; font-size: 12px; }
.grid { stroke: #ddd; } .number { font-size: 11px; }
.target { stroke: #c0392b; stroke-width: 2.5; }"""


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


def legend(series):
    parts = []
    for i, (_, text, colour, _) in enumerate(series + [(None, "target", None, None)]):
        x, y = 20 + i % 3 * 280, 52 + i // 3 * 20
        parts.append(line(x + 6, y - 11, x + 6, y + 2, "target") if colour is None else
                     rectangle(x, y - 10, 12, 12, colour))
        parts.append(label(x + 18, y, text))
    return parts


def bars(results, series, targets, y):
    parts = []
    for workload, shape in WORKLOADS:
        shown = [(f"prefill/{rows}/{workload}", colour, ink) for rows, _, colour, ink in series
                 if results.median(f"prefill/{rows}/{workload}") is not None]
        middle = y + len(shown) * (BAR + GAP) / 2
        parts.append(label(LEFT - 12, middle - 4, workload, "name", "end"))
        parts.append(label(LEFT - 12, middle + 13, shape, "quiet", "end"))
        for name, colour, ink in shown:
            share = results.median(name)
            parts.append(rectangle(x_of(0), y, x_of(share) - x_of(0), BAR, colour))
            if target := targets.get(name):
                parts.append(line(x_of(target), y - 1, x_of(target), y + BAR + 1, "target"))
            parts.append(label(x_of(share) - 12, y + BAR - 3, f"{100 * share:.0f}", "number", "end", ink))
            y += BAR + GAP
        y += GROUP_GAP
    return parts, y - GROUP_GAP


def draw(results):
    series = [entry for entry in SERIES
              if any(results.median(f"prefill/{entry[0]}/{workload}") is not None for workload, _ in WORKLOADS)]
    shapes, bottom = bars(results, series, target_of_row(load_targets()), TOP)
    context = results.contexts[0]
    grid = []
    for percent in range(0, 101, 20):
        x = x_of(percent / 100)
        grid += [line(x, TOP - 6, x, bottom + 4, "grid"), label(x, bottom + 20, f"{percent} %", "quiet", "middle")]
    compiler = context.get("compiler", "").split(" (")[0]
    where = f"{context.get('cpu_model')}, one thread, {context.get('isa')}, {compiler}, {context.get('flags')}"
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 58:.0f}" '
            f'viewBox="0 0 {WIDTH} {bottom + 58:.0f}">', f"<style>{STYLE}</style>",
            rectangle(0, 0, WIDTH, bottom + 58, "#ffffff"),
            label(20, 26, "Prefill: useful work as a share of the peak probed beside it", "title")]
    return "\n".join(head + legend(series) + grid + shapes + [label(20, bottom + 44, where, "quiet"), "</svg>"]) + "\n"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    results = Results(sys.argv[2:])
    if not results.rows:
        sys.exit("no row was measured")
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(draw(results))


if __name__ == "__main__":
    main()
