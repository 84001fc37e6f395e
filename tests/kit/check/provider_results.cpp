// What a foreign kernel made of its memory: results, and what it should not have touched.
#include <algorithm>
#include <cstring>
#include <limits>

#include "kit/check/provider_case.hpp"
#include "tune/provider/provider_needs.hpp"

namespace kit::detail {

namespace oracle = glint::reference;

namespace {

constexpr std::size_t kGuard = 256;
constexpr std::byte kGuardByte{0xa5};
constexpr double kLargest = static_cast<double>(std::numeric_limits<float>::max());

bool is_untouched(const GuardedBytes& bytes, std::size_t at, std::size_t size) {
  const auto poison = [](std::byte byte) { return byte == std::byte{0xff}; };
  return std::all_of(bytes.data() + at, bytes.data() + at + size, poison);
}

}  // namespace

GuardedBytes::GuardedBytes(std::size_t bytes, std::size_t alignment)
    : memory_(bytes + 2 * kGuard + 128, kGuardByte), size_(bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(memory_.data());
  lead_ = kGuard + (64 - at % 64) % 64 + (alignment < 64 ? alignment : 0);
  std::fill_n(data(), size_, std::byte{0xff});
}

bool GuardedBytes::intact() const {
  const auto is_guard = [](std::byte byte) { return byte == kGuardByte; };
  const auto end = memory_.begin() + static_cast<std::ptrdiff_t>(lead_ + size_);
  return std::all_of(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(lead_), is_guard) &&
         std::all_of(end, memory_.end(), is_guard);
}

void ProviderCase::want(bool max_and_sum, bool lse) {
  glint_problem& p = problem_;
  if (p.op != GLINT_BACKWARD) {
    p.softmax_max = max_and_sum ? reinterpret_cast<float*>(max_.data()) : nullptr;
    p.softmax_sum = max_and_sum ? reinterpret_cast<float*>(sum_.data()) : nullptr;
    p.lse = lse ? reinterpret_cast<float*>(lse_.data()) : nullptr;
  }
  p.needs = bench::tune::detail::provider_needs(p);
}

void ProviderCase::set_workspace(std::int64_t bytes) {
  workspace_ = GuardedBytes(static_cast<std::size_t>(bytes), 64);
  problem_.workspace = workspace_.data();
  problem_.workspace_bytes = bytes;
}

std::string ProviderCase::damage() const {
  for (const Input& input : inputs_)
    if (input.tensor.bytes != input.before.bytes) return "it wrote to its input " + input.name;
  for (const Output& output : outputs_) {
    if (!output.bytes.intact()) return "it wrote beyond " + output.name;
    const std::size_t size = output.owned.empty() ? 0 : output.bytes.size() / output.owned.size();
    for (std::size_t at = 0; at < output.owned.size(); ++at)
      if (!output.owned[at] && !is_untouched(output.bytes, at * size, size))
        return "it wrote element " + std::to_string(at) + " of " + output.name + ", whose row belongs to no sequence";
  }
  if (!max_.intact() || !sum_.intact()) return "it wrote beyond softmax_max or softmax_sum";
  if (!lse_.intact()) return "it wrote beyond lse";
  return workspace_.intact() ? "" : "it wrote beyond its workspace";
}

// From [batch][heads][q_len] to the operator's order; `nothing` is what rows of no sequence hold.
Tensor ProviderCase::statistic(const GuardedBytes& dense, double nothing) const {
  const oracle::Extent e = oracle::query_extent(*spec_);
  const bool packed = oracle::is_packed(oracle::input_layout(spec_->layout));
  Array all(packed ? std::vector<index_t>{e.rows, e.heads} : std::vector<index_t>{e.batch, e.heads, e.rows});
  std::fill(all.data.begin(), all.data.end(), nothing);
  for (std::size_t b = 0; b < entries_.size(); ++b)
    for (index_t head = 0; head < e.heads; ++head)
      for (index_t i = 0; i < entries_[b].rows; ++i) {
        const index_t from = (static_cast<index_t>(b) * e.heads + head) * problem_.q_len + i;
        float number = 0;
        std::memcpy(&number, dense.data() + from * static_cast<index_t>(sizeof number), sizeof number);
        const index_t row = entries_[b].first_row + i;
        all.flat(oracle::detail::statistics_position(*spec_, entries_[b].q_batch, head, row)) =
            static_cast<double>(number);
      }
  return tensor_of(all, Type::f32);
}

Results ProviderCase::results() const {
  Results all;
  for (const Output& output : outputs_) {
    Tensor tensor{output.type, output.shape, {output.bytes.data(), output.bytes.data() + output.bytes.size()}};
    const std::size_t size = output.owned.empty() ? 0 : tensor.bytes.size() / output.owned.size();
    for (std::size_t at = 0; at < output.owned.size(); ++at)
      if (!output.owned[at]) std::memset(tensor.bytes.data() + at * size, 0, size);
    all[output.name] = std::move(tensor);
  }
  if (problem_.op == GLINT_BACKWARD) return all;
  if (problem_.softmax_max != nullptr) {
    all["softmax_max"] = statistic(max_, -kLargest);
    all["softmax_sum"] = statistic(sum_, kLargest);
  }
  if (problem_.lse != nullptr) all["lse"] = statistic(lse_, std::numeric_limits<double>::infinity());
  return all;
}

}  // namespace kit::detail
