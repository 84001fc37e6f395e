// The gate before the clock: has every element of the outputs been written, nothing beside them, and nothing of the
// inputs?  What the elements are is the oracle's business (oracle.hpp).
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "support/inputs.hpp"
#include "tune/worker/complaint.hpp"

namespace bench::tune {

// An output between canaries of kMarginBytes each.
struct Output {
  const char* name;
  std::span<std::byte> elements, before, behind;
  std::size_t size;        // of an element
  std::uint32_t exponent;  // all bits of an element's exponent: set in what is not finite, and nothing else
  std::uint32_t nan;       // what stands for "not written": one NaN of many, which no kernel calculates

  std::uint32_t element(std::size_t at) const {
    std::uint32_t bits = 0;
    std::memcpy(&bits, elements.data() + at, size);
    return bits;
  }
};

inline constexpr index_t kMarginBytes = 8192;
inline constexpr std::byte kCanary{0xA5};

template <class Item>
Buffer<Item> guarded(index_t count) {
  return Buffer<Item>(count, Item{}, kMarginBytes / static_cast<index_t>(sizeof(Item)));
}

template <class Item>
Output output(const char* name, const Buffer<Item>& buffer) {
  const auto bytes = [](std::span<Item> items) { return std::as_writable_bytes(items); };
  Output o{name,
           bytes({buffer.begin(), buffer.end()}),
           bytes(buffer.before()),
           bytes(buffer.behind()),
           sizeof(Item),
           0x7f800000,
           0x7fc5a5a5};
  if (glint::dtype_of<Item> == DType::f16) o.exponent = 0x7c00, o.nan = 0x7e5a;
  if (glint::dtype_of<Item> == DType::bf16) o.exponent = 0x7f80, o.nan = 0x7fca;
  return o;
}

using Margin = std::span<std::byte>;

inline void set_canaries(Margin before, Margin behind) {
  for (const Margin margin : {before, behind}) std::fill(margin.begin(), margin.end(), kCanary);
}
inline Complaint canaries(const std::string& name, Margin before, Margin behind) {
  const auto dead = [](std::byte b) { return b != kCanary; };
  if (const auto at = std::find_if(before.rbegin(), before.rend(), dead); at != before.rend())
    return {"out_of_bounds",
            "the byte " + std::to_string(at - before.rbegin() + 1) + " before " + name + " was written"};
  if (const auto at = std::find_if(behind.begin(), behind.end(), dead); at != behind.end())
    return {"out_of_bounds",
            "the byte " + std::to_string(at - behind.begin() + 1) + " behind " + name + " was written"};
  return {};
}

inline void poison(const Output& o) {
  for (std::size_t at = 0; at < o.elements.size(); at += o.size) std::memcpy(o.elements.data() + at, &o.nan, o.size);
  set_canaries(o.before, o.behind);
}

// Elements of which `is` holds.
template <class Is>
Complaint elements_that(const Output& o, const char* code, const char* what, const Is& is) {
  std::size_t count = 0, first = 0;
  for (std::size_t at = 0; at < o.elements.size(); at += o.size)
    if (is(o.element(at)) && count++ == 0) first = at / o.size;
  if (count == 0) return {};
  return {code, std::to_string(count) + " of " + std::to_string(o.elements.size() / o.size) + " elements of " + o.name +
                    " " + what + "; the first is number " + std::to_string(first)};
}

// Operands are finite, and so must be what is made of them.
inline Complaint written_within(const Output& o) {
  if (Complaint complaint = canaries(o.name, o.before, o.behind)) return complaint;
  if (Complaint complaint =
          elements_that(o, "unwritten", "were not written", [&](std::uint32_t bits) { return bits == o.nan; }))
    return complaint;
  return elements_that(o, "not_finite", "are NaN or infinite",
                       [&](std::uint32_t bits) { return (bits & o.exponent) == o.exponent; });
}

// FNV-1a over words: any change shows.
inline std::uint64_t fingerprint(const std::vector<std::span<const std::byte>>& memory) {
  std::uint64_t hash = 14695981039346656037u;
  for (const auto bytes : memory) {
    std::size_t at = 0;
    for (std::uint64_t word = 0; at + sizeof word <= bytes.size(); at += sizeof word) {
      std::memcpy(&word, bytes.data() + at, sizeof word);
      hash = (hash ^ word) * 1099511628211u;
    }
    for (; at < bytes.size(); ++at) hash = (hash ^ static_cast<std::uint64_t>(bytes[at])) * 1099511628211u;
  }
  return hash;
}

template <class Item>
std::span<const std::byte> bytes_of(const Buffer<Item>& buffer) {
  return std::as_bytes(std::span<const Item>(buffer.begin(), buffer.end()));
}

}  // namespace bench::tune
