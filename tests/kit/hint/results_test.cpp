// Statistics in other units, dropout, and lists of lengths of packed sequences.
#include "kit/hint/foreign.hpp"

namespace kit::foreign {
namespace {

void expect_first(const std::string& id, const Question& question, const Edit& edit) {
  const std::vector<Hint> found = hints_of_edit(question, edit);
  EXPECT_EQ(first(found), id) << "all: " << ids(found);
}

// The answer itself, with its numbers changed.
void expect_of_result(const std::string& id, const Question& question, const std::function<void(Answer&)>& change) {
  Answer result = answer(question);
  change(result);
  const std::vector<Hint> found = hints_of(question, results_of(question, result));
  EXPECT_EQ(first(found), id) << "all: " << ids(found);
}

TEST(HintStatistics, Units) {
  for (const DType dtype : {DType::f32, DType::f16}) {
    const Question question = asked(usual(20), dtype);
    expect_of_result("lse.base", question, [](Answer& result) {
      for (double& lse : result.forward.lse.data) lse *= 1.4426950408889634;
    });
    expect_of_result("lse.without_max", question, [](Answer& result) {
      for (index_t row = 0; row < result.forward.lse.size(); ++row)
        result.forward.lse.flat(row) = std::log(result.forward.softmax_sum.flat(row));
    });
  }
}

TEST(HintStatistics, SentinelsOfRowsThatSeeNothing) {
  Case c = usual(21);
  c.mode = 3, c.q_len = 29, c.kv_len = 19;
  for (const double sentinel : {-std::numeric_limits<double>::infinity(), -3.4e38, 0.0})
    expect_of_result("lse.sentinel", asked(c), [sentinel](Answer& result) {
      for (double& lse : result.forward.lse.data)
        if (lse > 1e300) lse = sentinel;
    });
}

void for_statistics(Answer& result, const std::function<void(const Array& stored, Array& moved)>& move) {
  for (Array* statistic : {&result.forward.lse, &result.forward.softmax_max, &result.forward.softmax_sum}) {
    const Array stored = *statistic;
    move(stored, *statistic);
  }
}

TEST(HintStatistics, Order) {
  expect_of_result("stats.layout", asked(usual(22)), [](Answer& result) {  // [B][S][N]
    for_statistics(result, [](const Array& stored, Array& moved) {
      for (index_t b = 0; b < 2; ++b)
        for (index_t n = 0; n < 4; ++n)
          for (index_t i = 0; i < 19; ++i) moved.flat((b * 19 + i) * 4 + n) = stored.at(b, n, i);
    });
  });
  Case c = usual(23, glint_test::kTnd);
  const Question packed = asked(c);
  expect_of_result("stats.layout", packed, [](Answer& result) {  // [N][T]
    for_statistics(result, [](const Array& stored, Array& moved) {
      const index_t rows = stored.shape[0];
      for (index_t t = 0; t < rows; ++t)
        for (index_t n = 0; n < 4; ++n) moved.flat(n * rows + t) = stored.at(t, n);
    });
  });
}

Case with_bits(Case c) {
  c.drop = glint_test::kDropBits, c.keep = 700;
  return c;
}

TEST(HintDropout, Bits) {
  for (const index_t layout : {glint_test::kBnsd, glint_test::kTnd}) {
    const Question question = asked(with_bits(usual(24, layout)));
    expect_first("dropout.bit_order", question, [](Question& edited) {
      for (std::uint8_t& byte : edited.spec.drop_mask.data) {
        unsigned reversed = 0;
        for (unsigned bit = 0; bit < 8; ++bit) reversed |= (byte >> bit & 1u) << (7 - bit);
        byte = static_cast<std::uint8_t>(reversed);
      }
    });
    expect_first("dropout.polarity", question, [](Question& edited) {
      for (std::uint8_t& byte : edited.spec.drop_mask.data) byte = static_cast<std::uint8_t>(~byte);
    });
    expect_first("dropout.ignored", question, [](Question& edited) { edited.spec.keep_prob = 1; });
    expect_of_result("dropout.wrong_scale", question, [](Answer& result) {
      for (double& out : result.forward.out.data) out *= 0.7F / 0.3F;
    });
    expect_of_result("dropout.scale", question, [](Answer& result) {
      for (double& out : result.forward.out.data) out *= 0.7F;
    });
  }
}

TEST(HintDropout, RowsThatBeginAtBytes) {
  for (const std::uint64_t seed : {25, 26}) {
    const Question question = asked(with_bits(usual(seed)));
    expect_first("dropout.row_aligned", question, [](Question& edited) {  // 29 keys: every row takes 32 bits
      const std::vector<std::uint8_t> stream = edited.spec.drop_mask.data;
      const auto bit = [&](index_t at) {
        const auto byte = static_cast<std::size_t>(at / 8);
        return byte < stream.size() && (stream[byte] >> (at % 8) & 1) != 0;
      };
      std::fill(edited.spec.drop_mask.data.begin(), edited.spec.drop_mask.data.end(), std::uint8_t{0});
      for (index_t row = 0; row < 2 * 4 * 19; ++row)
        for (index_t j = 0; j < 29; ++j)
          if (bit(row * 32 + j)) {
            const index_t at = row * 29 + j;
            auto& byte = edited.spec.drop_mask.data[static_cast<std::size_t>(at / 8)];
            byte = static_cast<std::uint8_t>(byte | 1u << (at % 8));
          }
    });
  }
}

// What dropout leaves of a row's probabilities, and its sum after dropout.
TEST(HintDropout, SumsTakenAfterIt) {
  for (const std::uint64_t seed : {27, 28}) {
    const Question question = asked(with_bits(usual(seed)));
    Question probabilities = question;
    probabilities.spec.keep_probabilities = true;
    const Answer exact = answer(probabilities);
    const auto left = [&](index_t row) {
      double sum = 0;
      for (index_t j = 0; j < 29; ++j) {
        const index_t at = row * 29 + j;
        const bool keeps = (question.spec.drop_mask.flat(at / 8) >> (at % 8) & 1) != 0;
        const auto& p = exact.forward.probabilities[static_cast<std::size_t>(row / 19)];
        if (keeps) sum += p(row % 19, j) / question.spec.keep_prob;
      }
      return sum;
    };
    expect_of_result("dropout.before_sum", question, [&](Answer& result) {
      for (index_t row = 0; row < 2 * 4 * 19; ++row)
        for (index_t d = 0; d < 12; ++d) result.forward.out.flat(row * 12 + d) /= left(row);
    });
    expect_of_result("stats.dropped_sum", question, [&](Answer& result) {
      for (index_t row = 0; row < 2 * 4 * 19; ++row) {
        result.forward.softmax_sum.flat(row) *= left(row);
        result.forward.lse.flat(row) += std::log(left(row));
      }
    });
  }
}

TEST(HintLengths, OfPackedSequences) {
  for (const std::uint64_t seed : {29, 30}) {
    Case c = usual(seed, glint_test::kTnd);
    c.batch = 3;
    Question question = asked(c);
    const index_t rows = question.spec.query.shape[0], keys = question.spec.key.shape[0];
    question.spec.actual_seq_qlen = {rows / 4, rows / 2, rows};
    question.spec.actual_seq_kvlen = {keys / 3, keys / 2, keys};
    expect_first("lengths.leading_zero", question, [=](Question& edited) {
      edited.spec.actual_seq_qlen = {rows / 4, rows / 2, rows};
      edited.spec.actual_seq_kvlen = {0, keys / 2 - keys / 3, keys - keys / 3};
      const index_t width = edited.spec.key.shape[1] * edited.spec.key.shape[2];
      for (Array* tensor : {&edited.spec.key, &edited.spec.value})  // the first sequence finds nothing: its rows are 0
        std::rotate(tensor->data.begin(), tensor->data.begin() + keys / 3 * width, tensor->data.end());
    });
    expect_first("lengths.kv_by_query", question, [=](Question& edited) {
      edited.spec.actual_seq_kvlen = {rows / 4, rows / 2, rows};
    });
    expect_first("lengths.ignored", question, [=](Question& edited) {
      edited.spec.actual_seq_qlen = {rows};
      edited.spec.actual_seq_kvlen = {keys};
    });
  }
}

}  // namespace
}  // namespace kit::foreign
