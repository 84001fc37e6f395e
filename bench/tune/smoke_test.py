"""A sweep of the smoke level, end to end, against what is stored in baseline/: has a kernel become much slower, or does
the harness no longer work?

    smoke_test.py WORKER FOLDER      FOLDER is for results

Shares are ratios to a loop that is timed beside each call, so a slower machine is no fault.  CPUs of one instruction
set differ, though, and test machines are shared: only what surely loses half counts.  A new baseline:
./bench/glint-tune run --level smoke --workload smoke --repetitions 5 --out bench/tune/baseline/smoke_avx512.jsonl
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
THRESHOLD = "0.5"


def tune(*arguments):
    command = [sys.executable, "-B", str(HERE / "main.py"), *map(str, arguments)]
    return subprocess.run(command, check=False).returncode


def main(worker, folder):
    isa = json.loads(subprocess.run([worker, "--describe"], check=True, capture_output=True, text=True).stdout)["isa"]
    results = pathlib.Path(folder) / f"smoke_{isa}.jsonl"
    results.unlink(missing_ok=True)
    if tune("run", "--worker", worker, "--level", "smoke", "--workload", "smoke", "--repetitions", 3, "--out", results):
        return "the sweep failed"
    if tune("report", results, "--html", results.with_suffix(".html"), "--csv", results.with_suffix(".csv")):
        return "the report failed"
    if tune("export", results, "--force", "-o", results.with_suffix(".hpp")):
        return "the export failed"
    baseline = HERE / "baseline" / f"smoke_{isa}.jsonl"
    if not baseline.exists():
        print(f"SKIPPED: there is no baseline for {isa}; the sweep, the report and the export work")
        return None
    if tune("compare", baseline, results, "--across-machines", "--threshold", THRESHOLD):
        return "slower than the baseline"
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
