// Tensors are rounded once; parameters survive; a question that could not be computed is refused, in words.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kit/bundle/bundle.hpp"
#include "kit/bundle/parameters.hpp"
#include "kit/bundle/sound.hpp"

namespace {

using kit::Array;
using kit::Bundle;
using kit::Question;
using kit::Tensor;
using kit::Type;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double stored(double value, Type type) { return kit::tensor_of(Array({1}, {value}), type).numbers().flat(0); }

TEST(Tensor, RoundsOnceToNearestEven) {
  // Beside a tie, by less than a float sees: rounding to float first would make the tie.
  EXPECT_EQ(stored(1 + 0x1p-11, Type::f16), 1);
  EXPECT_EQ(stored(1 + 0x1p-11 + 0x1p-40, Type::f16), 1 + 0x1p-10);
  EXPECT_EQ(stored(1 + 3 * 0x1p-11 - 0x1p-40, Type::f16), 1 + 0x1p-10);
  EXPECT_EQ(stored(-1 - 0x1p-8 - 0x1p-40, Type::bf16), -1 - 0x1p-7);
  EXPECT_EQ(stored(0x1p-25, Type::f16), 0);
  EXPECT_EQ(stored(0x1p-25 + 0x1p-70, Type::f16), 0x1p-24);
  EXPECT_EQ(stored(65520 - 0x1p-30, Type::f16), 65504);
  EXPECT_EQ(stored(65520, Type::f16), kInfinity);
  EXPECT_EQ(stored(1e300, Type::bf16), kInfinity);
  EXPECT_EQ(stored(-kInfinity, Type::bf16), -kInfinity);
  EXPECT_TRUE(std::signbit(stored(-0.0, Type::f16)));
  for (const Type type : {Type::f64, Type::f32, Type::f16, Type::bf16}) EXPECT_TRUE(std::isnan(stored(kNaN, type)));
}

TEST(Tensor, IntegersSaturate) {
  EXPECT_EQ(stored(2.5, Type::i8), 2);
  EXPECT_EQ(stored(-3.5, Type::i8), -4);
  EXPECT_EQ(stored(127.6, Type::i8), 127);
  EXPECT_EQ(stored(-kInfinity, Type::i8), -128);
  EXPECT_EQ(stored(-1, Type::u8), 0);
  EXPECT_EQ(stored(kNaN, Type::i32), 0);
  EXPECT_EQ(stored(1e300, Type::i64), 0x1p63);
  EXPECT_EQ(stored(-1e300, Type::i64), -0x1p63);
  EXPECT_EQ(stored(1e300, Type::u64), 0x1p64);
  EXPECT_EQ(stored(-0.1, Type::boolean), 1);
}

TEST(Tensor, OfWrongSizeHasNoNumbers) {
  const Tensor tensor{Type::f32, {3}, std::vector<std::byte>(11)};
  EXPECT_FALSE(tensor.numbers().present());
}

TEST(Parameters, SurviveWhateverTheyAre) {
  Question question, read;
  question.spec.scale = 0x1.23456789abcdep-7;
  question.spec.q_scale = -kInfinity;
  question.spec.softcap = kNaN;
  question.spec.keep_prob = std::nextafter(1.0, 0.0);
  question.spec.seed = ~std::uint64_t{0};
  question.spec.offset = std::uint64_t{1} << 63;
  question.spec.pre_tokens = std::numeric_limits<kit::index_t>::max();
  question.spec.next_tokens = std::numeric_limits<kit::index_t>::min();
  question.spec.softcap_order = glint::reference::SoftcapOrder::after_bias;
  question.spec.invalid_row = glint::reference::InvalidRow::uniform;
  question.spec.kv_padding_size = -3;
  question.spec.key_list.resize(2);
  ASSERT_EQ(kit::parse_parameters(kit::parameters_text(question), read), "");
  EXPECT_EQ(read.spec.scale, question.spec.scale);
  EXPECT_EQ(read.spec.q_scale, -kInfinity);
  EXPECT_TRUE(std::isnan(read.spec.softcap));
  EXPECT_EQ(read.spec.keep_prob, question.spec.keep_prob);
  EXPECT_EQ(read.spec.key_list.size(), 2u);
  EXPECT_EQ(kit::parameters_text(read), kit::parameters_text(question));
}

// A field that AttentionCase gains stops this from compiling: it then belongs into parameters.cpp or visit_inputs.
TEST(Parameters, KnowEveryField) {
  const auto& [op, layout, head_num, kv_head_num, query, key, value, key_list, value_list, query_rope, key_rope, scale,
               q_scale, sparse_mode, pre_tokens, next_tokens, attn_mask, implied_mask, prefix, pse, pse_type, pse_form,
               q_start_idx, kv_start_idx, sink, softcap, softcap_order, keep_prob, drop_mask, philox, seed, offset,
               actual_seq_qlen, actual_seq_kvlen, kv_padding_size, query_padding_size, paging, key_shared_prefix,
               value_shared_prefix, actual_shared_prefix_len, antiquant, key_antiquant, value_antiquant, int8,
               invalid_row, keep_probabilities] = kit::AttentionCase{};
  const auto& [block_table, block_size] = paging;
  const auto& [mode, factor, factor_offset] = antiquant;
  const auto& [dequant_scale1, quant_scale1, dequant_scale2, quant_scale2, quant_offset2, key_block] = int8;
  EXPECT_EQ(block_size, 0);
  EXPECT_EQ(mode, 0);
  EXPECT_EQ(key_block, 1024);
}

struct Text {
  const char *text, *error;
};

TEST(Parameters, RefuseWhatTheyAreNot) {
  const Text rows[] = {
      {"", "parameters: not a JSON object"},
      {"[]", "parameters: not a JSON object"},
      {"{\"scale\":1", "parameters: not a JSON object"},
      {R"({"scael":1})", "parameters: 'scael': is no parameter"},
      {R"({"antiquant":{"modus":1}})", "parameters: 'antiquant.modus': is no parameter"},
      {R"({"antiquant.mode":1})", "parameters: 'antiquant.mode': is no parameter"},
      {R"({"antiquant":1})", "parameters: antiquant: want an object, got 1"},
      {R"({"scale":1,"scale":2})", "parameters: 'scale': is there twice"},
      {R"({"prefix":[[[[1]]]]})", "parameters: nested too deeply"},
      {R"({"scale":"1"})", "parameters: scale: want a number, \"NaN\", \"Infinity\" or \"-Infinity\", got \"1\""},
      {R"({"head_num":1.5})", "parameters: head_num: want a 64-bit integer, got 1.5"},
      {R"({"head_num":9223372036854775808})", "parameters: head_num: want a 64-bit integer, got 9223372036854775808"},
      {R"({"seed":-1})", "parameters: seed: want an integer from 0 to 2^64 - 1, got -1"},
      {R"({"sparse_mode":4294967296})", "parameters: sparse_mode: want a 32-bit integer, got 4294967296"},
      {R"({"philox":1})", "parameters: philox: want true or false, got 1"},
      {R"({"layout":1})", "parameters: layout: want a string, got 1"},
      {R"({"op":"train"})", "parameters: op: want one of score, prompt, incre, got \"train\""},
      {R"({"prefix":[1,"2"]})", "parameters: prefix: want an array of 64-bit integers, got [1,\"2\"]"},
      {R"({"kv_padding_size":"1"})", "parameters: kv_padding_size: want a 64-bit integer or null, got \"1\""},
      {R"({"key_list":100001})", "parameters: key_list: want a number of tensors, at most 100000, got 100001"},
      {R"({"out_type":"f64"})",
       "parameters: out_type: want a type: f32, f16, bf16, i8, i4, u8, bool, i32, i64 or u64, got \"f64\""},
  };
  for (const auto& [text, error] : rows) {
    Question question;
    EXPECT_EQ(kit::parse_parameters(text, question), error) << text;
  }
  Question question;
  EXPECT_EQ(kit::parse_parameters(std::string_view("{}\0x", 4), question), "parameters: a zero byte, which is no JSON");
  EXPECT_EQ(kit::parse_parameters(std::string(5'000'000, '['), question), "parameters: nested too deeply");
}

// Two query heads on one key head, 2 x 3 scores of width 4.
Question small_question() {
  Question question;
  question.spec.layout = "BNSD";
  question.spec.head_num = 2;
  question.spec.query = Array({1, 2, 2, 4});
  question.spec.key = question.spec.value = Array({1, 1, 3, 4});
  return question;
}

struct Break {
  std::function<void(Question&)> apply;
  const char* error;
};

TEST(Question, IsRefusedWhereItCannotBeComputed) {
  using Spec = kit::AttentionCase;
  const auto with = [](auto change) { return [change](Question& question) { change(question.spec); }; };
  const Break rows[] = {
      {with([](Spec& s) { s.layout = "BDNS"; }),
       "layout: got 'BDNS', want BSH, SBH, BNSD, BSND, TND, NTD or such a pair"},
      {with([](Spec& s) { s.head_num = 0; }), "head_num: got 0, want 1 to 65536"},
      {with([](Spec& s) { s.sparse_mode = 10; }), "sparse_mode: got 10, want 0 to 9"},
      {with([](Spec& s) { s.keep_prob = kNaN; }), "keep_prob: got nan, want more than 0, at most 1"},
      {with([](Spec& s) { s.int8.key_block = 0; }), "int8.key_block: got 0, want at least 1"},
      {with([](Spec& s) { s.query = {}; }), "query: there is none"},
      {with([](Spec& s) {
         s.query = Array({2, 2, 4});
       }),
       "query: shape (2, 2, 4), want 4 axes for BNSD"},
      {with([](Spec& s) { s.head_num = 4; }), "query: heads 2, want 4"},
      {with([](Spec& s) { s.key = {}; }), "key: shape (), want 4 axes"},
      {with([](Spec& s) {
         s.key = s.value = Array({1, 3, 3, 4});
       }),
       "key: heads 3, want a divisor of 2"},
      {with([](Spec& s) {
         s.value = Array({1, 1, 2, 4});
       }),
       "value: rows 2, want 3"},
      {with([](Spec& s) {
         s.key = Array({1, 1, 3, 5});
       }),
       "key: head width 5, want 4"},
      {with([](Spec& s) {
         s.key = s.value = Array({2, 1, 3, 4});
       }),
       "key: batch 2, want 1"},
      {with([](Spec& s) {
         s.query_rope = Array({1, 2, 2, 1});
       }),
       "query_rope, key_rope: want both or none"},
      {with([](Spec& s) {
         s.attn_mask = kit::ByteArray({2, 2});
       }),
       "attn_mask: shape (2, 2), want at least (1, 1, 2, 3), where all but the last may be 1 or missing"},
      {with([](Spec& s) {
         s.pse = Array({1, 3, 2, 3});
       }),
       ""},
      {with([](Spec& s) {
         s.pse = Array({1, 2, 2, 2});
       }),
       "pse: shape (1, 2, 2, 2), want at least (1, 2, 2, 3), where all but the last may be 1 or missing"},
      {with([](Spec& s) { s.pse = Array({1}), s.pse_type = 2; }),
       "pse: shape (1), want a slope for each head, or for each batch entry and head"},
      {with([](Spec& s) { s.sink = Array({1}); }), "sink: elements 1, want 2"},
      {with([](Spec& s) { s.keep_prob = 0.5; }), "drop_mask: bytes 0, want at least 2"},
      {with([](Spec& s) {
         s.key_antiquant.scale = Array({1, 3});
       }),
       "key_antiquant_scale: shape (1, 3), want 4 elements for mode 0"},
      {with([](Spec& s) { s.int8.dequant_scale1 = Array({1}); }),
       "dequant_scale1, quant_scale1, dequant_scale2: want all three"},
      {with([](Spec& s) { s.op = glint::reference::Operator::prompt, s.actual_seq_kvlen = {4}; }),
       "actual_seq_kvlen: got 4, want 0 to 3"},
      {with([](Spec& s) {
         s.layout = "TND";
         s.query = Array({5, 2, 4});
         s.key = s.value = Array({5, 1, 4});
         s.actual_seq_qlen = {5, 0, 5}, s.actual_seq_kvlen = {2, 2, 5};
       }),
       "actual_seq_qlen: want ends that do not fall, but for zeros at the tail"},
      {with([](Spec& s) {
         s.layout = "TND";
         s.query = Array({5, 2, 4});
         s.key = s.value = Array({5, 1, 4});
         s.actual_seq_qlen = {5, 0}, s.actual_seq_kvlen = {5, 0};
       }),
       ""},
      {with([](Spec& s) { s.sparse_mode = 6, s.implied_mask = true; }), "prefix: lengths 0, want 1"},
      {with([](Spec& s) {
         s.paging.block_table = {{1, 2}, {0, 0}};
       }),
       "paging.block_size: got 0, want at least 1"},
      {[](Question& q) { q.gradient = true; }, "d_out: shape (), want (1, 2, 2, 4)"},
  };
  EXPECT_EQ(kit::find_unsound(small_question()), "");
  for (const Break& row : rows) {
    Question question = small_question();
    row.apply(question);
    EXPECT_EQ(kit::find_unsound(question), row.error);
  }
}

TEST(Question, IsRefusedWithATensorThatItDoesNotKnow) {
  Bundle bundle = kit::to_bundle(small_question(), {}, {});
  Question question;
  ASSERT_EQ(kit::from_bundle(bundle, question), "");
  bundle.tensors["attn_msk"] = bundle.tensors["key"];
  EXPECT_EQ(kit::from_bundle(bundle, question), "tensor 'attn_msk': is no part of this case");
  bundle.tensors.erase("attn_msk");
  bundle.tensors["sink"] = {Type::f32, {}, std::vector<std::byte>(4)};
  EXPECT_EQ(kit::from_bundle(bundle, question), "tensor 'sink': is a scalar, want at least one axis");
  bundle.notes["format"] = "glint-bundle 2";
  EXPECT_EQ(kit::from_bundle(bundle, question), "note 'format': got 'glint-bundle 2', want 'glint-bundle 1'");
  EXPECT_EQ(kit::from_bundle({}, question), "no note 'format': this is no bundle of glint");
}

TEST(Bundle, RoundsTolerancesUp) {
  const Question question = small_question();
  const Bundle bundle = kit::to_bundle(question, {}, {{"out", Array({3}, {0, 1 + 0x1p-40, 0x1p-160})}});
  EXPECT_EQ(bundle.find("out.tolerance")->numbers().data, (std::vector<double>{0, 1 + 0x1p-23, 0x1p-149}));
}

TEST(Bundle, StoresAsDoublesWhatItsTypeDoesNotHold) {
  Question question = small_question();
  question.types["query"] = kit::DType::f16;
  question.types["key"] = kit::DType::i4;
  question.spec.query.flat(0) = 0.1;
  question.spec.value.flat(0) = kNaN;
  const Bundle bundle = kit::to_bundle(question, {}, {});
  EXPECT_EQ(bundle.find("query")->type, Type::f64);
  EXPECT_EQ(bundle.find("key")->type, Type::i8);
  EXPECT_EQ(bundle.find("value")->type, Type::f32);
}

TEST(Bundle, KeepsProbabilities) {
  Question question = small_question(), read;
  question.spec.keep_probabilities = true;
  const kit::Answer answer = kit::answer(question);
  const Bundle bundle = kit::to_bundle(question, answer, {});
  ASSERT_NE(bundle.find("probabilities.0.1"), nullptr);
  EXPECT_EQ(bundle.find("probabilities.0.1")->shape, (std::vector<kit::index_t>{2, 3}));
  EXPECT_EQ(bundle.find("probabilities.0.1")->numbers().flat(5), answer.forward.probabilities[1](1, 2));
  EXPECT_EQ(kit::from_bundle(bundle, read), "");
}

}  // namespace
