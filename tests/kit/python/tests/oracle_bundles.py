"""Bundles of drawn cases, which the program oracle_cases writes; the variable GLINT_ORACLE_CASES names it."""
import functools
import os
import pathlib
import subprocess
import tempfile
from typing import Iterator, List, Tuple

import pytest

from oracle import bundle

SEED = os.environ.get("GLINT_TEST_SEED", "20261122")
COUNT = int(os.environ.get("GLINT_ORACLE_COUNT", "3000"))  # a third of them with changes


@functools.lru_cache(maxsize=None)
def _written(program: str) -> "Tuple[tempfile.TemporaryDirectory[str], List[pathlib.Path]]":
    folder = tempfile.TemporaryDirectory()
    subprocess.run([program, folder.name, SEED, str(COUNT)], check=True)
    return folder, sorted(pathlib.Path(folder.name).iterdir(), key=lambda path: int(path.stem))


@pytest.fixture(name="paths")
def fixture_paths() -> List[pathlib.Path]:
    """Files of the cases, in the order in which they were drawn."""
    program = os.environ.get("GLINT_ORACLE_CASES", "")
    if not program:
        pytest.skip("GLINT_ORACLE_CASES does not name the program oracle_cases")
    return _written(program)[1]


def bundles(paths: List[pathlib.Path]) -> Iterator[bundle.Bundle]:
    return map(bundle.read, paths)


def changes_of(each: bundle.Bundle) -> List[str]:
    """Words of the note "case" that belong to no case line."""
    return [word for word in each.notes["case"].split() if "=" not in word]
