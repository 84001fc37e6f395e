// Mistakes of tiles, of rows that see nothing and of rounding, made by a softmax that is written here.
#include "kit/hint/foreign.hpp"

namespace kit::foreign {
namespace {

// An online softmax over 70 keys of one head size, BNSD without options, with one mistake.
struct Online {
  index_t tile = 16;
  bool rescales_sum = true, rescales_out = true, drops_tail = false, pads_tail = false, subtracts_max = true;
  float (*round_p)(float) = nullptr;
  float (*round_input)(float) = nullptr;
  float (*round_score)(float) = nullptr;
};

Case plain(std::uint64_t seed) {
  Case c = usual(seed);
  c.kv_heads = 4;
  c.q_len = 37, c.kv_len = 70;
  return c;
}

float rounded(float value, float (*round)(float)) { return round != nullptr ? round(value) : value; }

std::vector<float> row_of(const AttentionCase& spec, index_t head, index_t i, const Online& how) {
  const index_t keys = spec.key.shape[2], width = spec.key.shape[3], last = keys / how.tile * how.tile;
  const auto at = [&](const Array& tensor, index_t row, index_t d) {
    return rounded(static_cast<float>(tensor.flat((head * tensor.shape[2] + row) * width + d)), how.round_input);
  };
  std::vector<float> out(static_cast<std::size_t>(width), 0.0F);
  float max = -INFINITY, sum = 0;
  for (index_t first = 0; first < (how.drops_tail ? last : keys); first += how.tile) {
    std::vector<float> x;
    for (index_t j = first; j < first + how.tile; ++j) {
      float dot = 0;
      for (index_t d = 0; j < keys && d < width; ++d) dot += at(spec.query, i, d) * at(spec.key, j, d);
      if (j < keys || how.pads_tail) x.push_back(rounded(dot, how.round_score) * static_cast<float>(spec.scale));
    }
    const float higher = how.subtracts_max ? std::max(max, *std::max_element(x.begin(), x.end())) : 0;
    const float factor = std::exp(max - higher);
    if (how.rescales_sum) sum *= factor;
    for (float& number : out) number *= how.rescales_out ? factor : 1;
    max = higher;
    for (std::size_t j = 0; j < x.size(); ++j) {
      const float p = std::exp(x[j] - max);
      sum += p;
      for (index_t d = 0; d < width && first + static_cast<index_t>(j) < keys; ++d)
        out[static_cast<std::size_t>(d)] +=
            rounded(p, how.round_p) * at(spec.value, first + static_cast<index_t>(j), d);
    }
  }
  for (float& number : out) number /= sum;
  return out;
}

std::vector<Hint> hints_of_online(const Question& question, const Online& how, TileSize told = {}) {
  Array out = answer(question).forward.out;
  const index_t rows = out.shape[2], width = out.shape[3];
  for (index_t head = 0; head < out.shape[0] * out.shape[1]; ++head)
    for (index_t i = 0; i < rows; ++i) {
      const std::vector<float> row = row_of(question.spec, head, i, how);
      for (index_t d = 0; d < width; ++d)
        out.flat((head * rows + i) * width + d) = static_cast<double>(row[static_cast<std::size_t>(d)]);
    }
  return hints_of(question, {{"out", tensor_of(out, storage_of(question.out_type))}}, told);
}

void expect_first(const std::string& id, const std::vector<Hint>& found) {
  EXPECT_EQ(first(found), id) << "all: " << ids(found);
}

TEST(HintTiles, NoMistakeNoHint) { EXPECT_EQ(ids(hints_of_online(asked(plain(50)), {})), ""); }

TEST(HintTiles, NotRescaled) {
  for (const std::uint64_t seed : {51, 52}) {
    Online sum, out, neither;
    sum.rescales_sum = neither.rescales_sum = false;
    out.rescales_out = neither.rescales_out = false;
    for (const Online& how : {sum, out, neither}) {
      const std::vector<Hint> found = hints_of_online(asked(plain(seed)), how);
      expect_first("softmax.rescale", found);
      EXPECT_NE(found.at(0).sentence.find("tiles of 16"), std::string::npos) << found.at(0).sentence;
    }
    expect_first("softmax.rescale", hints_of_online(asked(plain(seed)), sum, {0, 16}));
  }
}

TEST(HintTiles, LastTileOfKeys) {
  for (const index_t tile : {16, 64}) {
    Online drops, pads;
    drops.tile = pads.tile = tile;
    drops.drops_tail = pads.pads_tail = true;
    const std::string fits = "tiles of " + std::to_string(tile);
    std::vector<Hint> found = hints_of_online(asked(plain(53)), drops);
    expect_first("softmax.tail_dropped", found);
    found = hints_of_online(asked(plain(54)), pads);
    expect_first("softmax.tail_unmasked", found);
    EXPECT_NE(found.at(0).sentence.find(fits), std::string::npos) << found.at(0).sentence;
  }
}

TEST(HintTiles, LastTileOfRows) {
  for (const double left : {std::nan(""), 0.0, -7.5}) {
    const Question question = asked(plain(55));
    Answer result = answer(question);
    for (index_t at = 0; at < result.forward.out.size(); ++at)
      if (at / 12 % 37 >= 32) result.forward.out.flat(at) = left;
    const std::vector<Hint> found = hints_of(question, results_of(question, result));
    expect_first("rows.tail_unwritten", found);
    EXPECT_NE(found.at(0).sentence.find("32"), std::string::npos) << found.at(0).sentence;
  }
}

TEST(HintSoftmax, WithoutMaximum) {
  for (const std::uint64_t seed : {56, 57}) {
    Case c = plain(seed);
    c.sd_q = 2, c.sd_k = 2;
    Online how;
    how.subtracts_max = how.rescales_sum = how.rescales_out = false;
    expect_first("softmax.no_max", hints_of_online(asked(c), how));
  }
}

Question with_hidden_rows(std::uint64_t seed) {
  Case c = usual(seed);
  if (seed % 2 == 0) {
    c.mode = 3, c.q_len = 29, c.kv_len = 19;
  } else {
    c.mode = 1, c.mask = glint_test::kMaskB1SS, c.mask_fill = 2;
  }
  return asked(c);
}

TEST(HintRows, ThatSeeNothing) {
  for (const std::uint64_t seed : {58, 59}) {
    const Question question = with_hidden_rows(seed);
    Question uniform = question;
    uniform.spec.invalid_row = glint::reference::InvalidRow::uniform;
    expect_first("rows.masked_average", hints_of(question, results_of(question, answer(uniform))));
    Answer result = answer(question);
    for (index_t row = 0; row < result.forward.lse.size(); ++row)
      for (index_t d = 0; d < 12 && result.forward.lse.flat(row) > 1e300; ++d)
        result.forward.out.flat(row * 12 + d) = std::nan("");
    expect_first("rows.masked_nan", hints_of(question, results_of(question, result)));
  }
}

// Some rows read a key behind the last that is NaN, others one that is a number.
TEST(HintRows, ReachedByPoisonHereAndThere) {
  for (const std::uint64_t seed : {69, 70}) {
    Case c = usual(seed);
    c.mode = 2, c.q_len = 29, c.kv_len = 40;
    Question question = asked(c);
    for (index_t d = 0; d < 12; ++d) question.spec.value.at(0, 0, 35, d) = std::nan("");  // no row sees key 35
    Answer result = answer(question);
    const index_t head = 29 * 12;
    for (index_t at = 0; at < head; ++at) result.forward.out.flat(at) = std::nan("");
    glint_test::Random random(seed, 1);
    for (index_t at = head; at < 3 * head; ++at) result.forward.out.flat(at) = random.normal();
    const std::vector<Hint> found = hints_of(question, results_of(question, result));
    expect_first("poison.leak", found);
    EXPECT_LT(found.at(0).explained, 0.9);
    for (double& element : question.spec.value.data) element = std::isnan(element) ? 0 : element;
    EXPECT_EQ(ids(hints_of(question, results_of(question, result))), "");  // nothing to leak
  }
}

TEST(HintRows, ReachedByPoison) {
  for (const std::uint64_t seed : {60, 61}) {
    Case c = usual(seed);
    c.mode = 2, c.q_len = 29, c.kv_len = 40;
    Question question = asked(c);
    for (index_t d = 0; d < 12; ++d) question.spec.value.at(0, 0, 35, d) = std::nan("");  // no row sees key 35
    Answer result = answer(question);
    for (index_t at = 0; at < 2 * 29 * 12; ++at) result.forward.out.flat(at) = std::nan("");
    expect_first("poison.leak", hints_of(question, results_of(question, result)));
  }
}

float to_bfloat16(float value) { return glint::to_float(glint::from_float<glint::bfloat16>(value)); }
float to_float16(float value) { return glint::to_float(glint::from_float<glint::half>(value)); }
// Ten bits of fraction, to nearest; no ties among random numbers.
float to_tf32(float value) {
  const float split = value * 8193.0F;
  return split - (split - value);
}

TEST(HintPrecision, OfRoundedOperands) {
  for (const std::uint64_t seed : {62, 63}) {
    Online how;
    how.round_input = how.round_p = to_tf32;
    expect_first("precision.tf32", hints_of_online(asked(plain(seed)), how));
    how.round_input = how.round_p = nullptr;
    how.round_p = to_bfloat16;
    expect_first("precision.p_16bit", hints_of_online(asked(plain(seed)), how));
    how.round_p = to_float16;
    expect_first("precision.p_16bit", hints_of_online(asked(plain(seed)), how, {16, 16}));
  }
}

// The output's own rounding is as large as the error.
TEST(HintPrecision, OfRoundedProbabilitiesInHalf) {
  for (const std::uint64_t seed : {64, 65, 66}) {
    Case c = usual(seed);
    c.batch = 1, c.kv_heads = 4, c.q_len = 64, c.kv_len = 200, c.dim = c.value_dim = 64, c.scale = 1000;
    Online how;
    how.tile = seed == 64 ? 256 : 64;
    EXPECT_EQ(ids(hints_of_online(asked(c, DType::f16), how)), "");
    how.round_p = to_float16;
    expect_first("precision.p_16bit", hints_of_online(asked(c, DType::f16), how));
  }
}

TEST(HintPrecision, OfRoundedScores) {
  for (const std::uint64_t seed : {67, 68}) {
    Online how;
    for (float (*round)(float) : {to_bfloat16, to_float16}) {
      how.round_score = round;
      expect_first("precision.scores_16bit", hints_of_online(asked(plain(seed)), how));
    }
  }
}

}  // namespace
}  // namespace kit::foreign
