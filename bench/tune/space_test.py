"""The space of configurations: what a level contains, what is refused, what is written for the compiler."""

import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import space

SCRIPT = pathlib.Path(__file__).with_name("space.py")
PRODUCT = {"dtypes": ["f32"], "rows": [64], "columns": [128], "shared": [4]}


def one(product=PRODUCT, family="flash", **more):
    """-> a space whose level `it` has one product"""
    return {"lanes": {"avx512": 16, "plain": 1}, "own_block": {"avx512": [4, 4]},
            "levels": {"it": {family: [{**product, **more}]}}}


def names(found):
    return [space.name_of(c) for c in found]


class Shipped(unittest.TestCase):
    def test_levels_are_as_large_as_they_are_called(self):
        for isa in ("avx512", "avx2", "base", "plain"):
            sizes = [len(space.expand(space.load(), level, isa)) for level in ("smoke", "default", "max")]
            self.assertLess(sizes[0], 15)
            self.assertLess(3 * sizes[0], sizes[1])
            self.assertLess(3 * sizes[1], sizes[2])

    def test_no_tile_is_there_twice(self):
        for level in ("smoke", "default", "max"):
            found = space.expand(space.load(), level, "avx512")
            self.assertEqual(len(found), len(set(found)))

    def test_bytes_keep_their_key_block(self):
        for level in ("default", "max"):
            for c in space.expand(space.load(), level, "avx512"):
                if isinstance(c, space.Tile) and c.dtype == "i8":
                    self.assertEqual(c.columns, 384, "the roundings of int8 depend on it")


class Expansion(unittest.TestCase):
    def test_is_the_product(self):
        found = space.expand(one(dtypes=["f32", "f16"], columns=[64, 96], shared=[1, 2]), "it", "avx512")
        self.assertEqual(len(found), 8)
        self.assertEqual(names(found)[0], "flash/64x64x1/0x0")

    def test_blocks_are_those_of_the_instruction_set(self):
        product = one(blocks={"avx512": ["0x0", "8x2"]})
        self.assertEqual(names(space.expand(product, "it", "avx512")), ["flash/64x128x4/0x0", "flash/64x128x4/8x2"])
        self.assertEqual(names(space.expand(product, "it", "plain")), ["flash/64x128x4/0x0"])

    def test_what_is_the_same_or_does_not_fit_is_left_out(self):
        blocks = {"avx512": ["0x0", "4x4", "8x2", "6x4"]}
        self.assertEqual(names(space.expand(one(rows=[64], blocks=blocks), "it", "avx512")),
                         [f"flash/64x128x4/{block}" for block in ("0x0", "8x2", "6x4")])
        self.assertEqual(names(space.expand(one(rows=[32], blocks=blocks), "it", "avx512")), ["flash/32x128x4/0x0"])

    def test_errors(self):
        for broken, part in (
                (one(rows=[48]), "it, flash[0]: rows must be 16, 32 or 64"),
                (one(rows=[]), "\"rows\" must be a list of numbers"),
                (one(columns=[100]), "columns 100 must be a multiple of 8 from 8 to 1024"),
                (one(columns=["64"]), "columns '64' must be"),
                (one(columns=[True]), "columns True must be"),
                (one(shared=[17]), "shared 17 must be a multiple of 1 from 1 to 16"),
                (one(dtypes=["f64"]), "\"dtypes\" must be a list"),
                (one(dtypes=["i8"], family="gradient"), "\"dtypes\" must be a list"),
                (one(blocks={"avx512": ["8by2"]}), "the block '8by2' is not MRxNV"),
                (one(blocks={"avx512": ["8x3"]}), "the block 8x3 must be 0x0, or"),
                (one(blocks=["8x2"]), "\"blocks\" must be lists by instruction set"),
                (one(colums=[64]), "unknown key \"colums\""),
                (one(family="flush"), "the families are flash, gradient, split"),
                ({**one(), "levels": {"it": {"flash": ["x"]}}}, "a product must be an object"),
                ({**one(), "levels": {"it": {"split": [100]}}}, "split 100 must be a multiple of 256")):
            with self.subTest(part), self.assertRaises(space.SpaceError) as raised:
                space.expand(broken, "it", "avx512")
            self.assertIn(part, str(raised.exception))

    def test_unknown_level_and_instruction_set(self):
        with self.assertRaisesRegex(space.SpaceError, "no level \"most\": there are it"):
            space.expand(one(), "most", "avx512")
        with self.assertRaisesRegex(space.SpaceError, "no instruction set \"mmx\": there are avx512, plain"):
            space.expand(one(), "it", "mmx")


class Sources(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "units"

    def generate(self, given):
        return space.generate(space.expand(given, "it", "avx512"), "avx512", str(self.folder))

    def test_every_configuration_is_in_one_source(self):
        given = one(dtypes=["f32", "bf16"], columns=[64, 96, 128, 160, 192])
        given["levels"]["it"]["split"] = [512]
        paths = self.generate(given)
        text = "".join(pathlib.Path(path).read_text() for path in paths)
        self.assertEqual([os.path.basename(path) for path in paths],
                         ["flash_f32_0.cpp", "flash_f32_1.cpp", "flash_bf16_0.cpp", "flash_bf16_1.cpp", "split_0.cpp"])
        for columns in (64, 96, 128, 160, 192):
            self.assertEqual(text.count(f"glint::Tile<64, {columns}, 4, glint::RegisterBlock<0, 0>>"), 2)
            for element in ("float", "glint::bfloat16"):
                self.assertRegex(text, rf'add_flash<Recipe\d, {element}>\("flash/64x{columns}x4/0x0"\)')
        self.assertIn("decode_split = 512;", text)

    def test_only_what_changes_is_written(self):
        first, second = map(pathlib.Path, self.generate(one(dtypes=["f32", "f16"])))
        for path in (first, second):
            os.utime(path, (1000, 1000))
        changed = one(dtypes=["f32"])
        changed["levels"]["it"]["flash"].append({**PRODUCT, "dtypes": ["f16"], "columns": [256]})
        self.generate(changed)
        self.assertEqual(first.stat().st_mtime, 1000)
        self.assertNotEqual(second.stat().st_mtime, 1000)

    def test_what_is_no_longer_wanted_goes_and_nothing_else(self):
        self.generate(one(dtypes=["f32", "f16"]))
        (self.folder / "mine.cpp").write_text("")
        paths = self.generate(one(dtypes=["f32"]))
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"mine.cpp", *map(os.path.basename, paths)})


class Program(unittest.TestCase):
    def run_script(self, *words, text=None):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "space.json"
            if text is not None:
                path.write_text(text)
            which = [] if text is None else ["--space", str(path)]
            return subprocess.run([sys.executable, "-B", SCRIPT, *words, *which], capture_output=True, text=True,
                                  timeout=60)

    def test_list(self):
        done = self.run_script("--level", "it", "--isa", "plain", "--list", text=json.dumps(one()))
        self.assertEqual((done.returncode, done.stdout), (0, "f32 flash/64x128x4/0x0\n"))

    def test_bad_files(self):
        without = copy.deepcopy(one())
        del without["levels"]
        for text, part in (("{", "not JSON"), ("[]", "the object \"lanes\" is missing"),
                           (json.dumps(without), "the object \"levels\" is missing")):
            done = self.run_script("--level", "it", "--list", text=text)
            self.assertEqual(done.returncode, 2)
            self.assertIn(part, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        done = self.run_script("--level", "it", "--list", "--space", "/nowhere/space.json")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/space.json: No such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
