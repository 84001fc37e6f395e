// Finds the shortest true description of a set of rows.
#include "kit/check/rows_in_words.hpp"

#include <algorithm>
#include <iterator>

namespace kit::detail {

namespace {

struct Run {
  index_t first = 0, last = 0;
  index_t length() const { return last - first + 1; }
};

std::vector<Run> runs_of(const std::vector<index_t>& numbers) {
  std::vector<Run> runs;
  for (const index_t number : numbers) {
    if (!runs.empty() && runs.back().last + 1 == number)
      runs.back().last = number;
    else
      runs.push_back({number, number});
  }
  return runs;
}

std::string text_of(const Run& run) {
  return run.length() == 1 ? std::to_string(run.first) : std::to_string(run.first) + "-" + std::to_string(run.last);
}

// The distance of three or more runs of one length; the last may be cut short.  0: they have none.
index_t period_of(const std::vector<Run>& runs) {
  if (runs.size() < 3) return 0;
  const index_t period = runs[1].first - runs[0].first;
  for (std::size_t r = 1; r < runs.size(); ++r) {
    const bool last = r + 1 == runs.size();
    if (runs[r].first - runs[r - 1].first != period) return 0;
    if (last ? runs[r].length() > runs[0].length() : runs[r].length() != runs[0].length()) return 0;
  }
  return period;
}

std::string plural(const std::string& noun) { return noun == "entry" ? "entries" : noun + "s"; }

std::string periodic(const std::vector<Run>& runs, index_t period, const std::string& noun) {
  const std::string to = std::to_string(runs.back().last);
  if (runs[0].length() > 1)
    return plural(noun) + " " + text_of(runs[0]) + " of every " + std::to_string(period) + ", to " + to;
  const std::string each = period == 2   ? "every second "
                           : period == 3 ? "every third "
                                         : "every " + std::to_string(period) + "th ";
  return each + noun + " from " + std::to_string(runs[0].first) + " to " + to;
}

std::string listed(const std::vector<Run>& runs, const std::string& noun) {
  const bool many = runs.size() > 1 || runs[0].length() > 1;
  std::string text = (many ? plural(noun) : noun) + " ";
  for (std::size_t r = 0; r < runs.size(); ++r) {
    if (r > 0) text += r + 1 == runs.size() ? " and " : ", ";
    text += text_of(runs[r]);
  }
  return text;
}

// What one head of one block has wrong.
struct Wrong {
  index_t block = 0, head = 0, rows = 0;  // rows: of the block
  std::vector<index_t> numbers;

