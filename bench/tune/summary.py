"""Results in a terminal, and as CSV."""

import csv
import statistics

import cases
import stats

CSV_FIELDS = ["case", "line", "candidate", "cache", "median_share", "over_builtin", "median_seconds", "min_seconds",
              "cv", "repetitions", "noisy", "predicted_share"]


def percent(share):
    return f"{100 * share:.1f} %"


def table(titles, lines, out):
    """Columns as wide as need be; those of numbers to the right."""
    if not lines:
        return
    widths = [max(len(line[i]) for line in [titles] + lines) for i in range(len(titles))]
    right = [all(line[i][:1] in "0123456789-" for line in lines) for i in range(len(titles))]
    for line in [titles] + lines:
        cells = [cell.rjust(width) if to_the_right else cell.ljust(width)
                 for cell, width, to_the_right in zip(line, widths, right)]
        print("  ".join(cells).rstrip(), file=out)


def machine_line(describe):
    machine = describe["machine"]
    return (f"{machine.get('cpu_model', 'unknown CPU')}, {machine.get('usable_cpus', '?')} CPUs, "
            f"ISA {describe['isa']}, {describe['compiler']}, flags: {describe['flags']}")


def case_records(records):
    """-> {line: the last record of kind case}"""
    return {record["line"]: record for record in records if record["kind"] == "case"}


def predictions(record):
    """-> {name: share that the model predicts}"""
    shares = {each["name"]: (each.get("model") or {}).get("predicted_share") for each in record["candidates"]}
    return {name: share for name, share in shares.items() if isinstance(share, (int, float)) and share > 0}


def correlation(summaries, record, cache="warm"):
    """Spearman's, of predicted and measured shares of a case; noisy ones do not count."""
    predicted = predictions(record)
    pairs = [(predicted[name], numbers["median_share"]) for (line, name, state), numbers in summaries.items()
             if line == record["line"] and state == cache and name in predicted and not numbers["noisy"]]
    return stats.spearman(*zip(*pairs)) if pairs else None


NEAR = 0.15  # what scatters is not thought to be faster than it seems by more


def best_of(rows):
    """-> (name, numbers) of the fastest that is not noisy; of the fastest, if all that come near it are"""
    fastest = max(rows.items(), key=lambda item: item[1]["median_share"])
    steady = [item for item in rows.items() if not item[1]["noisy"]
              and item[1]["median_share"] > (1 - NEAR) * fastest[1]["median_share"]]
    return max(steady, key=lambda item: item[1]["median_share"], default=fastest)


def by_case(summaries):
    """-> {(line, cache): {name: numbers}}"""
    result = {}
    for (line, name, cache), numbers in summaries.items():
        result.setdefault((line, cache), {})[name] = numbers
    return result


def show(records, out):
    for facts in dict.fromkeys(machine_line(record["describe"]) for record in records if record["kind"] == "run"):
        print(facts, file=out)
    known = case_records(records)
    summaries = stats.summarize(records)
    measured = by_case(summaries)
    lines = [case_line(known[line]["case"], cache, measured[line, cache]) for line in known
             for cache in ("warm", "cold", "evicted") if (line, cache) in measured]
    print(file=out)
    if lines:  # ?: builtin scattered
        table(["case", "cache", "best", "share", "CV", "builtin", "CV", "ratio", "timed"], lines, out)
    else:
        print("Nothing was measured.", file=out)
    show_refused(summaries, known, out)
    show_failures(stats.failures(records), known, out)
    show_model(summaries, known, out)


def case_line(case, cache, rows):
    name, best = best_of(rows)
    line = [cases.short(case), cache, name, percent(best["median_share"]), percent(best["cv"])]
    builtin = rows.get("builtin")
    if builtin:
        line += [percent(builtin["median_share"]), percent(builtin["cv"]),
                 f"{best['median_share'] / builtin['median_share']:.3f}" + ("?" if builtin["noisy"] else "")]
    else:
        line += ["-", "-", "-"]
    return line + [str(len(rows))]


