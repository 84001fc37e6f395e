"""What records say, as pictures and pages want it."""

import cases
import model
import records as files
import stats
import summary
from machine import Machine


class Nothing(Exception):
    """There is nothing to draw; says why."""


def algorithm(name, op):
    """Which of the three ways a candidate goes."""
    if model.is_foreign(name):
        return "unfused"
    return "split-KV" if name.startswith("split/") or (name == "builtin" and op == "incre") else "flash"


class Outcome:
    def __init__(self, records):
        self.records = records
        self.describe = files.describe(records)
        self.machine = Machine(self.describe)
        self.known = summary.case_records(records)
        self.numbers = {key: found for key, found in stats.summarize(records).items() if key[0] in self.known}
        self.rows = summary.by_case(self.numbers)
        self.failures = stats.failures(records)

    def number(self, line):
        """Of a case, from 1 on: a name for it in files and links."""
        return list(self.known).index(line) + 1

    def case(self, line):
        return self.known[line]["case"]

    def op(self, line):
        return self.case(line)["op"]

    def title(self, line):
        return cases.short(self.case(line))

    def measured(self, cache="warm"):
        """The lines that have numbers."""
        return [line for line, state in self.rows if state == cache]

    def best(self, line, cache="warm"):
        return summary.best_of(self.rows[line, cache])

    def predicted(self, line):
        return summary.predictions(self.known[line])

    def correlation(self, line):
        return summary.correlation(self.numbers, self.known[line])

    def runs(self):
        """What each run of the tool was, once."""
        return [record for record in self.records if record["kind"] == "run"]
