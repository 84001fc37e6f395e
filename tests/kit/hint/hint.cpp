// The search: every hypothesis is tried on the sampled rows, and those that explain the wrong ones and keep the right
// ones are ranked.
#include "kit/hint/hint.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "kit/hint/units.hpp"

namespace kit {

namespace hinting {

namespace {

constexpr double kExplains = 0.9;  // share of an output's wrong rows
constexpr double kKeeps = 0.95;    // share of the right rows
constexpr double kEvidence = 20;   // bits; a few hundred hypotheses are tried
constexpr double kShrinks = 0.35;  // what a simulation of rounding may leave of an error, root mean square
constexpr double kShrunk = 0.75;   // share of rows whose error it at least halves
constexpr std::size_t kMostHints = 5;

struct Count {
  double tried = 0, explained = 0, silent = 0;
  double missed() const { return tried - explained - silent; }
};

struct Score {
  std::array<Count, kOutputs> wrong;  // by output
  Count right;
  double evidence = 0, before = 0, after = 0;
  Count shrunk;  // rows whose error a simulation halves
};

// How many wrong rows each output has in the sample.
std::array<double, kOutputs> wrong_rows(const Units& units) {
  std::array<double, kOutputs> counts{};
  for (const Sample& sample : units.samples())
    for (std::size_t output = 0; output < kOutputs; ++output)
      counts[output] += sample.status[output] == Status::fails ? 1 : 0;
  return counts;
}

class Search {
 public:
  Search(Scene& scene, const Units& units, double slack)
      : scene_(scene), units_(units), slack_(slack), wrong_(wrong_rows(units)) {
    for (const Sample& sample : units.samples())
      for (const Status status : sample.status) right_ += status == Status::passes ? 1 : 0;
  }

  // The share of rows that the hypothesis makes right, or nothing if it does not explain what is wrong.
  std::optional<double> explains(const Hypothesis& hypothesis) const {
    try {
      Kernel kernel = scene_.as_asked();
      hypothesis.edit(kernel);
      Prediction prediction(scene_, std::move(kernel));
      const std::optional<Score> score = try_on_rows(prediction, hypothesis.simulated);
      return score ? verdict(*score, hypothesis.simulated) : std::nullopt;
    } catch (const std::exception&) {
      return std::nullopt;  // it reads what the case does not hold
    }
  }

 private:
  std::optional<Score> try_on_rows(Prediction& prediction, bool simulated) const {
    Score score;
    for (const Sample& sample : units_.samples()) {
      for (std::size_t at = 0; at < kOutputs; ++at) {
        if (sample.status[at] == Status::absent) continue;
        const auto output = static_cast<Output>(at);
        const Fit fit =
            units_.compare(output, sample, prediction.of(output, sample), prediction.trial().kernel(), slack_);
        const bool wrong = sample.status[at] == Status::fails;
        add(fit, wrong ? score.wrong[at] : score.right);
        if (wrong && fit.fits) score.evidence += fit.evidence;
        if (wrong && output == kOut) add_errors(fit, score);
      }
      if (simulated ? shrinks_too_few(score) : hopeless(score)) return std::nullopt;
    }
    return score;
  }

  static void add(const Fit& fit, Count& count) {
    count.tried += 1;
    count.silent += fit.silent ? 1 : 0;
    count.explained += fit.fits && !fit.silent ? 1 : 0;
  }

  static void add_errors(const Fit& fit, Score& score) {
    score.before += fit.before, score.after += fit.after;
    score.shrunk.tried += 1;
    score.shrunk.explained += fit.after <= 0.25 * fit.before ? 1 : 0;
  }

  bool shrinks_too_few(const Score& score) const {
    return score.right.missed() > (1 - kKeeps) * right_ ||
           score.shrunk.missed() > (1 - kShrunk) * std::max(8.0, wrong_[kOut]);
  }

  bool hopeless(const Score& score) const {
    if (score.right.missed() > (1 - kKeeps) * right_) return true;
    for (std::size_t at = 0; at < kOutputs; ++at)
      if (wrong_[at] > 0 && score.wrong[at].missed() <= (1 - kExplains) * wrong_[at]) return false;
    return true;
  }

  std::optional<double> verdict(const Score& score, bool simulated) const {
    if (simulated) {
      if (score.before == 0 || std::sqrt(score.after / score.before) > kShrinks) return std::nullopt;
      if (score.shrunk.missed() > (1 - kShrunk) * score.shrunk.tried || score.shrunk.tried < 3) return std::nullopt;
      return 1 - std::sqrt(score.after / score.before);
    }
    bool some = false;
    Count all = score.right;
    for (const Count& count : score.wrong) {
      const bool most = count.tried > 0 && count.missed() <= (1 - kExplains) * count.tried;
      some = some || (most && count.explained >= 0.5 * count.tried);
      all.tried += count.tried, all.explained += count.explained, all.silent += count.silent;
    }
    if (!some || score.evidence < kEvidence) return std::nullopt;
    return (all.explained + all.silent) / all.tried;
  }

