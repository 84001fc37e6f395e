// Compares a foreign result with a bundle, and says where and how it differs.
#pragma once

#include <array>
#include <optional>

#include "kit/bundle/bundle.hpp"
#include "kit/hint/hint.hpp"

namespace kit {

// The error contract (tests/support/contract.hpp, score_grad_contract.hpp, inference_contract.hpp, int8_tolerance.hpp)
// as one number for each element of each output.  Rows that see nothing: 0.  A softmax_sum is allowed what max +
// ln(sum) may be off at the golden maximum; an integer the distance to the farthest one within the contract.
Tolerances tolerances(const Question& question, const Answer& answer);

// Rows or columns: far beyond any kernel's, and few enough to pad a tile with.
inline constexpr index_t kMostTile = 1'000'000;

struct CheckOptions {
  TileSize tile;                 // of the foreign kernel, if its author tells it
  bool hints = true;             // look for the convention that explains a difference
  double factor = 1;             // tolerances times this
  std::string layout;            // of the foreign tensors with rows (out, d_query, ...), if not that of the case
  std::optional<double> poison;  // what unwritten elements were filled with; NaN is always looked for
};

// One element of an output, in the case's terms.  n is a kv head for d_key and d_value, whose rows are keys.
struct Place {
  index_t flat = 0, b = 0, n = 0, i = 0, d = 0;
};

struct OutputReport {
  std::string name;
  index_t elements = 0, failing = 0, unwritten = 0, rows = 0, failing_rows = 0;
  Place worst, first;                        // first: in the first failing row, in the order b, n, i
  double got = 0, want = 0, tolerance = 0;   // at the worst
  double largest = 0;                        // error over tolerance; infinite for NaN and for tolerance 0
  double max_abs = 0, nmse = 0, cosine = 1;  // over all finite elements
  std::array<index_t, 8> histogram{};  // failing rows by their error over tolerance: <2, <4, <16, <256, <2^16, <2^32,
                                       // finite, NaN or infinite
  std::string error;                   // shape or type that cannot be compared
  std::string where;                   // the failing rows in words: "rows 64-127 of every head"
  std::string elements_where;          // the failing elements within them, if not all: "elements 64-127 of 128"
  index_t poisoned = 0;                // of the unwritten elements, those that hold CheckOptions::poison
  bool may_leak = false;               // others are NaN, and so are some inputs: they need not be unwritten
  std::string unwritten_where;         // rows without any written element, in words
  std::string first_tile;              // of the first failing row: "row 70 is row 6 of query tile 1 (64 rows)"
  std::string note;                    // how the tensor was read, and what is odd about it

  bool pass() const { return error.empty() && failing == 0; }
};

struct Report {
  bool pass = false;
  std::string line;
  std::string error;     // of the bundle: nothing was compared
  std::string contract;  // a sentence
  std::vector<OutputReport> outputs;
  std::vector<Hint> hints;
  std::string no_hints;  // why none was looked for, though something is wrong
  TileSize tile;
};

// An element is right if it is NaN where the golden number is NaN, the same infinity, or a number within the tolerance;
// an f16 gradient that may overflow may be infinite.  A softmax_sum beside a softmax_max that is right is taken at the
// golden maximum.  Results may be F16, BF16, F32 or F64 (U16, I16: the bits of the case's 16-bit type), contiguous, in
// the case's layout or options.layout, with axes of one element more or less; statistics also with a last axis of 8
// copies.
Report check(const Bundle& bundle, const Results& results, const CheckOptions& options);
std::string text(const Report& report);  // what a person reads: verdict first
std::string json(const Report& report);

}  // namespace kit
