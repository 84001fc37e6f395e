#!/usr/bin/env python3
"""The cache model: numbers worked out by hand, laws, reasons, and whether it ranks measured tiles as they came out."""

import json
import pathlib
import re
import unittest

import costs
import drafts
import model
from machine import Machine, spilled
from shape import Box, Shape

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = HERE.parents[1] / "include" / "glint"

ZEN4 = {
    "isa": "avx512", "bf16_dot": True, "int8_dot": True,
    "machine": {"vendor": "AuthenticAMD", "l1d": 32 << 10, "l2": 1 << 20, "l3": 32 << 20},
    "probes": {"fma": 117e9, "bf16_dot": 234e9, "int8_dot": 468e9,
               "l1": 220e9, "l2": 105e9, "l3": 50e9, "memory": 29e9},
}
AVX2 = {**ZEN4, "isa": "avx2", "bf16_dot": False, "int8_dot": False,
        "probes": {key: value for key, value in ZEN4["probes"].items() if "dot" not in key}}
LONG = {"op": "fwd", "dtype": "f32", "n": 16, "sq": 4096, "d": 128}
CAUSAL = {"op": "fwd", "dtype": "f32", "n": 8, "nkv": 2, "sq": 1000, "d": 128, "mode": 3}
SHORT = {"op": "fwd", "dtype": "f32", "b": 8, "n": 12, "sq": 128, "d": 64}
GRADIENT = {"op": "bwd", "dtype": "bf16", "n": 8, "sq": 1024, "d": 64, "mode": 3}
DECODE = {"op": "incre", "dtype": "f32", "n": 32, "nkv": 8, "sq": 1, "skv": 4096, "d": 128}
BYTES = {"op": "prompt", "dtype": "i8", "n": 8, "sq": 1024, "d": 128}
ALL = {"flash/64x128x4/4x4": [LONG, CAUSAL, SHORT, BYTES, {**LONG, "dtype": "bf16"}],
       "gradient/64x64x1/4x4": [GRADIENT, {**GRADIENT, "dtype": "f32"}],
       "split/1024": [DECODE, {**DECODE, "cache": "i8"}, {**DECODE, "threads": 4}]}


def with_machine(describe, **sizes):
    return {**describe, "machine": {**describe["machine"], **sizes}}


def with_probes(describe, **probes):
    return {**describe, "probes": {**describe["probes"], **probes}}


def share(case, name, describe=ZEN4):
    return model.evaluate(case, name, describe)["predicted_share"]


