#!/usr/bin/env python3
"""The table of targets against what was measured.

    report.py FILE.json...                 the tables; exit status 1 if anything falls more than two points short
    report.py --all FILE.json...           and every row that was measured
    report.py --partial FILE.json...       rows that were not measured are no fault
    report.py --matrix NAME=FILE.json...   shares of P1 to P5 side by side, one column for each build

Measured is the median over all repetitions in all files; `range` is the lowest and the highest repetition.
A class with `published` divides by that share, which somebody else's library reached on another CPU.
A share of the read loop that falls short counts as reached where the arithmetic, not the memory, is the roof and the
share of that roof is as high as the target.
"""

import argparse
import os
import re
import sys

from results import Results, load_targets

TOLD_ROW = re.compile(r"prefill/(int8|ragged|chunk)/|gradient/")  # the others are told by their classes
WORKLOAD_ROW = re.compile(r"/(D[1-4]|MLA)(/(?!paged).*)?$")  # of the decode program

SLACK = 0.02  # a share within two points of its target, or as much per thread, counts as reached


def text(value, kind):
    if kind in ("share", "read"):
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if kind == "at_most" else f"{value:.2f} x"


def lacks(value, target):
    """By how much `value` falls short, in the target's own unit; negative when it does not."""
    return value - target["target"] if target["kind"] == "at_most" else target["target"] - value


def slack(target):
    if "floor" in target:
        return target["target"] - target["floor"]
    return {"share": SLACK, "read": SLACK, "times": 2 * SLACK, "at_most": 0}[target["kind"]]


def under_the_roof(name, value, target, results):
    """Does a row's arithmetic excuse it?  Of memory-bound rows the roof is the read loop, and the shares are one."""
    roof = results.median(name, "share_of_roof", target.get("isa"))
    return target["kind"] == "read" and roof is not None and roof > value and roof >= target["target"] - slack(target)


def verdict_of(lack, target):
    if lack <= 0:
        return "reached"
    if lack <= slack(target) + 1e-9:
        return "above the floor" if "floor" in target else "within two points"
    return "SHORT"


def not_for_this_machine(target, results):
    if target.get("cpus", 1) > max(int(context.get("usable_cpus", 1)) for context in results.contexts):
        return "needs two CPUs, has one"
    peak = target.get("peak")
    if peak is not None and all(context.get(peak) == "no" for context in results.contexts):
        return f"no {peak.replace('_dot', '')} dot product here"
    if target.get("isa") == "avx2" and all(context.get("isa") in ("plain", "base") for context in results.contexts):
        return "no AVX2 here"
    return None


def judge(target, results):
    """-> (line of the table, rows that fall short, rows that are missing)"""
    kind, isa = target["kind"], target.get("isa")
    head = [target["class"], ("<= " if kind == "at_most" else "") + text(target["target"], kind)]
    if reason := not_for_this_machine(target, results):
        return head + ["-", "-", "-", reason], [], []
    measured, roofed, missing = [], [], []
    for name in target["names"]:
        value = results.median(name, target["counter"], isa)
        if value is None:
            missing.append(name + (f" ({isa})" if isa else ""))
            continue
        value /= target["published"]
        lack = lacks(value, target)
        excused = lack > slack(target) and under_the_roof(name, value, target, results)
        (roofed if excused else measured).append((lack, value, name))
    if roofed and not measured:
        lack, value, name = max(roofed)
        return head + [text(value, kind), "-", short_name(name), "at the arithmetic's roof"], [], missing
    if not measured:
        return head + ["-", "-", "-", "not measured"], [], missing
    short = [(name + (f" ({isa})" if isa else ""), f"{text(value, kind)}, target {head[1]}")
             for lack, value, name in sorted(measured, reverse=True) if verdict_of(lack, target) == "SHORT"]
    lack, value, name = max(measured)
    values = [value / target["published"] for value in results.values(name, target["counter"], isa)]
    verdict = verdict_of(lack, target)
    if roofed:
        verdict += f", {len(roofed)} at the arithmetic's roof"
    if missing:
        verdict += f", {len(missing)} not measured"
    spread = f"{text(min(values), kind)} to {text(max(values), kind)}"
    return head + [text(value, kind), spread, short_name(name), verdict], short, missing


def short_name(name):
    return name.removeprefix("prefill/").removeprefix("decode/incre/")


def print_table(titles, lines):
    widths = [max(len(line[i]) for line in [titles] + lines) for i in range(len(titles))]
    for line in [titles, ["-" * width for width in widths]] + lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def print_machine(contexts):
    seen = []
    for c in contexts:
        facts = (f"{c.get('cpu_model', 'unknown CPU')}, {c.get('usable_cpus')} CPUs, ISA {c.get('isa')}, "
                 f"{c.get('compiler', '').strip()}, flags: {c.get('flags')}")
        for baseline in ("eigen", "openblas"):
            if baseline in c:
                facts += f"; {baseline}: {c[baseline].split(',')[0]}"  # the widest instructions come first
        if facts not in seen:
            seen.append(facts)
    print("\n".join(seen))


