// IncreFlashAttention, one thing varied at a time: head groups, batches, pages, head sizes, lengths, draft rows,
// threads.  Rows are named decode_sweep/WHAT/TYPE/VALUE.
//
//   cmake --build build/release --target ops_decode_sweep_bench && build/release/bench/ops_decode_sweep_bench
#include "ops/decode/rows.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

const CachedWorkload kUsual = decode_workload("", 1, 32, 8, 4096);

template <class Element, class Stored>
void add(const char* type, const std::string& what, const CachedWorkload& w, const DecodeVariant& how) {
  add_memory_row("decode_sweep/" + what + "/" + type + "/" + w.name, w.bytes<Stored>(),
                 [w, how](benchmark::State& state) {
                   run_decode<glint::layout::BNSD, Element, glint::kv::Contiguous<Stored>>(state, w, how);
                 });
}

void add_all_types(const std::string& what, const CachedWorkload& w, int threads = 1) {
  using glint::bfloat16, glint::half;
  add<float, float>("f32", what, w, {.threads = threads});
  add<half, half>("f16", what, w, {.threads = threads});
  add<bfloat16, bfloat16>("bf16", what, w, {.peak = Peak::bf16_dot, .threads = threads});
  add<bfloat16, bfloat16>("bf16_precise", what, w, {.inner_precise = 0, .threads = threads});
  add<bfloat16, std::int8_t>("int8", what, w, {.peak = Peak::half_int8_dot, .threads = threads});
  add<bfloat16, std::int8_t>("int8_precise", what, w, {.inner_precise = 0, .threads = threads});
  add<bfloat16, glint::int4x2>("int4", what, w, {.threads = threads});
}

void add_shapes() {
  for (const index_t group : {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 64})
    add_all_types("G", decode_workload(std::to_string(group), 1, 8 * group, 8, 4096));
  for (const index_t batch : {1, 2, 4, 8, 16, 32, 64})
    add_all_types("B", decode_workload(std::to_string(batch), batch, 32, 8, 2048));
  for (const index_t dim : {32, 64, 80, 96, 128, 192, 256, 512})
    add_all_types("D", decode_workload(std::to_string(dim), 1, 32, 8, 4096, dim));
  for (const index_t keys : {1, 16, 63, 64, 65, 128, 256, 1000, 1024, 4096, 16384, 65536})
    add_all_types("KV", decode_workload(std::to_string(keys), 1, 32, 8, keys));
  for (const index_t rows : {1, 2, 4, 8, 16}) {
    CachedWorkload w = kUsual;
    w.name = std::to_string(rows);
    w.shape.q_len = rows;
    w.draft = rows > 1 ? glint::DraftMask::causal : glint::DraftMask::none;
    add_all_types("draft", w);
  }
}

// Of a batch, entries that are as different as users' texts.
void add_ragged() {
  CachedWorkload w = decode_workload("ragged", 16, 32, 8, 4096);
  for (index_t b = 0; b < w.shape.batch; ++b) w.kv_lens.push_back(1 + (b * 2654435 + 1234) % w.shape.kv_len);
  add_all_types("lengths", w);
}

template <class Element, class Stored>
void add_pages_of(const char* type, const DecodeVariant& how) {
  for (const index_t block_size : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}) {
    CachedWorkload w = kUsual;
    w.name = std::to_string(block_size);
    w.block_size = block_size;
    w.pages = glint::PageLayout::token_major;
    const auto row = [&](const char* pages) {
      return std::string("decode_sweep/block_size_") + pages + "/" + type + "/" + w.name;
    };
    add_memory_row(row("token_major"), 2 * w.bytes<Stored>(), [w, how](benchmark::State& state) {
      run_paged<glint::layout::BSND, Element, Stored>(state, w, how);
    });
    w.pages = glint::PageLayout::head_major;
    add_memory_row(row("head_major"), 2 * w.bytes<Stored>(), [w, how](benchmark::State& state) {
      run_paged<glint::layout::BNSD, Element, Stored>(state, w, how);
    });
  }
}

void add_threads() {
  const int most = usable_cpus();
  const auto with = [](int threads) {
    CachedWorkload w = kUsual;
    w.name = std::to_string(threads);
    add_all_types("threads", w, threads);
  };
  for (int threads = 1; threads <= most; threads *= 2) with(threads);
  if ((most & (most - 1)) != 0) with(most);  // all of them, where that is no power of two
}

const bool kRegistered = [] {
  add_shapes();
  add_ragged();
  add_pages_of<float, float>("f32", {});
  add_pages_of<glint::bfloat16, glint::bfloat16>("bf16", {.peak = Peak::bf16_dot});
  add_pages_of<glint::bfloat16, std::int8_t>("int8", {.peak = Peak::half_int8_dot});
  add_threads();
  return true;
}();

}  // namespace
}  // namespace bench