class Numbers(unittest.TestCase):
    def test_tiles_of_floats(self):
        found = model.evaluate(LONG, "flash/64x128x4/4x4", ZEN4)
        self.assertEqual(found["bytes"], {"q": 32768, "k": 65536, "v": 65536, "s": 32768, "o": 32768})
        self.assertEqual(found["working_set"], 224 << 10)
        self.assertEqual(found["fits"], {"l1": False, "l2": True, "l3": True})
        self.assertEqual((found["registers"], found["fma_per_load"]), (21, 2.0))

    def test_tiles_of_pairs_are_half_as_large_and_shared(self):
        found = model.evaluate({**LONG, "dtype": "bf16"}, "flash/64x192x4/4x4", ZEN4)
        self.assertEqual(found["bytes"], {"q": 16384, "k": 49152, "v": 49152, "s": 49152, "o": 32768})
        self.assertEqual(found["working_set"], (4 * (16 + 32) + 3 * 48) << 10)

    def test_16_bits_in_float_arithmetic_are_kept_as_floats(self):
        found = model.evaluate({**LONG, "dtype": "bf16", "precise": 1}, "flash/64x128x4/4x4", ZEN4)
        self.assertEqual(found["bytes"]["k"], 65536)

    def test_traffic(self):
        once = 4 * 128 * 64 * 4  # q, o, k and v of a head
        for dtype, name, wanted in (("f32", "flash/64x128x1/4x4", 1.5 * once),
                                    ("f32", "flash/32x128x1/0x0", 2.5 * once),
                                    ("bf16", "flash/64x128x2/4x4", 0.5 * once),
                                    ("bf16", "flash/64x128x1/4x4", 0.75 * once)):
            with self.subTest(dtype=dtype, name=name):
                case = {**SHORT, "b": 1, "n": 1, "dtype": dtype}
                self.assertEqual(model.evaluate(case, name, ZEN4)["traffic"], wanted)

    def test_pairs_are_counted_exactly(self):
        for fields, wanted in (({}, 12 * 20), ({"mode": 3}, sum(range(9, 21))), ({"mode": 2}, sum(range(1, 13))),
                               ({"mode": 4, "pre": 2, "next": 1}, 11 * 4 + 3)):
            with self.subTest(fields=fields):
                shape = Shape({"op": "fwd", "dtype": "f32", "n": 1, "sq": 12, "skv": 20, "d": 8, **fields})
                self.assertEqual(shape.pairs, wanted)
                seen = [(q, k) for q in range(12) for k in range(20) if shape.sees(q)[0] <= k < shape.sees(q)[1]]
                self.assertEqual(len(seen), wanted)

    def test_boxes_cover_what_is_seen(self):
        for fields in ({}, {"mode": 3}, {"mode": 2, "skv": 700}, {"mode": 4, "pre": 100, "next": 50}):
            for rows, columns in ((64, 128), (32, 72), (64, 1024)):
                shape = Shape({**CAUSAL, **fields})
                for tile in shape.query_tiles(rows):
                    boxes = shape.boxes(tile, columns)
                    span = shape.span(tile)
                    self.assertEqual(sum(box.keys * times for box, times in boxes.items()), span[1] - span[0])

    def test_a_partial_box(self):
        shape = Shape({"op": "fwd", "dtype": "f32", "n": 1, "sq": 64, "d": 8, "mode": 3})
        self.assertEqual(dict(shape.boxes((0, 64), 64)), {Box(64, 64, ((0, 16), (0, 32), (0, 48), (0, 64))): 1})
        price = costs.Costs(shape, Machine(ZEN4), costs.Tile(64, 64, 1, (4, 4)))
        (box,) = shape.boxes((0, 64), 64)
        self.assertEqual(price.strips(box), [(16, 4), (16, 3), (16, 2), (16, 1)])

    def test_register_blocks_of_a_product(self):
        self.assertEqual(costs.blocks_of(64, 12), [(12, 5), (4, 1)])
        self.assertEqual(costs.blocks_of(67, 4), [(4, 16), (2, 1), (1, 1)])
        price = costs.Costs(Shape(SHORT), Machine(ZEN4), costs.Tile(32, 64, 1, (4, 4)))
        self.assertEqual(price.block, (8, 2))  # 32 rows are two vectors
        self.assertEqual(price.lanes(17), 32)
        for rows, vectors, wanted in ((8, 2, 16), (2, 2, 8), (8, 1, 9)):  # the last two wait for sums and loads
            slots = price.product(rows, vectors, 100, 256)[0] / price.machine.slot
            self.assertAlmostEqual(slots, 100 * wanted + costs.BLOCK + rows * vectors)

    def test_what_spills(self):
        self.assertEqual([spilled(size, 1000) for size in (0, 750, 1125, 1500, 9999)], [0, 0, 0.5, 1, 1])


