// glint-ref: golden bundles, and what is wrong with a kernel that differs from them.
#include <cstdio>
#include <fstream>
#include <new>

#include "kit/cli/options.hpp"
#include "kit/cli/sets.hpp"
#include "kit/explain/explain.hpp"

namespace kit::cli {

namespace {

constexpr const char* kHelp = R"(glint-ref: a reference for authors of attention kernels

  make LINE... [-o FILE] [--probabilities]        the bundle of a case line: inputs, answers, tolerances
  make --lines FILE -o DIR                        one for each line of a file
  make --set small|large -o DIR                   one of the sets that come with glint
  make --drawn N [--op OP] [--seed S] -o DIR      N random cases with all parameters
  draw OP [--seed S] [--number N] [--count N]     random case lines; OP: fwd, bwd, prompt, incre
  check BUNDLE RESULT...                          compares a result and says why it differs.  RESULT: a .safetensors or
                                                  .npz with tensors named out, lse, d_query, ..., or name=FILE.npy
  check BUNDLE --so KERNEL.so                     runs a kernel (bench/tune/provider/provider.h) and compares
        [--tile ROWS,COLUMNS]                     the kernel's tile, so that the report can say which one is wrong
        [--layout LAYOUT]                         of the result's out, if not that of the case
        [--factor X]                              tolerances times X
        [--poison X]                              what unwritten numbers were filled with, besides NaN
        [--no-hints] [--json]
  explain WORDS... [--svg FILE]                   what parameters mean: glint-ref explain sparse_mode=4 pre=3 next=-1 sq=6 skv=10
  show BUNDLE                                     what a bundle holds
  export BUNDLE DIR|FILE.npz                      for those who read .npy

Exit status: 0 if all is well, 1 if a result differs, 2 for errors.
)";

int fail(const std::string& error) {
  std::fprintf(stderr, "glint-ref: %s\n", error.c_str());
  return 2;
}

std::string joined(const std::vector<std::string>& words, std::size_t from = 0) {
  std::string line;
  for (std::size_t at = from; at < words.size(); ++at) line += (line.empty() ? "" : " ") + words[at];
  return line;
}

// What is asked for besides a line: exactly one.
std::string entries_of(const Words& words, std::vector<Entry>& entries) {
  if (int{words.has("--lines")} + int{words.has("--set")} + int{words.has("--drawn")} > 1)
    return "make takes only one of --lines, --set and --drawn";
  if (words.has("--lines")) return read_lines(words.value("--lines"), entries);
  if (words.has("--set")) {
    const std::string set = words.value("--set");
    if (set != "small" && set != "large") return "--set is small or large";
    return read_lines(std::string(GLINT_GOLDEN) + "/" + set + ".txt", entries);
  }
  std::uint64_t count = 0, seed = 1;
  if (!read_number(words.value("--drawn"), 10'000'000, count) || count == 0)
    return "--drawn needs a whole number from 1 to 10000000";
  if (!read_number(words.value("--seed", "1"), ~std::uint64_t{0}, seed)) return "--seed needs a whole number";
  return draw_lines(words.value("--op", "all"), seed, count, entries);
}

int run_make(const std::vector<std::string>& arguments) {
  const Words words =
      parse_words(arguments, {"-o", "--lines", "--set", "--drawn", "--op", "--seed"}, {"--probabilities"});
  if (!words.error.empty()) return fail(words.error);
  const MakeOptions options{words.has("--probabilities")};
  const std::string target = words.value("-o");
  const bool many = words.has("--lines") || words.has("--set") || words.has("--drawn");
  if (many == !words.plain.empty()) return fail("make needs a case line, or --lines, --set or --drawn");
  if (!words.has("--drawn") && (words.has("--op") || words.has("--seed")))
    return fail("--op and --seed belong to --drawn; a case line says op= and seed=");
  std::string error;
  if (many) {
    if (target.empty()) return fail("many bundles need a folder: -o DIR");
    std::vector<Entry> entries;
    error = entries_of(words, entries);
    if (error.empty()) error = make_all(entries, target, options);
  } else {
    error = make(joined(words.plain), target.empty() ? "case.safetensors" : target, options);
    if (error.empty()) std::printf("%s\n", target.empty() ? "case.safetensors" : target.c_str());
  }
  return error.empty() ? 0 : fail(error);
}

int run_draw(const std::vector<std::string>& arguments) {
  const Words words = parse_words(arguments, {"--seed", "--number", "--count"}, {});
  if (!words.error.empty()) return fail(words.error);
  if (words.plain.size() != 1) return fail("draw needs one operator: fwd, bwd, prompt or incre");
  std::uint64_t seed = 1, number = 0, count = 1;
  if (!read_number(words.value("--seed", "1"), ~std::uint64_t{0}, seed) ||
      !read_number(words.value("--number", "0"), 1'000'000'000, number) ||
      !read_number(words.value("--count", "1"), 1'000'000'000, count))
    return fail("--seed, --number and --count need whole numbers");
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string error;
    const std::string line = draw_line(words.plain[0], seed, number + i, error);
    if (!error.empty()) return fail(error);
    std::puts(line.c_str());
  }
  return 0;
}

std::string check_options(const Words& words, CheckOptions& options) {
  options.hints = !words.has("--no-hints");
  options.layout = words.value("--layout");
  if (words.has("--factor") && (!read_decimal(words.value("--factor"), options.factor) || options.factor < 0))
    return "--factor needs a number of at least 0";
  double poison = 0;
  if (words.has("--poison")) {
    if (!read_decimal(words.value("--poison"), poison)) return "--poison needs a number";
    options.poison = poison;
  }
  if (!words.has("--tile")) return {};
  const std::string tile = words.value("--tile");
  const std::size_t comma = std::min(tile.find(','), tile.size());
  std::uint64_t rows = 0, columns = 0;
  constexpr auto most = static_cast<std::uint64_t>(kMostTile);
  const bool numbers = comma < tile.size() && read_number(tile.substr(0, comma), most, rows) &&
                       read_number(tile.substr(comma + 1), most, columns);
  if (!numbers || rows == 0 || columns == 0) return "--tile needs two numbers: query rows and keys, as in 64,128";
  options.tile = {static_cast<index_t>(rows), static_cast<index_t>(columns)};
  return {};
}

int run_check(const std::vector<std::string>& arguments) {
  const Words words =
      parse_words(arguments, {"--so", "--tile", "--layout", "--factor", "--poison"}, {"--no-hints", "--json"});
  if (!words.error.empty()) return fail(words.error);
  CheckOptions options;
  if (std::string error = check_options(words, options); !error.empty()) return fail(error);
  if (words.plain.empty()) return fail("check needs a bundle");
  const std::vector<std::string> results(words.plain.begin() + 1, words.plain.end());
  if (results.empty() == !words.has("--so")) return fail("check needs the files of a result, or --so KERNEL.so");
  const Checked checked = words.has("--so") ? check_library(words.plain[0], words.value("--so"), options)
                                            : check_files(words.plain[0], results, options);
  if (!checked.error.empty()) return fail(checked.error);
  std::fputs(words.has("--json") ? checked.json.c_str() : checked.text.c_str(), stdout);
  return checked.pass ? 0 : 1;
}

int run_explain(const std::vector<std::string>& arguments) {
  const Words words = parse_words(arguments, {"--svg"}, {});
  if (!words.error.empty()) return fail(words.error);
  const Explained explained = explain(joined(words.plain));
  if (!explained.error.empty()) return fail(explained.error);
  std::fputs(explained.text.c_str(), stdout);
  if (!words.has("--svg")) return 0;
  std::ofstream file(words.value("--svg"));
  file << explained.svg;
  file.close();
  return file ? 0 : fail(words.value("--svg") + ": cannot be written");
}

int run_show(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return fail("show needs one bundle");
  std::string error;
  const std::string text = show(arguments[0], error);
  if (!error.empty()) return fail(error);
  std::fputs(text.c_str(), stdout);
  return 0;
}

int run_export(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) return fail("export needs a bundle and a folder, or a name that ends in .npz");
  const std::string error = export_bundle(arguments[0], arguments[1]);
  return error.empty() ? 0 : fail(error);
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] == "-h" || arguments[0] == "--help" || arguments[0] == "help") {
    std::fputs(kHelp, stdout);
    return arguments.empty() ? 2 : 0;
  }
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (rest.size() == 1 && (rest[0] == "-h" || rest[0] == "--help")) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (arguments[0] == "make") return run_make(rest);
  if (arguments[0] == "draw") return run_draw(rest);
  if (arguments[0] == "check") return run_check(rest);
  if (arguments[0] == "explain") return run_explain(rest);
  if (arguments[0] == "show") return run_show(rest);
  if (arguments[0] == "export") return run_export(rest);
  return fail("unknown command '" + arguments[0] + "'; see glint-ref --help");
}

}  // namespace
}  // namespace kit::cli

int main(int count, char** arguments) {
  try {
    return kit::cli::run({arguments + 1, arguments + count});
  } catch (const std::bad_alloc&) {  // a legal line or bundle may need more than the machine has
    return kit::cli::fail("the case is too large for this machine's memory");
  } catch (const std::exception& problem) {
    return kit::cli::fail(problem.what());
  }
}
