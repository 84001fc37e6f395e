"""Checks and times candidates, case by case, round by round, and writes down each answer before it asks for the next.

What is left to do is always read off the records, so a sweep that continues a file and one that never stopped are the
same program.  A round times every candidate once in every state of the caches, in random order; cases take turns.
The worker is started anew for each case and round: memory lies elsewhere then, and the spread between rounds shows it.
"""

import random
import time

import cases
import stats
from worker import Worker, WorkerError

STARTS = 2  # of a case whose worker does not get ready
ROUNDS_IF_NOISY = 2  # times the repetitions


def wants(shares, repetitions):
    """Does a candidate need one more measurement?  Those that scatter get twice as many before they are refused."""
    if len(shares) < repetitions:
        return True
    return len(shares) < ROUNDS_IF_NOISY * repetitions and stats.cv(shares) > stats.CV_LIMIT


class Case:
    """A line and all that is known of it."""

    def __init__(self, given):
        self.given = given
        self.facts = None  # the worker's first answer: `case`, `line`, `candidates`, ...
        self.chosen = []  # {"name", "kept", "why", "model"} of each candidate
        self.checked = set()
        self.failed = {}  # name -> error
        self.shares = {}  # (name, cache) -> measured so far
        self.done = set()  # states of the caches in which nothing is left
        self.skipped = None  # why nothing is to be done
        self.trouble = None  # code of an error that is the case's own
        self.pace = []  # seconds of each measurement of the last round, with what surrounds it

    @property
    def line(self):
        return self.facts["line"]

    def title(self):
        return cases.short(self.facts["case"]) if self.facts else self.given.line

    def kept(self):
        return [each["name"] for each in self.chosen if each["kept"]]

    def pending(self, options):
        """-> (name, cache) that need one more measurement, the least measured first"""
        if self.skipped:
            return []
        wanted = [(name, cache) for name in self.kept() if name not in self.failed for cache in options.cache
                  if wants(self.shares.get((name, cache), []), options.repetitions)]
        return sorted(wanted, key=lambda pair: len(self.shares.get(pair, [])))

    def work(self, options):
        """-> (measurements made, measurements still to be made, as far as is known)"""
        made = sum(len(shares) for (_, cache), shares in self.shares.items() if cache in options.cache)
        left = sum(max(1, options.repetitions - len(self.shares.get(pair, []))) for pair in self.pending(options))
        return made, left


