#!/usr/bin/env python3
"""What is concluded from results: the table of choices, reports."""

import csv
import pathlib
import shutil
import subprocess
import unittest

import export
import stats
import summary
import tuned_table
from errors import Usage
from test_support import BWD, FAKE, FWD, INCRE, FrontTest, results

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEST, SAME = "flash/64x64x1/4x4", "flash/64x192x4/4x4"


class ChoiceTest(unittest.TestCase):
    def chosen(self, records):
        return {(v.regime, v.dtype, v.head_dim): v.name for v in export.judge_all("avx512", records)}

    def expect(self, name, shares, **how):
        self.assertEqual(self.chosen(results(shares, **how)), {("prefill", "f32", 64): name})

    LONG, SHORT = FWD, "op=prompt dtype=f32 n=1 sq=32 d=40"

    def test_the_best_mean_of_a_class(self):
        for chosen, same_long, same_short in ((BEST, 0.55, 0.42), (SAME, 0.58, 0.45)):
            self.expect(chosen, {self.LONG: {"builtin": 0.5, BEST: 0.6, SAME: same_long},
                                 self.SHORT: {"builtin": 0.4, BEST: 0.4, SAME: same_short}})

    def test_a_gain_no_larger_than_the_control_s_is_none(self):
        control = "flash/64x128x4/0x0"
        for best, chosen in ((0.52, "builtin"), (0.56, "builtin"), (0.58, BEST)):
            self.expect(chosen, {FWD: {"builtin": 0.5, control: 0.53, BEST: best}})
        self.expect("builtin", {FWD: {"builtin": 0.5, control: 0.6}})  # the control itself is never a choice

    def test_nobody_may_lose_more_than_a_hundredth_anywhere(self):
        short = {"builtin": 0.4, BEST: 0.395}
        self.expect("builtin", {self.LONG: {"builtin": 0.5, BEST: 0.7}, self.SHORT: short})
        self.expect(SAME, {self.LONG: {"builtin": 0.5, BEST: 0.7, SAME: 0.52}, self.SHORT: {**short, SAME: 0.397}})

    def test_a_gain_must_be_a_hundredth_and_beyond_the_scatter(self):
        self.expect("builtin", {FWD: {"builtin": 0.5, BEST: 0.504}})
        self.expect(BEST, {FWD: {"builtin": 0.5, BEST: 0.506}}, spread=0.001)
        self.expect("builtin", {FWD: {"builtin": 0.5, BEST: 0.512}}, spread=0.02)

    def test_what_scatters_or_was_measured_rarely_is_never_chosen(self):
        records = results({FWD: {"builtin": 0.5, SAME: 0.55}}) + results({FWD: {BEST: 0.9}}, spread=0.1)
        self.assertEqual(set(self.chosen(records).values()), {SAME})
        records = results({FWD: {"builtin": 0.5, SAME: 0.55}}) + results({FWD: {BEST: 0.9}}, repetitions=2)
        self.assertEqual(set(self.chosen(records).values()), {SAME})
        self.expect("builtin", {FWD: {"builtin": 0.5, BEST: 0.9}}, spread=0.1)

    def test_what_was_not_measured_in_every_case_is_never_chosen(self):
        self.expect(SAME, {self.LONG: {"builtin": 0.5, BEST: 0.9, SAME: 0.55},
                           self.SHORT: {"builtin": 0.4, SAME: 0.41}})

    def test_what_is_wrong_anywhere_is_never_chosen(self):
        records = results({FWD: {"builtin": 0.5, BEST: 0.9, SAME: 0.55}})
        records.append({"kind": "check", "line": "another", "name": BEST, "ok": False, "error": {"code": "wrong"}})
        self.assertEqual(set(self.chosen(records).values()), {SAME})

    def test_foreign_kernels_and_other_kinds_are_no_choice(self):
        self.expect("builtin", {FWD: {"builtin": 0.5, "provider:mine": 0.9}})
        records = results({INCRE: {"builtin": 0.5, BEST: 0.9, "split/2048": 0.55}})
        self.assertEqual(self.chosen(records), {("decode", "f32", 64): "split/2048"})

    def test_int8_keeps_its_columns(self):
        line = "op=prompt dtype=i8 n=1 sq=512 d=64"
        records = results({line: {"builtin": 0.5, "flash/64x192x4/0x0": 0.9, "flash/32x384x4/0x0": 0.6}})
        self.assertEqual(self.chosen(records), {("prefill", "i8", 64): "flash/32x384x4/0x0"})

    def test_cold_caches_decide_nothing(self):
        records = results({FWD: {"builtin": 0.5, BEST: 0.9}})
        self.assertEqual(self.chosen([{**each, "cache": "cold"} for each in records]), {})


