"""The file of a tuning table (include/glint/simd/tuning_table.hpp): written and read in one form."""

import os
import re
from collections import namedtuple

from errors import Usage

FORMAT = 1
MARK = "// Written by glint-tune export"
DTYPES = ("f32", "f16", "bf16", "i8", "i4")
IDENTIFIER = re.compile(r"[A-Za-z0-9_.+-]{1,64}")

# choice: (rows, columns, shared, (MR, NV)) of a tile, or the keys of a decode part, 0 for the built-in number.
# draft_rows: of decode, the most query rows for which it is used; 0: as built in.  comment: what the row gains.
Row = namedtuple("Row", "regime isa dtype head_dim choice comment draft_rows", defaults=("", 0))
Machine = namedtuple("Machine", "name vendor family model")


def candidate(row):
    """-> the name of the candidate that a row chooses"""
    if row.regime == "decode":
        return f"split/{row.choice}" if row.choice else "builtin"
    rows, columns, shared, (block_rows, vecs) = row.choice
    kind = "gradient" if row.regime == "gradient" else "flash"
    return f"{kind}/{rows}x{columns}x{shared}/{block_rows}x{vecs}"


def twin(regime, built_in):
    """-> the name of the candidate that does what `builtin` does"""
    return candidate(Row(regime, "", "", 0, built_in))


def row_text(row):
    text = (f"{{.regime = Regime::{row.regime}, .isa = Isa::{row.isa}, .dtype = DType::{row.dtype}, "
            f".head_dim = {row.head_dim}, ")
    if row.regime == "decode":
        text += f".decode_split = {row.choice}"
        return text + (f", .draft_rows = {row.draft_rows}" if row.draft_rows else "") + "},"
    rows, columns, shared, block = row.choice
    text += f".tile = {{{rows}, {columns}, {shared}}}"
    return text + (f", .block = {{{block[0]}, {block[1]}}}" if tuple(block) != (0, 0) else "") + "},"


def comment(text):
    """One line, whatever the text holds: a backslash at its end would swallow the next one."""
    return "// " + "".join(c if " " <= c <= "~" else "?" for c in text).rstrip("\\ ")


def render(machine, rows, notes):
    vendor = [machine.vendor] if machine.vendor else []  # without one, a table is for any CPU
    for word in (machine.name, *vendor, *(row.isa for row in rows)):
        if not IDENTIFIER.fullmatch(word):
            raise Usage(f"{word!r} cannot stand in a table: letters, digits, _ . + - only")
    lines = [MARK + ", from measurements; bench/tune/README.md tells how."]
    lines += [comment(note) for note in notes]
    lines += [
        "// Up to a head_dim, for tensors of a type (of decode: the cache's); what is not here is as built in.",
        "// clang-format off", "#pragma once", "",
        '#include "glint/simd/tuning_table.hpp"', "",
        "namespace glint {", "inline namespace GLINT_ABI {", "namespace tuned {", "",
        f'static_assert(kFormat == {FORMAT}, "glint: this tuning table has format {FORMAT}: export it anew");',
        f'inline constexpr Machine kMachine{{.name = "{machine.name}", .vendor = "{machine.vendor}", '
        f".family = {machine.family}, .model = {machine.model}}};",
        f"inline constexpr std::array<Row, {len(rows)}> kRows{{{{"]
    for row in rows:
        lines += [f"    {comment(row.comment)}"] if row.comment else []
        lines += [f"    {row_text(row)}"]
    lines += ["}};", "", "}  // namespace tuned", "}  // namespace GLINT_ABI", "}  // namespace glint", ""]
    return "\n".join(lines)


def is_ours(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().startswith(MARK)


def write(path, text, force):
    if os.path.exists(path) and not force and not is_ours(path):
        raise Usage(f"{path} is there and not written by glint-tune; --force overwrites it")
    scratch = f"{path}.part"
    try:
        with open(scratch, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, path)
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None


INTS = r"\{\s*(\d+),\s*(\d+)(?:,\s*(\d+))?\s*\}"
ROW = re.compile(r"\{\.regime = Regime::(prefill|gradient|decode), \.isa = Isa::(\w+), \.dtype = DType::(\w+), "
                 r"\.head_dim = (\d+), (?:\.decode_split = (\d+)(?:, \.draft_rows = (\d+))?|"
                 r"\.tile = " + INTS + r"(?:, \.block = " + INTS + r")?)\},")
MACHINE = re.compile(r'kMachine\{\.name = "([^"]*)", \.vendor = "([^"]*)", \.family = (\d+), \.model = (\d+)\}')


def parse_row(path, number, line):
    match = ROW.fullmatch(line)
    if not match or (match[1] == "decode") != bool(match[5]) or match[3] not in DTYPES:
        raise Usage(f"{path}:{number}: no row of a tuning table as `export` writes it: {line}")
    choice = int(match[5]) if match[5] else (int(match[7]), int(match[8]), int(match[9] or 1),
                                             (int(match[10] or 0), int(match[11] or 0)))
    return Row(match[1], match[2], match[3], int(match[4]), choice, draft_rows=int(match[6] or 0))


def read(path):
    """-> (machine, rows) of a table that `write` wrote"""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: not UTF-8") from None
    if not lines or not lines[0].startswith(MARK):
        raise Usage(f"{path}: not written by glint-tune export")
    rows = [parse_row(path, number, line.strip()) for number, line in enumerate(lines, 1)
            if line.strip().startswith("{.")]
    machines = [match for line in lines if (match := MACHINE.search(line))]
    if len(machines) != 1 or not rows:
        raise Usage(f"{path}: no machine, or no row")
    name, vendor, family, model = machines[0].groups()
    return Machine(name, vendor, int(family), int(model)), rows