  bool all() const { return static_cast<index_t>(numbers.size()) == rows; }
  // The rows are the last ones: how many.  0: they are not.
  index_t tail() const {
    const auto count = static_cast<index_t>(numbers.size());
    return numbers.back() == rows - 1 && numbers.front() == rows - count ? count : 0;
  }
};

std::vector<Wrong> wrong_of(const Grid& grid, const Flags& flags) {
  std::vector<Wrong> all;
  std::size_t at = 0;
  for (const Block& block : grid)
    for (index_t n = 0; n < block.heads; ++n) {
      Wrong wrong{block.b, n, block.rows, {}};
      for (index_t i = 0; i < block.rows; ++i)
        if (flags[at++]) wrong.numbers.push_back(i);
      if (!wrong.numbers.empty()) all.push_back(std::move(wrong));
    }
  return all;
}

template <class Of>
bool same_everywhere(const std::vector<Wrong>& all, const Of& of) {
  return std::all_of(all.begin(), all.end(), [&](const Wrong& wrong) { return of(wrong) == of(all.front()); });
}

// The rows that every head has wrong; empty if they differ from one to the other.
std::string common_rows(const std::vector<Wrong>& all, const std::string& row) {
  const Wrong& front = all.front();
  const bool one_length = same_everywhere(all, [](const Wrong& wrong) { return wrong.rows; });
  if (same_everywhere(all, [](const Wrong& wrong) { return wrong.all(); }) && front.all())
    return one_length && front.rows == 1 ? row + " 0" : "all " + row + "s";
  if (same_everywhere(all, [](const Wrong& wrong) { return wrong.numbers; })) {
    const std::string words = numbers_in_words(front.numbers, row);
    const bool last = one_length && front.tail() > 0;
    return !last ? words : words + (front.tail() == 1 ? ", the last" : ", the last " + std::to_string(front.tail()));
  }
  const index_t tail = front.tail();
  if (tail > 0 && same_everywhere(all, [](const Wrong& wrong) { return wrong.tail(); }))
    return tail == 1 ? "the last " + row : "the last " + std::to_string(tail) + " " + row + "s";
  const auto from = [](const Wrong& wrong) { return wrong.tail() > 0 ? wrong.numbers.front() : -1; };
  if (tail > 0 && same_everywhere(all, from)) return row + "s from " + std::to_string(from(front)) + " on";
  return {};
}

std::vector<index_t> sorted_once(std::vector<index_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

// "every head", "head 3"; nothing if there is only one.
std::string which(const std::vector<index_t>& wrong, index_t of, const std::string& noun) {
  if (of <= 1) return {};
  return static_cast<index_t>(wrong.size()) == of ? "every " + noun : numbers_in_words(wrong, noun);
}

struct Axis {
  std::vector<index_t> wrong;
  index_t count = 0;
};

Axis blocks_with_rows(const Grid& grid, const std::vector<Wrong>& all) {
  Axis axis;
  for (const Block& block : grid) axis.count += block.heads > 0 && block.rows > 0 ? 1 : 0;
  for (const Wrong& wrong : all) axis.wrong.push_back(wrong.block);
  axis.wrong = sorted_once(axis.wrong);
  return axis;
}

Axis heads_of(const Grid& grid, const std::vector<Wrong>& all) {
  Axis axis;
  for (const Block& block : grid) axis.count = std::max(axis.count, block.heads);
  for (const Wrong& wrong : all) axis.wrong.push_back(wrong.head);
  axis.wrong = sorted_once(axis.wrong);
  return axis;
}

std::string places(const Axis& heads, const Axis& blocks, const RowNames& names) {
  const std::string head = which(heads.wrong, heads.count, names.head);
  const std::string block = which(blocks.wrong, blocks.count, names.block);
  std::string text = head.empty() ? "" : " of " + head;
  if (!block.empty()) text += (head.empty() ? " of " : " in ") + block;
  return text;
}

// No more than how many, and between which.
std::string scattered(const std::vector<Wrong>& all, const Axis& heads, const Axis& blocks, const RowNames& names) {
  std::size_t count = 0;
  index_t first = all.front().numbers.front(), last = first;
  for (const Wrong& wrong : all) {
    count += wrong.numbers.size();
    first = std::min(first, wrong.numbers.front());
    last = std::max(last, wrong.numbers.back());
  }
  std::string text =
      std::to_string(count) + " " + names.row + "s between " + std::to_string(first) + " and " + std::to_string(last);
  text += places(heads, blocks, names);
  return text + ", not the same everywhere";
}

// Takes the rows that all have wrong out of them.
std::vector<Wrong> without(const std::vector<index_t>& numbers, std::vector<Wrong> all) {
  for (Wrong& wrong : all) {
    std::vector<index_t> rest;
    std::set_difference(wrong.numbers.begin(), wrong.numbers.end(), numbers.begin(), numbers.end(),
                        std::back_inserter(rest));
    wrong.numbers = std::move(rest);
  }
  all.erase(std::remove_if(all.begin(), all.end(), [](const Wrong& wrong) { return wrong.numbers.empty(); }),
            all.end());
  return all;
}

std::vector<index_t> common_numbers(const std::vector<Wrong>& all) {
  std::vector<index_t> common = all.front().numbers;
  for (const Wrong& wrong : all) {
    std::vector<index_t> both;
    std::set_intersection(common.begin(), common.end(), wrong.numbers.begin(), wrong.numbers.end(),
                          std::back_inserter(both));
    common = std::move(both);
  }
  return common;
}

// parts: how many there may be.
std::string described(const Grid& grid, const std::vector<Wrong>& all, const RowNames& names, int parts) {
  if (all.empty()) return {};
  const Axis heads = heads_of(grid, all), blocks = blocks_with_rows(grid, all);
  const bool rectangle = all.size() == heads.wrong.size() * blocks.wrong.size();
  const std::string rows = common_rows(all, names.row);
  if (!rows.empty()) return rows + places(heads, blocks, names) + (rectangle ? "" : ", but not all of these");
  const std::vector<index_t> common = common_numbers(all);
  if (common.empty() || !rectangle || parts == 1) return scattered(all, heads, blocks, names);
  const std::vector<Wrong> rest = without(common, all);
  return numbers_in_words(common, names.row) + places(heads, blocks, names) + "; " +
         described(grid, rest, names, parts - 1);
}

}  // namespace

std::string numbers_in_words(const std::vector<index_t>& numbers, const std::string& noun) {
  constexpr std::size_t few = 4;
  const std::vector<Run> runs = runs_of(numbers);
  if (runs.empty()) return {};
  if (const index_t period = period_of(runs); period > 0) return periodic(runs, period, noun);
  if (runs.size() <= few) return listed(runs, noun);
  return std::to_string(numbers.size()) + " " + plural(noun) + " between " + std::to_string(numbers.front()) + " and " +
         std::to_string(numbers.back());
}

RowNames names_of(const Frame& frame, std::string_view output) {
  const std::string block = frame.packed() ? "sequence" : "entry";
  if (axes_of(output) == Axes::key_rows) return {"key", "kv head", block};
  return {"row", "head", block};
}

std::string rows_in_words(const Grid& grid, const Flags& flags, const RowNames& names) {
  constexpr int parts = 3;
  return described(grid, wrong_of(grid, flags), names, parts);
}

}  // namespace kit::detail
