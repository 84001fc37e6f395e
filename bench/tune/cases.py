"""Case lines: where they come from, what a reader needs of them.

What a line means is decided by the worker's parser alone; here a line is only taken apart at blanks and `=`.
"""

import json
import pathlib

import records
from errors import Usage

WORKLOADS = pathlib.Path(__file__).with_name("workloads.json")
REGIMES = {"fwd": "prefill", "prompt": "prefill", "bwd": "gradient", "incre": "decode"}
HEAD_DIMS = (64, 128, 256, 576)  # classes: up to this


class Given:
    """A line as somebody wrote it, and where."""

    def __init__(self, line, where):
        self.line, self.where = " ".join(line.split()), where


def split(line):
    """-> {key: value}, both text"""
    return dict(token.split("=", 1) for token in line.split() if "=" in token)


def element(case):
    """The type that chooses a kernel: that of K and V."""
    return case.get("cache") or case["dtype"]


def tuning_class(case):
    """-> (regime, type of K and V, largest head_dim of the class), or None beyond the last class: what a row of a tuned
    table speaks of"""
    bounds = [bound for bound in HEAD_DIMS if bound >= int(case["d"])]
    return (REGIMES[case["op"]], element(case), bounds[0]) if bounds else None


def short(case):
    """A case in a few words, from its parsed fields."""
    n, nkv, d, dv = (int(case[key]) for key in ("n", "nkv", "d", "dv"))
    dtype = case["dtype"] if element(case) == case["dtype"] else f"{case['dtype']}/{element(case)}"
    words = [case["op"], dtype, f"B{case['b']}", f"N{n}" + (f"/{nkv}" if nkv != n else ""),
             f"S{case['sq']}" + (f"x{case['skv']}" if case["skv"] != case["sq"] else ""),
             f"D{d}" + (f"/{dv}" if dv != d else "")]
    if case.get("mode"):
        words.append(f"mode={case['mode']}" + (f"/{case['pre']}/{case['next']}" if int(case["mode"]) == 4 else ""))
    usual = {"layout": "BNSD", "precise": 0, "block": 0, "vink": 0, "qkv": "apart", "threads": 1}
    words += [f"{key}={case[key]}" for key, value in usual.items() if case.get(key) not in (None, "", value)]
    return " ".join(words)


def load_workloads(path=WORKLOADS):
    """-> {name: {"what", "note", "in_all", "cases": [line]}}"""
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"),
                              object_pairs_hook=records.without_duplicates)
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Usage(f"{path}:{error.lineno}: {error.msg}") from None
    except records.Malformed as error:
        raise Usage(f"{path}: {error}") from None
    workloads = document.get("workloads") if isinstance(document, dict) else None
    if not isinstance(workloads, dict):
        raise Usage(f"{path}: needs an object `workloads`")
    for name, workload in workloads.items():
        cases = workload.get("cases") if isinstance(workload, dict) else None
        if not isinstance(cases, list) or not cases or not all(isinstance(line, str) for line in cases):
            raise Usage(f"{path}: workload {name} needs `cases`, a list of case lines")
    return workloads


def of_workloads(names, path=WORKLOADS):
    workloads = load_workloads(path)
    chosen = []
    for name in names:
        if name != "all" and name not in workloads:
            raise Usage(f"no workload {name}; there are: {', '.join(workloads)}, all")
        chosen += [each for each in workloads if workloads[each].get("in_all", True)] if name == "all" else [name]
    return [Given(line, f"{pathlib.Path(path).name}: {name}, case {number}")
            for name in dict.fromkeys(chosen) for number, line in enumerate(workloads[name]["cases"], 1)]


def of_file(path):
    """One case a line; blank lines and what follows a # are nothing."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split("#", 1)[0].strip() for line in file]
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: not UTF-8") from None
    given = [Given(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line]
    if not given:
        raise Usage(f"{path}: no case")
    return given


def gather(arguments):
    """-> the lines that the options ask for, each once"""
    given = of_workloads(arguments.workload)
    given += [Given(line, "--case") for line in arguments.case]
    given += of_file(arguments.cases) if arguments.cases else []
    wanted = [each for each in given
              if (not arguments.op or split(each.line).get("op") in arguments.op)
              and (not arguments.dtype or split(each.line).get("dtype") in arguments.dtype)]
    if not wanted:
        raise Usage("no case: say --workload NAME (or all), --case LINE or --cases FILE; ./bench/glint-tune list shows "
                    "workloads" if not given else "no case has the --op and --dtype asked for")
    return list({each.line: each for each in wanted}.values())
