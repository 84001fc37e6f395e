// Hints about caches and lengths of the inference operators: pages, padding, factors of integers, int8 output.
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
    expect_first("lengths.off_by_one", question, [](Question& edited) { edited.spec.actual_seq_kvlen = {16, 24, 35}; });
    expect_first("lengths.off_by_one", question, [](Question& edited) { edited.spec.actual_seq_kvlen = {18, 26, 37}; });
  }
}

InferenceCase prompt(std::uint64_t seed) {
  InferenceCase c = cache(seed);
  c.op = glint_test::kPrompt;
  c.q_len = 21;
  return c;
}

TEST(HintLengths, RowsBehindTheQueries) {
  for (const double left : {std::nan(""), 7.5}) {
    InferenceCase c = prompt(38);
    c.q_lens = glint_test::kLengthsEach;
    Question question = question_of(c);
    question.spec.actual_seq_qlen = {9, 13, 20};
    for (const bool poisoned : {true, false}) {
      if (!poisoned) own(question);
      expect_of_result("rows.padding_unwritten", question, [&](Answer& result) {
        for (index_t row = 0; row < 3 * 4 * 21; ++row)
          for (index_t d = 0; d < 16 && row % 21 >= question.spec.actual_seq_qlen.at(row / 21 / 4); ++d)
            result.forward.out.flat(row * 16 + d) = left;
      });
    }
  }
}

// A triangle at the corner of the tensors, 20 keys to the right, whatever an entry's own lengths say.
TEST(HintLengths, CornerOfThePaddedTensors) {
  for (const std::uint64_t seed : {39, 40}) {
    InferenceCase c = prompt(seed);
    c.lens = c.q_lens = glint_test::kLengthsEach;
    c.mode = 3, c.mask = glint_test::kMask11;
    Question question = question_of(c);
    question.spec.actual_seq_qlen = {21, 18, 20};
    question.spec.actual_seq_kvlen = {37, 25, 36};
    own(question);
    expect_first("mask.corner", question, [](Question& edited) {
      edited.spec.attn_mask = ByteArray({3, 1, 21, 41});
      edited.spec.sparse_mode = 1;
      for (index_t b = 0; b < 3; ++b)
        for (index_t i = 0; i < 21; ++i)
          for (index_t j = 0; j < 41; ++j) edited.spec.attn_mask.at(b, index_t{0}, i, j) = j > i + 20 ? 1 : 0;
    });
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
    expect_first("cache.prefix_ignored", question_of(shared),
                 [](Question& edited) { edited.spec.key_shared_prefix = edited.spec.value_shared_prefix = {}; });
  }
}

// A key row too many: NaN where the last page has room, another entry's numbers, or nothing, where it is full.
TEST(HintCache, AKeyTooManyOfPagesThatHoldNaN) {
  for (const std::uint64_t seed : {41, 42}) {
    InferenceCase c = cache(seed);
    c.lens = glint_test::kLengthsEach, c.kv_list = {70, 33, 16}, c.kv_len = 70;
    c.form = glint_test::kPaged;
    const Question question = question_of(c);
    ASSERT_EQ(question.spec.actual_seq_kvlen, (std::vector<index_t>{70, 33, 16}));
    for (const bool full_page_right : {true, false})
      expect_of_result("poison.leak", question, [&](Answer& result) {
        Array& out = result.forward.out;
        for (index_t at = 0; at < out.size(); ++at) {
          const bool entry_2 = at >= out.size() / 3 * 2;
          if (!entry_2) out.flat(at) = std::nan("");
          if (entry_2 && !full_page_right) out.flat(at) = std::sin(static_cast<double>(at * at));
        }
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
    expect_first("antiquant.offset_missing", question,
                 [&](Question& edited) { factors(edited, [](auto& one) { one.offset = {}; }); });
    expect_first("antiquant.sign", question, [&](Question& edited) {
      factors(edited, [](auto& one) {
        for (double& offset : one.offset.data) offset = -offset;
      });
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

}  // namespace
}  // namespace kit::foreign
