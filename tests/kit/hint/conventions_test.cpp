// A kernel that follows another convention than the case is told which: masks, scores, bias, groups, layouts.
#include "kit/hint/foreign.hpp"

namespace kit::foreign {
namespace {

using glint::reference::SoftcapOrder;
using Keeps = std::function<bool(index_t b, index_t n, index_t i, index_t j)>;

void expect_first(const std::string& id, const Question& question, const Edit& edit) {
  const std::vector<Hint> found = hints_of_edit(question, edit);
  EXPECT_EQ(first(found), id) << "all: " << ids(found);
  EXPECT_TRUE(found.empty() || found.front().explained > 0.9) << id << ' ' << found.front().explained;
}

Case with_mode(Case c, index_t mode, index_t pre = 2147483647, index_t next = 2147483647) {
  c.mode = mode, c.pre = pre, c.next = next;
  return c;
}

Case with_mask(Case c, index_t shape) {
  c.mode = 1, c.mask = shape, c.mask_fill = 1;
  return c;
}

// A dense mask, element by element, for a case of usual().
Edit sees(const Keeps& keeps) {
  return [keeps](Question& question) {
    AttentionCase& spec = question.spec;
    ByteArray mask({2, 4, 19, 29});
    for (index_t b = 0; b < 2; ++b)
      for (index_t n = 0; n < 4; ++n)
        for (index_t i = 0; i < 19; ++i)
          for (index_t j = 0; j < 29; ++j) mask.at(b, n, i, j) = keeps(b, n, i, j) ? 0 : 1;
    spec.sparse_mode = 1;
    spec.attn_mask = mask;
  };
}

TEST(HintMask, OfTheOtherCorner) {
  expect_first("mask.corner", asked(with_mode(usual(1), 2)),
               sees([](auto, auto, index_t i, index_t j) { return j <= i + 10; }));
  expect_first("mask.corner", asked(with_mode(usual(2, glint_test::kBsh), 3), DType::f16),
               sees([](auto, auto, index_t i, index_t j) { return j <= i; }));
  expect_first("mask.corner", asked(with_mode(usual(3), 4, 5, 2)),
               sees([](auto, auto, index_t i, index_t j) { return j >= i - 5 && j <= i + 2; }));
}

TEST(HintMask, OffByOne) {
  expect_first("mask.window_off_by_one", asked(with_mode(usual(1), 2)),
               sees([](auto, auto, index_t i, index_t j) { return j < i; }));
  expect_first("mask.window_off_by_one", asked(with_mode(usual(2), 3), DType::bf16),
               sees([](auto, auto, index_t i, index_t j) { return j <= i + 11; }));
  expect_first("mask.window_off_by_one", asked(with_mode(usual(3, glint_test::kSbh), 4, 5, 2)),
               sees([](auto, auto, index_t i, index_t j) { return j - 10 > i - 5 && j - 10 <= i + 2; }));
}

TEST(HintMask, TokensExchanged) {
  for (const std::uint64_t seed : {19, 20})
    expect_first("mask.tokens_swapped", asked(with_mode(usual(seed), 4, 7, 2)),
                 sees([](auto, auto, index_t i, index_t j) { return j - 10 >= i - 2 && j - 10 <= i + 7; }));
}

TEST(HintMask, NotApplied) {
  const Edit all = sees([](auto...) { return true; });
  expect_first("mask.mode_ignored", asked(with_mode(usual(1), 3)), all);
  expect_first("mask.mode_ignored", asked(with_mode(usual(2, glint_test::kBsnd), 4, 5, 2), DType::f16), all);
  expect_first("mask.ignored", asked(with_mask(usual(3), glint_test::kMaskSS)), all);
  expect_first("mask.ignored", asked(with_mask(usual(4), glint_test::kMaskBNSS), DType::bf16), all);
}

TEST(HintMask, NotAppliedNamesNoTensorThatIsNotThere) {
  Question question = asked(with_mode(usual(1), 3));
  question.spec.attn_mask = {};
  question.spec.implied_mask = true;
  const std::vector<Hint> found = hints_of_edit(question, sees([](auto...) { return true; }));
  expect_first("mask.mode_ignored", question, sees([](auto...) { return true; }));
  EXPECT_EQ(found.at(0).sentence.find("attn_mask"), std::string::npos) << found.at(0).sentence;
}

TEST(HintMask, OfTheOtherPolarity) {
  for (const index_t shape : {glint_test::kMask11SS, glint_test::kMaskBNSS})
    expect_first("mask.polarity", asked(with_mask(usual(5), shape)), [](Question& question) {
      for (auto& drop : question.spec.attn_mask.data) drop = drop == 0 ? 7 : 0;
    });
}

TEST(HintMask, OfAnotherEntryOrHead) {
  const Question question = asked(with_mask(usual(6), glint_test::kMaskBNSS));
  const ByteArray& mask = question.spec.attn_mask;
  expect_first("mask.broadcast", question,
               sees([&](auto, index_t n, index_t i, index_t j) { return mask.at(index_t{0}, n, i, j) == 0; }));
  expect_first("mask.broadcast", question,
               sees([&](index_t b, auto, index_t i, index_t j) { return mask.at(b, index_t{0}, i, j) == 0; }));
}

TEST(HintMask, WithoutPrefix) {
  Case c = with_mode(usual(7), 6);
  c.prefix = glint_test::kPrefixValid;
  Question question = asked(c);
  question.spec.prefix = {20, 23};
  expect_first("prefix.ignored", question, sees([](auto, auto, index_t i, index_t j) { return j <= i + 10; }));
  question.spec.prefix = {28, 14};
  expect_first("prefix.ignored", question, sees([](auto, auto, index_t i, index_t j) { return j <= i + 10; }));
}

TEST(HintScore, Scales) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Question question = asked(usual(8), dtype);
    expect_first("scale.missing", question, [](Question& edited) { edited.spec.scale = 1; });
    expect_first("scale.twice", question, [](Question& edited) { edited.spec.scale *= edited.spec.scale; });
    expect_first("scale.default", question, [](Question& edited) { edited.spec.scale = 0.28867513459481287; });
    expect_first("scale.default", question, [](Question& edited) { edited.spec.scale = 0.25; });  // of 16 for 12
    expect_first("scale.exp2", question, [](Question& edited) { edited.spec.scale *= 0.6931471805599453; });
    expect_first("scale.log2e", question, [](Question& edited) { edited.spec.scale *= 1.4426950408889634; });
    Case c = usual(9);
    c.q_scale = 1700;
    expect_first("q_scale.missing", asked(c, dtype), [](Question& edited) { edited.spec.q_scale = 1; });
    expect_first("q_scale.twice", asked(c, dtype),
                 [](Question& edited) { edited.spec.q_scale *= edited.spec.q_scale; });
  }
}

