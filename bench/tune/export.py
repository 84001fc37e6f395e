"""From results to a table of choices.

For each class (regime, instruction set, type of K and V, head_dim up to a bound) the candidate with the best geometric
mean of share over that of `builtin`, over all cases of the class with warm caches; but the built-in choice stays unless
the gain is at least 1 % and beyond what the scatter of the measurements could feign, and no single case loses more than
1 %.  The candidate that is the built-in choice by another name is a control: what it seems to gain is nothing, and so is
a gain that is no larger.
"""

import datetime
import math
import os
import re
import sys

import cases
import drafts
import model
import records as files
import stats
import summary
import tuned_table
from errors import Usage
from shape import Shape

LEAST_GAIN = 1.01
LEAST_CASE = 0.99
LEAST_REPETITIONS = 3
KIND = {"prefill": "flash/", "gradient": "gradient/", "decode": "split/"}


class Verdict:
    """What became of a class."""

    def __init__(self, isa, key):
        self.isa = isa
        self.regime, self.dtype, self.head_dim = key
        self.name, self.gain, self.worst = "builtin", 1.0, 1.0
        self.why = ""
        self.cases = 0
        self.choice = self.built_in = None
        self.draft_rows = 0  # of decode; 0: as built in

    def differs(self):
        return self.choice != self.built_in or self.draft_rows > 0


def usable(numbers):
    return numbers is not None and not numbers["noisy"] and numbers["repetitions"] >= LEAST_REPETITIONS


def scatter(numbers):
    """Variance of the logarithm of a mean of repetitions."""
    return numbers["cv"] ** 2 / numbers["repetitions"]


def share_of_built_in(row, twin):
    """The better of its two measurements."""
    return max(row[name]["median_share"] for name in ("builtin", twin) if usable(row.get(name)))


def blur(rows, twin):
    """The largest ratio between two measurements of the same kernel in a case."""
    logs = [math.log(row[twin]["median_share"] / row["builtin"]["median_share"]) for row in rows if usable(row.get(twin))]
    return math.exp(max(map(abs, logs), default=0.0))


def rate(name, rows, twin):
    """-> (geometric mean, worst ratio, standard error of the mean's logarithm) of a candidate over the cases of a
    class; None if it was not measured well in all of them"""
    if not all(usable(row.get(name)) for row in rows):
        return None
    ratios = [row[name]["median_share"] / share_of_built_in(row, twin) for row in rows]
    variance = sum(scatter(row[name]) + scatter(row["builtin"]) for row in rows)
    return stats.geometric_mean(ratios), min(ratios), math.sqrt(variance) / len(rows)


def allowed(verdict, name):
    """Int8's columns are the key block of its roundings, which no table changes."""
    return name.startswith(KIND[verdict.regime]) and (
        verdict.dtype != "i8" or verdict.regime != "prefill" or f"x{verdict.built_in.columns}x" in name)


def judge(verdict, rows, failed):
    """rows: for each case of the class {name: numbers}.  Fills in the verdict."""
    steady = [row for row in rows if usable(row.get("builtin"))]
    verdict.cases = len(steady)
    if not steady:
        verdict.why = "builtin scattered, or was measured too rarely"
        return
    twin = tuned_table.twin(verdict.regime, verdict.built_in)
    names = {name for row in steady for name in row if allowed(verdict, name) and name not in failed} - {twin}
    rated = {name: result for name in names if (result := rate(name, steady, twin))}
    least = max(LEAST_GAIN, blur(steady, twin))
    verdict.why = f"{len(rated)} of {len(names)} candidates were measured well everywhere"
    if len(rows) > len(steady):
        verdict.why += f", {len(rows) - len(steady)} more cases refused: builtin scattered"
    lost = 0
    for name, (gain, worst, error) in sorted(rated.items(), key=lambda item: (-item[1][0], item[0])):
        if gain < least:
            break
        if math.log(gain) < 2 * error:
            continue
        if worst < LEAST_CASE:
            lost += 1
            continue
        verdict.name, verdict.gain, verdict.worst = name, gain, worst
        break
    if verdict.name == "builtin" and rated:
        best = max(gain for gain, _, _ in rated.values())
        verdict.why += f"; the best gains {100 * (best - 1):+.1f} %" + (f", {lost} lose in a case" if lost else "")
        if best > LEAST_GAIN:
            verdict.why += f"; the same kernel measured twice differs by {100 * (blur(steady, twin) - 1):.1f} %"


def judge_all(isa, records):
    """-> a verdict for each class that was measured"""
    known = summary.case_records(records)
    failed = {name for _, name in stats.failures(records) if name}
    classes = {}
    for (line, cache), rows in summary.by_case(stats.summarize(records)).items():
        key = cases.tuning_class(known[line]["case"]) if line in known and cache == "warm" else None
        if key:
            classes.setdefault(key, []).append((known[line]["case"], rows))
    verdicts = []
    for key, members in sorted(classes.items()):
        verdict = Verdict(isa, key)
        shape = Shape(members[0][0])
        verdict.built_in = model.choice(shape, "builtin")
        judge(verdict, [rows for case, rows in members if verdict.regime != "decode" or drafts.is_draft(case)], failed)
        verdict.choice = model.choice(shape, verdict.name)
        verdicts.append(verdict)
    for verdict in verdicts:
        if verdict.regime == "decode":
            members = classes[verdict.regime, verdict.dtype, verdict.head_dim]
            tile = prefill_tile(verdict, verdicts, members)
            verdict.draft_rows = drafts.most_rows(members, verdict.name, tile, usable)
    return verdicts


