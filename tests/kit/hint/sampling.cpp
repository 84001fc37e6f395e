// Which rows hypotheses are tried on.
#include <algorithm>
#include <cmath>

#include "glint/reference/attention.hpp"
#include "kit/hint/units.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

// The worst row, the first, and the rest spread evenly; as many again, half of them, of those that pass.
void Units::pick(std::vector<std::pair<double, Sample>>& all, std::size_t most) {
  std::vector<std::size_t> failing, passing;
  for (std::size_t at = 0; at < all.size(); ++at) (all[at].second.fails() ? failing : passing).push_back(at);
  if (!all.empty())
    share_failing_ = std::max(share_failing_, static_cast<double>(failing.size()) / static_cast<double>(all.size()));
  const auto take = [&](const std::vector<std::size_t>& from, std::size_t count) {
    const std::size_t step = std::max<std::size_t>(1, (from.size() + count - 1) / std::max<std::size_t>(count, 1));
    std::vector<std::size_t> taken;
    for (std::size_t at = 0; at < from.size(); at += step) taken.push_back(from[at]);
    return taken;
  };
  std::vector<std::size_t> chosen = take(failing, most);
  if (!failing.empty()) {
    const auto by_error = [&](std::size_t left, std::size_t right) { return all[left].first < all[right].first; };
    const std::size_t worst = *std::max_element(failing.begin(), failing.end(), by_error);
    if (std::find(chosen.begin(), chosen.end(), worst) == chosen.end()) chosen.insert(chosen.begin(), worst);
    // Rows far apart first: what is wrong about one alone is soon found not to be about the others.
    std::stable_partition(chosen.begin(), chosen.end(), [&](std::size_t at) { return at % 3 == 0 || at == worst; });
  }
  for (const std::size_t at : take(passing, most / 2 + 1)) chosen.push_back(at);
  for (const std::size_t at : chosen) samples_.push_back(std::move(all[at].second));
}

void Units::sample_queries() {
  const AttentionCase& spec = question_.spec;
  const reference::Extent extent = reference::query_extent(spec);
  const bool backward = tensors_[kDQuery].present();
  std::vector<std::pair<double, Sample>> all;
  for (index_t b = 0; b < extent.batch; ++b) {
    for (index_t n = 0; n < extent.heads; ++n) {
      for (index_t i = 0; i < extent.rows; ++i) {
        Sample sample{{b, i, n}, false, {}};
        double worst = 0;
        for (const Output output : {kOut, kLse, kMax, kSum, kDQuery})
          sample.status[output] = status(output, sample.row, worst);
        all.emplace_back(worst, sample);
      }
    }
  }
  // A forward that is right says nothing about a gradient that is wrong: they are two kernels.
  const auto forward_fails = [](const std::pair<double, Sample>& one) {
    return std::any_of(one.second.status.begin(), one.second.status.begin() + kDQuery,
                       [](Status each) { return each == Status::fails; });
  };
  if (backward && std::none_of(all.begin(), all.end(), forward_fails))
    for (auto& [worst, sample] : all)
      for (const Output output : {kOut, kLse, kMax, kSum}) sample.status[output] = Status::absent;
  const index_t keys = std::max<index_t>(
      1, spec.paging.block_table.present() || !spec.key_list.empty()
             ? 64
             : reference::extent_of(spec.key, reference::input_layout(spec.layout), reference::kv_heads_of(spec)).rows);
  const index_t cost = keys * (extent.width + parts::output_extent(spec).width + 20);
  pick(all, static_cast<std::size_t>(std::clamp<index_t>(8'000'000 / cost, 12, 48)));
}

// One kv head's keys cost a whole head's forward: those of the worst one, if that is cheap.
void Units::sample_keys() {
  if (!tensors_[kDKey].present() && !tensors_[kDValue].present()) return;
  const AttentionCase& spec = question_.spec;
  const reference::Extent rows = reference::query_extent(spec);
  const reference::Extent extent =
      reference::extent_of(spec.key, reference::input_layout(spec.layout), reference::kv_heads_of(spec));
  const double cost = static_cast<double>(rows.heads / std::max<index_t>(1, extent.heads) * rows.rows * extent.rows) *
                      static_cast<double>(4 * extent.width + 40);
  if (cost > 3e8) return;
  std::vector<std::pair<double, Sample>> all, most_wrong;
  double most = -1;
  for (index_t b = 0; b < extent.batch; ++b) {
    for (index_t n = 0; n < extent.heads; ++n) {
      all.clear();
      double failing = 0;
      for (index_t j = 0; j < extent.rows; ++j) {
        Sample sample{{b, j, n}, true, {}};
        double worst = 0;
        for (const Output output : {kDKey, kDValue}) sample.status[output] = status(output, sample.row, worst);
        failing += sample.fails() ? 1 : 0;
        all.emplace_back(worst, sample);
      }
      if (failing > most) most = failing, most_wrong = all;
    }
  }
  pick(most_wrong, 32);
}

}  // namespace kit::hinting
