#!/usr/bin/env python3
"""The configurations that glint-tune compares, from space.json: lists them, or writes the sources that compile them.

  space.py --level default --isa avx512 --list            dtype and name of each, line by line
  space.py --level default --isa avx512 --generate DIR    a few configurations to a source; prints the sources' paths
"""
import argparse
import json
import os
import re
import sys
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
FAMILIES = ("flash", "gradient", "split")
ELEMENTS = {"f32": "float", "f16": "glint::half", "bf16": "glint::bfloat16", "i8": "std::int8_t"}
UNIT = 4  # configurations of one source: what compiles in well under a minute

Tile = namedtuple("Tile", "family dtype rows columns shared mr nv")
Split = namedtuple("Split", "keys")


class SpaceError(Exception):
    """What is wrong with the space, the level or the instruction set, in a sentence."""


def name_of(candidate):
    if isinstance(candidate, Split):
        return f"split/{candidate.keys}"
    c = candidate
    return f"{c.family}/{c.rows}x{c.columns}x{c.shared}/{c.mr}x{c.nv}"


def load(path=os.path.join(HERE, "space.json")):
    try:
        with open(path, encoding="utf-8") as file:
            space = json.load(file)
    except OSError as error:
        raise SpaceError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SpaceError(f"{path}: not JSON: {error}") from error
    for key in ("lanes", "own_block", "levels"):
        if not isinstance(space, dict) or not isinstance(space.get(key), dict):
            raise SpaceError(f"{path}: the object \"{key}\" is missing")
    return space


