// What glint does on this machine, in one table: for each operator the time of one thread, the share of what the
// machine can do, the largest error against the float64 oracle, and the speed beside the same attention in plain Eigen.
//   summary [--json FILE]
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "../bench/support/probes.hpp"
#include "../bench/support/unfused_eigen.hpp"
#include "glint/glint.hpp"
#include "glint/reference/attention.hpp"
#include "summary_table.hpp"

using namespace glint;

namespace {

constexpr std::size_t kCacheBytes = std::size_t{320} << 20;  // decode walks through more than any cache holds

template <class T>
constexpr const char* type_name() {
  return dtype_of<T> == DType::f32 ? "f32" : dtype_of<T> == DType::f16 ? "f16" : "bf16";
}

template <class T>
std::vector<T> random_normal(std::size_t count, unsigned seed) {
  // Drawn once and repeated: a hundred million draws would take longer than everything else here.
  static const std::vector<float> drawn = [] {
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    std::vector<float> numbers(1000003);  // a prime, so that no two heads are the same
    for (float& number : numbers) number = normal(engine);
    return numbers;
  }();
  std::vector<T> list(count);
  std::size_t from = seed * 77777 % drawn.size();
  for (T& element : list) {
    element = from_float<T>(drawn[from]);
    if (++from == drawn.size()) from = 0;
  }
  return list;
}

template <class T>
std::vector<float> as_floats(const std::vector<T>& list) {
  std::vector<float> floats(list.size());
  std::transform(list.begin(), list.end(), floats.begin(), [](T x) { return to_float(x); });
  return floats;
}

double median(std::vector<double> list) {
  std::sort(list.begin(), list.end());
  return list[list.size() / 2];
}

void fail(const Status& status) {
  if (status) return;
  char text[200];
  format(status, text, sizeof text);
  std::fprintf(stderr, "summary: %s\n", text);
  std::exit(1);
}

void progress(const char* what) {
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[Kmeasuring %s", what);
}

// Rounds of ceiling, glint and Eigen, one after another, so that all three meet the same neighbours and clock.
template <class Ceiling, class Run, class Unfused>
void measure(Row& row, double work, const Ceiling& ceiling, const Run& run, const Unfused& unfused) {
  const auto seconds_of = [](const auto& call) {
    const double start = bench::thread_seconds();
    call();
    return bench::thread_seconds() - start;
  };
  run();  // pages and caches
  std::vector<double> seconds, shares, unfused_seconds;
  const double start = bench::wall_seconds();
  while (seconds.size() < 3 || (seconds.size() < 25 && bench::wall_seconds() - start < 1)) {
    const double best = ceiling();
    seconds.push_back(seconds_of(run));
    shares.push_back(work / seconds.back() / best);
    unfused_seconds.push_back(seconds_of(unfused));
    if (bench::wall_seconds() - start > 5) break;
  }
  row.seconds = median(seconds);
  row.rate = work / row.seconds;
  row.share = median(shares);
  row.unfused_seconds = median(unfused_seconds);
}

// Error of one output row in units of the contract: |o - o64| <= u|o64| + tiny + C 2^-24 W (1 + A), where W is
// sum_j p_j |v_j| and A the largest sum_d |q_d k_jd| times the scale.
template <class T>
double row_error(const T* q, HeadView<const T> k, HeadView<const T> v, const T* out, double scale) {
  const auto tensor = [](HeadView<const T> head) {
    reference::Array array({1, 1, head.rows, head.dim});
    for (index_t r = 0; r < head.rows; ++r)
      for (index_t d = 0; d < head.dim; ++d)
        array.flat(r * head.dim + d) = static_cast<double>(to_float(head.row(r)[d]));
    return array;
  };
  reference::AttentionCase question;
  question.op = reference::Operator::incre;
  question.layout = "BNSD";
  question.query = tensor({q, 1, k.dim, k.dim});
  question.key = tensor(k);
  question.value = tensor(v);
  question.scale = scale;
  const reference::AttentionResult want = reference::attention(question);
  const double rounding = dtype_of<T> == DType::f32 ? 0x1p-24 : dtype_of<T> == DType::f16 ? 0x1p-11 : 0x1p-8;
  const double tiny = dtype_of<T> == DType::f16 ? 0x1p-25 : 0;
  double largest = 0;
  for (index_t d = 0; d < v.dim; ++d) {
    const double exact = want.out.flat(d), weight = want.weighted_abs_v.flat(d) * (1 + want.score_abs.flat(0));
    const double excess = std::abs(static_cast<double>(to_float(out[d])) - exact) - rounding * std::abs(exact) - tiny;
    largest = std::max(largest, excess / (0x1p-24 * weight));
  }
  return largest;
}

// Operator over Shape; every sequence is causal from the top left or not masked at all.
template <class Operator, class LayoutTag, class T>
Row prefill(const char* name, Shape s, bool causal) {
  Row row{.name = name, .type = type_name<T>(), .mask = causal ? "causal" : "none"};
  char text[80];
  std::snprintf(text, sizeof text, "%s B%d N%d/%d S%d D%d", LayoutTag::kind == Layout::BSND ? "BSND" : "BNSD",
                int(s.batch), int(s.heads), int(s.kv_head_count()), int(s.q_len), int(s.head_dim));
  row.shape = text;
  progress((row.name + " " + row.type + " " + text).c_str());

  const auto elements = [&](index_t heads) { return static_cast<std::size_t>(s.batch * heads * s.q_len * s.head_dim); };
  const std::vector<T> q = random_normal<T>(elements(s.heads), 1), k = random_normal<T>(elements(s.kv_head_count()), 2),
                       v = random_normal<T>(elements(s.kv_head_count()), 3);
  std::vector<T> out(q.size());
  const float scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
  typename Operator::Problem problem{.q = q.data(), .out = out.data(), .shape = s, .scale = scale};
  if constexpr (requires { problem.kv; }) {
    problem.kv = {.k = k.data(), .v = v.data()};
  } else {
    problem.k = k.data(), problem.v = v.data();
  }
  std::vector<std::byte> workspace(static_cast<std::size_t>(Operator::workspace_bytes(problem)));

  // Useful work: two multiply-adds for each visible pair and number of a head.
  const mask::Staircase mask =
      StaircaseOf{causal ? SparseMode::left_up_causal : SparseMode::all_mask}({0, 0, s.q_len, s.kv_len});
  std::vector<long> visible;
  double pairs = 0;
  for (index_t r = 0; r < s.q_len; ++r) {
    visible.push_back(mask.keys(r, r + 1).hi - mask.keys(r, r + 1).lo);
    pairs += static_cast<double>(visible.back());
  }
  pairs *= static_cast<double>(s.batch * s.heads);

  const Strides q_strides = LayoutTag::strides({s.batch, s.heads, s.q_len, s.head_dim});
  const Strides kv_strides = LayoutTag::strides({s.batch, s.kv_head_count(), s.kv_len, s.head_dim});
  const index_t group = s.heads / s.kv_head_count();
  const std::vector<float> qf = as_floats(q), kf = as_floats(k), vf = as_floats(v);
  std::vector<float> unfused_out(q.size()), scores(static_cast<std::size_t>(s.q_len * s.kv_len));
  measure(
      row, 4 * pairs * static_cast<double>(s.head_dim), [] { return bench::fma_flops_per_second(); },
      [&] { fail(Operator{}(problem, Serial{}, workspace)); },
      [&] {
        for (index_t b = 0; b < s.batch; ++b) {
          for (index_t n = 0; n < s.heads; ++n) {
            const index_t at = b * q_strides.batch + n * q_strides.head;
            const index_t kv_at = b * kv_strides.batch + n / group * kv_strides.head;
            unfused::attention(
                {qf.data() + at, kf.data() + kv_at, vf.data() + kv_at, unfused_out.data() + at, s.q_len, s.kv_len,
                 s.head_dim, q_strides.row, kv_strides.row, q_strides.row, scale, causal ? visible.data() : nullptr},
                scores.data());
          }
        }
      });

  const Tensor<const T> keys{k.data(), kv_strides, s.head_dim}, values{v.data(), kv_strides, s.head_dim};
  for (index_t i = 0; i < 16; ++i) {  // spread over rows, heads and batch; first and last row included
    const index_t r = i * (s.q_len - 1) / 15, n = i * 7 % s.heads, b = i % s.batch;
    const index_t at = b * q_strides.batch + n * q_strides.head + r * q_strides.row;
    row.error = std::max(row.error, row_error<T>(q.data() + at, keys.head(b, n / group, 0, visible[std::size_t(r)]),
                                                 values.head(b, n / group, 0, visible[std::size_t(r)]), out.data() + at,
                                                 static_cast<double>(scale)));
  }
  return row;
}

// One step against a cache; as in a real model, each call finds another layer's cache.
template <class T>
Row decode(Shape s) {
  Row row{.name = "IncreFlashAttention", .type = type_name<T>(), .mask = "none", .decode = true};
  char text[80];
  std::snprintf(text, sizeof text, "BNSD B%d N%d/%d KV%d D%d", int(s.batch), int(s.heads), int(s.kv_heads),
                int(s.kv_len), int(s.head_dim));
  row.shape = text;
  progress((row.name + " " + row.type + " " + text).c_str());

  using Operator = IncreFlashAttention<layout::BNSD, T>;
  const auto one = static_cast<std::size_t>(s.batch * s.kv_heads * s.kv_len * s.head_dim);
  const std::size_t caches = kCacheBytes / (2 * one * sizeof(T));
  const std::vector<T> q = random_normal<T>(static_cast<std::size_t>(s.batch * s.heads * s.head_dim), 1);
  const std::vector<T> k = random_normal<T>(one * caches, 2), v = random_normal<T>(one * caches, 3);
  std::vector<T> out(q.size());
  const float scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
  const auto problem = [&](std::size_t cache) {
    return typename Operator::Problem{.q = q.data(),
                                      .kv = {.k = k.data() + cache * one, .v = v.data() + cache * one},
                                      .out = out.data(),
                                      .shape = s,
                                      .scale = scale,
                                      .inner_precise = 0};
  };
  std::vector<std::byte> workspace(static_cast<std::size_t>(Operator::workspace_bytes(problem(0))));

  const index_t group = s.heads / s.kv_heads, head_size = s.kv_len * s.head_dim;
  // Eigen reads floats; for 16-bit rows it gets as many caches of twice the bytes.
  const std::vector<float> qf = as_floats(q), kf = as_floats(k), vf = as_floats(v);
  std::vector<float> unfused_out(q.size()), scores(static_cast<std::size_t>(group * s.kv_len));
  std::size_t turn = 0, unfused_turn = 0;
  const std::span<const std::byte> all = std::as_bytes(std::span(k));
  measure(
      row, 2.0 * static_cast<double>(one * sizeof(T)), [&] { return bench::read_bytes_per_second(all); },
      [&] { fail(Operator{}(problem(turn++ % caches), Serial{}, workspace)); },
      [&] {
        const std::size_t cache = unfused_turn++ % caches * one;
        for (index_t h = 0; h < s.batch * s.kv_heads; ++h) {
          const index_t at = h * group * s.head_dim;
          unfused::attention(
              {qf.data() + at, kf.data() + cache + h * head_size, vf.data() + cache + h * head_size,
               unfused_out.data() + at, group, s.kv_len, s.head_dim, s.head_dim, s.head_dim, s.head_dim, scale},
              scores.data());
        }
      });

  const std::size_t cache = (turn - 1) % caches * one;  // what the last call read
  for (index_t n = 0; n < s.heads; n += std::max(s.heads / 8, index_t{1})) {
    const index_t kv = n / group * head_size;
    row.error = std::max(
        row.error, row_error<T>(q.data() + n * s.head_dim, {k.data() + cache + kv, s.kv_len, s.head_dim, s.head_dim},
                                {v.data() + cache + kv, s.kv_len, s.head_dim, s.head_dim}, out.data() + n * s.head_dim,
                                static_cast<double>(scale)));
  }
  return row;
}

std::vector<Row> all_rows() {
  const Shape many{.batch = 1, .heads = 8, .q_len = 1024, .kv_len = 1024, .head_dim = 64};
  const Shape grouped{.batch = 1, .heads = 32, .kv_heads = 8, .q_len = 2048, .kv_len = 2048, .head_dim = 128};
  const Shape brief{.batch = 8, .heads = 12, .q_len = 128, .kv_len = 128, .head_dim = 64};
  const Shape step{.batch = 1, .heads = 8, .kv_heads = 8, .q_len = 1, .kv_len = 4096, .head_dim = 128};
  const Shape group_step{.batch = 1, .heads = 32, .kv_heads = 8, .q_len = 1, .kv_len = 4096, .head_dim = 128};
  using layout::BNSD, layout::BSND;
  constexpr SparseMode kCausal = SparseMode::left_up_causal;
  return {
      prefill<FlashAttentionScore<BNSD, float>, BNSD, float>("FlashAttentionScore", many, false),
      prefill<FlashAttentionScore<BNSD, float, kCausal>, BNSD, float>("FlashAttentionScore", many, true),
      prefill<FlashAttentionScore<BSND, float>, BSND, float>("FlashAttentionScore", many, false),
      prefill<FlashAttentionScore<BNSD, bfloat16>, BNSD, bfloat16>("FlashAttentionScore", many, false),
      prefill<PromptFlashAttention<BNSD, float, kCausal>, BNSD, float>("PromptFlashAttention", grouped, true),
      prefill<PromptFlashAttention<BNSD, half, kCausal>, BNSD, half>("PromptFlashAttention", grouped, true),
      prefill<PromptFlashAttention<BNSD, float>, BNSD, float>("PromptFlashAttention", brief, false),
      decode<float>(step),
      decode<float>(group_step),
      decode<bfloat16>(group_step),
  };
}

}  // namespace

int main(int count, char** arguments) {
  const bool json = count == 3 && std::string(arguments[1]) == "--json";
  if (count != 1 && !json) {
    std::fputs("usage: summary [--json FILE]\n", stderr);
    return 2;
  }
  const std::vector<Row> rows = all_rows();
  if (isatty(STDERR_FILENO) != 0) std::fputs("\r\033[K", stderr);
  std::vector<double> flops, bytes;
  const std::vector<std::byte> memory(kCacheBytes, std::byte{1});
  for (int i = 0; i < 5; ++i) {
    flops.push_back(bench::fma_flops_per_second());
    bytes.push_back(bench::read_bytes_per_second(memory));
  }
  const Ceiling ceiling{name(simd::selected), median(flops), median(bytes), int(kCacheBytes >> 20)};
  print_table(rows, ceiling);
  if (json && !write_json(arguments[2], rows, ceiling)) {
    std::fprintf(stderr, "summary: cannot write %s\n", arguments[2]);
    return 1;
  }
  for (const Row& row : rows)
    if (row.error > kAllowedError) return 1;
}