class RowsTest(unittest.TestCase):
    def rows(self, *shares_of_head_dims):
        shares = {f"op=fwd dtype=f32 n=1 sq=512 d={head_dim}": {"builtin": 0.5, BEST: share}
                  for head_dim, share in shares_of_head_dims}
        verdicts = export.judge_all("avx512", results(shares))
        return [(row.head_dim, tuned_table.candidate(row)) for row in export.all_rows(verdicts)]

    BUILT_IN = "flash/64x128x4/0x0"

    def test_a_choice_ends_with_its_class_and_begins_there(self):
        self.assertEqual(self.rows((64, 0.6)), [(64, BEST)])
        self.assertEqual(self.rows((128, 0.6)), [(64, self.BUILT_IN), (128, BEST)])
        self.assertEqual(self.rows((64, 0.6), (80, 0.6)), [(64, BEST), (128, BEST)])
        self.assertEqual(self.rows((64, 0.6), (128, 0.5), (192, 0.6), (576, 0.5)),
                         [(64, BEST), (128, self.BUILT_IN), (256, BEST)])

    def test_where_nothing_is_faster_the_table_changes_nothing(self):
        self.assertEqual(self.rows((64, 0.5), (128, 0.5)), [(64, self.BUILT_IN)])


class DraftsTest(unittest.TestCase):
    TILE, OTHER = "flash/64x128x4/0x0", "flash/32x128x4/0x0"

    def rows(self, faster, prefill=None, split=0.5):
        """faster: {rows: is decode's kernel faster?}"""
        shares = {f"op=incre dtype=f32 n=1 sq={rows} skv=4096 d=64":
                  {"builtin": 0.5, "split/2048": split, self.TILE: 0.4 if won else 0.7, self.OTHER: 0.45}
                  for rows, won in faster.items()}
        shares.update(prefill or {})
        found = export.all_rows(export.judge_all("avx512", results(shares)))
        return [(row.choice, row.draft_rows) for row in found if row.regime == "decode"]

    def test_how_many_rows_are_decode_s(self):
        for faster, expected in (({1: 1, 4: 1, 8: 1, 16: 0}, 0), ({1: 1, 4: 1, 8: 1, 16: 1, 32: 0}, 16), ({1: 1}, 0),
                                 ({1: 1, 4: 0, 8: 1}, 1), ({1: 1, 2: 1, 4: 1, 8: 0, 16: 1}, 4), ({4: 1, 32: 0}, 0),
                                 ({1: 1, 4: 1, 32: 1}, 32)):
            self.assertEqual(self.rows(faster), [(1024, expected)], faster)

    def test_it_is_measured_against_the_tile_that_is_chosen(self):
        prefill = {FWD: {"builtin": 0.5, self.OTHER: 0.6}}
        self.assertEqual(self.rows({1: 1, 4: 0, 8: 0}, prefill), [])  # OTHER is slower than decode's kernel

    def test_calls_of_many_rows_do_not_choose_the_parts(self):
        self.assertEqual(self.rows({1: 1, 8: 1}, split=0.6), [(2048, 0)])
        shares = {"op=incre dtype=f32 n=1 sq=32 skv=4096 d=64": {"builtin": 0.5, "split/2048": 0.1, self.TILE: 0.7},
                  INCRE: {"builtin": 0.5, "split/2048": 0.6, self.TILE: 0.4}}
        rows = export.all_rows(export.judge_all("avx512", results(shares)))
        self.assertEqual([(row.choice, row.draft_rows) for row in rows], [(2048, 0)])


