"""Runs the console blocks of tests/kit/README.md and compares what they print with what the README shows.

    guide_test.py --path DIR[:DIR...]       folders with glint-ref; GLINT_LIBRARY names libglint
    guide_test.py --path DIR --update       writes what they print into the README instead

A block begins with ```console; its lines after "$ " are commands, run by bash in one fresh folder from first to last.
A line "..." stands for any lines, "..." in a line for any characters of it.  A code block behind a comment <!-- FILE --> must be that file, letter for letter.
"""
import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
from typing import List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
README = os.path.join(HERE, "..", "README.md")
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
SNIPPET = re.compile(r"^<!-- (\S+) -->\n```\w*\n(.*?)^```$", re.M | re.S)


def commands_of(block: str) -> List[Tuple[str, str]]:
    """Commands of a block, each with the text below it."""
    found: List[Tuple[str, str]] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].rstrip("\n"), ""))
        elif found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0] + "\n" + line.rstrip("\n"), "")
        else:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def pattern(line: str) -> str:
    return re.escape(line).replace(re.escape("..."), ".*")


def matches(shown: str, printed: str) -> bool:
    """Is it the same text?  "..." of `shown` stands for any characters of a line, a line of it for any lines."""
    lines = ["(?:.*\n)*?" if line == "...\n" else pattern(line) for line in shown.splitlines(keepends=True)]
    return re.fullmatch("".join(lines), printed) is not None


def updated(shown: str, printed: str) -> str:
    """What is printed, but lines that were shown with "..." in them stay so."""
    loose = [line for line in shown.splitlines(keepends=True) if "..." in line and line != "...\n"]
    return "".join(next((line for line in loose if re.fullmatch(pattern(line), got)), got)
                   for got in printed.splitlines(keepends=True))


def run(command: str, folder: str, path: str) -> str:
    environment = dict(os.environ, PATH=path + os.pathsep + os.environ["PATH"], GLINT=ROOT, LC_ALL="C.UTF-8",
                       PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=os.path.join(ROOT, "tests", "kit", "python"))
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, check=False)
    text = done.stdout
    return text if done.returncode == 0 else f"{text}(exit status {done.returncode})\n"


def replay(readme: str, path: str) -> Tuple[str, List[str]]:
    """The README with what its commands print, and what differs."""
    differences: List[str] = []
    with tempfile.TemporaryDirectory() as folder:
        def block(found: "re.Match[str]") -> str:
            text = ""
            for command, shown in commands_of(found.group(1)):
                printed = run(command, folder, path)
                same = matches(shown, printed)
                text += f"$ {command}\n" + (shown if same else updated(shown, printed))
                if not same:
                    differences.append("".join(difflib.unified_diff(
                        shown.splitlines(keepends=True), printed.splitlines(keepends=True),
                        f"README.md: {command}", "what it printed")))
            return f"```console\n{text}```"
        return CONSOLE.sub(block, readme), differences


def wrong_snippets(readme: str) -> List[str]:
    """Code that is not like the file that it stands for."""
    differences = []
    for name, shown in SNIPPET.findall(readme):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            text = file.read()
        differences += ["".join(difflib.unified_diff(shown.splitlines(keepends=True), text.splitlines(keepends=True),
                                                     "README.md", name))] if shown != text else []
    return differences


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the README of the kit.")
    parser.add_argument("--path", required=True)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    with open(README, encoding="utf-8") as file:
        readme = file.read()
    assert CONSOLE.search(readme) and SNIPPET.search(readme), "README.md has no commands or no code"
    replayed, differences = replay(readme, options.path)
    differences += wrong_snippets(readme)
    if options.update:
        with open(README, "w", encoding="utf-8") as file:
            file.write(replayed)
    print("\n".join(differences), end="")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