def ratios_of(run):
    return sorted(key for key in run if "_over_" in key or key.startswith("times_") or key == "scored_share")


def print_shares(results, all_rows):
    """Rows of compute-bound programs: prompts with a cache, of several lengths or of integers, gradients; or all."""
    lines = []
    for (name, isa), runs in sorted(results.rows.items()):
        if "share_of_peak" not in runs[0] or not (all_rows or TOLD_ROW.match(name)):
            continue
        shares = results.values(name, isa=isa)
        ratios = [f"{key} {results.median(name, key, isa):.3f}" for key in ratios_of(runs[0])]
        lines.append([short_name(name), isa, runs[0]["peak"], text(results.median(name, isa=isa), "share"),
                      f"{text(min(shares), 'share')} to {text(max(shares), 'share')}",
                      f"{results.median(name, 'useful_flops', isa) / 1e9:.1f}", ", ".join(ratios), str(len(runs))])
    if lines:
        print_table(["row", "ISA", "peak", "share", "range", "GFLOP/s", "ratios", "repetitions"], lines)
        print()


def print_decode(results, targets, all_rows):
    """Rows of memory-bound programs: those of the workloads and those with a target, or all."""
    target_of = {name: target for target in targets if target["kind"] == "read" for name in target["names"]}
    lines = []
    for (name, isa), runs in results.rows.items():
        if "share_of_read" not in runs[0] or not (all_rows or name in target_of or WORKLOAD_ROW.search(name)):
            continue
        median = {key: results.median(name, key, isa) for key in runs[0] if isinstance(runs[0][key], (int, float))}
        target = target_of.get(name)
        lines.append([short_name(name) + ("" if isa == results.isa else f" ({isa})"),
                      f"{median['bytes_per_second'] / 1e9:.1f}", f"{median['read_bytes_per_second'] / 1e9:.1f}"])
        lines[-1] += [text(median[share], "share") for share in ("share_of_read", "share_of_roof", "share_of_fma")]
        lines[-1] += [runs[0]["peak"], ", ".join(f"{key} {median[key]:.3f}" for key in ratios_of(median))]
        lines[-1] += [text(target["target"], "read") if target else "", decode_verdict(name, median, target, results)]
    if lines:
        titles = "row,GB/s,read loop,of it,of the roof,of FMA peak,arithmetic,ratios,target,".split(",")
        print_table(titles, lines)
        print()


def decode_verdict(name, median, target, results):
    if target is None:
        return ""
    value = median[target["counter"]]
    verdict = verdict_of(lacks(value, target), target)
    if verdict == "SHORT":
        return "ok: arithmetic's roof" if under_the_roof(name, value, target, results) else "short"
    return "ok"


def report(arguments):
    results = Results(arguments.files)
    print_machine(results.contexts)
    print()
    targets = load_targets()
    print_shares(results, arguments.all)
    print_decode(results, targets, arguments.all)
    judged = [judge(target, results) for target in targets]
    print_table(["class", "target", "worst row", "range", "which", "verdict"], [line for line, _, _ in judged])
    short = [row for _, rows, _ in judged for row in rows]
    missing = [] if arguments.partial else [name for _, _, names in judged for name in names]
    print()
    for name, message in sorted(results.errors.items()):
        print(f"ERROR  {name}: {message}")
    for name, value in short:
        print(f"SHORT  {name}: {value}")
    for name in missing:
        print(f"NOT MEASURED  {name}")
    if not results.rows:
        print("No row was measured.")
    failed = bool(results.errors or short or missing or not results.rows)
    print("Short of a target, or not known: see above." if failed else "No target is missed.")
    return 1 if failed else 0


def matrix(arguments):
    builds = []
    for item in arguments.files:
        label, _, path = item.rpartition("=")
        builds.append((label or os.path.basename(path), Results([path])))
    lines = []
    for kind in ("f32", "f16", "bf16", "bf16_precise"):
        for workload in ("P1", "P2", "P3", "P4", "P5"):
            name = f"prefill/score/BNSD/{kind}/{workload}"
            shares = [build.median(name) for _, build in builds]
            if any(share is not None for share in shares):
                lines.append([short_name(name)] + ["-" if share is None else text(share, "share") for share in shares])
    for _, build in builds:
        print_machine(build.contexts)
    print()
    print_table(["share of peak"] + [label for label, _ in builds], lines)
    errors = [(label, name, message) for label, build in builds for name, message in sorted(build.errors.items())]
    for label, name, message in errors:
        print(f"ERROR  {label}: {name}: {message}")
    return 1 if errors or not lines else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="print every row that was measured, too")
    parser.add_argument("--partial", action="store_true", help="rows that were not measured are no fault")
    parser.add_argument("--matrix", action="store_true", help="compare builds; FILES are NAME=FILE.json")
    parser.add_argument("files", nargs="+", metavar="FILE")
    arguments = parser.parse_args()
    return matrix(arguments) if arguments.matrix else report(arguments)


if __name__ == "__main__":
    sys.exit(main())
