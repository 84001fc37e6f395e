#!/usr/bin/env python3
"""The page: every case, every candidate, nothing unescaped, nothing from elsewhere."""

import pathlib
import re
import sys
import tempfile
import unittest
from html.parser import HTMLParser

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "testdata"))

import page  # noqa: E402
import pictures  # noqa: E402
import sample  # noqa: E402

LINES = ["op=fwd dtype=f32 n=8 nkv=2 sq=1024 d=128 mode=3", "op=bwd dtype=f32 n=8 sq=1024 d=64",
         "op=incre dtype=f32 n=32 nkv=8 sq=1 skv=2048 d=128"]
HOSTILE = "</style><script>alert('\"&<b>$\\frac{$\0\n"
ALONE = {"meta", "br", "path", "use", "rect", "circle", "line"}  # elements without an end


class Reader(HTMLParser):
    """The text, the elements, the names and what is linked; unbalanced elements are an error."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags, self.names, self.links, self.open = [], [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for key, value in attributes:
            if key == "id":
                self.names.append(value)
            if key in ("href", "xlink:href", "src"):
                self.links.append(value)
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ALONE:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in ALONE:
            return
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def written(records):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "page.html"
        page.write(records, str(path))
        return path.read_text(encoding="utf-8")


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.records = sample.records(LINES)
        cls.records.append({"kind": "check", "line": LINES[0], "name": "provider:bad", "ok": False,
                            "error": {"code": "wrong", "message": "row 3 is 0.5, not 0.25"}})
        cls.records.append({"kind": "error", "line": "op=fwd nonsense", "name": None,
                            "error": {"code": "bad_case", "message": "no key nonsense"}})
        cls.html = written(cls.records)
        cls.reader = Reader(cls.html)
        cls.said = " ".join(" ".join(cls.reader.text).split())

    def test_every_case_has_a_section_and_a_link(self):
        self.assertEqual(self.reader.tags.count("section"), len(LINES))
        for number, line in enumerate(LINES, 1):
            self.assertIn(line, self.said)
            self.assertIn(f"case-{number}", self.reader.names)
            self.assertIn(f"#case-{number}", self.reader.links)

    def test_every_candidate_has_a_reason_and_the_models_words(self):
        for record in self.records:
            for each in record.get("candidates", []):
                self.assertIn(each["name"], self.said)
                for words in [each["why"]] + each["model"]["notes"]:
                    self.assertIn(" ".join(words.split()), self.said)

    def test_the_table_has_the_numbers(self):
        outcome = page.Outcome(self.records)
        for line in LINES:
            name, best = outcome.best(line)
            ratio = best["median_share"] / outcome.rows[line, "warm"]["builtin"]["median_share"]
            row = next(row for row in re.findall(r"<tr>.*</tr>", self.html) if f"case-{outcome.number(line)}" in row)
            for shown in (name, f"{100 * best['median_share']:.1f} %", f"{ratio:.3f}"):
                self.assertIn(f">{shown}<", row)

    def test_what_failed_is_told(self):
        for shown in ("provider:bad", "wrong", "row 3 is 0.5, not 0.25", "op=fwd nonsense", "no key nonsense"):
            self.assertIn(shown, self.said)

    def test_machine_probes_and_commands(self):
        for shown in ("AMD EPYC (family 25, model 17)", "L2 1 MB", "g++ 12.2.0", "-O2 -DNDEBUG", "117.0 GFLOP/s",
                      "29.0 GB/s", "abc1234", "glint-tune run --workload"):
            self.assertIn(shown, self.said)

    def test_it_needs_nothing_else(self):
        self.assertFalse({"script", "link", "img", "iframe"} & set(self.reader.tags))
        self.assertTrue(all(link.startswith("#") for link in self.reader.links), self.reader.links[:5])
        self.assertNotRegex(self.html, r"url\((?!#)")

    def test_names_are_unique_and_links_lead_somewhere(self):
        self.assertEqual(len(self.reader.names), len(set(self.reader.names)))
        self.assertFalse({link[1:] for link in self.reader.links} - set(self.reader.names))
        self.assertFalse(set(re.findall(r"url\(#([^)]*)\)", self.html)) - set(self.reader.names))

    def test_light_dark_and_paper(self):
        self.assertIn("prefers-color-scheme: dark", self.html)
        self.assertIn("@media print", self.html)

    @unittest.skipIf(pictures.charts is None, pictures.WITHOUT)
    def test_pictures(self):
        self.assertEqual(self.reader.tags.count("svg"), 3 + 1 + 1)  # three cases, roofline, model
        self.assertIn("Spearman within a case", self.said)

    def test_the_same_records_give_the_same_page(self):
        self.assertEqual(written(self.records), self.html)


class Odd(unittest.TestCase):
    def test_hostile_words_are_escaped(self):
        for line in (LINES[0], LINES[2]):
            self.check_hostile(line)

    def check_hostile(self, line):
        describe = {**sample.DESCRIBE, "compiler": HOSTILE, "flags": HOSTILE, "level": HOSTILE,
                    "machine": {**sample.DESCRIBE["machine"], "cpu_model": HOSTILE, HOSTILE: HOSTILE}}
        records = sample.records([line], describe)
        for record in records:
            if "line" in record:
                record["line"] = HOSTILE
            for each in record.get("candidates", []):
                each["why"], each["model"]["notes"] = HOSTILE, [HOSTILE]
            if record["kind"] == "case":
                record["case"] = {**record["case"], "layout": HOSTILE, "cache": "f32"}
            if record["kind"] == "run":
                record["git"] = record["started"] = HOSTILE
        records += [{"kind": "check", "line": HOSTILE, "name": "provider:" + HOSTILE, "ok": False,
                     "error": {"code": HOSTILE, "message": HOSTILE}},
                    {"kind": "error", "line": HOSTILE + "2", "name": None,
                     "error": {"code": HOSTILE, "message": HOSTILE}}]
        html = written(records)
        reader = Reader(html)
        self.assertFalse({"script", "b"} & set(reader.tags))
        self.assertEqual(reader.tags.count("style"), 1 + len(re.findall("<svg", html)))
        self.assertNotIn("<script", html)
        self.assertIn("alert(&#x27;&quot;&amp;&lt;b&gt;", html)

    def test_little_is_enough(self):
        bare = {key: value for key, value in sample.DESCRIBE.items() if key != "probes"}
        for records in (sample.records([]), sample.records(LINES[:1], bare, repetitions=0),
                        sample.records(LINES[:1], keep=0)):
            for record in records:
                for each in record.get("candidates", []):
                    each.pop("model")
            Reader(written(records))

    def test_noisy_numbers_are_struck_out(self):
        html = written(sample.records(LINES[1:2], noise=0.4))
        self.assertIn("<span class=refused", html)
        self.assertIn("Refused because they scatter by more than 5 %: ", html)


if __name__ == "__main__":
    unittest.main()