class Laws(unittest.TestCase):
    def each(self):
        for name, cases in ALL.items():
            for case in cases:
                yield case, name, model.evaluate(case, name, ZEN4)

    def test_shares_are_shares(self):
        for case, name, found in self.each():
            with self.subTest(case=case, name=name):
                self.assertTrue(0 < found["predicted_share"] < 1)
                self.assertTrue(all(seconds >= 0 for seconds in found["parts"].values()))
                json.dumps(found, allow_nan=False)

    def test_a_larger_cache_is_never_slower(self):
        for case, name, found in self.each():
            for level in ("l1d", "l2", "l3"):
                before = None
                for size in (8 << 10, 48 << 10, 300 << 10, 2 << 20, 64 << 20):
                    seconds = model.evaluate(case, name, with_machine(ZEN4, **{level: size}))["predicted_seconds"]
                    self.assertTrue(before is None or seconds <= before * (1 + 1e-12), (case, name, level, size))
                    before = seconds

    def test_more_bandwidth_is_never_slower(self):
        for case, name, found in self.each():
            for level in ("l2", "l3", "memory"):
                faster = with_probes(ZEN4, **{level: 1.2 * ZEN4["probes"][level]})
                self.assertLessEqual(model.evaluate(case, name, faster)["predicted_seconds"],
                                     found["predicted_seconds"] * (1 + 1e-12), (case, name, level))

    def test_a_faster_core_is_never_slower(self):
        faster = with_probes(ZEN4, fma=150e9, bf16_dot=300e9, int8_dot=600e9)
        for case, name, found in self.each():
            self.assertLess(model.evaluate(case, name, faster)["predicted_seconds"], found["predicted_seconds"])

    def test_batches_take_as_many_times_as_long(self):
        for case, name, found in self.each():
            if case.get("threads", 1) > 1 or case["op"] == "incre":
                continue
            twice = model.evaluate({**case, "b": 2 * case.get("b", 1)}, name, ZEN4)
            self.assertAlmostEqual(twice["predicted_seconds"] / found["predicted_seconds"], 2)

    def test_threads_share_the_work(self):
        for case, name in ((LONG, "flash/64x128x4/4x4"), (CAUSAL, "flash/64x128x4/4x4"), (DECODE, "split/512")):
            one = model.evaluate(case, name, ZEN4)["predicted_seconds"]
            two = model.evaluate({**case, "threads": 2}, name, ZEN4)["predicted_seconds"]
            self.assertTrue(0.49 < two / one < 0.75, (name, two / one))

    def test_the_exponential_weighs_double_beside_dot_products(self):
        def weight(dtype):
            parts = model.evaluate({**LONG, "dtype": dtype}, "flash/64x192x4/4x4", ZEN4)["parts"]
            return parts["exp"] / sum(parts.values())
        self.assertGreater(weight("bf16"), 1.6 * weight("f16"))

    def test_the_gradient_takes_pairs_of_whole_vectors_only(self):
        case = {**GRADIENT, "n": 4, "mode": 0}
        self.assertLess(share({**case, "d": 80}, "builtin"), 0.6 * share({**case, "d": 96}, "builtin"))
        forward = {**case, "op": "fwd"}
        self.assertGreater(share({**forward, "d": 80}, "builtin"), 0.9 * share(forward, "builtin"))

    def test_lanes_without_a_query_and_keys_in_vain_cost(self):
        self.assertLess(share({**LONG, "sq": 65, "skv": 4096}, "flash/64x128x1/4x4"),
                        share({**LONG, "sq": 64, "skv": 4096}, "flash/64x128x1/4x4"))
        self.assertLess(share(CAUSAL, "flash/64x384x1/4x4"), share(CAUSAL, "flash/64x128x1/4x4"))
        self.assertLess(share(CAUSAL, "flash/64x128x1/4x4"), share({**CAUSAL, "mode": 0}, "flash/64x128x1/4x4"))

    def test_sharing_pays_where_keys_are_converted_and_only_there(self):
        half = {**LONG, "dtype": "bf16"}
        self.assertLess(share(half, "flash/64x192x1/4x4"), share(half, "flash/64x192x4/4x4"))
        self.assertEqual(share(LONG, "flash/64x192x1/4x4"), share(LONG, "flash/64x192x4/4x4"))
        self.assertLess(share({**LONG, "op": "prompt", "block": 16}, "flash/64x192x1/4x4"),
                        share({**LONG, "op": "prompt", "block": 16}, "flash/64x192x4/4x4"))

    def test_small_register_blocks_wait(self):
        self.assertLess(share(LONG, "flash/64x128x1/1x4"), 0.6 * share(LONG, "flash/64x128x1/4x4"))
        self.assertLess(share({**LONG}, "flash/64x128x1/8x1"), share(LONG, "flash/64x128x1/4x4"))  # 9 loads for 8

    def test_short_parts_and_idle_threads_cost(self):
        self.assertLess(share(DECODE, "split/256"), share(DECODE, "split/2048"))
        one = {**DECODE, "n": 4, "nkv": 1, "threads": 2}
        self.assertLess(share(one, "split/4096"), 0.8 * share(one, "split/1024"))

    def test_memory_sets_the_pace_of_decode(self):
        wide = with_probes(ZEN4, memory=60e9)
        big = {**DECODE, "b": 4}  # far more than the third level holds
        self.assertLess(model.evaluate(big, "split/1024", wide)["predicted_seconds"],
                        0.85 * model.evaluate(big, "split/1024", ZEN4)["predicted_seconds"])

    def test_other_instruction_sets(self):
        self.assertEqual(model.evaluate(LONG, "builtin", AVX2)["registers"], 15)  # 6 x 2
        for isa in ("base", "plain"):
            self.assertGreater(share(LONG, "builtin", {**AVX2, "isa": isa}), 0.2)
        arm = {**with_machine(AVX2, vendor="ARM"), "isa": "base"}
        self.assertEqual(model.evaluate(LONG, "builtin", arm)["registers"], 21)

    def test_missing_probes_are_guessed(self):
        bare = {"isa": "avx512", "machine": {}, "probes": {"fma": 1e11}}
        self.assertTrue(0.5 < share(LONG, "builtin", bare) < 1)


