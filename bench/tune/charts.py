"""Roofline, crossover, model against measurement, before and after.  Each takes an Outcome and returns a figure, or
raises Nothing and says why there is none."""

import math
import statistics

from matplotlib.lines import Line2D

import cases
import model
import stats
from outcome import Nothing, Outcome, algorithm
from style import BLACK, BLUE, GREEN, GREY, OP_COLORS, OP_NAMES, ORANGE, RED, TYPE_MARKS, figure, percent, plain

MOST_BARS = 16
ALGORITHMS = {"unfused": (ORANGE, "s"), "flash": (BLUE, "o"), "split-KV": (GREEN, "^")}
CEILINGS = (("int8_dot", "int8 dot products"), ("bf16_dot", "bf16 dot products"), ("fma", "f32 multiply-adds"))
LEVELS = (("l1", "L1"), ("l2", "L2"), ("l3", "L3"), ("memory", "memory"))


# ---- roofline


def roofline_points(outcome):
    """(FLOPs a byte, FLOP/s of a thread, case record) of the best candidate of each case"""
    found = []
    for line in outcome.measured():
        record = outcome.known[line]
        _, numbers = outcome.best(line)
        flops, size = record.get("useful_flops"), record.get("bytes")
        if flops and size:
            threads = int(record["case"].get("threads") or 1)
            found.append((flops / size, flops / numbers["median_seconds"] / threads, record["case"]))
    return found


def draw_ceilings(axes, outcome, low, high):
    """Peaks and bandwidths that the worker probed."""
    probes = outcome.describe.get("probes", {})
    top = max((probes[key] for key, _ in CEILINGS if probes.get(key)), default=0)
    for key, label in CEILINGS:
        if probes.get(key):
            axes.plot([low, high], [probes[key]] * 2, color=BLACK, linewidth=1.2)
            axes.annotate(f"{label}, {probes[key] / 1e9:.0f} GFLOP/s", (high, probes[key]), xytext=(0, 3),
                          textcoords="offset points", ha="right", fontsize=8)
    for key, label in LEVELS:
        if probes.get(key) and top:
            end = min(high, top / probes[key])
            axes.plot([low, end], [low * probes[key], end * probes[key]], color=GREY, linewidth=1, linestyle="--")
            axes.annotate(f"{label} {probes[key] / 1e9:.0f} GB/s", (low, low * probes[key]), xytext=(3, 2),
                          textcoords="offset points", fontsize=7, color=GREY, rotation=0, va="bottom",
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    return top


def roofline(outcome):
    points = roofline_points(outcome)
    if not points:
        raise Nothing("no case has both its FLOPs and its bytes")
    low = min(0.5, min(x for x, _, _ in points) / 2)
    high = 2 * max(x for x, _, _ in points)
    drawn, axes = figure(8, 5)
    top = draw_ceilings(axes, outcome, low, high)
    for x, y, case in points:
        axes.plot([x], [y], marker=TYPE_MARKS.get(cases.element(case), "o"), color=OP_COLORS[case["op"]], markersize=7,
                  markeredgecolor="white", linestyle="none", zorder=5)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=10)
    axes.set_xlim(low, high)
    axes.set_ylim(min(y for _, y, _ in points) / 4, 1.6 * max(top, max(y for _, y, _ in points)))
    axes.set_xlabel("useful FLOPs for each byte of q, k, v and output")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1e9:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value / 1e9:g}" if f"{value:e}"[0] in "25" else "")
    axes.set_ylabel("GFLOP/s of one thread")
    axes.set_title(f"How close to the roof: the best candidate of each case, {len(points)} in all")
    ops = [op for op in OP_COLORS if any(case["op"] == op for _, _, case in points)]
    types = [each for each in TYPE_MARKS if any(cases.element(case) == each for _, _, case in points)]
    handles = [Line2D([], [], marker="o", linestyle="none", color=OP_COLORS[op], label=OP_NAMES[op]) for op in ops]
    handles += [Line2D([], [], marker=TYPE_MARKS[each], linestyle="none", color=GREY, label=each) for each in types]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn


# ---- crossover


