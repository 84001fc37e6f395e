"""glint-tune: which tiling is fast on this machine?  ./bench/glint-tune builds the worker and calls this.

Exit status: 0 good; 1 something failed the gate, crashed or got slower; 2 bad usage or a bad file; 130 interrupted.
"""

import argparse
import os
import pathlib
import signal
import sys

import commands
import records
from errors import Usage

TEXT = """\
Measures tilings of glint's attention kernels on this machine, and exports the best as a table for the build.

  ./bench/glint-tune list                                  the workloads
  ./bench/glint-tune plan --workload llama-3-8b            what would be timed, what not and why, and how long it takes
  ./bench/glint-tune run --level smoke                     a first look, under a minute
  ./bench/glint-tune run --workload llama-3-8b --out llama.jsonl
  ./bench/glint-tune run --case "op=fwd dtype=f32 n=8 nkv=2 sq=1024 d=128 mode=3"
  ./bench/glint-tune report llama.jsonl --html llama.html
  ./bench/glint-tune export llama.jsonl -o glint_tuned.hpp
  ./bench/glint-tune verify glint_tuned.hpp                is the table as good as it says?
  ./bench/glint-tune compare before.jsonl after.jsonl      exit status 1 if something got slower

A sweep may be interrupted and goes on where it was.  ./bench/glint-tune COMMAND --help tells the options.
"""

LEVELS = ("smoke", "default", "max")
CACHES = ("warm", "cold", "evicted")
SECONDS = {"smoke": 0.03, "default": 0.1, "max": 0.2}
BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"


def listed(*allowed):
    """A type for argparse: words with commas between them."""
    def parse(text):
        words = list(dict.fromkeys(text.split(",")))
        for word in words:
            if allowed and word not in allowed:
                raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(allowed)}")
        return words
    return parse


def number(kind, least, most=float("inf"), strict=False):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not (least < value if strict else least <= value) or not value <= most or value == float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is out of range")
        return value
    return parse


def add_cases(parser):
    group = parser.add_argument_group("what to measure")
    group.add_argument("--workload", action="append", default=[], metavar="NAME",
                       help="a named set, or `all`; may be repeated")
    group.add_argument("--case", action="append", default=[], metavar="LINE", help="a case line; may be repeated")
    group.add_argument("--cases", metavar="FILE", help="a file of case lines")
    group.add_argument("--op", type=listed(*records.OPS), help="only these of them, as fwd,bwd")
    group.add_argument("--dtype", type=listed("f32", "f16", "bf16", "i8"), help="only these of them, as f32,bf16")


def add_worker(parser):
    group = parser.add_argument_group("the program that measures")
    group.add_argument("--level", choices=LEVELS, default="default", help="how many candidates are built (default)")
    group.add_argument("--isa", help="measure another instruction set than the best, as avx2")
    group.add_argument("--worker", metavar="PATH", help="a worker that is already built, for any level")
    group.add_argument("--provider", action="append", default=[], metavar="LIB.so",
                       help="a foreign kernel; may be repeated")
    group.add_argument("--timeout", type=number(float, 0, strict=True), default=120.0, metavar="SECONDS",
                       help="a worker that is silent for so long is ended (120)")


def add_timing(parser, repetitions):
    group = parser.add_argument_group("how to measure")
    group.add_argument("--cache", type=listed(*CACHES), default=["warm"], metavar="STATES",
                       help="warm, cold, evicted, or several with commas (warm)")
    group.add_argument("--repetitions", type=number(int, 1, 1000), default=repetitions, metavar="N",
                       help=f"rounds ({repetitions}); twice as many for what scatters by more than 5 %%")
    group.add_argument("--seconds", type=number(float, 0, 60, strict=True), metavar="S",
                       help="of each measurement (smoke 0.03, default 0.1, max 0.2)")
    group.add_argument("--budget", type=number(float, 0, strict=True), metavar="SECONDS", help="stop after so long")
    group.add_argument("--seed", type=int, help="of the random order")


def add_pruning(parser):
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--keep", type=number(int, 1), default=12, metavar="K",
                       help="time the K candidates that the model thinks fastest (12), and the built-in choice")
    group.add_argument("--no-prune", dest="keep", action="store_const", const=None, help="time them all")
    parser.add_argument("--candidate", action="append", default=[], metavar="NAME",
                        help="time this one, the built-in choice and its control, and no others; may be repeated")


