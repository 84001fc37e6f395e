// The device numbers that the ascend profile enforces for both inference operators, each with the call at its bound.
// (Operators 5 and 8.2.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

template <class Fixture>
void expect_limit_between(Fixture at, Fixture beyond, const Expected& expected, const char* name) {
  EXPECT_TRUE(static_cast<bool>(at.check())) << name << ": " << at.check().rule;
  expect_refusal(beyond.check(), expected, name);
  expect_refusal(beyond.run_alone(), expected, name);
  beyond.call.limits = glint::Limits::none;
  EXPECT_TRUE(static_cast<bool>(beyond.check())) << name << ": not a limit of the library: " << beyond.check().rule;
}

struct LimitRow {
  const char* name;
  Size at, beyond;
  Code code;
  index_t got, want;
};
inline constexpr LimitRow kLimits[] = {
    {"heads", {1, 256, 4, 1, 1, 1}, {1, 257, 257, 1, 1, 1}, Code::limit_heads, 257, 256},
    {"head size", {1, 1, 1, 1, 1, 512}, {1, 1, 1, 1, 1, 513}, Code::limit_head_dim, 513, 512},
    {"head ratio", {1, 64, 1, 1, 1, 1}, {1, 65, 1, 1, 1, 1}, Code::limit_head_ratio, 65, 64},
};
template <class Fixture>
void expect_limit(const LimitRow& row) {
  expect_limit_between(under_ascend(dense<Fixture>(row.at)), under_ascend(dense<Fixture>(row.beyond)),
                       {row.code, row.got, row.want}, row.name);
}

// One page of `size` rows for each entry, of which one is used.
template <class Fixture>
Fixture strict_pages(index_t size, DType cache, index_t width = 16) {
  Fixture f = sized<Fixture>({.batch = 1, .heads = 1, .kv_heads = 1, .q_len = 1, .kv_len = size, .dim = width},
                             DType::f16, cache);
  f.call.key.shape = f.call.value.shape = {1, 1, size, width};
  f.call.block_table = {kTable, DType::i32, {1, 1}};
  f.call.block_size = size;
  f.kv_lens = {1};
  if (cache != DType::f16) f.call.key_antiquant_scale = f.call.value_antiquant_scale = ones(DType::f32, {1, width});
  return under_ascend(f);
}

// `size`: rows of a legal page.
template <class Fixture>
void expect_limits_of_pages(index_t size) {
  static const std::vector<std::int32_t> wide(16385, 0);
  const auto columns = [&](index_t count) {
    Fixture f = strict_pages<Fixture>(size, DType::f16);
    f.call.block_table = {wide.data(), DType::i32, {1, count}};
    return f;
  };
  expect_limit_between(columns(16384), columns(16385), {Code::limit_block_columns, 16385, 16384}, "columns");

  const auto wide_pages = [&](index_t heads) {  // heads of 257 numbers: 255 make 65535
    Fixture f = dense<Fixture>({.batch = 1, .heads = heads, .kv_heads = heads, .q_len = 1, .kv_len = size, .dim = 257});
    f.call.key.shape = f.call.value.shape = {1, size, heads * 257};
    f.call.block_table = {kTable, DType::i32, {1, 1}};
    f.call.block_size = size;
    f.kv_lens = {1};
    return under_ascend(f);
  };
  expect_limit_between(wide_pages(255), wide_pages(256), {Code::limit_page_width, 65792, 65535}, "width");
  Fixture head_major = wide_pages(256);
  head_major.call.key.shape = head_major.call.value.shape = {1, 256, size, 257};
  EXPECT_TRUE(static_cast<bool>(head_major.check())) << head_major.check().rule;

  const auto masked_pages = [&](index_t count) {
    Fixture f = strict_pages<Fixture>(size, DType::f16);
    f.call.attn_mask = {f.memory.take(size), DType::u8, {1, count}};
    return f;
  };
  expect_limit_between(masked_pages(size), masked_pages(size - 1), {Code::limit_mask_columns, size - 1, size}, "mask");
  const auto biased_pages = [&](index_t count) {
    Fixture f = strict_pages<Fixture>(size, DType::f16);
    f.call.pse_shift = {f.memory.take(2 * size), DType::f16, {1, 1, 1, count}};
    return f;
  };
  expect_limit_between(biased_pages(size), biased_pages(size - 1), {Code::limit_mask_columns, size - 1, size},
                       "pse_shift");
}

template <class Fixture>
void expect_limits_of_both() {
  for (const LimitRow& row : kLimits) expect_limit<Fixture>(row);
  const auto of_type = [](DType dtype) { return under_ascend(dense<Fixture>(kOneRow, dtype)); };
  expect_limit_between(of_type(DType::bf16), of_type(DType::f32), {Code::limit_dtype, 1, 2}, "float32");

  const auto listed = [](index_t batch) {
    Fixture f = dense<Fixture>({.batch = batch, .heads = 1, .kv_heads = 1, .q_len = 1, .kv_len = 1, .dim = 16});
    const glint::TensorRef entry{f.call.key.data, DType::f16, {1, 1, 1, 16}};
    f.keys.assign(static_cast<std::size_t>(batch), entry);
    f.values = f.keys;
    f.call.key = f.call.value = {};
    return under_ascend(f);
  };
  expect_limit_between(listed(256), listed(257), {Code::limit_batch, 257, 256}, "list");
}

}  // namespace
}  // namespace bad_input