def families(outcome, cache="warm"):
    """Cases that differ in nothing but their length -> {length: {algorithm: seconds}}.  What scatters counts, too: here
    it is about factors."""
    found = {}
    for line in outcome.measured(cache):
        case = outcome.case(line)
        length = int(case["skv"])
        same = {key: value for key, value in case.items() if key not in ("sq", "skv")}
        ratio = "square" if case["sq"] == case["skv"] else case["sq"]
        key = tuple(sorted((name, str(value)) for name, value in same.items())) + (("rows", str(ratio)),)
        best = found.setdefault(key, {}).setdefault(length, {})
        for name, numbers in outcome.rows[line, cache].items():
            way = algorithm(name, case["op"])
            best[way] = min(best.get(way, math.inf), numbers["median_seconds"])
    return {key: lengths for key, lengths in found.items()
            if len(lengths) > 1 and len({way for best in lengths.values() for way in best}) > 1}


def switches(lengths):
    """[(length, from, to)] where another algorithm becomes the fastest, between two measured lengths"""
    found = []
    ordered = sorted(lengths)
    for before, after in zip(ordered, ordered[1:]):
        first, then = (min(lengths[at], key=lengths[at].get) for at in (before, after))
        if first == then:
            continue
        at = math.sqrt(before * after)
        if all(way in lengths[where] for way in (first, then) for where in (before, after)):
            gaps = [math.log(lengths[where][first] / lengths[where][then]) for where in (before, after)]
            at = math.exp(math.log(before) + math.log(after / before) * gaps[0] / (gaps[0] - gaps[1]))
        found.append((at, first, then))
    return found