Case with_bias(Case c, index_t type) {
  c.pse = 1, c.pse_type = type;
  c.pse_per_batch = c.pse_per_head = 1;
  c.pse_per_row = type < 2 ? 1 : 0;
  if (type >= 2) c.kv_len = c.q_len;
  return c;
}

void scale_bias(Question& question, double factor) {
  for (double& bias : question.spec.pse.data) bias *= factor;
}

TEST(HintBias, OrderSignAndPresence) {
  for (const index_t type : {0, 1}) {
    const Question question = asked(with_bias(usual(10), type));
    expect_first("pse.order", question, [type](Question& edited) { edited.spec.pse_type = type == 0 ? 1 : 0; });
    expect_first("pse.missing", question, [](Question& edited) { scale_bias(edited, 0); });
    expect_first("pse.sign", question, [](Question& edited) { scale_bias(edited, -1); });
    expect_first("pse.broadcast", question, [](Question& edited) {
      Array& bias = edited.spec.pse;
      std::copy_n(bias.data.begin(), bias.data.size() / 2, bias.data.begin() + bias.size() / 2);
    });
  }
}

TEST(HintBias, TwiceOrTransposed) {
  for (const std::uint64_t seed : {21, 22}) {
    Case c = with_bias(usual(seed), 0);
    c.kv_len = c.q_len;
    const Question question = asked(c);
    expect_first("pse.twice", question, [](Question& edited) { scale_bias(edited, 2); });
    expect_first("pse.transposed", question, [&](Question& edited) {
      for (index_t b = 0; b < 2; ++b)
        for (index_t n = 0; n < 4; ++n)
          for (index_t i = 0; i < 19; ++i)
            for (index_t j = 0; j < 19; ++j) edited.spec.pse.at(b, n, i, j) = question.spec.pse.at(b, n, j, i);
    });
  }
}

