"""Results as one HTML file that needs no server and no network:  write(records, path)

All that comes from records is escaped; pictures are SVGs within the page.
"""

import statistics
from html import escape

import model
import pictures
import stats
from outcome import Outcome
from style_sheet import STYLE

try:
    from style import inline
except ModuleNotFoundError:  # no matplotlib: then there is nothing to place
    inline = None

PROBES = (("fma", "multiply-adds", "GFLOP/s"), ("bf16_dot", "bf16 dot products", "GFLOP/s"),
          ("int8_dot", "int8 dot products", "GFLOP/s"), ("l1", "reading L1", "GB/s"), ("l2", "reading L2", "GB/s"),
          ("l3", "reading L3", "GB/s"), ("memory", "reading memory", "GB/s"))
HOW = """./bench/glint-tune run --workload NAME --out results.jsonl    # measures; again: goes on where it stopped
./bench/glint-tune report results.jsonl --html report.html    # this page
./bench/glint-tune export results.jsonl -o glint_tuned.hpp    # the choice as a table that a build uses"""


def text(value):
    return escape("".join(each if each.isprintable() else " " for each in str(value)), quote=True)


def count(number, what):
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def percent(share, digits=1):
    return f"{100 * share:.{digits}f} %"


def table(titles, rows, numbers=()):
    """Cells are HTML already.  numbers: the columns that go to the right."""
    def line(cells, tag):
        return "".join(f'<{tag}{" class=number" if i in numbers else ""}>{cell}</{tag}>'
                       for i, cell in enumerate(cells))
    head, body = line(titles, "th"), "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"


