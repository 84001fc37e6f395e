#!/usr/bin/env python3
"""Pictures: what is in them, that they are the same each time, and what happens where there is nothing to draw."""

import contextlib
import io
import pathlib
import re
import sys
import tempfile
import unittest
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "testdata"))

import pictures  # noqa: E402
import sample  # noqa: E402
from outcome import Nothing, Outcome  # noqa: E402

CAUSAL = "op=fwd dtype=f32 n=8 nkv=2 sq=1024 d=128 mode=3"
SHORT = "op=fwd dtype=bf16 b=8 n=12 sq=128 d=64"
GRADIENT = "op=bwd dtype=f32 n=8 sq=1024 d=64"
DECODE = [f"op=incre dtype=f32 n=32 nkv=8 sq=1 skv={keys} d=128" for keys in (128, 512, 2048)]
LENGTHS = [f"op=fwd dtype=f32 n=4 sq={keys} d=64" for keys in (64, 512)]
LINES = [CAUSAL, SHORT, GRADIENT] + DECODE + LENGTHS


def texts(svg):
    """All that can be read in an SVG, the parts of a line joined."""
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter()
            if node.tag.endswith("}text")]


@unittest.skipIf(pictures.charts is None, pictures.WITHOUT)
class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.records = sample.records(LINES)
        cls.drawn, cls.skipped = pictures.draw(cls.records)

    def picture(self, start):
        return next(svg for key, (_, svg) in self.drawn.items() if key.startswith(start))

    def said(self, start):
        return " | ".join(texts(self.picture(start)))

    def test_there_is_one_of_each(self):
        kinds = [re.match("[a-z]+", key).group() for key in self.drawn]
        self.assertEqual({kind: kinds.count(kind) for kind in kinds},
                         {"case": len(LINES) - 1, "roofline": 1, "crossover": 2, "model": 1})
        self.assertEqual(len(self.skipped), 1)  # of 128 keys there is only one sensible part
        self.assertIn("skv=128 d=128, warm: fewer than two sizes of parts were measured", self.skipped[0])

    def test_parts_of_decode(self):
        said = self.said("case-06")
        for shown in ("best parts of", "% of the roof", "unfused, best of 1", "flash, best of 1", "built-in choice"):
            self.assertIn(shown, said)

    def test_a_heat_map_shows_each_tile_and_marks_two(self):
        said = self.said("case-01")
        self.assertIn("N8/2 S1024 D128", said)
        numbers = Outcome(self.records).rows[CAUSAL, "warm"]
        built_in = max(numbers[name]["median_share"] for name in numbers
                       if name == "builtin" or name.startswith("flash/64x128x"))
        for shown in (f"{100 * built_in:.1f}", "224 KB", "not timed", "best", "built-in choice",
                      "tiles and L2 (1 MB): always fits", "keys of a tile (Bc)",
                      "micro-kernel's strip and L1 (32 KB): ends at the line"):
            self.assertIn(shown, said.replace(" | timed", " timed"), shown)

    def test_a_small_cache_draws_its_line(self):
        small = {**sample.DESCRIBE, "machine": {**sample.DESCRIBE["machine"], "l2": 256 << 10}}
        drawn, _ = pictures.draw(sample.records([CAUSAL], small))
        said = " | ".join(texts(drawn["case-01-" + words(CAUSAL)][1]))
        self.assertIn("tiles and L2 (256 KB): ends at the line", said)

    def test_the_roofline_has_all_ceilings(self):
        said = self.said("roofline")
        for shown in ("f32 multiply-adds, 117 GFLOP/s", "bf16 dot products, 234", "int8 dot products", "L1 220 GB/s",
                      "L2 105", "L3 50", "memory 29", "forward", "gradient", "decode",
                      f"the best candidate of each case, {len(LINES)} in all"):
            self.assertIn(shown, said)

    def test_a_crossover_marks_the_switch(self):
        said = self.said("crossover-1")
        switch = re.search(r"unfused is the fastest, split-KV from S (\d+) on", said)
        self.assertIsNotNone(switch, said)
        self.assertTrue(128 < int(switch.group(1)) < 512)

    def test_switches_lie_where_lines_cross(self):
        lengths = {100: {"unfused": 1.0, "flash": 2.0}, 400: {"unfused": 8.0, "flash": 4.0}}
        ((at, first, then),) = pictures.charts.switches(lengths)
        self.assertEqual((first, then), ("unfused", "flash"))
        self.assertAlmostEqual(at, 200)
        self.assertEqual(pictures.charts.switches({100: {"flash": 1}, 200: {"flash": 2}}), [])

    def test_the_models_correlation_is_in_its_title(self):
        outcome = Outcome(self.records)
        values = sorted(outcome.correlation(line) for line in LINES if outcome.correlation(line) is not None)
        self.assertIn(f"Spearman within a case {values[len(values) // 2]:.2f}", self.said("model"))
        self.assertGreater(values[0], 0.6)  # the sample was made from the model

    def test_the_same_records_give_the_same_bytes(self):
        records = sample.records([CAUSAL])
        self.assertEqual(pictures.draw(records), pictures.draw(records))

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            paths = pictures.draw_all(self.records, folder, kind="png")
            self.assertEqual(len(paths), len(self.drawn))
            for path in paths:
                data = pathlib.Path(path).read_bytes()
                self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
                width, height = (int.from_bytes(data[at:at + 4], "big") for at in (16, 20))
                self.assertTrue(500 < width < 2000 and 300 < height < 2000, (path, width, height))
                self.assertGreater(len(data), 8000)
        self.assertEqual(said.getvalue().splitlines(), self.skipped)

    def test_what_is_missing_is_said(self):
        bare = {key: value for key, value in sample.DESCRIBE.items() if key != "probes"}
        for records in (sample.records([]), sample.records([SHORT], keep=0), sample.records([SHORT], bare),
                        [{key: value for key, value in record.items() if key not in ("useful_flops", "bytes")}
                         for record in sample.records([SHORT])]):
            drawn, skipped = pictures.draw(records)
            self.assertTrue(skipped)
            self.assertTrue(all(sentence.startswith("no picture of ") and ": " in sentence for sentence in skipped))

    def test_a_crossover_bears_numbers_that_scatter(self):
        drawn, skipped = pictures.draw(sample.records(DECODE, noise=0.3))
        self.assertFalse(any("crossover" in sentence for sentence in skipped))
        self.assertTrue(any(key.startswith("crossover") for key in drawn))

    def test_names_of_files_are_tame(self):
        line = "op=fwd dtype=f32 n=4 sq=64 d=64 layout=../../<x>\"'" + "y" * 300
        records = sample.records(LENGTHS[:1])
        for record in records:
            if "line" in record:
                record["line"] = line
        drawn, _ = pictures.draw(records)
        for key in drawn:
            self.assertRegex(key, r"^[A-Za-z0-9-]{1,120}$")