class FileTest(FrontTest):
    MACHINE = tuned_table.Machine("imagined", "AuthenticAMD", 25, 17)
    ROWS = [tuned_table.Row("decode", "avx512", "f16", 128, 2048),
            tuned_table.Row("prefill", "avx512", "f32", 64, (64, 64, 1, (4, 4)), "+3.0 %"),
            tuned_table.Row("prefill", "avx512", "bf16", 64, (32, 192, 4, (0, 0))),
            tuned_table.Row("decode", "avx512", "i8", 96, 512, draft_rows=4)]

    def write(self, notes=()):
        file = self.path / "glint_tuned.hpp"
        tuned_table.write(file, tuned_table.render(self.MACHINE, self.ROWS, notes), False)
        return file

    def test_what_is_written_is_read(self):
        machine, rows = tuned_table.read(self.write())
        self.assertEqual(machine, self.MACHINE)
        self.assertEqual([row._replace(comment="") for row in rows], [row._replace(comment="") for row in self.ROWS])

    def test_the_compiler_takes_it(self):
        compiler = shutil.which("c++") or shutil.which("clang++")
        if not compiler:
            self.skipTest("no C++ compiler")
        file = self.write(notes=["a note that ends in \\", "two\nlines", "*/ \u00e9"])
        source = self.path / "use.cpp"
        source.write_text('#include "glint/simd/tuning.hpp"\n'
                          "using glint::tuned::kRows;\n"
                          "static_assert(kRows.size() == 4 && kRows[3].draft_rows == 4);\n"
                          "static_assert(kRows[0].decode_split == 2048);\n"
                          "static_assert(kRows[1].tile.columns == 64 && kRows[1].block.vecs == 4);\n")
        done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                               "-I", str(ROOT / "include"), f'-DGLINT_TUNING_FILE="{file}"', str(source)],
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_names_that_are_no_names(self):
        for bad in ('x"; system("', "a b", "", "x" * 65, "line\n"):
            with self.assertRaisesRegex(Usage, "cannot stand in a table"):
                tuned_table.render(self.MACHINE._replace(name=bad), self.ROWS, [])

    def test_a_table_for_any_cpu_has_no_vendor(self):
        self.assertIn('.vendor = "",', tuned_table.render(self.MACHINE._replace(vendor=""), self.ROWS, []))

    def test_bad_tables_name_their_line(self):
        file = self.write()
        text = file.read_text()
        for old, new, message in ((".head_dim = 128", ".head_dim = many", r":\d+: no row"),
                                  ("f16", "f17", r":\d+: no row"),
                                  (".decode_split = 2048", ".tile = {1, 2, 3}", r":\d+: no row"),
                                  (tuned_table.MARK, "// Mine", "not written by"),
                                  ("kMachine", "machine", "no machine")):
            file.write_text(text.replace(old, new))
            with self.assertRaisesRegex(Usage, message):
                tuned_table.read(file)

    def test_files_of_others_are_not_overwritten(self):
        self.sweep("--no-prune", "--repetitions", 3)
        mine = self.path / "mine.hpp"
        mine.write_text("// precious\n")
        _, err = self.glint_tune("export", self.out, "-o", mine, status=2)
        self.assertIn("--force", err)
        self.assertEqual(mine.read_text(), "// precious\n")
        self.glint_tune("export", self.out, "-o", mine, "--force")
        self.glint_tune("export", self.out, "-o", mine)  # its own it may
        _, err = self.glint_tune("export", self.out, "-o", self.path / "none" / "x.hpp", status=2)
        self.assertIn("No such file", err)


class RoundTripTest(FrontTest):
    """Sweep, export, verify."""

    def test_a_table_is_as_good_as_it_says(self):
        shares = {"builtin": 0.5, BEST: 0.55, "split/2048": 0.6}
        self.tell(shares=shares)
        self.sweep("--no-prune", "--repetitions", 3, lines=(FWD, BWD, INCRE))
        table = self.path / "t.hpp"
        out, _ = self.glint_tune("export", self.out, "-o", table, "--name", "amd_zen4")
        self.assertIn(f"c++ -DGLINT_TUNING_FILE='\"{table}\"', or cmake -DGLINT_TUNING_FILE={table}\n", out)
        self.assertRegex(out, rf"prefill +avx512 +f32 +<= 64 +1 +{BEST} +\+10\.\d %")
        self.assertRegex(out, r"gradient +avx512 +f32 +<= 64 +1 +builtin")
        for part in ('.name = "amd_zen4"', "Imagined, 2 CPUs, ISA avx512, g++ 12.2.0, flags: -O2", "// glint ",
                     "+10.0 % over the built-in choice, +10.0 % in the worst case of 1"):
            self.assertIn(part, table.read_text())
        words = ["verify", table, "--worker", FAKE] + [word for line in (FWD, BWD, INCRE) for word in ("--case", line)]
        out, _ = self.glint_tune(*words)
        self.assertRegex(out, rf"fwd .* {BEST} +1\.(09|10)\d .* 5  ok")
        self.assertIn("2 measured, 0 below 0.98, 0 not measured, 1 cases as built in", out)
        self.tell(shares={**shares, BEST: 0.485})
        out, _ = self.glint_tune(*words, status=1)
        self.assertRegex(out, rf"fwd .* {BEST} +0\.97\d .* SLOWER")
        self.assertRegex(out, r"incre .* ok")

    def test_a_table_that_cannot_be_verified(self):
        table = self.path / "t.hpp"
        rows = [tuned_table.Row("prefill", "avx512", "f32", 64, (64, 512, 1, (4, 4)))]
        table.write_text(tuned_table.render(FileTest.MACHINE, rows, []))
        words = ["verify", table, "--worker", FAKE, "--case", FWD]
        out, err = self.glint_tune(*words, status=1)
        self.assertIn("no_candidate", err)
        table.write_text(tuned_table.render(FileTest.MACHINE._replace(model=1), rows, []))
        _, err = self.glint_tune(*words, status=2)
        self.assertIn("another CPU", err)

    def test_a_row_that_is_as_built_in_needs_no_candidate(self):
        table = self.path / "t.hpp"
        rows = [tuned_table.Row("prefill", "avx512", "f32", 64, (64, 128, 4, (0, 0)))]
        table.write_text(tuned_table.render(FileTest.MACHINE, rows, []))
        out, _ = self.glint_tune("verify", table, "--worker", FAKE, "--case", FWD)
        self.assertIn("0 measured, 0 below 0.98, 0 not measured, 1 cases as built in", out)

    def test_files_of_two_machines_make_no_table(self):
        self.sweep("--repetitions", 3)
        first, self.out = self.out, self.path / "second.jsonl"
        self.tell(describe={"compiler": "clang++"})
        self.sweep("--repetitions", 3)
        _, err = self.glint_tune("export", first, self.out, "-o", self.path / "t.hpp", status=2)
        self.assertIn("do not belong together: compiler", err)
        self.out.unlink()
        self.tell(describe={"isa": "avx2"}, shares={BEST: 0.6})  # two instruction sets of one machine are one table
        self.sweep("--repetitions", 3)
        self.glint_tune("export", first, self.out, "-o", self.path / "t.hpp")
        self.assertIn("Isa::avx2", (self.path / "t.hpp").read_text())