TEST(HintBias, Slopes) {
  for (const index_t type : {2, 3}) {
    Question question = asked(with_bias(usual(11), type));
    expect_first("pse.root", question, [type](Question& edited) { edited.spec.pse_type = type == 2 ? 3 : 2; });
    expect_first("pse.sign", question, [](Question& edited) { scale_bias(edited, -1); });
    question.spec.q_start_idx = {4};
    question.spec.kv_start_idx = {9};
    expect_first("pse.corner", question, [](Question& edited) {
      edited.spec.q_start_idx.clear();
      edited.spec.kv_start_idx.clear();
    });
  }
}

TEST(HintCap, MissingOrInAnotherOrder) {
  for (const SoftcapOrder order : {SoftcapOrder::before_bias, SoftcapOrder::after_bias}) {
    Question question = asked(with_bias(usual(12), 0));
    question.spec.softcap = 1.5;
    question.spec.softcap_order = order;
    expect_first("softcap.missing", question, [](Question& edited) { edited.spec.softcap = 0; });
    expect_first("softcap.order", question, [order](Question& edited) {
      edited.spec.softcap_order =
          order == SoftcapOrder::before_bias ? SoftcapOrder::after_bias : SoftcapOrder::before_bias;
    });
  }
}

TEST(HintSink, MissingOrScaled) {
  for (const std::uint64_t seed : {13, 14}) {
    Case c = usual(seed);
    c.sink = 1;
    Question question = asked(c);
    for (index_t n = 0; n < 4; ++n) question.spec.sink.flat(n) = 1.5 - static_cast<double>(n);
    expect_first("sink.missing", question, [](Question& edited) { edited.spec.sink = {}; });
    expect_first("sink.scaled", question, [](Question& edited) {
      for (double& sink : edited.spec.sink.data) sink *= edited.spec.scale;
    });
  }
}

// Four key heads of a BNSD tensor of two, each a copy of the one that `of` names.
void spread(Array& tensor, const std::function<index_t(index_t)>& of) {
  const index_t plane = tensor.shape[2] * tensor.shape[3];
  Array wide({2, 4, tensor.shape[2], tensor.shape[3]});
  for (index_t b = 0; b < 2; ++b)
    for (index_t n = 0; n < 4; ++n)
      for (index_t at = 0; at < plane; ++at)
        wide.flat((b * 4 + n) * plane + at) = tensor.flat((b * 2 + of(n)) * plane + at);
  tensor = wide;
}

TEST(HintGroups, ReadInAnotherOrder) {
  for (const std::uint64_t seed : {15, 16}) {
    const auto group = [&](const std::function<index_t(index_t)>& of) {
      return [of](Question& edited) {
        spread(edited.spec.key, of);
        spread(edited.spec.value, of);
        edited.spec.kv_head_num = 4;
      };
    };
    expect_first("gqa.interleaved", asked(usual(seed)), group([](index_t n) { return n % 2; }));
    expect_first("gqa.first", asked(usual(seed)), group([](index_t) { return index_t{0}; }));
  }
}

// The numbers of a BNSD tensor in the order that a BSND reader takes them for.
void misread(Array& tensor) {
  const Array stored = tensor;
  const index_t heads = tensor.shape[1], rows = tensor.shape[2], width = tensor.shape[3];
  for (index_t b = 0; b < tensor.shape[0]; ++b)
    for (index_t n = 0; n < heads; ++n)
      for (index_t i = 0; i < rows; ++i)
        for (index_t d = 0; d < width; ++d)
          tensor.at(b, n, i, d) = stored.flat(((b * rows + i) * heads + n) * width + d);
}

TEST(HintLayout, OfEachTensor) {
  for (const std::uint64_t seed : {17, 18}) {
    const Question question = asked(usual(seed));
    expect_first("layout.query", question, [](Question& edited) { misread(edited.spec.query); });
    expect_first("layout.key_value", question, [](Question& edited) {
      misread(edited.spec.key);
      misread(edited.spec.value);
    });
    expect_first("layout.key_value", question, [](Question& edited) { misread(edited.spec.value); });
    expect_first("layout.out", question, [](Question& edited) { edited.spec.layout = "BNSD_BSND"; });
    expect_first("tensor.key_value_swapped", question,
                 [](Question& edited) { std::swap(edited.spec.key, edited.spec.value); });
  }
}

}  // namespace
}  // namespace kit::foreign
