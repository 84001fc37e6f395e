"""Is a tuned table as good as it says?  Its choices are timed against the built-in ones, side by side."""

import statistics

import cases
import model
import summary
import tuned_table
from errors import Usage
from shape import Shape
from worker import WorkerError

LEAST_RATIO = 0.98  # "never more than 2 % slower"


class Selection:
    """Of each case `builtin` and what the table has for it."""

    def __init__(self, table, describe):
        machine, self._rows = table
        here = describe["machine"]
        measured = (machine.vendor, str(machine.family), str(machine.model))
        if measured != (here.get("vendor"), str(here.get("family")), str(here.get("model"))):
            raise Usage(f"the table is for {machine.name}, another CPU than this")
        self._isa = describe["isa"]

    def row(self, case):
        """The row that holds for a case, as tuned::holds has it: the first that reaches up to its head_dim."""
        key = (cases.REGIMES[case["op"]], self._isa, cases.element(case))
        return next((row for row in self._rows if (row.regime, row.isa, row.dtype) == key
                     and int(case["d"]) <= row.head_dim), None)

    def choose(self, case):
        row = self.row(case.facts["case"])
        if row is None or row.choice == model.choice(Shape(case.facts["case"]), "builtin"):
            return []
        name = tuned_table.candidate(row)
        if name not in case.facts["candidates"]:
            raise WorkerError("no_candidate", f"the worker has no {name}; that of another --level may")
        return [{"name": each, "kept": True, "why": "to be verified", "model": {}} for each in ("builtin", name)]


def ratios(case, cache):
    """Of each round, in which both were timed shortly after each other."""
    builtin, chosen = (case.shares.get((name, cache), []) for name in case.kept())
    return [one / other for one, other in zip(chosen, builtin)]


def judge(sweep_cases, caches, out):
    """Prints what the choices are worth.  -> exit status"""
    lines, slow, unlike = [], 0, 0
    for case in sweep_cases:
        if not case.kept():
            continue
        for cache in caches:
            rounds = ratios(case, cache)
            if not rounds:
                unlike += 1
                continue
            ratio = statistics.median(rounds)
            slow += ratio < LEAST_RATIO
            verdict = "SLOWER" if ratio < LEAST_RATIO else "ok"
            lines.append([case.title(), cache, case.kept()[1], f"{ratio:.3f}",
                          f"{min(rounds):.3f} to {max(rounds):.3f}", str(len(rounds)), verdict])
    summary.table(["case", "cache", "chosen", "over builtin", "range", "rounds", ""], lines, out)
    as_built_in = sum(not case.kept() and not case.skipped for case in sweep_cases)
    print(f"\n{len(lines)} measured, {slow} below {LEAST_RATIO:g}, {unlike} not measured, "
          f"{as_built_in} cases as built in", file=out)
    return 1 if slow or unlike else 0
