"""Two files of results: what got faster, what slower, and how sure that is.

A regression is a share whose ratio lies below 1 - threshold with its whole interval, or a candidate that was measured
before and fails now.  Shares are ratios to a loop that is timed with each call, so a slower machine alone is none.
"""

import stats
import summary
from errors import Usage


class Line:
    """One (case, candidate, state of the caches) of both files."""

    def __init__(self, key, before, after, arguments):
        self.key = key
        self.counts = len(before), len(after)
        self.ratio, self.low, self.high = stats.ratio_interval(before, after, arguments.confidence)
        self.verdict = self._judge(1 - arguments.threshold)

    def _judge(self, least):
        if self.low is None:
            return "one repetition: not known"
        if self.high < least:
            return "SLOWER"
        if self.low > 1 / least:
            return "faster"
        if self.low < least:
            return "not sure" if self.high >= 1 else "maybe slower"
        return "same"

    def cells(self, known):
        line, name, cache = self.key
        interval = "-" if self.low is None else f"{self.low:.3f} to {self.high:.3f}"
        return [summary.title(line, known), name, cache, f"{self.ratio:.3f}", interval,
                f"{self.counts[0]}, {self.counts[1]}", self.verdict]


def shares_of(records):
    failed = stats.failures(records)
    return {key: [run["share"] for run in runs] for key, runs in stats.times(records).items() if key[:2] not in failed}


def run(before, after, arguments, out):
    """-> exit status"""
    shares = [shares_of(records) for records in (before, after)]
    common = [key for key in shares[0] if key in shares[1]]
    if not common:
        raise Usage("the two files have no measurement in common")
    known = {**summary.case_records(before), **summary.case_records(after)}
    lines = [Line(key, shares[0][key], shares[1][key], arguments) for key in common]
    summary.table(["case", "candidate", "cache", "ratio", f"{100 * arguments.confidence:g} % interval", "rounds", ""],
                  [line.cells(known) for line in lines], out)
    ratios = [line.ratio for line in lines]
    print(f"\n{len(lines)} in common, geometric mean {stats.geometric_mean(ratios):.3f}, "
          f"lowest {min(ratios):.3f}, highest {max(ratios):.3f}", file=out)
    broken = show_broken(stats.failures(after), shares[0], known, out)
    show_missing(shares, known, out)
    if arguments.picture:
        import pictures  # needs matplotlib
        pictures.draw_before_after(before, after, arguments.picture)
    slower = [line for line in lines if line.verdict == "SLOWER"]
    print(f"{len(slower)} slower, {len(broken)} broken" if slower or broken else "No regression.", file=out)
    return 1 if slower or broken else 0


def show_broken(failures, measured, known, out):
    """-> what fails now and was measured before"""
    before = {key[:2] for key in measured}
    lost = {line for line, _ in before}
    broken = {(line, name): error for (line, name), error in failures.items()
              if (line, name) in before or (name is None and line in lost)}
    for (line, name), error in broken.items():
        print(f"BROKEN  {summary.failure_text(line, name, error, known)}", file=out)
    return broken


def show_missing(shares, known, out):
    for text, one, other in (("before", *shares), ("after", *reversed(shares))):
        only = [key for key in one if key not in other]
        if only:
            line, name, cache = only[0]
            more = f" and {len(only) - 1} more" if len(only) > 1 else ""
            print(f"only {text}: {summary.title(line, known)}, {name}, {cache}{more}", file=out)
