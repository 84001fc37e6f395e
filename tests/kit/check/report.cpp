// A report as a person reads it: the verdict, what was asked, one block for each output, and the hints.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>

#include "kit/check/grid.hpp"

namespace kit {

namespace {

using detail::Axes;

constexpr std::size_t kColumns = 100;

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  std::ostringstream text;
  text.precision(7);
  text << value;
  return text.str();
}

std::string short_number(double value) {
  if (std::isnan(value)) return "NaN";
  std::ostringstream text;
  text.precision(3);
  text << value;
  return text.str();
}

std::string of(index_t some, index_t all, const char* noun) {
  return std::to_string(some) + " of " + std::to_string(all) + " " + noun + (all == 1 ? "" : "s");
}

// The text behind a label, its lines broken at blanks.
std::string labelled(const std::string& label, const std::string& text) {
  constexpr std::size_t indent = 15;
  std::string line = "  " + label, all;
  line.resize(std::max(indent, line.size() + 1), ' ');
  std::istringstream words(text);
  bool fresh = true;
  for (std::string word; words >> word; fresh = false) {
    if (!fresh && line.size() + 1 + word.size() > kColumns) {
      all += line + "\n";
      line.assign(indent, ' ');
      fresh = true;
    }
    line += (fresh ? "" : " ") + word;
  }
  return all + line + "\n";
}

std::string place_in_words(const std::string& output, const Place& place) {
  const Axes axes = detail::axes_of(output);
  const auto is = [](const char* name, index_t value) { return std::string(name) + "=" + std::to_string(value); };
  if (axes == Axes::heads) return is("n", place.n);
  const std::string row = is("b", place.b) + " " + is("n", place.n) + " " + is("i", place.i);
  return axes == Axes::statistics ? row : row + " " + is("d", place.d);
}

std::string worst_in_words(const OutputReport& output) {
  std::string text =
      place_in_words(output.name, output.worst) + ": got " + number(output.got) + ", want " + number(output.want);
  if (!std::isfinite(output.got) || !std::isfinite(output.want)) return text;
  text += ", off by " + short_number(std::abs(output.got - output.want));
  if (output.tolerance == 0) return text + ", where nothing else is allowed";
  return text + " = " + short_number(output.largest) + " tolerances (of " + short_number(output.tolerance) + ")";
}

// Failing rows by how wrong they are; bars grow with the logarithm.
std::string histogram(const OutputReport& output) {
  constexpr const char* kNames[] = {"< 2", "< 4", "< 16", "< 256", "< 2^16", "< 2^32", ">= 2^32", "NaN, inf"};
  const index_t most = *std::max_element(output.histogram.begin(), output.histogram.end());
  std::string text;
  for (std::size_t slot = 0; slot < output.histogram.size(); ++slot) {
    const index_t rows = output.histogram[slot];
    if (rows == 0) continue;
    const double share = std::log2(1.0 + static_cast<double>(rows)) / std::log2(1.0 + static_cast<double>(most));
    std::string name = kNames[slot], count = std::to_string(rows);
    name.resize(9, ' ');
    count.insert(0, count.size() < 9 ? 9 - count.size() : 0, ' ');
    text += text.empty() ? "  tolerances   " : "               ";
    text += name + count + (rows == 1 ? " row   " : " rows  ") +
            std::string(static_cast<std::size_t>(std::lround(share * 40)), '#') + "\n";
  }
  return text;
}

std::string overall(const OutputReport& output) {
  return "max abs " + short_number(output.max_abs) + ", NMSE " + short_number(output.nmse) + ", cosine " +
         number(output.cosine);
}

std::string failing_block(const OutputReport& output) {
  std::string text = output.name + ": FAIL, " + of(output.failing, output.elements, "element") + " in " +
                     of(output.failing_rows, output.rows, "row") + "\n";
  text += labelled("wrong", output.where + (output.elements_where.empty() ? "" : "; only " + output.elements_where));
  text += labelled("worst", worst_in_words(output));
  text += labelled(
      "first", place_in_words(output.name, output.first) + (output.first_tile.empty() ? "" : "; " + output.first_tile));
  if (output.unwritten > 0)
    text += labelled(output.may_leak ? "NaN there" : "not written",
                     of(output.unwritten, output.elements, "element") +
                         (output.may_leak ? " (never written, or a leak)" : "") +
                         (output.unwritten_where.empty() ? "" : ": " + output.unwritten_where));
  const char* const finite = output.histogram.back() > 0 ? " (finite numbers only)" : "";
  text += histogram(output) + labelled("overall", overall(output) + finite);
  return text;
}

std::string block_of(const OutputReport& output) {
  std::string text;
  if (!output.error.empty())
    text = output.name + ": NOT COMPARED\n" + labelled("because", output.error);
  else if (output.failing > 0)
    text = failing_block(output);
  else
    text = output.name + ": pass, " + std::to_string(output.elements) + " elements; largest error " +
           short_number(output.largest) + " of its tolerance; " + overall(output) + "\n";
  return output.note.empty() ? text : text + labelled("note", output.note);
}

std::string passed(const Report& report) {
  index_t elements = 0;
  double largest = 0;
  for (const OutputReport& output : report.outputs)
    elements += output.elements, largest = std::max(largest, output.largest);
  return "PASS: all " + std::to_string(elements) + " elements of " + std::to_string(report.outputs.size()) +
         (report.outputs.size() == 1 ? " output" : " outputs") + " are within the contract, the largest error " +
         short_number(largest) + " of its tolerance";
}

std::string verdict(const Report& report) {
  if (!report.error.empty()) return "NOT CHECKED: " + report.error;
  if (report.pass) return passed(report);
  std::string wrong;
  const OutputReport* last = nullptr;
  std::size_t count = 0;
  for (const OutputReport& output : report.outputs) {
    if (output.pass()) continue;
    wrong += (wrong.empty() ? "" : ", ") + output.name;
    last = &output, ++count;
  }
  if (count > 1)
    return "FAIL: " + std::to_string(count) + " of " + std::to_string(report.outputs.size()) +
           " outputs are wrong: " + wrong;
  if (count == 0) return "FAIL";
  if (!last->error.empty()) return "FAIL: " + wrong + " cannot be compared";
  return "FAIL: " + wrong + " is wrong in " + of(last->failing, last->elements, "element") + ", in " +
         of(last->failing_rows, last->rows, "row");
}

std::string hints_in_words(const std::vector<Hint>& hints) {
  if (hints.empty()) return {};
  std::string text = "\nWhat explains it:\n";
  for (const Hint& hint : hints) {
    text += "  " + hint.id + " (" + short_number(100 * hint.explained) + " % of the rows looked at)\n";
    text += labelled("", hint.sentence);
  }
  return text;
}

}  // namespace

std::string text(const Report& report) {
  std::string all = verdict(report) + "\n";
  if (!report.line.empty()) all += labelled("case", report.line);
  if (report.error.empty()) all += labelled("contract", report.contract);
  for (const OutputReport& output : report.outputs) all += "\n" + block_of(output);
  if (!report.no_hints.empty()) all += "\nno hints: " + report.no_hints + "\n";
  return all + hints_in_words(report.hints);
}

}  // namespace kit
