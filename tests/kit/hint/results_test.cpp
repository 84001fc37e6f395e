// Statistics in other units, dropout, lists of lengths, caches, int8 output and gradients.
#include "kit/hint/foreign.hpp"

namespace kit::foreign {
namespace {

using glint_test::InferenceCase;

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
    expect_first("lengths.ignored", question, [=](Question& edited) {
      edited.spec.actual_seq_qlen = {rows};
      edited.spec.actual_seq_kvlen = {keys};
    });
  }
}

InferenceCase cache(std::uint64_t seed) {
  InferenceCase c;
  c.seed = seed;
  c.layout = glint_test::kBnsd;
  c.batch = 3, c.kv_heads = 2, c.group = 2, c.kv_len = 41, c.dim = c.value_dim = 16;
  return c;
}

// What nobody owns is NaN in drawn cases; a user's cache holds old numbers there.
void own(Question& question) {
  for (Array* tensor : {&question.spec.key, &question.spec.value})
    for (std::size_t at = 0; at < tensor->data.size(); ++at)
      if (std::isnan(tensor->data[at])) tensor->data[at] = std::sin(static_cast<double>(at * at));
}

TEST(HintLengths, OfACache) {
  for (const std::uint64_t seed : {31, 32}) {
    InferenceCase c = cache(seed);
    c.lens = glint_test::kLengthsEach;
    Question question = question_of(c);
    question.spec.actual_seq_kvlen = {17, 25, 36};
    own(question);
    expect_first("lengths.ignored", question, [](Question& edited) { edited.spec.actual_seq_kvlen = {41}; });
    expect_first("lengths.as_lengths", question, [](Question& edited) { edited.spec.actual_seq_kvlen = {17, 8, 11}; });
  }
}

TEST(HintCache, PagesPaddingAndPrefix) {
  for (const std::uint64_t seed : {33, 34}) {
    InferenceCase c = cache(seed);
    c.lens = glint_test::kLengthsEach;
    c.form = glint_test::kPaged;
    Question paged = question_of(c);
    own(paged);
    const index_t pages = paged.spec.key.shape[0];
    expect_first("cache.table_ignored", paged, [pages](Question& edited) {
      auto& table = edited.spec.paging.block_table;
      for (index_t at = 0; at < table.size(); ++at) table.flat(at) = at % pages;
    });
    c.form = glint_test::kLeftPadded, c.padding = 3;
    Question padded = question_of(c);
    padded.spec.actual_seq_kvlen = {17, 25, 36};
    own(padded);
    expect_first("cache.padding_ignored", padded, [](Question& edited) { edited.spec.kv_padding_size.reset(); });
    InferenceCase shared = cache(seed);
    shared.prefix = 16;
    expect_first("cache.prefix_ignored", question_of(shared), [](Question& edited) {
      edited.spec.key_shared_prefix = edited.spec.value_shared_prefix = {};
    });
  }
}

TEST(HintCache, Factors) {
  for (const index_t joint : {0, 1}) {
    InferenceCase c = cache(35);
    c.cache = glint_test::kInt8, c.k_offset = c.v_offset = 1, c.joint = joint;
    const Question question = question_of(c);
    const auto factors = [joint](Question& edited, const std::function<void(glint::reference::Antiquant&)>& change) {
      if (joint != 0) return change(edited.spec.antiquant);
      change(edited.spec.key_antiquant);
      change(edited.spec.value_antiquant);
    };
    expect_first("antiquant.offset_missing", question, [&](Question& edited) {
      factors(edited, [](auto& one) { one.offset = {}; });
    });
    expect_first("antiquant.order", question, [&](Question& edited) {
      factors(edited, [](auto& one) {
        for (index_t at = 0; at < one.offset.size(); ++at) one.offset.flat(at) /= one.scale.flat(at);
      });
    });
    expect_first("antiquant.swapped", question, [joint](Question& edited) {
      auto& all = edited.spec.antiquant;
      if (joint == 0) edited.spec.value_antiquant = edited.spec.key_antiquant;
      for (Array* one : {&all.scale, &all.offset})
        if (joint != 0) std::copy_n(one->data.begin(), one->data.size() / 2, one->data.begin() + one->size() / 2);
    });
  }
}

TEST(HintCache, OffsetOfIntegerOutput) {
  for (const std::uint64_t seed : {36, 37}) {
    InferenceCase c = cache(seed);
    c.post = seed % 2 == 0 ? glint_test::kPostTensor : glint_test::kPostChannel, c.post_offset = 1;
    Question question = question_of(c);
    for (double& offset : question.spec.int8.quant_offset2.data) offset = 11;
    expect_first("quant.offset_missing", question, [](Question& edited) { edited.spec.int8.quant_offset2 = {}; });
  }
}

Results gradients_of(const Question& question, const Answer& result) {
  Results results = results_of(question, result);
  for (const char* name : {"out", "lse", "softmax_max", "softmax_sum"}) results.erase(name);
  return results;
}

void expect_of_gradient(const std::string& id, const Question& question, const Answer& result) {
  const std::vector<Hint> found = hints_of(question, gradients_of(question, result));
  EXPECT_EQ(first(found), id) << "all: " << ids(found);
}

TEST(HintGradient, FactorsAndGroups) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Question question = asked(usual(38), dtype, true);
    const Answer exact = answer(question);
    Answer result = exact;
    for (double& element : result.gradient.d_query.data) element /= question.spec.scale;
    expect_of_gradient("gradient.scale_dq", question, result);
    result = exact;
    for (double& element : result.gradient.d_key.data) element /= question.spec.scale;
    expect_of_gradient("gradient.scale_dk", question, result);

    Question first_only = question;  // nothing flows into the other heads of a group
    for (index_t row = 0; row < 2 * 4 * 19; ++row)
      if (row / 19 % 2 == 1)
        for (index_t d = 0; d < 12; ++d) first_only.d_out.flat(row * 12 + d) = 0;
    result = exact;
    const Answer of_first = answer(first_only);
    result.gradient.d_key = of_first.gradient.d_key, result.gradient.d_value = of_first.gradient.d_value;
    expect_of_gradient("gradient.group", question, result);
  }
}

TEST(HintGradient, ConventionsOfTheForward) {
  Case c = usual(39);
  c.mode = 2;
  const Question question = asked(c, DType::f32, true);
  Question edited = question;
  edited.spec.sparse_mode = 3;
  expect_of_gradient("mask.corner", question, answer(edited));
  edited = question;
  edited.spec.scale = 1;
  expect_of_gradient("scale.missing", question, answer(edited));
}

}  // namespace
}  // namespace kit::foreign
