// Are the numbers right?  Rows of the output against the float64 reference, on a problem cut out of the case: some rows
// of one head, with the band that they see.  Nothing is compared with another candidate.
#pragma once

#include <string>
#include <vector>

#include "tune/worker/case_line.hpp"
#include "tune/worker/complaint.hpp"

namespace bench::tune {

// The worst error so far, as a share of what is allowed, and where it is.
struct Finding {
  double worst = 0;
  index_t rows = 0;
  std::string where{};

  Complaint complaint() const { return worst <= 1 ? Complaint{} : Complaint{"wrong", where}; }
};

// How a row is judged.
struct Allowance {
  DType type;
  double least_size = 0;  // where the largest number of a row is smaller, this counts instead
};
// Of gradients: rows whose terms all but cancel.
inline constexpr double kSmallGradient = 0.1;

// What a row is called, and what it should be like.
struct RowPlace {
  const char* tensor;
  index_t batch, head, row;
};

void compare_row(const RowPlace& at, const std::vector<double>& got, const std::vector<double>& want,
                 Allowance allowance, Finding& finding);

// Rows [first, first + count) of one head.
struct RowBlock {
  index_t batch, head, first, count;
};

// At least 16 rows, if there are as many: at the ends, at the edges of tiles, in the middle, of heads and batch entries
// from the first to the last.
std::vector<RowBlock> chosen_rows(index_t batches, index_t heads, index_t rows);

// The operands of a forward, as numbers.  Each fills `numbers` with those of a row.
class Rows {
 public:
  using Numbers = std::vector<double>;
  virtual ~Rows() = default;
  virtual void q_row(index_t batch, index_t head, index_t row, Numbers& numbers) const = 0;
  virtual void k_row(index_t batch, index_t kv_head, index_t row, Numbers& numbers) const = 0;
  virtual void v_row(index_t batch, index_t kv_head, index_t row, Numbers& numbers) const = 0;
  virtual void out_row(index_t batch, index_t head, index_t row, Numbers& numbers) const = 0;
};

Finding compare_output(const Rows& in, const Case& c);

}  // namespace bench::tune
