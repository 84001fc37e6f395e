"""python -m oracle BUNDLE...: computes each bundle's answer anew and prints the largest differences."""
from __future__ import annotations

import struct
import sys
from typing import List

from . import bundle, compare


def report(path: str) -> bool:
    """Whether all bundles in the file agree with the oracle; prints a line for each output."""
    agree = True
    for number, each in enumerate(bundle.read_all(path)):
        print(f"{path}[{number}] {each.notes.get('case', '')}")
        for difference in compare.differences(each.parameters, each.arrays):
            verdict = "agrees" if difference.excess <= 1 else "DIFFERS"
            agree = agree and difference.excess <= 1
            print(f"  {difference.name:<20} {verdict}  error / limit {difference.excess:.3g} at {difference.place}: "
                  f"oracle {difference.got!r}, bundle {difference.want!r}")
    return agree


def main(paths: List[str]) -> int:
    if not paths:
        print(__doc__)
        return 2
    return 0 if all([_report_or_error(path) for path in paths]) else 1


def _report_or_error(path: str) -> bool:
    try:
        return report(path)
    except (OSError, ValueError, KeyError, struct.error) as error:
        print(f"{path}: no bundle that can be read: {error}")
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
