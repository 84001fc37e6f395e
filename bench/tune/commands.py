"""What each command of glint-tune does, put together from the other modules."""

import datetime
import hashlib
import os
import pathlib
import random
import subprocess
import sys

import cases
import compare
import export
import records
import summary
import tuned_table
import verify
import worker
from errors import Usage
from progress import Progress, duration
from selection import Selection
from sweep import Sweep

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAME = ("cpu_model", "vendor", "family", "model")  # of the machine, or results do not belong together


def ask_worker(arguments):
    """-> what the worker says of itself"""
    if not arguments.worker:
        raise Usage("no worker: use ./bench/glint-tune, which builds it, or give --worker PATH")
    if arguments.isa:
        os.environ["GLINT_FORCE_ISA"] = arguments.isa  # for all workers to come
    try:
        describe = worker.describe(arguments.worker, arguments.timeout)
    except worker.WorkerError as error:
        raise Usage(f"{arguments.worker}: {error.code}: {error.message}") from None
    if arguments.isa and describe["isa"] != arguments.isa:
        raise Usage(f"this CPU or build has no {arguments.isa}: the worker runs {describe['isa']}")
    return {**describe, "digest": digest(arguments.worker)}


def differences(before, now):
    """-> what makes results of two machines or builds incomparable, in words"""
    facts = [(key, before["machine"].get(key), now["machine"].get(key)) for key in SAME]
    facts += [(key, before.get(key), now.get(key)) for key in ("isa", "compiler", "flags")]
    return [f"{name} was {old!r}, is {new!r}" for name, old, new in facts if old != new]


def git_version():
    try:
        done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True,
                              text=True, timeout=10, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def refuse_what_differs(log, describe, libraries):
    """Numbers of another machine or build, or of a library that has changed, would pass for those of this one."""
    for record in log.records:
        if record["kind"] != "run":
            continue
        other = differences(record["describe"], describe)
        other += [f"{path} has changed" for path, known in record.get("libraries", {}).items()
                  if libraries.get(path, known) != known]
        if record["describe"].get("digest") not in (None, describe.get("digest")) and not other:
            other.append("the worker has been built from other sources since")
        if other:
            raise Usage(f"{log.path} was measured elsewhere: {'; '.join(other)}.  Use another --out")