def crossover(outcome, key, lengths):
    drawn, axes = figure(7, 4.2)
    unit = {length: min(best.values()) for length, best in lengths.items()}
    for way, (color, mark) in ALGORITHMS.items():
        there = sorted(length for length in lengths if way in lengths[length])
        if there:
            over = [lengths[length][way] / unit[length] for length in there]
            axes.plot(there, over, color=color, marker=mark, label=way)
    changes = switches(lengths)
    for at, first, then in changes:
        axes.axvline(at, color=GREY, linestyle=":")
        axes.annotate(f"S {at:.0f}", (at, 1), xycoords=("data", "axes fraction"), xytext=(3, -10),
                      textcoords="offset points", fontsize=8, color=GREY)
    ordered = sorted(lengths)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ordered, ordered)
    axes.minorticks_off()
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("keys (S)")
    axes.set_ylabel("time over that of the fastest")
    axes.set_ylim(top=max(2.2, axes.get_ylim()[1]))  # a scale with one number is none
    said = "; ".join(f"{then} from S {at:.0f} on" for at, _, then in changes)
    last = min(lengths[ordered[0]], key=lengths[ordered[0]].get)
    facts = dict(key)
    axes.set_title(f"{OP_NAMES[facts['op']]} {plain(facts['dtype'])} N{facts['n']}/{facts['nkv']} D{facts['d']}: "
                   f"{last} is the fastest{', ' + said if said else ' at every length'}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn


# ---- parts of decode


def parts(outcome, line, cache="warm"):
    """Share by the keys of a part, with the spread of the rounds; foreign kernels and prefill's as lines."""
    numbers = outcome.rows.get((line, cache), {})
    splits = {int(name.split("/")[1]): each for name, each in numbers.items() if name.startswith("split/")}
    if "builtin" in numbers:
        splits.setdefault(model.BUILT_IN_SPLIT, numbers["builtin"])
    if len(splits) < 2:
        raise Nothing("fewer than two sizes of parts were measured")
    drawn, axes = figure(6.4, 3.4)
    keys = sorted(splits)
    shares = [splits[size]["median_share"] for size in keys]
    spread = [splits[size]["median_share"] * splits[size]["cv"] for size in keys]
    axes.errorbar(keys, shares, yerr=spread, color=GREEN, marker="^", capsize=3, label="split-KV")
    for way, (color, _) in ALGORITHMS.items():
        others = [each["median_share"] for name, each in numbers.items()
                  if algorithm(name, "incre") == way and way != "split-KV"]
        if others:
            axes.axhline(max(others), color=color, linestyle="--", label=f"{way}, best of {len(others)}")
    axes.axvline(model.BUILT_IN_SPLIT, color=GREY, linestyle=":", label="built-in choice")
    axes.set_xscale("log", base=2)
    axes.set_xticks(keys, keys, fontsize=8)
    axes.minorticks_off()
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axes.set_xlabel("keys of a part; whiskers: one standard deviation")
    axes.set_ylabel("% of the roof")
    best = max(splits, key=lambda size: splits[size]["median_share"])
    axes.set_title(f"{plain(outcome.title(line))}, {plain(cache)}\nbest parts of {best} keys: "
                   f"{percent(splits[best]['median_share'])} % of the roof")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn


# ---- model against measurement


def agreement(outcome):
    drawn, axes = figure(5.6, 5.2)
    points, counts = [], {}
    for line in outcome.measured():
        predicted, op = outcome.predicted(line), outcome.op(line)
        some = [(predicted[name], numbers["median_share"]) for name, numbers in outcome.rows[line, "warm"].items()
                if name in predicted and not numbers["noisy"]]
        points += some
        counts[op] = counts.get(op, 0) + len(some)
        axes.plot([x for x, _ in some], [y for _, y in some], ".", color=OP_COLORS[op], markersize=5, alpha=0.8)
    if len(points) < 3:
        raise Nothing("fewer than three candidates have both a prediction and a measurement")
    low, high = min(min(point) for point in points), max(max(point) for point in points)
    edge = 0.03 * (high - low) + 0.005
    axes.plot([low - edge, high + edge], [low - edge, high + edge], color=GREY, linewidth=1)
    axes.set_xlim(low - edge, high + edge)
    axes.set_ylim(low - edge, high + edge)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axes.set_xlabel("predicted, % of the peak (decode: of the roof)")
    axes.set_ylabel("measured")
    each = [value for value in map(outcome.correlation, outcome.measured()) if value is not None]
    within = f"median Spearman within a case {statistics.median(each):.2f}" if each else "too few candidates a case"
    axes.set_title(f"Model against measurement, {len(points)} candidates:\n{within}")
    handles = [Line2D([], [], marker="o", linestyle="none", color=OP_COLORS[op], label=f"{OP_NAMES[op]} ({count})")
               for op, count in counts.items() if count]
    axes.legend(handles=handles, loc="lower right")
    return drawn


# ---- before and after


def half_interval(shares, confidence=0.95):
    """Half of the confidence interval of a mean."""
    if len(shares) < 2:
        return 0.0
    normal = statistics.NormalDist().inv_cdf(0.5 + confidence / 2)
    return normal * stats.t_over_normal(confidence, len(shares) - 1) * statistics.stdev(shares) / math.sqrt(len(shares))


def compared(before, after):
    """[(label, shares before, shares after)], those that changed most first"""
    outcomes = Outcome(before), Outcome(after)
    shares = [{key: [run["share"] for run in runs] for key, runs in stats.times(each.records).items()
               if key in each.numbers} for each in outcomes]
    rows = [(f"{plain(outcomes[0].title(line))}\n{plain(name)}, {plain(cache)}", first, shares[1][line, name, cache])
            for (line, name, cache), first in shares[0].items() if (line, name, cache) in shares[1]]
    if not rows:
        raise Nothing("the two files have no measurement in common")
    return sorted(rows, key=lambda row: -abs(math.log(statistics.fmean(row[2]) / statistics.fmean(row[1]))))


def before_after(before, after):
    rows = compared(before, after)
    shown = rows[:MOST_BARS]
    drawn, axes = figure(8, 0.5 * len(shown) + 1.4)
    for i, (_, first, then) in enumerate(reversed(shown)):
        for shares, offset, color in ((first, 0.18, GREY), (then, -0.18, BLUE)):
            axes.barh(i + offset, statistics.fmean(shares), height=0.34, color=color, xerr=half_interval(shares),
                      error_kw={"capsize": 2.5, "linewidth": 1})
        ratio = statistics.fmean(then) / statistics.fmean(first)
        end = max(statistics.fmean(each) + half_interval(each) for each in (first, then))
        axes.annotate(f"{100 * (ratio - 1):+.1f} %", (end, i), xytext=(5, 0), textcoords="offset points", va="center",
                      fontsize=8, color=RED if ratio < 1 else BLACK)
    axes.set_yticks(range(len(shown)), [label for label, _, _ in reversed(shown)], fontsize=7)
    axes.set_xlim(0, 1.15 * max(max(first + then) for _, first, then in shown))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axes.set_xlabel("% of the peak; whiskers: 95 % confidence")
    some = f"{len(rows)} measurements"
    if len(shown) < len(rows):
        some = f"the {len(shown)} of {some} that changed most"
    axes.set_title(f"Before and after: {some}")
    handles = [Line2D([], [], color=color, linewidth=6, label=label)
               for label, color in (("before", GREY), ("after", BLUE))]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn
