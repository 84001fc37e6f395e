// PromptFlashAttention against itself: what must not change a bit, on random cases of every form and type.  And its
// rows against steps of IncreFlashAttention, which need only be within the error contract.  (The same question in other
// forms: prompt_forms_test.cpp.)
#include "support/decode_doors.hpp"
#include "support/inference_contract.hpp"
#include "support/prompt_metamorphic.hpp"

namespace glint_test::prompt {
namespace {

TEST(PromptExactly, ASinkFarBelowIsNoSink) {
  const auto far_below = [](InferenceCase& c) {
    c.mode = 0, c.mask = kUnmasked, c.lens = kLengthsNone, c.kv_len += 1, c.sd_q = c.sd_k = 0;
    c.form = c.form == kList ? index_t{kList} : index_t{kContiguous};
    c.k_mode = c.v_mode = 0, c.inner_precise = 0;  // in high performance, scores beside a sink have another unit
    c.sink = kSinkFarBelow;
    return !c.ragged();
  };
  const auto check = [&]<class T>() {
    for_cases<T>(60, far_below, [](const InferenceCase& c, const InferenceData& data) {
      for (index_t b = 0; b < c.batch; ++b)
        if (data.lists.keys(b) == 0) return;
      InferenceCase without = c;
      without.sink = kSinkNone;
      ASSERT_EQ(difference(run<T>(without, inference_data_of(without)), run<T>(c, data)), "") << print(c);
    });
  };
  check.template operator()<F32>();
  check.template operator()<F16>();
  check.template operator()<Bf16>();
  check.template operator()<Int8>();
}

template <class T>
void expect_powers_of_two_cancel() {
  const auto small = [](InferenceCase& c) {
    c.sd_k = std::min<index_t>(c.sd_k, 1);
    return true;
  };
  for_cases<T>(100, small, [](const InferenceCase& c, const InferenceData& data) {
    ASSERT_EQ(difference(run<T>(c, data), run<T>(c, with_larger_keys(data))), "") << print(c);
  });
}
TEST(PromptExactly, PowersOfTwoMoveBetweenKeysAndScale) {
  expect_powers_of_two_cancel<F32>();
  expect_powers_of_two_cancel<Bf16>();
}

// V * 2^k gives out * 2^k.
TEST(PromptExactly, PowersOfTwoPassThroughValues) {
  const auto plain = [](InferenceCase& c) {
    c.post = kPostNone, c.sd_v = 1;
    return true;
  };
  for_cases<F32>(100, plain, [](const InferenceCase& c, const InferenceData& data) {
    InferenceData larger = data;
    const auto stretch = [](Operand& v) {
      for (index_t i = 0; i < v.size(); ++i) v.set(i, 0x1p20 * v.numbers.flat(i));
    };
    std::for_each(larger.v.begin(), larger.v.end(), stretch);
    stretch(larger.prefix_v);
    InferenceOutcome want = run<F32>(c, data);
    for (std::size_t at = 0; at < want.out.size(); at += 4) {
      float number;
      std::memcpy(&number, want.out.data() + at, 4);
      if (!is_nan_bits(static_cast<double>(number))) number *= 0x1p20F;
      std::memcpy(want.out.data() + at, &number, 4);
    }
    ASSERT_EQ(difference(want, run<F32>(c, larger)), "") << print(c);
  });
}

TEST(PromptExactly, PoisonChangesNoBit) {
  const auto unread = [](InferenceCase& c) { return c.poison == kPoisonUnread; };
  for_types([&]<class T>() {
    for_cases<T>(200, unread, [](const InferenceCase& c, const InferenceData& data) {
      ASSERT_EQ(difference(run<T>(c, healed(data)), run<T>(c, data)), "") << print(c);
    });
  });
}

TEST(PromptExactly, WorkersChangeNoBit) {
  using Kind = TestExecutor::Kind;
  const auto many_rows = [](InferenceCase& c) {
    c.q_len += 150;
    c.group = std::min<index_t>(c.group, 2), c.dim = std::min<index_t>(c.dim, 32);
    if (c.cache == kInt4) c.dim = c.value_dim = 32;
    return c.batch > 0;
  };
  for_types([&]<class T>() {
    for_cases<T>(40, many_rows, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome one = run<T>(c, data);
      for (const index_t workers : {1, 2, 3, 8})
        for (const Kind kind : {Kind::threads, Kind::reversed})
          ASSERT_EQ(difference(one, run<T>(c, data, {kind, workers})), "") << workers << " workers: " << print(c);
    });
  });
}

// Integers with factors of one are the same numbers as halves.
TEST(PromptExactly, Int8IsItsNumbersAsHalves) {
  using F32OverF16 = Types<PromptDoors, float, glint::half>;
  const auto unscaled = [](InferenceCase& c) {
    c.k_mode = c.v_mode = c.joint = 0;
    c.k_single = c.v_single = 1;
    c.factors = kF32;
    return true;
  };
  for_cases<Int8>(300, unscaled, [](const InferenceCase& c, InferenceData data) {
    for (Operand* scale : {&data.k_scale, &data.v_scale}) scale->set(0, 1);
    for (Operand* offset : {&data.k_offset, &data.v_offset})
      if (offset->present()) offset->set(0, 0);
    const Selection all(c, data);
    const Restated halves = restate(c, data, all, [](InferenceCase& d) {
      d.cache = kF16;
      if (d.form != kPaged) contiguous(d);
    });
    const InferenceOutcome whole = run<Int8>(c, data), other = run<F32OverF16>(halves.c, halves.data);
    expect_same_rows({c, data, whole}, {halves.c, halves.data, other}, all, "as halves");
  });
}

// Those that fuse products and sums add in the same order, with the dot instruction for bytes and without.  (Only the
// signs of NaN differ.)
TEST(PromptExactly, InstructionSetsThatFuseAgree) {
  if (!glint::simd::supported(glint::Isa::avx512)) GTEST_SKIP() << "this CPU lacks avx512";
  const auto precise = [](InferenceCase& c) {
    c.inner_precise = 0;
    return c.poison == kPoisonUnread;
  };
  for_types([&]<class T>() {
    for_cases<T>(100, precise, [](const InferenceCase& c, const InferenceData& data) {
      InferenceOutcome outcomes[2];
      for (const glint::Isa isa : {glint::Isa::avx2, glint::Isa::avx512}) {
        const WithIsa with(isa);
        outcomes[isa == glint::Isa::avx2 ? 0 : 1] = run<T>(c, data);
      }
      ASSERT_EQ(difference(outcomes[0], outcomes[1]), "") << print(c);
    });
  });
}

// A row of a prompt is a step of decode whose mask lets it see the same keys.
template <class Prompt, class Decode>
void expect_rows_are_steps() {
  const auto one_kernel_each = [](InferenceCase& c) {
    c.post = kPostNone, c.inner_precise = 0, c.lse = 1;
    return c.batch > 0 && c.q_len > 0;
  };
  for_cases<Prompt>(150, one_kernel_each, [](const InferenceCase& c, const InferenceData& data) {
    const InferenceOutcome whole = run<Prompt>(c, data);
    const index_t row = static_cast<index_t>(c.seed % static_cast<std::uint64_t>(c.q_len));
    Selection step(c, data);
    for (std::size_t b = 0; b < step.rows.size(); ++b) {
      if (step.rows[b] <= row) return;
      step.first_row[b] = row, step.rows[b] = 1;
    }
    const Restated decode = restate(c, data, step, [](InferenceCase& d) {
      if (d.form != kPaged) contiguous(d);
      if (d.ragged()) d.layout = kBnsd;
      d.op = kIncre, d.mode = 0, d.mask = kMaskBS1, d.turned = 0;
    });
    const InferenceOutcome outcome = run<Decode>(decode.c, decode.data);
    const AttentionResult want = glint::reference::attention(question_of(decode.c, decode.data));
    InferenceData judged = decode.data;
    InferenceOutcome rows = outcome;  // the prompt's rows in the place of decode's
    const Asked from{c, data, whole}, to{decode.c, decode.data, outcome};
    all_rows(to, step, [&](index_t b, index_t n, index_t i, index_t old_b, index_t old_n, index_t old_i) {
      std::memcpy(rows.out.data() + (to.bytes(b, n, i) - outcome.out.data()), from.bytes(old_b, old_n, old_i),
                  static_cast<std::size_t>(c.value_dim * glint::size_of(out_type(c))));
      rows.lse[static_cast<std::size_t>(lse_row(decode.c, decode.data.out_extent, b, n, i))] =
          from.lse(old_b, old_n, old_i);
      return true;
    });
    const InferenceContract contract(decode.c, judged, want);
    for (const InferenceOutcome* one : {&outcome, static_cast<const InferenceOutcome*>(&rows)})
      ASSERT_EQ(contract.check(*one, -std::numeric_limits<double>::infinity()), "")
          << print(c) << "\n  as " << print(decode.c);
  });
}
TEST(PromptWithin, ARowIsAStepOfDecode) {
  expect_rows_are_steps<F32, Types<DecodeDoors, float, float>>();
  expect_rows_are_steps<Bf16, Types<DecodeDoors, glint::bfloat16, glint::bfloat16>>();
  expect_rows_are_steps<Int8, Types<DecodeDoors, float, std::int8_t>>();
}

}  // namespace
}  // namespace glint_test::prompt