class Reasons(unittest.TestCase):
    def why(self, case, name, describe=ZEN4):
        return model.evaluate(case, name, describe)["reject"]

    def test_none_for_what_is_sound(self):
        for name, cases in ALL.items():
            for case in cases:
                self.assertIsNone(self.why(case, name), (case, name))

    def test_registers(self):
        self.assertEqual(self.why(LONG, "flash/64x128x4/8x4"),
                         "a block of 8 x 4 needs 36 registers beside the broadcast, avx512 has 32")
        self.assertIsNone(self.why(LONG, "flash/64x128x4/7x4"))  # 28 and 4; the broadcast comes from memory
        self.assertIsNone(self.why(LONG, "flash/64x128x4/6x4"))
        self.assertIn("avx2 has 16", self.why(LONG, "flash/64x128x4/8x2", AVX2))

    def test_columns(self):
        self.assertEqual(self.why(SHORT, "flash/64x192x4/4x4"),
                         "192 columns, but only 128 keys: a narrower tile does the same")
        self.assertIsNone(self.why(SHORT, "flash/64x128x4/4x4"))
        self.assertIsNone(self.why({**SHORT, "sq": 197}, "flash/64x256x4/4x4"))

    def test_rows(self):
        few = {**LONG, "sq": 1, "skv": 4096}
        self.assertEqual(self.why(few, "flash/32x128x4/4x4"),
                         "32 rows are far more than 1 queries: 32 lanes would be calculated")
        self.assertIsNone(self.why(few, "flash/64x128x4/4x4"))  # whose narrowest group of lanes is one vector

    def test_scores_beyond_the_second_level(self):
        small = with_machine(ZEN4, l2=128 << 10)
        self.assertEqual(self.why(LONG, "flash/64x1024x4/4x4", small),
                         "the S tile of 256 KB is larger than L2 (128 KB)")

    def test_workspace(self):
        many = {**LONG, "dtype": "bf16", "threads": 2000}
        self.assertIn("is over the limit of 1 GB", self.why(many, "flash/64x384x16/4x4"))

    def test_parts(self):
        self.assertEqual(self.why(DECODE, "split/8192"),
                         "parts of 8192 keys, but only 4096 keys: a shorter part is the same one part")
        self.assertIsNone(self.why(DECODE, "split/4096"))
        self.assertEqual(self.why({**DECODE, "n": 4, "nkv": 1, "threads": 4}, "split/4096"),
                         "one part for each of 1 heads leaves 3 of 4 threads idle")

    def test_too_few_sums_is_a_note(self):
        found = model.evaluate(LONG, "flash/64x128x4/1x4", ZEN4)
        self.assertIsNone(found["reject"])
        self.assertIn("4 sums at a time are too few to hide the latency of multiply-adds", found["notes"])

    def test_notes_explain(self):
        first, second, *rest = model.evaluate(CAUSAL, "flash/64x128x4/4x4", ZEN4)["notes"]
        self.assertEqual(first, "S 32 KB, K 64 KB, V 64 KB, Q 32 KB, O 32 KB: 224 KB in all, which L2 holds")
        self.assertRegex(second, r"exp and sums \d+ %.* of the time")
        self.assertTrue(any("nobody sees" in note for note in rest))
        self.assertTrue(any("read where they lie" in note for note in rest))

    def test_unknown_names_are_errors(self):
        for name in ("flash", "flash/64x128", "split/", "flash/64x128x4/4x4/1", "Builtin", ""):
            with self.assertRaisesRegex(ValueError, "is no candidate"):
                model.evaluate(LONG, name, ZEN4)


