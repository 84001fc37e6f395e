"""A model of time and caches for every candidate that is no foreign kernel: what it costs, and why.

  evaluate(case, name, describe)      bytes of each tile, what fits where, traffic, registers, predicted share
  prune(case, names, describe, keep)  which candidates deserve to be timed, each with a reason

costs.py holds the prices of prefill and the gradient, decode_costs.py those of decode.  A share is useful FLOP/s over
the peak, of decode the least possible time over time; the model knows warm caches only.
"""

import re

import costs
import decode_costs
from machine import Machine
from shape import Shape, round_up

WORKSPACE_LIMIT = 1 << 30
BUILT_IN = {  # policy/tile.hpp and recipe.hpp: rows, columns, shared
    "prefill": (64, 128, 4), "prefill_converted": (64, 192, 4), "prefill_bytes": (64, 384, 4),
    "gradient": (64, 64, 1), "gradient_converted": (64, 192, 2),
}
BUILT_IN_SPLIT = 1024
TILE_NAME = re.compile(r"(flash|gradient)/(\d+)x(\d+)x(\d+)/(\d+)x(\d+)")
SPLIT_NAME = re.compile(r"split/(\d+)")
PART_NAMES = {
    "products": "products", "exp": "exp and sums", "scores": "storing scores", "sums": "reading and writing sums",
    "mask": "masking", "caches": "waiting for caches", "pack": "packing queries and output", "calls": "calls",
    "staging": "converting K and V", "reading": "reading K and V", "arithmetic": "arithmetic",
    "parts": "parts and merging", "idle": "idle threads",
}


def is_foreign(name):
    return name.startswith("provider:")


def built_in(shape):
    """The tile or split that recipe::BuiltIn has for a case."""
    if shape.op == "incre":
        return BUILT_IN_SPLIT
    if shape.op == "bwd":
        return costs.Tile(*BUILT_IN["gradient" if shape.dtype == "f32" else "gradient_converted"], (0, 0))
    element = shape.dtype if shape.op == "fwd" else shape.cache
    key = {"f32": "prefill", "i8": "prefill_bytes"}.get(element, "prefill_converted")
    return costs.Tile(*BUILT_IN[key], (0, 0))


def choice(shape, name):
    """-> a costs.Tile, the keys of a decode part, or None of a foreign kernel"""
    if is_foreign(name):
        return None
    if name == "builtin":
        return built_in(shape)
    if match := TILE_NAME.fullmatch(name):
        rows, columns, shared, block_rows, vecs = map(int, match.groups()[1:])
        return costs.Tile(rows, columns, shared, (block_rows, vecs))
    if match := SPLIT_NAME.fullmatch(name):
        return int(match.group(1))
    raise ValueError(f"`{name}` is no candidate: builtin, flash/64x128x4/4x4, gradient/..., split/1024, provider:NAME")


def in_effect(shape, machine, chosen):
    """What of a choice makes a difference for this case: equal ones run the same kernel on the same tiles."""
    if isinstance(chosen, int):
        return min(chosen, shape.kv_len)
    price = costs.Costs(shape, machine, chosen)
    keys = min(chosen.columns, round_up(shape.kv_len, 8))
    rows = chosen.rows if chosen.rows < shape.q_len else price.lanes(shape.q_len)
    blocks = [(price.rows_of(vecs), vecs) for vecs, _ in price.groups(machine.vectors(rows), price.vecs)]
    wanted = chosen.block if chosen.block != (0, 0) else machine.own_block
    return rows, keys, price.together, tuple(blocks), wanted if shape.op == "bwd" else None