def prefill_tile(decode, verdicts, members):
    """The candidate that is prefill's choice for what `decode` speaks of."""
    for verdict in verdicts:
        if verdict.regime == "prefill" and (verdict.dtype, verdict.head_dim) == (decode.dtype, decode.head_dim):
            if verdict.name != "builtin":
                return verdict.name
    return tuned_table.twin("prefill", model.choice(Shape({**members[0][0], "op": "prompt"}), "builtin"))


def row_of(verdict, head_dim, choice, comment, draft_rows=0):
    return tuned_table.Row(verdict.regime, verdict.isa, verdict.dtype, head_dim,
                           choice if isinstance(choice, int) else tuple(choice), comment, draft_rows)


def rows_of(verdicts):
    """The rows of one (regime, ISA, type), by head_dim.  A row holds from the one before, so below a choice there is a
    row for the built-in one, unless that choice's class is the first of all; above the last choice there is none."""
    rows, bound = [], 0  # up to which head_dim there are rows
    for verdict in verdicts:
        if not verdict.differs():
            continue
        below = max((each for each in cases.HEAD_DIMS if each < verdict.head_dim), default=0)
        if below > bound:
            rows.append(row_of(verdict, below, verdict.built_in, "as built in"))
        rows.append(row_of(verdict, verdict.head_dim, verdict.choice, gain_text(verdict), verdict.draft_rows))
        bound = verdict.head_dim
    return rows


def gain_text(verdict):
    if verdict.choice == verdict.built_in:
        return "as built in, but for the number of rows that decode's kernel takes"
    return (f"{100 * (verdict.gain - 1):+.1f} % over the built-in choice, "
            f"{100 * (verdict.worst - 1):+.1f} % in the worst case of {verdict.cases}")


def all_rows(verdicts):
    groups = {}
    for verdict in verdicts:
        groups.setdefault((verdict.regime, verdict.isa, verdict.dtype), []).append(verdict)
    rows = [row for group in groups.values() for row in rows_of(group)]
    if not rows:  # a table that changes nothing is better than a stale one
        first = verdicts[0]
        rows = [row_of(first, first.head_dim, first.built_in, "as built in: nothing is faster")]
    return rows


def machine_of(describe, name):
    machine = describe["machine"]
    try:
        family, number = int(machine["family"]), int(machine["model"])
        vendor = str(machine["vendor"])
    except (KeyError, TypeError, ValueError):
        raise Usage("the results do not say vendor, family and model of the CPU") from None
    usual = re.sub(r"\W+", "_", f"{vendor}_{family}_{number}").lower()
    return tuned_table.Machine(name or usual, vendor, family, number)


def show(verdicts, out):
    summary.table(["regime", "ISA", "type", "head_dim", "cases", "chosen", "gain", "worst", "why"],
                  [[v.regime, v.isa, v.dtype, f"<= {v.head_dim}", str(v.cases), v.name, f"{100 * (v.gain - 1):+.1f} %",
                    f"{100 * (v.worst - 1):+.1f} %",
                    v.why + (f"; up to {v.draft_rows} query rows" if v.draft_rows else "")] for v in verdicts], out)


def run(arguments, read_files, differences):
    """read_files: (path, records) of each file.  -> exit status"""
    first_path, first = read_files[0]
    by_isa = {}
    for path, records in read_files:
        describe = files.describe(records)
        other = differences({**files.describe(first), "isa": describe["isa"]}, describe)
        if other:
            raise Usage(f"{first_path} and {path} do not belong together: {'; '.join(other)}")
        by_isa.setdefault(describe["isa"], []).extend(records)
    verdicts = [verdict for isa, records in sorted(by_isa.items()) for verdict in judge_all(isa, records)]
    if not verdicts:
        raise Usage("nothing was measured with warm caches: there is nothing to choose from")
    show(verdicts, sys.stdout)
    machine = machine_of(files.describe(first), arguments.name)
    rows = all_rows(verdicts)
    versions = {str(record.get("git")) for _, records in read_files for record in records if record["kind"] == "run"}
    notes = [f"{datetime.date.today().isoformat()}, {summary.machine_line(files.describe(first))}",
             f"glint {', '.join(sorted(versions))}"]
    tuned_table.write(arguments.output, tuned_table.render(machine, rows, notes), arguments.force)
    other, path = sum(verdict.differs() for verdict in verdicts), os.path.abspath(arguments.output)
    print(f"\n{arguments.output}: {other} of {len(verdicts)} classes differ from the built-in choice."
          f"  Use it: c++ -DGLINT_TUNING_FILE='\"{path}\"', or cmake -DGLINT_TUNING_FILE={path}")
    return 0
