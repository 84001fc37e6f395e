#include "tune/worker/oracle.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "glint/reference/attention.hpp"

namespace bench::tune {
namespace {

// The error allowed to a number, as a share of the largest number of its row; support/answer.hpp has the same figures.
// Where bytes are multiplied, the error of the row as a vector, as a share of its length.
double allowed_share(DType type) {
  if (type == DType::i8) return 0.1;
  return type == DType::f32 ? 1e-4 : type == DType::f16 ? 5e-3 : 4e-2;
}

std::string shown(double number) {
  if (std::isnan(number)) return "nan";
  char text[32];
  std::snprintf(text, sizeof text, "%.7g", number);
  return text;
}

// row_of(row, numbers) fills the numbers of a row.
template <class RowOf>
glint::reference::Array matrix(index_t rows, index_t dim, const RowOf& row_of) {
  glint::reference::Array m({1, 1, rows, dim});
  std::vector<double> numbers(static_cast<std::size_t>(dim));
  for (index_t r = 0; r < rows; ++r) {
    row_of(r, numbers);
    std::copy(numbers.begin(), numbers.end(), m.data.begin() + r * dim);
  }
  return m;
}

void compare_block(const Rows& in, const Case& c, const RowBlock& block, Finding& finding) {
  namespace ref = glint::reference;
  ref::AttentionCase spec;
  spec.layout = "BNSD";
  spec.scale = 1 / std::sqrt(static_cast<double>(c.d));
  const index_t kv_head = block.head / (c.n / c.nkv);
  spec.query =
      matrix(block.count, c.d, [&](index_t r, auto& row) { in.q_row(block.batch, block.head, block.first + r, row); });
  spec.key = matrix(c.skv, c.d, [&](index_t r, auto& row) { in.k_row(block.batch, kv_head, r, row); });
  spec.value = matrix(c.skv, c.dv, [&](index_t r, auto& row) { in.v_row(block.batch, kv_head, r, row); });
  // A band counts from the lower right corner, and these rows have another than all rows (mode 2: than the upper left).
  const index_t moved = block.first + block.count - (c.mode == 2 ? c.skv : c.sq);
  const bool triangle = c.mode == 2 || c.mode == 3 || (c.op == Op::incre && c.sq > 1);
  spec.sparse_mode = 4;
  spec.implied_mask = true;
  spec.pre_tokens = (c.mode == 4 ? c.pre : 2 * kAllTokens) - moved;
  spec.next_tokens = (triangle ? 0 : c.mode == 4 ? c.next : 2 * kAllTokens) + moved;
  const ref::AttentionResult exact = ref::attention(spec);
  std::vector<double> got(static_cast<std::size_t>(c.dv)), want(got.size());
  for (index_t r = 0; r < block.count; ++r) {
    in.out_row(block.batch, block.head, block.first + r, got);
    std::copy_n(exact.out.data.begin() + r * c.dv, c.dv, want.begin());
    compare_row({"attention_out", block.batch, block.head, block.first + r}, got, want, {c.dtype}, finding);
  }
}

}  // namespace

void compare_row(const RowPlace& at, const std::vector<double>& got, const std::vector<double>& want,
                 Allowance allowance, Finding& finding) {
  const DType type = allowance.type;
  double largest = allowance.least_size, squares = 0, errors = 0, worst = -1;
  std::size_t column = 0;
  for (std::size_t d = 0; d < want.size(); ++d) {
    double error = std::abs(got[d] - want[d]);
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
    if (error > worst) worst = error, column = d;
    largest = std::max(largest, std::abs(want[d]));
    squares += want[d] * want[d];
    errors += error * error;
  }
  const double error = type == DType::i8 ? std::sqrt(errors) : worst;
  const double scale = allowed_share(type) * (type == DType::i8 ? std::sqrt(squares) : largest);
  const double share = error == 0 ? 0 : scale > 0 ? error / scale : std::numeric_limits<double>::infinity();
  ++finding.rows;
  if (share <= finding.worst) return;
  finding.worst = share;
  finding.where = std::string(at.tensor) + " is wrong at batch " + std::to_string(at.batch) + ", head " +
                  std::to_string(at.head) + ", row " + std::to_string(at.row) + ", column " + std::to_string(column) +
                  ": got " + shown(got[column]) + ", want " + shown(want[column]);
}

std::vector<RowBlock> chosen_rows(index_t batches, index_t heads, index_t rows) {
  const index_t each = std::min<index_t>(4, rows), pairs = batches * heads;
  const index_t wanted = std::max<index_t>(6, (16 + each - 1) / each);
  const index_t blocks = rows <= 4 ? std::min(wanted, pairs) : wanted;
  const index_t starts[] = {0, 62, rows / 2, 30, 126, rows};
  std::vector<RowBlock> list;
  for (index_t i = 0; i < blocks; ++i) {
    const index_t pair = blocks == 1 ? 0 : i * (pairs - 1) / (blocks - 1);
    list.push_back({pair / heads, pair % heads, std::min(starts[i % 6], rows - each), each});
  }
  return list;
}

Finding compare_output(const Rows& in, const Case& c) {
  Finding finding;
  for (const RowBlock& block : chosen_rows(c.b, c.n, c.sq)) compare_block(in, c, block, finding);
  return finding;
}

}  // namespace bench::tune