def size(number):
    """A number of bytes in words."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if number >= factor:
            value = number / factor
            return f"{value:.0f} {unit}" if value >= 10 or value == int(value) else f"{value:.1f} {unit}"
    return f"{number:.0f} B"


# ---- why a candidate need not be timed


def reject_tile(shape, machine, tile, price):
    rows, vecs = price.block
    needed = rows * vecs + vecs + (1 if rows * vecs + vecs + 1 <= machine.registers else 0)
    if needed > machine.registers:
        return (f"a block of {rows} x {vecs} needs {rows * vecs + vecs} registers beside the broadcast,"
                f" {machine.isa} has {machine.registers}")
    if tile.columns >= shape.kv_len + 64:
        return f"{tile.columns} columns, but only {shape.kv_len} keys: a narrower tile does the same"
    lanes = price.lanes(shape.q_len)
    if tile.rows > shape.q_len and lanes > round_up(shape.q_len, 16):
        return f"{tile.rows} rows are far more than {shape.q_len} queries: {lanes} lanes would be calculated"
    scores = price.tile_parts()["s"]
    if scores > machine.sizes["l2"]:
        return f"the S tile of {size(scores)} is larger than L2 ({size(machine.sizes['l2'])})"
    workspace = price.tile_bytes() * shape.threads
    if workspace > WORKSPACE_LIMIT:
        return f"the workspace of {size(workspace)} is over the limit of {size(WORKSPACE_LIMIT)}"
    return None


def reject_split(shape, work):
    if work.split >= 2 * shape.kv_len:
        return f"parts of {work.split} keys, but only {shape.kv_len} keys: a shorter part is the same one part"
    tasks = work.heads * work.parts
    if work.parts == 1 and tasks < shape.threads:
        return f"one part for each of {work.heads} heads leaves {shape.threads - tasks} of {shape.threads} threads idle"
    return None


# ---- what a candidate costs


def describe_parts(cost):
    """The two largest parts beside the work itself, in percent."""
    total = sum(cost.values())
    aside = sorted(((seconds / total, part) for part, seconds in cost.items() if part not in ("products", "reading")),
                   reverse=True)
    words = [f"{PART_NAMES[part]} {100 * share:.0f} %" for share, part in aside[:3] if share > 0.005]
    return ", ".join(words) + " of the time" if words else "nothing beside the work itself"


def tile_notes(shape, machine, tile, price, cost, vain):
    rows, vecs = price.block
    parts, resident = price.tile_parts(), price.tile_bytes()
    level = next((label for label, room in (("L1", "l1d"), ("L2", "l2"), ("L3", "l3"))
                  if resident <= machine.sizes[room]), "memory")
    tiles = ", ".join(f"{part.upper()} {size(parts[part])}" for part in "skvqo")
    notes = [f"{tiles}: {size(resident)} in all, which {level} holds", describe_parts(cost)]
    if rows * vecs < costs.CHAINS:
        notes.append(f"{rows * vecs} sums at a time are too few to hide the latency of multiply-adds")
    if rows + vecs > rows * vecs:
        notes.append(f"{rows + vecs} loads for {rows * vecs} multiply-adds: loads set the pace")
    if vain > 0.02:
        notes.append(f"{100 * vain:.0f} % of the products are of lanes and keys that nobody sees")
    if tile.shared != price.together:
        notes.append("K and V are read where they lie, so query tiles share nothing")
    return notes


def evaluate_tile(shape, machine, tile):
    price = costs.Costs(shape, machine, tile)
    tasks = costs.of_group(price)
    cost = {}
    for task in tasks:
        costs.add(cost, task)
    groups = shape.batch * shape.kv_heads
    seconds = costs.on_threads([sum(task.values()) for task in tasks], groups, shape.threads)
    ideal = costs.ideal_seconds(price)
    least = shape.useful_flops() / machine.peaks[price.way.measure] / shape.threads
    if shape.op == "incre":
        least = decode_costs.Decode(shape, machine, BUILT_IN_SPLIT).roof_seconds()
    products, held = cost.get("products", 0) * groups, price.tile_bytes()
    rows, vecs = price.block
    return {
        "bytes": price.tile_parts(),
        "fits": {"l1": price.strip_bytes() <= machine.sizes["l1d"], "l2": held <= machine.sizes["l2"],
                 "l3": held <= machine.sizes["l3"]},
        "working_set": held,
        "strip": price.strip_bytes(),
        "traffic": price.traffic(),
        "registers": rows * vecs + vecs + 1,
        "fma_per_load": rows * vecs / (rows + vecs),
        "predicted_seconds": seconds,
        "predicted_share": least / seconds,
        "parts": cost,
        "reject": reject_tile(shape, machine, tile, price),
        "notes": tile_notes(shape, machine, tile, price, cost, max(0.0, 1 - ideal / products) if products else 0.0),
    }


def evaluate_split(shape, machine, split):
    work = decode_costs.Decode(shape, machine, split)
    cost = work.cost()
    seconds, parts = sum(cost.values()), work.part_bytes()
    held = sum(parts.values())
    notes = [f"{work.parts} {'part' if work.parts == 1 else 'parts'} of each of {work.heads} heads, "
             f"{size(parts['k'] + parts['v'])} of K and V each", describe_parts(cost)]
    return {
        "bytes": parts,
        "fits": {level: held <= machine.sizes[room] for level, room in (("l1", "l1d"), ("l2", "l2"), ("l3", "l3"))},
        "working_set": held,
        "traffic": shape.kv_bytes(),
        "registers": machine.registers,
        "fma_per_load": float(work.rows),
        "predicted_seconds": seconds,
        "predicted_share": work.roof_seconds() / seconds,
        "parts": cost,
        "reject": reject_split(shape, work),
        "notes": notes,
    }


def evaluate_foreign():
    return {"bytes": {}, "fits": {}, "working_set": None, "traffic": None, "registers": None, "fma_per_load": None,
            "predicted_seconds": None, "predicted_share": None, "parts": {}, "reject": None,
            "notes": ["a foreign kernel: what it does is not known here"]}


def evaluate(case, name, describe):
    shape, machine = Shape(case), Machine(describe)
    chosen = choice(shape, name)
    if chosen is None:
        return evaluate_foreign()
    if isinstance(chosen, int):
        return evaluate_split(shape, machine, chosen)
    return evaluate_tile(shape, machine, chosen)


# ---- which candidates to time


def verdicts(case, names, describe):
    """name -> (model, why it need not be timed or None), of all that are not kept anyway"""
    shape, machine = Shape(case), Machine(describe)
    same = {}
    if "builtin" in names:
        same[in_effect(shape, machine, built_in(shape))] = "builtin"
    found = {}
    for name in names:
        model = evaluate(case, name, describe)
        why = model["reject"]
        if name != "builtin" and not is_foreign(name) and why is None:
            first = same.setdefault(in_effect(shape, machine, choice(shape, name)), name)
            if first != name:
                why = f"the same as {first} here"
        found[name] = (model, why)
    return found


def prune(case, names, describe, keep=12):
    """-> [{"name", "kept", "why", "model"}] in the order of `names`.  The `keep` candidates that the model likes best
    are kept, and `builtin` and foreign kernels always."""
    found = verdicts(case, names, describe)
    own = [name for name, (_, why) in found.items() if why is None and name != "builtin" and not is_foreign(name)]
    own.sort(key=lambda name: -found[name][0]["predicted_share"])
    best = found[own[0]][0]["predicted_share"] if own else 0

    def judge(name):
        model, why = found[name]
        if name == "builtin":
            return True, "the incumbent is always measured"
        if is_foreign(name):
            return True, "a foreign kernel is always measured"
        if why is not None:
            return False, why
        rank, share = own.index(name) + 1, model["predicted_share"]
        behind = "" if rank == 1 else f", {100 * (1 - share / best):.1f} % behind the first"
        return rank <= keep, f"number {rank} of {len(own)} by the model: {100 * share:.1f} %{behind}"

    result = []
    for name in names:
        kept, why = judge(name)
        result.append({"name": name, "kept": kept, "why": why, "model": found[name][0]})
    return result
