"""Pictures of results as files.

  draw_all(records, folder, kind)           one for each case and kind of picture -> [path]
  draw_before_after(before, after, path)    two files of results
  draw(records)                             as SVGs for a page -> ({key: (caption, svg)}, [why one is missing])

What cannot be drawn is skipped with a sentence: too little was measured, or matplotlib is not installed.
"""

import os
import re

from outcome import Nothing, Outcome

try:
    import charts
    import heat
    import style
except ModuleNotFoundError as missing:
    if missing.name not in ("matplotlib", "numpy"):
        raise
    charts = None

WITHOUT = "no pictures: Python's matplotlib is not installed (Debian: python3-matplotlib)"


def case_key(outcome, line, cache):
    words = re.sub(r"[^A-Za-z0-9]+", "-", line)[:80].strip("-")
    return f"case-{outcome.number(line):02}-{words}-{re.sub(r'[^a-z]', '', cache)}"


def plan(outcome):
    """(key, caption, how to draw it), lazily"""
    for line, cache in outcome.rows:
        draw_case = charts.parts if outcome.op(line) == "incre" else heat.heat_map
        yield (case_key(outcome, line, cache), f"{line}, {cache}",
               lambda draw_case=draw_case, line=line, cache=cache: draw_case(outcome, line, cache))
    yield "roofline", "roofline", lambda: charts.roofline(outcome)
    found = charts.families(outcome)
    for number, (key, lengths) in enumerate(found.items(), 1):
        yield (f"crossover-{number}", "crossover of algorithms",
               lambda key=key, lengths=lengths: charts.crossover(outcome, key, lengths))
    if not found:
        yield "crossover", "crossover of algorithms", no_crossover
    yield "model", "model against measurement", lambda: charts.agreement(outcome)


def no_crossover():
    raise Nothing("no two cases differ in their length alone and were measured with two algorithms")


def draw(records, kind="svg"):
    """-> ({key: (caption, bytes)}, [sentence])"""
    if charts is None:
        return {}, [WITHOUT]
    drawn, skipped = {}, []
    for key, caption, make in plan(Outcome(records)):
        try:
            drawn[key] = caption, style.encode(make(), kind)
        except Nothing as why:
            skipped.append(f"no picture of {caption}: {why}")
    return drawn, skipped


def draw_all(records, folder, kind="svg"):
    """-> the paths written"""
    drawn, skipped = draw(records, kind)
    paths = []
    for key, (_, data) in drawn.items():
        paths.append(os.path.join(folder, f"{key}.{kind}"))
        write(paths[-1], data)
    for sentence in skipped:
        print(sentence)
    return paths


def draw_before_after(before, after, path):
    """-> was there anything to draw?"""
    if charts is None:
        print(WITHOUT)
        return False
    try:
        write(path, style.encode(charts.before_after(before, after), "png" if path.endswith(".png") else "svg"))
    except Nothing as why:
        print(f"no picture: {why}")
        return False
    return True


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