class Sweep:
    def __init__(self, options, describe, selection, log, progress, now=time.monotonic):
        self.options, self.describe, self.selection = options, describe, selection
        self.log, self.progress, self.now = log, progress, now
        self.random = random.Random(options.seed)
        self.cases = []
        self.end = now() + options.budget if options.budget else None

    def failed(self):
        """Did anything fail, now or before?"""
        return any(case.failed or case.trouble for case in self.cases)

    def run(self, given):
        """-> the cases, with what is left of each"""
        self.open(given)
        while active := [case for case in self.cases if case.pending(self.options)]:
            if self._over():
                break
            self.random.shuffle(active)
            for number, case in enumerate(active):
                self._round(case, self._slice(len(active) - number))
        self.progress.clear()
        return self.cases

    # Opening: what the worker makes of each line, and which candidates are worth the time.

    def open(self, given):
        for number, each in enumerate(given):
            self.progress.show(0, f"reading case {number + 1} of {len(given)}: {each.line}")
            case = Case(each)
            self.cases.append(case)
            if self._over():
                case.skipped = "no time left"
                continue
            self._open(case)
        opened = [case for case in self.cases if not case.skipped]
        if self.options.keep is not None:
            self.selection.level(opened)
        for case in opened:
            self._remember(case)

    def _open(self, case):
        known = stats.failures(self.log.records).get((case.given.line, None))
        if known and not self.options.retry:
            case.trouble = known.get("code")
            case.skipped = f"{case.trouble}: {known.get('message')} (--retry tries again)"
            return
        worker = self._start(case)
        if worker is None:
            return
        worker.finish()
        if any(case.line == other.line for other in self.cases if other.facts and other is not case):
            case.skipped = "the same as another case"
            return
        try:
            case.chosen = self.selection.choose(case)
        except WorkerError as error:
            self._skip(case, error)
        except Exception as error:  # whatever is wrong with the model, measuring goes on
            self._fail(case, WorkerError("model", f"{type(error).__name__}: {error}"))
            case.chosen = [{"name": name, "kept": True, "why": "the model failed"} for name in case.facts["candidates"]]

    def _remember(self, case):
        """Reads what the file has of the case, and writes down the selection if it is a new one."""
        fields = {**{key: value for key, value in case.facts.items() if key not in ("ready", "candidates")},
                  "given": case.given.line, "candidates": case.chosen}
        before = [record for record in self.log.records if record["kind"] == "case" and record["line"] == case.line]
        if not before or {**before[-1], "kind": None} != {**fields, "kind": None}:
            self.log.append("case", **fields)
        for record in self.log.records:
            if record.get("line") != case.line:
                continue
            if record["kind"] == "check" and record["ok"]:
                case.checked.add(record["name"])
            elif record["kind"] == "time":
                case.shares.setdefault((record["name"], record["cache"]), []).append(record["share"])
        if not self.options.retry:
            case.failed = {name: error for (line, name), error in stats.failures(self.log.records).items()
                           if line == case.line and name is not None}

    # Rounds.

    def _slice(self, cases_left):
        """When the turn of a case ends, so that every case gets some of a short time."""
        return self.end and self.now() + max(0.0, self.end - self.now()) / cases_left

    def _over(self):
        return self.end is not None and self.now() >= self.end

    def _round(self, case, until):
        pairs = case.pending(self.options)
        self.random.shuffle(pairs)
        if not case.shares:  # a short time is spent on what the others are compared with
            pairs.sort(key=lambda pair: pair[0] != "builtin")
        pairs.sort(key=lambda pair: len(case.shares.get(pair, [])))
        worker, begun = None, self.now()
        try:
            for name, cache in pairs:
                if until is not None and self.now() >= until:
                    break
                if name in case.failed:
                    continue
                worker = worker or self._start(case)
                if worker is None:
                    break
                worker = self._measure(case, worker, name, cache)
                self._note_done(case)
                case.pace = (case.pace + [self.now() - begun])[-len(pairs):]
                begun = self.now()
        except BaseException:
            if worker:
                worker.kill()
            raise
        if worker:
            worker.finish()

    def _measure(self, case, worker, name, cache):
        """-> the worker, if it is fit for more"""
        self._show(case, f"{name} {cache}")
        try:
            if name not in case.checked and not self._check(case, worker, name):
                return worker
            answer = worker.time(name, cache, self.options.seconds)
        except WorkerError as error:
            return self._blame(case, worker, name, error)
        shares = case.shares.setdefault((name, cache), [])
        self._time_record(case, name, cache, len(shares), answer)
        shares.append(answer["share"])
        return worker

    def _check(self, case, worker, name):
        answer = worker.check(name)
        fields = {key: value for key, value in answer.items() if key != "check"}
        self.log.append("check", line=case.line, name=name, **fields)
        if answer["ok"]:
            case.checked.add(name)
            case.failed.pop(name, None)
            return True
        case.failed[name] = answer["error"]
        self.progress.say(f"{case.title()}: {name}: {answer['error']['code']}: {answer['error']['message']}")
        return False

    def _time_record(self, case, name, cache, repetition, answer):
        fields = {key: value for key, value in answer.items() if key not in ("time", "cache")}
        self.log.append("time", line=case.line, name=name, cache=cache, repetition=repetition, **fields)

    def _note_done(self, case):
        left = {cache for _, cache in case.pending(self.options)}
        for cache in set(self.options.cache) - left - case.done:
            case.done.add(cache)
            self.log.append("done", line=case.line, cache=cache)

    # Trouble.

    def _blame(self, case, worker, name, error):
        """A candidate that brings its worker down is out; the others get a fresh one."""
        case.failed[name] = error.fields()
        self._note_error(case, name, error)
        if error.named:
            return worker
        worker.kill()
        return None

    def _start(self, case):
        """-> a worker with the case, or None and the case is skipped"""
        for attempt in range(STARTS):
            try:
                worker = Worker(self.options.worker, case.given.line, self.options.provider, self.options.timeout)
                case.facts = case.facts or worker.facts
                return worker
            except WorkerError as error:
                if error.named or attempt + 1 == STARTS:
                    self._skip(case, error)
                    break
        return None

    def _fail(self, case, error):
        """Something is wrong with the case itself."""
        case.trouble = error.code
        self._note_error(case, None, error)

    def _skip(self, case, error):
        self._fail(case, error)
        case.skipped = f"{error.code}: {error.message}"

    def _note_error(self, case, name, error):
        line = case.line if case.facts else case.given.line
        self.log.append("error", line=line, name=name, error=error.fields())
        where = case.given.where if name is None else case.title()
        self.progress.say(f"{where}: {name or case.given.line}: {error.code}: {error.message}")

    # Time.

    def _show(self, case, what):
        made, left, seconds = 0, 0, 0.0
        usual = [pace for each in self.cases for pace in each.pace]
        for each in self.cases:
            each_made, each_left = each.work(self.options)
            made, left = made + each_made, left + each_left
            paces = each.pace or usual
            seconds += each_left * (sum(paces) / len(paces) if paces else 0.0)
        remaining = seconds if usual else None
        if self.end is not None and remaining is not None:
            remaining = min(remaining, self.end - self.now())
        self.progress.show(made / max(1, made + left), f"{case.title()}  {what}", remaining)