class Page:
    def __init__(self, records):
        self.outcome = Outcome(records)
        self.drawn, self.missing = pictures.draw(records)
        self.lines = list(self.outcome.known)

    def picture(self, key):
        if key not in self.drawn:
            return ""
        caption, svg = self.drawn[key]
        number = list(self.drawn).index(key)
        return f'<figure aria-label="{text(caption)}">{inline(svg, f"p{number}")}</figure>'

    def whole(self):
        title = f"glint-tune: {self.outcome.describe['machine'].get('cpu_model', 'unknown CPU')}"
        parts = [self.head(), self.summary(), *map(self.case, self.lines), self.agreement(), self.roof(),
                 self.crossover(), self.environment(), f"<h2>How to reproduce</h2><pre>{text(HOW)}</pre>"]
        return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
                f'content="width=device-width, initial-scale=1"><title>{text(title)}</title>\n'
                f"<style>{STYLE}</style></head>\n<body><h1>{text(title)}</h1>\n" + "\n".join(parts)
                + "\n</body></html>\n")

    # ---- what and where

    def head(self):
        describe, machine = self.outcome.describe, self.outcome.describe["machine"]
        caches = (("L1", "l1d"), ("L2", "l2"), ("L3", "l3"))
        sizes = ", ".join(f"{label} {model.size(machine[key])}" for label, key in caches if machine.get(key))
        timed = sum(numbers["repetitions"] for numbers in self.outcome.numbers.values())
        refused = sum(numbers["noisy"] for numbers in self.outcome.numbers.values())
        cases, candidates = len({line for line, _ in self.outcome.rows}), len(self.outcome.numbers)
        return (f"<p>{count(cases, 'case')}, {count(candidates, 'candidate')}, {count(timed, 'measurement')} on "
                f"{text(machine.get('cpu_model', 'an unknown CPU'))} ({text(describe['isa'])}; {text(sizes)}; "
                f"usable CPUs: {text(machine.get('usable_cpus', '?'))}), built with {text(describe['compiler'])} "
                f"<code>{text(describe['flags'])}</code>. Refused because they scatter by more than "
                f"{percent(stats.CV_LIMIT, 0)}: {refused}. Failed: {len(self.outcome.failures)}.</p>"
                "<p>A share is useful FLOP/s over the peak that a calibration loop reached right before and after; "
                "of decode, the least possible time over time.</p>")

    # ---- summary

    def summary(self):
        rows = []
        for line in self.lines:
            for cache in [state for known, state in self.outcome.rows if known == line]:
                rows.append(self.summary_row(line, cache))
        if not rows:
            return "<h2>Summary</h2><p>Nothing was measured.</p>"
        titles = ["case", "caches", "best", "share", "built in", "best over built in", "CV", "refused", "failed"]
        return "<h2>Summary</h2>" + table(titles, rows, numbers=(3, 4, 5, 6, 7, 8))

    def summary_row(self, line, cache):
        numbers = self.outcome.rows[line, cache]
        name, best = self.outcome.best(line, cache)
        builtin = numbers.get("builtin")
        ratio = f"{best['median_share'] / builtin['median_share']:.3f}" if builtin else "-"
        return [f'<a href="#case-{self.outcome.number(line)}">{text(self.outcome.title(line))}</a>', text(cache),
                f"<code>{text(name)}</code>", percent(best["median_share"]),
                percent(builtin["median_share"]) if builtin else "-", ratio, percent(best["cv"]),
                str(sum(each["noisy"] for each in numbers.values())), str(len(self.failed(line)))]

    def failed(self, line):
        return {name: error for (at, name), error in self.outcome.failures.items() if at == line}

    # ---- one case

    def case(self, line):
        states = [state for known, state in self.outcome.rows if known == line]
        heats = "".join(self.picture(pictures.case_key(self.outcome, line, cache)) for cache in states)
        rank = self.outcome.correlation(line)
        said = f"<p>The model's ranking against the measured one: Spearman {rank:.2f}.</p>" if rank is not None else ""
        return (f'<section><h2 id="case-{self.outcome.number(line)}">{text(self.outcome.title(line))}</h2>'
                f"<p><code>{text(line)}</code></p>"
                f"{heats}{said}{self.candidates(line, states)}{self.errors(line)}</section>")

    def candidates(self, line, states):
        titles = ["candidate"] + [f"{text(cache)}: share (CV)" for cache in states] + ["model", "why"]
        chosen = sorted(self.outcome.known[line]["candidates"], key=lambda each: self.order(line, states, each))
        rows = [[f"<code>{text(each['name'])}</code>"] + [self.cell(line, each["name"], cache) for cache in states]
                + [self.prediction(each), self.explanation(each)] for each in chosen]
        return table(titles, rows, numbers=range(1, len(states) + 2))

    def order(self, line, states, each):
        """The fastest first, then what was not timed, the likeliest first."""
        shares = [self.outcome.numbers.get((line, each["name"], cache), {}).get("median_share", 0) for cache in states]
        return [-share for share in shares] + [-(self.outcome.predicted(line).get(each["name"], 0))]

    def cell(self, line, name, cache):
        numbers = self.outcome.numbers.get((line, name, cache))
        if numbers is None:
            return "-"
        shown = f"{percent(numbers['median_share'])} ({percent(numbers['cv'])})"
        return f'<span class=refused title="scatters too much">{shown}</span>' if numbers["noisy"] else shown

    def prediction(self, each):
        share = (each.get("model") or {}).get("predicted_share")
        return percent(share) if isinstance(share, (int, float)) else "-"

    def explanation(self, each):
        notes = (each.get("model") or {}).get("notes") or []
        listed = "".join(f"<li>{text(note)}</li>" for note in notes)
        details = f"<details><summary>the model</summary><ul>{listed}</ul></details>" if listed else ""
        return f"{'' if each['kept'] else 'not timed: '}{text(each.get('why', ''))}{details}"

    def errors(self, line):
        rows = [[f"<code>{text(name or 'the case')}</code>", text(error.get("code")), text(error.get("message"))]
                for name, error in self.failed(line).items()]
        return "<h3>Failed</h3>" + table(["candidate", "code", "message"], rows) if rows else ""

    # ---- all cases

    def agreement(self):
        each = [value for value in map(self.outcome.correlation, self.lines) if value is not None]
        said = "<p>Too little was measured.</p>"
        if each:
            said = (f"<p>Spearman's rank correlation within a case: median {statistics.median(each):.2f}, lowest "
                    f"{min(each):.2f}, of {len(each)} cases. Only what was timed counts.</p>")
        return f"<h2>Model and measurement</h2>{self.picture('model')}{said}"

    def roof(self):
        return f"<h2>Roofline</h2>{self.picture('roofline')}" if "roofline" in self.drawn else ""

    def crossover(self):
        found = [self.picture(key) for key in self.drawn if key.startswith("crossover")]
        return "<h2>Unfused, flash, split-KV</h2>" + "".join(found) if found else ""

    def environment(self):
        describe = self.outcome.describe
        rows = [[text(key), text(value)] for key, value in describe["machine"].items()]
        rows += [[text(key), text(describe[key])] for key in ("isa", "compiler", "flags", "level") if key in describe]
        probes = describe.get("probes", {})
        rows += [[label, f"{probes[key] / 1e9:.1f} {unit}"] for key, label, unit in PROBES if probes.get(key)]
        rows += [["run", f"{text(run['started'])}, {text(run.get('git', 'no commit known'))}"]
                 for run in self.outcome.runs()]
        rows += [["not a case", f"<code>{text(line)}</code>: {text(error.get('message'))}"]
                 for (line, name), error in self.outcome.failures.items()
                 if name is None and line not in self.outcome.known]
        rows += [["pictures", text(sentence)] for sentence in self.missing if "op=" not in sentence]
        return "<h2>Environment</h2>" + table(["", ""], rows)


def write(records, path):
    with open(path, "w", encoding="utf-8") as file:
        file.write(Page(records).whole())
