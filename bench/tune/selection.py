"""Which candidates of a case are timed."""

import cases
import model
import tuned_table
from shape import Shape


def control_of(case):
    """-> the name of the candidate that does what `builtin` does"""
    return tuned_table.twin(cases.REGIMES[case["op"]], model.choice(Shape(case), "builtin"))


class Selection:
    """Those that the model keeps, and with them what it keeps for another case of the same class of a tuned table,
    since only what was measured everywhere can be chosen for the class."""

    def __init__(self, model, describe, keep, only=()):
        self._model, self._describe, self._keep, self._only = model, describe, keep, set(only)

    def choose(self, case):
        names = case.facts["candidates"]
        if self._only:
            asked = self._only | {"builtin", control_of(case.facts["case"])}
            return [{"name": name, "kept": name in asked or name.startswith("provider:"),
                     "why": "asked for" if name in asked else "not asked for", "model": self._evaluate(case, name)}
                    for name in names]
        if self._keep is None:
            return [{"name": name, "kept": True, "why": "nothing is pruned", "model": self._evaluate(case, name)}
                    for name in names]
        chosen = self._model.prune(case.facts["case"], names, self._describe, keep=self._keep)
        control = control_of(case.facts["case"])
        for each in chosen:
            if each["name"] == control and not each["kept"]:
                each["kept"], each["why"] = True, "the built-in choice by another name: a control"
        return chosen

    def _evaluate(self, case, name):
        return self._model.evaluate(case.facts["case"], name, self._describe)

    @staticmethod
    def level(opened):
        """Makes the classes alike, in place."""
        keepers = {}
        for case in opened:
            group = cases.tuning_class(case.facts["case"])
            for name in case.kept() if group else []:
                keepers.setdefault((group, name), case)
        for case in opened:
            group = cases.tuning_class(case.facts["case"])
            for each in case.chosen:
                keeper = keepers.get((group, each["name"]))
                if keeper and not each["kept"]:
                    each["why"] = f"kept for {keeper.title()}, of the same class; here: {each.get('why', '')}"
                    each["kept"] = True