class ReportTest(FrontTest):
    def test_csv(self):
        self.tell(shares={BEST: 0.6}, noise={SAME: 0.5})
        self.sweep("--no-prune", "--repetitions", 3)
        sheet = self.path / "results.csv"
        self.glint_tune("report", self.out, "--csv", sheet)
        with open(sheet, newline="", encoding="utf-8") as file:
            rows = {row["candidate"]: row for row in csv.DictReader(file)}
        self.assertEqual(len(rows), 5)
        self.assertAlmostEqual(float(rows[BEST]["over_builtin"]), 1.2, delta=0.01)
        self.assertEqual((rows[SAME]["noisy"], rows[BEST]["noisy"]), ("True", "False"))
        self.assertGreater(float(rows[BEST]["predicted_share"]), 0)

    def test_two_instruction_sets_are_two_reports(self):
        self.sweep("--repetitions", 1)
        first, self.out = self.out, self.path / "second.jsonl"
        self.tell(describe={"isa": "avx2"})
        self.sweep("--repetitions", 1)
        _, err = self.glint_tune("report", first, self.out, status=2)
        self.assertIn("isa was 'avx512', is 'avx2'", err)
        self.glint_tune("report", first, first)

    def test_page_and_pictures(self):
        """With or without matplotlib."""
        self.sweep("--no-prune", "--repetitions", 3, lines=(FWD, INCRE))
        page, folder = self.path / "page.html", self.path / "pictures" / "of this"
        out, _ = self.glint_tune("report", self.out, "--html", page, "--pictures", folder)
        for line in (FWD, INCRE):
            self.assertIn(line, page.read_text())
        self.assertTrue(list(folder.glob("*.svg")) or "matplotlib is not installed" in out)
        picture = self.path / "both.svg"
        out, _ = self.glint_tune("compare", self.out, self.out, "--picture", picture)
        self.assertTrue(picture.exists() or "no picture" in out)
        _, err = self.glint_tune("report", self.out, "--html", self.path / "none" / "page.html", status=2)
        self.assertIn("No such file or directory", err)

    def test_the_report_names_the_best_and_ranks_the_model(self):
        self.tell(shares={"builtin": 0.5, BEST: 0.6})
        self.sweep("--no-prune", "--repetitions", 3)
        out, _ = self.glint_tune("report", self.out)
        self.assertRegex(out, rf"fwd f32 B1 N2 S256 D64 +warm +{BEST} +(60.0|59.9|60.1) % +0.\d % +"
                              r"(50.\d|49.9) % +0.\d % +1\.(19|20)\d +5")
        self.assertRegex(out, r"Spearman(?s:.*)fwd f32 B1 N2 S256 D64 +-?[01]\.\d\d")
        self.assertIn("Imagined, 2 CPUs, ISA avx512", out)

    def test_the_steady_win_over_the_fast_and_noisy_unless_they_are_far_slower(self):
        for noisy, best in ((0.55, SAME), (0.9, BEST)):
            records = results({FWD: {"builtin": 0.5, SAME: 0.52}}) + results({FWD: {BEST: noisy}}, spread=0.2)
            rows = summary.by_case(stats.summarize(records))[FWD, "warm"]
            self.assertEqual(summary.best_of(rows)[0], best)


if __name__ == "__main__":
    unittest.main()
