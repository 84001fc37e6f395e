"""How pictures look, and how they become files: the same records give the same bytes."""

import io
import re

import matplotlib
from matplotlib import pyplot

matplotlib.use("Agg")

# Okabe and Ito's colors, which the color-blind can tell apart.
BLACK, ORANGE, GREEN, BLUE, RED, PURPLE, GREY = (
    "#000000", "#e69f00", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#777777")
OP_COLORS = {"fwd": BLUE, "bwd": RED, "prompt": GREEN, "incre": PURPLE}
OP_NAMES = {"fwd": "forward", "bwd": "gradient", "prompt": "prompt", "incre": "decode"}
TYPE_MARKS = {"f32": "o", "f16": "s", "bf16": "^", "i8": "D", "i4": "v"}
STYLE = {"svg.hashsalt": "glint", "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9,
         "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
         "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8}


def figure(width, height):
    """-> (a figure, its axes)"""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(STYLE)
    return pyplot.subplots(figsize=(width, height), constrained_layout=True)


def encode(drawn, kind="svg"):
    """-> the bytes of a picture; the figure is closed"""
    data = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    drawn.savefig(data, format=kind, dpi=140, metadata=metadata, bbox_inches="tight", pad_inches=0.12)
    pyplot.close(drawn)
    return data.getvalue()


def inline(svg, prefix):
    """An SVG as part of a page that holds others: names of its own, and no prologue."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg"):]
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", text)


def plain(text):
    """Words from records: no formulas, and nothing that an SVG must not hold."""
    return "".join(each if each.isprintable() else " " for each in text).replace("$", r"\$")


def percent(share):
    return f"{100 * share:.1f}"