class Pruning(unittest.TestCase):
    NAMES = ["flash/64x96x4/4x4", "flash/32x64x4/0x0", "flash/64x128x4/0x0", "flash/64x128x1/4x4", "builtin",
             "flash/64x128x4/8x4", "flash/64x256x4/12x2", "provider:eigen", "flash/64x192x1/6x4"]

    def verdicts(self, case=LONG, names=None, **how):
        found = model.prune(case, names or self.NAMES, ZEN4, **how)
        self.assertEqual([each["name"] for each in found], names or self.NAMES)
        return {each["name"]: each for each in found}

    def test_builtin_and_foreign_kernels_are_always_kept(self):
        for keep in (0, 1, 12):
            found = self.verdicts(keep=keep)
            self.assertTrue(found["builtin"]["kept"] and found["provider:eigen"]["kept"])
            self.assertEqual(sum(each["kept"] for each in found.values()), 2 + min(keep, 4))

    def test_the_same_kernel_is_timed_once(self):
        found = self.verdicts()
        for name in ("flash/64x128x4/0x0", "flash/64x128x1/4x4"):
            self.assertEqual((found[name]["kept"], found[name]["why"]), (False, "the same as builtin here"))
        names = ["flash/64x128x4/8x2", "flash/64x128x1/8x2", "flash/64x128x2/4x4"]
        self.assertEqual([each["kept"] for each in self.verdicts(names=names).values()], [True, False, True])
        half = self.verdicts({**LONG, "dtype": "bf16"}, names)
        self.assertEqual([each["kept"] for each in half.values()], [True, True, True])

    def test_the_best_by_the_model_are_kept(self):
        found = self.verdicts(keep=2)
        own = [each for each in found.values() if "by the model" in each["why"]]
        kept = [each["model"]["predicted_share"] for each in own if each["kept"]]
        self.assertGreaterEqual(min(kept), max(each["model"]["predicted_share"] for each in own if not each["kept"]))
        self.assertTrue(any(each["why"].startswith("number 1 of 4 by the model: ") for each in own))

    def test_rejected_is_not_kept(self):
        self.assertIn("needs 36 registers", self.verdicts()["flash/64x128x4/8x4"]["why"])
        self.assertFalse(self.verdicts()["flash/64x128x4/8x4"]["kept"])

    def test_parts_that_hold_all_keys_are_one(self):
        short = {**DECODE, "skv": 512}
        found = self.verdicts(short, ["builtin", "split/256", "split/512", "split/1024"])
        self.assertEqual([each["kept"] for each in found.values()], [True, True, False, False])

    def test_no_candidates(self):
        self.assertEqual(model.prune(LONG, [], ZEN4), [])


class Source(unittest.TestCase):
    """The kernels' own constants are written down twice; here they are compared."""

    def text(self, path):
        return (KERNELS / path).read_text()

    def test_built_in_tiles(self):
        tiles = re.findall(r"using (\w+) = Tile<(\d+), (\d+)(?:, (\d+))?>;", self.text("policy/tile.hpp"))
        found = {re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower(): (int(rows), int(columns), int(shared or 1))
                 for name, rows, columns, shared in tiles}
        self.assertEqual(found, model.BUILT_IN)

    def test_built_in_split(self):
        self.assertIn(f"index_t decode_split = {model.BUILT_IN_SPLIT};", self.text("policy/recipe.hpp"))

    def test_the_built_in_number_of_draft_rows(self):
        self.assertIn(f"index_t kDraftRows = {drafts.BUILT_IN};", self.text("dispatch/fused_infer_attention_score.hpp"))

    def test_chains_and_strips(self):
        self.assertIn(f"kChain = {costs.CHAIN};", self.text("kernel/softmax_tile-inl.hpp"))
        self.assertIn(f"kStrip = {costs.STRIP};", self.text("kernel/products-inl.hpp"))

    def test_register_blocks(self):
        blocks = re.findall(r"kMR = (\d+), kNV = (\d+);", self.text("simd/microkernel-inl.hpp"))
        self.assertEqual([tuple(map(int, block)) for block in blocks], [(4, 4), (2, 16), (6, 2)])


if __name__ == "__main__":
    unittest.main()