  Scene& scene_;
  const Units& units_;
  double slack_;
  std::array<double, kOutputs> wrong_;
  double right_ = 0;
};

struct Found {
  const Hypothesis* hypothesis;
  double explained;
  std::vector<index_t> tiles;
};

// One for each id, in the order of the table; sizes of tiles that do as well are gathered.
std::vector<Found> try_all(const Search& search, const Hypotheses& table, bool simulated) {
  std::vector<Found> found;
  for (const Hypothesis& hypothesis : table) {
    if (hypothesis.simulated != simulated) continue;
    const std::optional<double> explained = search.explains(hypothesis);
    if (!explained) continue;
    const auto known = std::find_if(found.begin(), found.end(),
                                    [&](const Found& other) { return other.hypothesis->id == hypothesis.id; });
    if (known == found.end()) {
      found.push_back({&hypothesis, *explained, {hypothesis.tile}});
    } else if (*explained > known->explained + 1e-9) {
      *known = {&hypothesis, *explained, {hypothesis.tile}};
    } else if (*explained > known->explained - 1e-9 && hypothesis.tile != known->tiles.back()) {
      known->tiles.push_back(hypothesis.tile);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& left, const Found& right) { return left.explained > right.explained + 0.005; });
  if (found.size() > kMostHints) found.resize(kMostHints);
  return found;
}

std::string list(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (at > 0) text += at + 1 == words.size() ? " and " : ", ";
    text += words[at];
  }
  return text;
}

// The best first, and with it which others do as well: they predict the same for this case.
std::vector<Hint> told(const std::vector<Found>& found) {
  std::vector<Hint> hints;
  std::vector<std::string> equals;
  for (const Found& one : found)
    if (one.explained > found.front().explained - 0.005) equals.push_back(one.hypothesis->id);
  for (const Found& one : found) {
    Hint hint{one.hypothesis->id, one.hypothesis->sentence, one.explained};
    if (one.tiles.front() > 0) {
      std::vector<std::string> sizes;
      for (const index_t size : one.tiles) sizes.push_back(std::to_string(size));
      hint.sentence += " Fits tiles of " + list(sizes) + ".";
    }
    const auto me = std::find(equals.begin(), equals.end(), hint.id);
    if (me != equals.end() && equals.size() > 1) {
      std::vector<std::string> others(equals);
      others.erase(others.begin() + (me - equals.begin()));
      hint.sentence += " This case does not tell it apart from " + list(others) + ".";
    }
    hints.push_back(std::move(hint));
  }
  return hints;
}

Hypotheses table_of(const Question& question, TileSize tile) {
  Hypotheses table;
  add_row_mistakes(question, table);
  add_mask_conventions(question, table);
  add_score_conventions(question, table);
  add_layout_conventions(question, table);
  add_length_conventions(question, table);
  add_cache_conventions(question, table);
  add_dropout_conventions(question, table);
  add_statistics_conventions(question, table);
  add_gradient_conventions(question, table);
  add_tile_mistakes(question, tile, table);
  add_precisions(question, tile, table);
  return table;
}

// NaN where a number is asked for, if nothing says more about it.
std::vector<Hint> leaks(const Question& question, const Units& units) {
  const double share = holds_nan(question.spec) ? units.share_leaked() : 0;
  if (share == 0) return {};
  return {{"poison.leak",
           "Rows are NaN, and the inputs hold NaN where nothing may read (excluded keys, padding, what lies behind the "
           "lengths): the kernel reads there, or never writes these rows.",
           share}};
}

std::vector<Hint> search(const Question& question, Units& units, TileSize tile) {
  Scene scene(question);
  const Hypotheses table = table_of(question, tile);
  // A kernel with P in 16 bits is far from every prediction; with that much allowed for, its other mistake shows.
  for (const double slack : {0.0, 0x1p-10, 0x1p-7}) {
    Kernel asked = scene.as_asked();
    asked.keeps_scores = true;
    Trial trial(scene, std::move(asked));
    if (slack > 0) units.judge(trial, slack);
    if (!units.any_fails()) break;
    const Search rows(scene, units, slack);
    const std::vector<Found> found = try_all(rows, table, false);
    if (!found.empty()) return told(found);
    if (slack > 0) continue;
    const std::vector<Found> rounding = try_all(rows, table, true);
    if (!rounding.empty()) return told(rounding);
  }
  return leaks(question, units);
}

}  // namespace

std::string number(double value) {
  std::ostringstream text;
  text.precision(6);
  text << value;
  return text.str();
}

}  // namespace hinting

std::vector<Hint> hints(const Question& question, const Answer& answer, const Tolerances& tolerances,
                        const Results& results, TileSize tile) {
  try {
    hinting::Units units(question, answer, tolerances, results);
    if (!units.any_fails()) return {};
    return hinting::search(question, units, tile);
  } catch (const std::exception&) {
    return {};  // a case or a result of shapes that do not belong together: there is nothing to say about numbers
  }
}

}  // namespace kit