def begin(log, describe, arguments):
    """Writes down what is run, after a look at what the file says was run before."""
    libraries = {path: digest(path) for path in arguments.provider}
    refuse_what_differs(log, describe, libraries)
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(1 << 32)
    options = {key: getattr(arguments, key) for key in ("level", "cache", "repetitions", "seconds", "budget", "seed",
                                                        "provider")}
    log.append("run", format=records.FORMAT, git=git_version(), describe=describe, options=options, libraries=libraries,
               started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"))


def open_log(path, progress):
    log = records.Log(path)
    measured = sum(record["kind"] == "time" for record in log.records)
    if log.cut:
        progress.say(f"{path}: the last line was torn; {log.cut} bytes cut")
    if log.records:
        progress.say(f"{path}: goes on after {measured} measurements")
    return log


def warn_of_company(describe, progress):
    load, cpus = os.getloadavg()[0], describe["machine"].get("usable_cpus") or 1
    if load > cpus / 2:
        progress.say(f"Load {load:.1f} on {cpus} CPUs: others are at work, and numbers will scatter.")


def load_model():
    import model  # only where it is needed: a report must not depend on it
    return model


def select(arguments, describe):
    known = {each["name"] for each in describe["candidates"]}
    for name in arguments.candidate:
        if name not in known:
            raise Usage(f"--candidate {name}: this worker has none of that name; `list --candidates` shows all")
    return Selection(load_model(), describe, arguments.keep, arguments.candidate)


def run(arguments):
    given = cases.gather(arguments)
    progress = Progress()
    describe = ask_worker(arguments)
    log = open_log(arguments.out, progress)
    warn_of_company(describe, progress)
    sweep = Sweep(arguments, describe, select(arguments, describe), log, progress)
    return carry_out(sweep, given, arguments, lambda: summary.show(log.records, sys.stdout))


def carry_out(sweep, given, arguments, tell):
    """Runs a sweep to its end, whatever that is, and then tells the results.  -> exit status"""
    begin(sweep.log, sweep.describe, arguments)
    interrupted = False
    try:
        sweep.run(given)
    except KeyboardInterrupt:
        interrupted = True
        sweep.progress.clear()
    tell()
    left = [case for case in sweep.cases if case.pending(arguments) or case.skipped == "no time left"]
    if left:
        print(f"\n{'Interrupted' if interrupted else 'The time is up'}; not complete:")
        for case in left:
            print(f"  {case.title()}: {sum(case.work(arguments)[1:])} measurements left")
    if isinstance(sweep.log, records.Log):
        print(f"\nResults: {sweep.log.path}" + ("; the same command goes on." if left else ""))
    return 130 if interrupted else status_of(sweep)


def status_of(sweep):
    """Where no line can be read it is bad usage; otherwise the others were measured."""
    if all(case.trouble == "bad_case" for case in sweep.cases):
        return 2
    return 1 if sweep.failed() else 0


def plan(arguments):
    given = cases.gather(arguments)
    describe = ask_worker(arguments)
    progress = Progress()
    arguments.retry = False
    sweep = Sweep(arguments, describe, select(arguments, describe), records.Memory(), progress)
    sweep.open(given)
    progress.clear()
    seconds = summary.show_plan(sweep.cases, arguments, sys.stdout)
    print(f"\nAbout {duration(seconds)}, more if much scatters.")
    return status_of(sweep)


def list_all(arguments):
    for name, workload in cases.load_workloads().items():
        print(f"{name}: {workload.get('what', '')}")
        for line in workload["cases"]:
            print(f"    {line}")
        if "note" in workload:
            print(f"    ({workload['note']})")
    if arguments.candidates:
        describe = ask_worker(arguments)
        print(f"\nCandidates of level {describe['level']} on {describe['isa']}:")
        by_kind = {}
        for each in describe["candidates"]:
            by_kind.setdefault((each["op"], each["dtype"]), []).append(each["name"])
        for (op, dtype), names in by_kind.items():
            print(f"  {op} {dtype}: {' '.join(names)}")
    return 0


def report(arguments):
    files = [records.read(path) for path in arguments.files]
    for path, each in zip(arguments.files, files):
        if other := differences(records.describe(files[0]), records.describe(each)):
            raise Usage(f"{arguments.files[0]} and {path} are no one report: {'; '.join(other)}")
    everything = [record for each in files for record in each]
    summary.show(everything, sys.stdout)
    if arguments.csv:
        summary.write_csv(everything, arguments.csv)
    if arguments.pictures:
        import pictures  # needs matplotlib
        os.makedirs(arguments.pictures, exist_ok=True)
        pictures.draw_all(everything, arguments.pictures, kind=arguments.kind)
    if arguments.html:
        import page
        page.write(everything, arguments.html)
    return 0


def export_table(arguments):
    return export.run(arguments, [(path, records.read(path)) for path in arguments.files], differences)


def compare_files(arguments):
    before, after = records.read(arguments.before), records.read(arguments.after)
    other = differences(records.describe(before), records.describe(after))
    if other and not arguments.across_machines:
        raise Usage(f"not the same machine and build: {'; '.join(other)}.  --across-machines compares nevertheless")
    return compare.run(before, after, arguments, sys.stdout)


def verify_table(arguments):
    table = tuned_table.read(arguments.file)
    given = cases.gather(arguments)
    describe = ask_worker(arguments)
    progress = Progress()
    log = open_log(arguments.out, progress) if arguments.out else records.Memory()
    arguments.keep, arguments.retry = None, True
    sweep = Sweep(arguments, describe, verify.Selection(table, describe), log, progress)
    status = carry_out(sweep, given, arguments, lambda: None)
    return max(status, verify.judge(sweep.cases, arguments.cache, sys.stdout))


TABLE = {"run": run, "plan": plan, "list": list_all, "report": report, "export": export_table, "compare": compare_files,
         "verify": verify_table}