def host_isa():
    """The best instruction set that glint uses on this machine."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = set(next((line for line in file if line.startswith("flags")), "").split())
    except OSError:
        flags = set()
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma", "f16c"} <= flags else "base"


def numbers(product, key, least, most, multiple, where):
    found = product.get(key)
    if not isinstance(found, list) or not found:
        raise SpaceError(f"{where}: \"{key}\" must be a list of numbers")
    for number in found:
        if type(number) is not int or not least <= number <= most or number % multiple:
            raise SpaceError(f"{where}: {key} {number!r} must be a multiple of {multiple} from {least} to {most}")
    return found


def block(text, where):
    match = re.fullmatch(r"(\d+)x(\d+)", text) if isinstance(text, str) else None
    if match is None:
        raise SpaceError(f"{where}: the block {text!r} is not MRxNV")
    mr, nv = int(match[1]), int(match[2])
    if (mr, nv) != (0, 0) and not (1 <= mr <= 16 and nv in (1, 2, 4)):
        raise SpaceError(f"{where}: the block {text} must be 0x0, or 1 to 16 rows of 1, 2 or 4 vectors")
    return mr, nv


def own_block(space, isa, rows):
    """What 0x0 means for a tile of so many rows, or None where space.json does not say."""
    own = space["own_block"].get(isa)
    if own is None:
        return None
    vectors = min(own[1], rows // space["lanes"][isa])
    return (own[0] if vectors == own[1] else 8, vectors)


def tiles_of(space, isa, family, product, where):
    """Every tile of a product that fits and is not another one by another name."""
    if not isinstance(product, dict):
        raise SpaceError(f"{where}: a product must be an object")
    unknown = set(product) - {"dtypes", "rows", "columns", "shared", "blocks"}
    if unknown:
        raise SpaceError(f"{where}: unknown key \"{min(unknown)}\"")
    dtypes = product.get("dtypes")
    if not isinstance(dtypes, list) or not set(dtypes) <= set(ELEMENTS) or (family == "gradient" and "i8" in dtypes):
        raise SpaceError(f"{where}: \"dtypes\" must be a list of f32, f16, bf16 and, of flash, i8")
    blocks = product.get("blocks", {})
    if not isinstance(blocks, dict):
        raise SpaceError(f"{where}: \"blocks\" must be lists by instruction set")
    for rows in numbers(product, "rows", 16, 64, 16, where):
        if rows == 48:
            raise SpaceError(f"{where}: rows must be 16, 32 or 64")
        for columns in numbers(product, "columns", 8, 1024, 8, where):
            for shared in numbers(product, "shared", 1, 16, 1, where):
                for mr, nv in [block(text, where) for text in blocks.get(isa, ["0x0"])]:
                    if nv * space["lanes"][isa] > rows or (mr, nv) == own_block(space, isa, rows):
                        continue
                    for dtype in dtypes:
                        yield Tile(family, dtype, rows, columns, shared, mr, nv)


def expand(space, level, isa):
    """All candidates of a level, each once, in the order of space.json."""
    if level not in space["levels"]:
        raise SpaceError(f"no level \"{level}\": there are {', '.join(space['levels'])}")
    if isa not in space["lanes"]:
        raise SpaceError(f"no instruction set \"{isa}\": there are {', '.join(space['lanes'])}")
    families = space["levels"][level]
    if not isinstance(families, dict) or not set(families) <= set(FAMILIES):
        raise SpaceError(f"level {level}: the families are {', '.join(FAMILIES)}")
    found = []
    for family in ("flash", "gradient"):
        for index, product in enumerate(families.get(family, [])):
            found += tiles_of(space, isa, family, product, f"level {level}, {family}[{index}]")
    if "split" in families:
        found += [Split(keys) for keys in numbers(families, "split", 256, 1 << 20, 256, f"level {level}")]
    return list(dict.fromkeys(found))


def recipe(number, candidate, isa):
    """A recipe that makes one choice."""
    if isinstance(candidate, Split):
        return (f"struct Recipe{number} : glint::recipe::BuiltIn {{\n"
                f"  static constexpr index_t decode_split = {candidate.keys};\n}};\n")
    c, alias = candidate, "tile" if candidate.family == "flash" else "gradient_tile"
    shape = f"{c.rows}, {c.columns}, {c.shared}, glint::RegisterBlock<{c.mr}, {c.nv}>"
    return (f"struct Recipe{number} : glint::recipe::BuiltIn {{\n  template <class Element>\n"
            f"  using {alias} = glint::tile::On<glint::Isa::{isa}, glint::Tile<{shape}>,\n"
            f"                               glint::recipe::BuiltIn::{alias}<Element>>;\n}};\n")


def registration(number, candidate):
    name = name_of(candidate)
    if isinstance(candidate, Split):
        return f'  add_decode_of_all_caches<Recipe{number}>("{name}");\n'
    return f'  add_{candidate.family}<Recipe{number}, {ELEMENTS[candidate.dtype]}>("{name}");\n'


def source(candidates, isa):
    recipes = "\n".join(recipe(i, c, isa) for i, c in enumerate(candidates))
    added = "".join(registration(i, c) for i, c in enumerate(candidates))
    return (f'// Written by space.py: change space.json instead.\n#include "tune/worker/ways.hpp"\n\n'
            f"namespace bench::tune {{\nnamespace {{\n\n{recipes}\nconst bool kRegistered = [] {{\n"
            f"  if (glint::simd::selected != glint::Isa::{isa}) return false;\n{added}  return true;\n}}();\n\n"
            f"}}  // namespace\n}}  // namespace bench::tune\n")


def units(candidates):
    """Names and contents of sources: alike candidates together, a few to each."""
    alike = {}
    for c in candidates:
        alike.setdefault("split" if isinstance(c, Split) else f"{c.family}_{c.dtype}", []).append(c)
    for kind, members in alike.items():
        for first in range(0, len(members), UNIT):
            yield f"{kind}_{first // UNIT}.cpp", members[first:first + UNIT]


def generate(candidates, isa, folder):
    """Writes what has changed, removes what is no longer wanted; returns the paths."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, members in units(candidates):
        path, text = os.path.join(folder, name), source(members, isa)
        paths.append(path)
        try:
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    continue
        except OSError:
            pass
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if re.fullmatch(r"(flash|gradient|split)(_[a-z0-9]+)?_\d+\.cpp", name) and path not in paths:
            os.remove(path)
    return paths


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", required=True)
    parser.add_argument("--isa", default="host", help="avx512, avx2, base, plain; host: the best of this machine")
    parser.add_argument("--space", default=os.path.join(HERE, "space.json"))
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true")
    what.add_argument("--print-isa", action="store_true", help="what --isa host means here")
    what.add_argument("--generate", metavar="DIR")
    options = parser.parse_args(arguments)
    isa = host_isa() if options.isa == "host" else options.isa
    try:
        candidates = expand(load(options.space), options.level, isa)
    except SpaceError as error:
        print(f"space.py: {error}", file=sys.stderr)
        return 2
    if options.print_isa:
        print(isa)
    elif options.list:
        for c in candidates:
            print("all" if isinstance(c, Split) else c.dtype, name_of(c))
    else:
        print("\n".join(generate(candidates, isa, options.generate)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
