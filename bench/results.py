"""What the benchmark programs wrote: rows by name and instruction set, and the targets."""

import itertools
import json
import pathlib
import re
import statistics

ISAS = ["plain", "base", "avx2", "avx512"]  # narrow to wide

# What Google Benchmark appends to the names of rows.
SUFFIX = re.compile(r"(/(iterations|repeats|min_time|min_warmup_time|threads):[^/]*|/(manual|real|process)_time)+$")


def row_name(benchmark_name):
    return SUFFIX.sub("", benchmark_name)


class Results:
    """The rows of one or more JSON files; equal rows of several files are repetitions."""

    def __init__(self, paths):
        self.rows = {}  # (name, isa) -> the repetitions, each a dictionary of counters
        self.errors = {}  # name -> message
        self.contexts = []
        for path in paths:
            with open(path, encoding="utf-8") as file:
                try:
                    self._add(json.load(file))
                except json.JSONDecodeError:
                    raise SystemExit(f"{path} is not complete: no row matched, or the run was cut short") from None
        self.isa = max((isa for _, isa in self.rows), key=ISAS.index, default=None)

    def _add(self, document):
        self.contexts.append(document["context"])
        for run in document["benchmarks"]:
            if run.get("run_type") == "aggregate":
                continue
            name = row_name(run["name"])
            if run.get("error_occurred"):
                self.errors[name] = run.get("error_message", "error")
                continue
            isa, peak = run["label"].split()
            self.rows.setdefault((name, isa), []).append({**run, "peak": peak})

    def repetitions(self, name, isa=None):
        return self.rows.get((name, isa or self.isa), [])

    def values(self, name, counter="share_of_peak", isa=None):
        return [run[counter] for run in self.repetitions(name, isa) if counter in run]

    def median(self, name, counter="share_of_peak", isa=None):
        values = self.values(name, counter, isa)
        return statistics.median(values) if values else None


def expand(pattern):
    """a/{b,c}/{d,e} -> a/b/d, a/b/e, a/c/d, a/c/e"""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


def load_targets(path=pathlib.Path(__file__).with_name("targets.json")):
    with open(path, encoding="utf-8") as file:
        targets = json.load(file)
    usual = {"counter": "share_of_peak", "kind": "share", "published": 1}
    return [{**usual, **target, "names": expand(target["rows"])} for target in targets]