def show_refused(summaries, known, out):
    noisy = sorted(((line, name, cache, numbers) for (line, name, cache), numbers in summaries.items()
                    if numbers["noisy"]), key=lambda each: each[:3])
    if noisy:
        print(f"\nRefused: scattered by more than {percent(stats.CV_LIMIT)}, no choice rests on these:", file=out)
        table(["case", "candidate", "cache", "CV", "rounds"],
              [[title(line, known), name, cache, percent(numbers["cv"]), str(numbers["repetitions"])]
               for line, name, cache, numbers in noisy], out)


def title(line, known):
    return cases.short(known[line]["case"]) if line in known else line


def show_failures(failures, known, out):
    if failures:
        print("\nFailed:", file=out)
    for (line, name), error in failures.items():
        print(f"  {failure_text(line, name, error, known)}", file=out)


def failure_text(line, name, error, known):
    return f"{title(line, known)}: {name or 'the case'}: {error.get('code')}: {error.get('message')}"


def show_model(summaries, known, out):
    """How well the model ranks, and a word of warning: what it pruned is not among the measured."""
    values = {line: correlation(summaries, record) for line, record in known.items()}
    values = {line: value for line, value in values.items() if value is not None}
    if not values:
        return
    print("\nThe model's ranking against the measured one (Spearman; warm, what was timed):", file=out)
    table(["case", "correlation"], [[title(line, known), f"{value:.2f}"] for line, value in values.items()], out)
    print(f"median of {len(values)} cases: {statistics.median(values.values()):.2f}, "
          f"of all candidates, relative to builtin: {overall(summaries, known)}", file=out)


def overall(summaries, known):
    """One correlation over all cases, of predicted and measured shares over those of `builtin`."""
    pairs = []
    for line, record in known.items():
        predicted = predictions(record)
        base = summaries.get((line, "builtin", "warm"))
        if not base or "builtin" not in predicted:
            continue
        pairs += [(share / predicted["builtin"], summaries[line, name, "warm"]["median_share"] / base["median_share"])
                  for name, share in predicted.items()
                  if name != "builtin" and (line, name, "warm") in summaries
                  and not summaries[line, name, "warm"]["noisy"]]
    value = stats.spearman(*zip(*pairs)) if pairs else None
    return "-" if value is None else f"{value:.2f}"


def write_csv(records, path):
    known = case_records(records)
    summaries = stats.summarize(records)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, CSV_FIELDS)
        writer.writeheader()
        for (line, name, cache), numbers in summaries.items():
            builtin = summaries.get((line, "builtin", cache))
            predicted = predictions(known[line]).get(name, "") if line in known else ""
            writer.writerow({"case": title(line, known), "line": line, "candidate": name, "cache": cache, **numbers,
                             "over_builtin": numbers["median_share"] / builtin["median_share"] if builtin else "",
                             "predicted_share": predicted})


# Of a dry run: what a start of the worker, a check and the probes around a measurement take besides the calls.
START_SECONDS = 0.5
CHECK_SECONDS = 0.1
PROBE_SECONDS = 0.03


def estimate(case, options):
    """-> seconds that a case takes, by the model's times of a call"""
    total = START_SECONDS * (options.repetitions + 1)
    for each in case.chosen:
        if each["kept"]:
            call = (each.get("model") or {}).get("predicted_seconds") or 0.0
            timing = max(options.seconds, call) + call + PROBE_SECONDS
            total += CHECK_SECONDS + 2 * call + timing * options.repetitions * len(options.cache)
    return total


def show_plan(opened, options, out):
    """Prints what is to be done.  -> seconds"""
    total = 0.0
    for case in opened:
        print(f"{case.title()}\n  {case.given.where}: {case.given.line}", file=out)
        if case.skipped:
            print(f"  skipped: {case.skipped}", file=out)
            continue
        seconds = estimate(case, options)
        total += seconds
        print(f"  {len(case.kept())} of {len(case.chosen)} candidates, {', '.join(options.cache)}, "
              f"{options.repetitions} rounds: about {seconds:.0f} s", file=out)
        table(["  ", "candidate", "predicted", "why"],
              [["  time" if each["kept"] else "  prune", each["name"], predicted(each), each.get("why", "")]
               for each in case.chosen], out)
    return total


def predicted(each):
    share = (each.get("model") or {}).get("predicted_share")
    return percent(share) if share else "-"