def parser_of(name, subparsers, text):
    return subparsers.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)


def build_parser():
    parser = argparse.ArgumentParser(prog="glint-tune", description=TEXT, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")

    run = parser_of("run", subparsers, "measure; what is in the file of results already is not measured again")
    for add in (add_cases, add_worker, add_pruning):
        add(run)
    add_timing(run, 5)
    run.add_argument("--out", metavar="FILE",
                     help="results (build/bench/tune-LEVEL.jsonl, with --isa tune-LEVEL-ISA.jsonl)")
    run.add_argument("--retry", action="store_true", help="try again what failed in the file of results")

    plan = parser_of("plan", subparsers, "say what `run` would time, what not and why, and how long it would take")
    for add in (add_cases, add_worker, add_pruning):
        add(plan)
    add_timing(plan, 5)

    listing = parser_of("list", subparsers, "show the workloads; with --candidates those of a level")
    listing.add_argument("--candidates", action="store_true", help="what the worker of the level was built with")
    add_worker(listing)

    report = parser_of("report", subparsers, "tell what was measured")
    report.add_argument("files", nargs="+", metavar="FILE")
    report.add_argument("--html", metavar="OUT", help="write a page that holds everything")
    report.add_argument("--csv", metavar="OUT", help="write one line for each case, candidate and state of the caches")
    report.add_argument("--pictures", metavar="DIR", help="write the pictures")
    report.add_argument("--kind", choices=("svg", "png"), default="svg", help="of the pictures (svg)")

    export = parser_of("export", subparsers, "write the best choices as a table for the build")
    export.add_argument("files", nargs="+", metavar="FILE")
    export.add_argument("-o", "--output", required=True, metavar="OUT", help="as glint_tuned.hpp")
    export.add_argument("--name", help="of the machine, as amd_zen4")
    export.add_argument("--force", action="store_true", help="overwrite a file that is no such table")

    compare = parser_of("compare", subparsers, "compare two files of results; exit status 1 if something got slower")
    compare.add_argument("before", metavar="BEFORE")
    compare.add_argument("after", metavar="AFTER")
    compare.add_argument("--threshold", type=number(float, 0, 0.99), default=0.05, metavar="SHARE",
                         help="slower by less is no regression (0.05)")
    compare.add_argument("--confidence", type=number(float, 0.5, 0.999), default=0.95, metavar="SHARE",
                         help="of the intervals (0.95)")
    compare.add_argument("--picture", metavar="OUT", help="write a picture, .svg or .png")
    compare.add_argument("--across-machines", action="store_true",
                         help="compare though machine, ISA, compiler or flags differ: shares are ratios to a loop that "
                         "is timed with each call")

    verify = parser_of("verify", subparsers, "time a tuned table against the built-in choices, side by side")
    verify.add_argument("file", metavar="FILE", help="that `export` wrote")
    for add in (add_cases, add_worker):
        add(verify)
    add_timing(verify, 5)
    verify.add_argument("--out", metavar="FILE", help="keep the results")
    return parser


def complete(arguments):
    """Defaults that depend on other options."""
    level = getattr(arguments, "level", None)
    if getattr(arguments, "seconds", 0) is None:
        arguments.seconds = SECONDS[level]
    if arguments.command in ("run", "plan") and level == "smoke" and not (
            arguments.workload or arguments.case or arguments.cases):
        arguments.workload = ["smoke"]
    if arguments.command == "verify" and not (arguments.workload or arguments.case or arguments.cases):
        arguments.workload = ["all"]
    if arguments.command == "run" and not arguments.out:
        arguments.out = str(BUILD / "bench" / f"tune-{'-'.join(filter(None, (level, arguments.isa)))}.jsonl")
    for path in getattr(arguments, "provider", []):
        if not os.path.isfile(path):
            raise Usage(f"{path}: no such file")
    if hasattr(arguments, "provider"):
        arguments.provider = [os.path.abspath(path) for path in arguments.provider]


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


def main(words):
    parser = build_parser()
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return 0
    signal.signal(signal.SIGTERM, interrupt)
    try:
        complete(arguments)
        status = commands.TABLE[arguments.command](arguments)
        sys.stdout.flush()
        return status
    except Usage as error:
        print(f"glint-tune: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # as of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"glint-tune: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