def words(line):
    return re.sub(r"[^A-Za-z0-9]+", "-", line) + "-warm"


@unittest.skipIf(pictures.charts is None, pictures.WITHOUT)
class BeforeAndAfter(unittest.TestCase):
    def draw(self, before, after, name="picture.svg"):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            path = pathlib.Path(folder) / name
            done = pictures.draw_before_after(before, after, str(path))
            return done, path.read_bytes() if path.exists() else b"", said.getvalue()

    def test_change_is_written_at_the_bars(self):
        before, after = (sample.records([SHORT], factor=factor, noise=1e-4) for factor in (1, 0.9))
        done, svg, _ = self.draw(before, after)
        self.assertTrue(done)
        said = texts(svg)
        self.assertGreater(sum(text == "-10.0 %" for text in said), 6, said)
        self.assertIn("Before and after", " ".join(said))

    def test_whiskers(self):
        self.assertEqual(pictures.charts.half_interval([0.5]), 0)
        self.assertEqual(pictures.charts.half_interval([0.5, 0.5, 0.5]), 0)
        half = pictures.charts.half_interval([0.4, 0.5, 0.6, 0.5, 0.5])
        self.assertAlmostEqual(half, 2.776 * 0.0707107 / 5**0.5, places=2)

    def test_only_what_changed_most_is_drawn(self):
        done, svg, _ = self.draw(sample.records(LINES), sample.records(LINES, factor=0.97, noise=0.01))
        self.assertIn("that changed most", " ".join(texts(svg)))

    def test_png(self):
        _, data, _ = self.draw(sample.records([SHORT]), sample.records([SHORT]), "picture.png")
        self.assertEqual(data[:4], b"\x89PNG")

    def test_hostile_words_are_no_formula(self):
        records = sample.records([SHORT])
        for record in records:
            if "name" in record:
                record["name"] += "$\\frac{$\0<"
        done, svg, _ = self.draw(records, records)
        self.assertTrue(done)
        self.assertIn("$\\frac{$ <", " ".join(texts(svg)))

    def test_nothing_in_common(self):
        done, data, said = self.draw(sample.records([SHORT]), sample.records([CAUSAL]))
        self.assertEqual((done, data), (False, b""))
        self.assertIn("no measurement in common", said)


class Outcomes(unittest.TestCase):
    def test_algorithms(self):
        from outcome import algorithm
        self.assertEqual([algorithm(*pair) for pair in (("provider:x", "fwd"), ("builtin", "fwd"), ("builtin", "incre"),
                                                        ("split/512", "incre"), ("flash/64x128x4/4x4", "incre"))],
                         ["unfused", "flash", "split-KV", "split-KV", "flash"])

    def test_failed_candidates_have_no_numbers(self):
        records = sample.records([SHORT])
        records.append({"kind": "error", "line": SHORT, "name": "builtin",
                        "error": {"code": "crashed", "message": "x"}})
        self.assertNotIn((SHORT, "builtin", "warm"), Outcome(records).numbers)

    def test_nothing_is_an_exception_with_a_reason(self):
        self.assertEqual(str(Nothing("why")), "why")


if __name__ == "__main__":
    unittest.main()
