// A picture is cut where it would not fit on a page: its first and last rows and columns stay.
#include "kit/explain/pictures.hpp"

#include <algorithm>

namespace kit::about {

namespace {

constexpr index_t kMostColumns = 90, kCutColumns = 40, kMostRows = 48, kCutRows = 10;
constexpr index_t kMostCells = 64, kCell = 10, kMostPanels = 8;

// Which of `count` rows or columns are shown.
std::vector<Range> shown(index_t count, index_t most, index_t cut) {
  if (count <= most) return {{0, count}};
  return {{0, cut}, {count - cut, count}};
}

std::string padded(index_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), ' ') + digits;
}

// Column numbers: the first of each range, and every tenth that leaves room.
std::string ruler(const std::vector<Range>& columns, std::size_t margin) {
  std::string line(margin, ' ');
  std::size_t start = margin;
  for (const Range& range : columns) {
    for (index_t j = range.first; j < range.last; ++j) {
      const std::size_t at = start + static_cast<std::size_t>(j - range.first);
      if ((j != range.first && j % 10 != 0) || (line.size() > margin && line.size() + 1 > at)) continue;
      line.resize(std::max(line.size(), at), ' ');
      line += std::to_string(j);
    }
    start += static_cast<std::size_t>(range.size()) + 5;  // " ... "
  }
  return line + "\n";
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return safe;
}

struct Panel {
  index_t left = 0, top = 0, rows = 0, columns = 0;  // cells
};

// Cell (r, c) shows the score in the middle of its share of the mask.
std::string cells(const Question& question, const Part& part, const Panel& panel) {
  std::string path;
  for (index_t r = 0; r < panel.rows; ++r) {
    const index_t row = (2 * r + 1) * part.rule.rows / (2 * panel.rows);
    for (index_t c = 0; c < panel.columns; ++c) {
      const index_t key = (2 * c + 1) * part.rule.keys / (2 * panel.columns);
      if (!sees(question, part, row, key)) continue;
      path += "M" + std::to_string(panel.left + c * kCell) + " " + std::to_string(panel.top + r * kCell) + "h9v9h-9z";
    }
  }
  return path;
}

std::string draw(const Question& question, const Part& part, const Panel& panel) {
  const auto number = [](index_t value) { return std::to_string(value); };
  const std::string title = name_of(question, part) + ": " + number(part.rule.rows) + " rows, " +
                            number(part.rule.keys) + " keys" +
                            (std::max(part.rule.rows, part.rule.keys) > kMostCells ? " (sampled)" : "");
  return "<text x=\"" + number(panel.left) + "\" y=\"" + number(panel.top - 8) + "\">" + escaped(title) +
         "</text>\n<rect x=\"" + number(panel.left) + "\" y=\"" + number(panel.top) + "\" width=\"" +
         number(std::max<index_t>(panel.columns * kCell - 1, 0)) + "\" height=\"" +
         number(std::max<index_t>(panel.rows * kCell - 1, 0)) + "\" fill=\"#e2e8f0\"/>\n<path fill=\"#2b6cb0\" d=\"" +
         cells(question, part, panel) + "\"/>\n";
}

}  // namespace

std::string name_of(const Question& question, const Part& part) {
  const bool packed = glint::reference::is_packed(glint::reference::input_layout(question.spec.layout));
  const std::string one = packed ? "sequence" : "entry", many = packed ? "sequences" : "entries";
  const index_t first = part.entry.batch, last = first + part.copies - 1;
  if (first == last) return one + " " + std::to_string(first);
  return many + " " + std::to_string(first) + " to " + std::to_string(last);
}

std::string text_picture(const Question& question, const Part& part) {
  const std::vector<Range> rows = shown(part.rule.rows, kMostRows, kCutRows);
  const std::vector<Range> columns = shown(part.rule.keys, kMostColumns, kCutColumns);
  const std::size_t digits = std::max<std::size_t>(3, std::to_string(part.rule.rows).size());
  const std::size_t margin = digits + 4;
  std::string art = ruler(columns, margin);
  for (std::size_t block = 0; block < rows.size(); ++block) {
    if (block > 0) art += std::string(digits + 2 - 3, ' ') + "...\n";
    for (index_t i = rows[block].first; i < rows[block].last; ++i) {
      art += "  " + padded(i, digits) + "  ";
      for (std::size_t side = 0; side < columns.size(); ++side) {
        if (side > 0) art += " ... ";
        for (index_t j = columns[side].first; j < columns[side].last; ++j)
          art += sees(question, part, i, j) ? '#' : '.';
      }
      art += "\n";
    }
  }
  return art;
}

std::string svg_picture(const Question& question, const std::vector<Part>& parts) {
  std::string body;
  index_t width = 260, top = 30;
  index_t panels = 0;
  for (const Part& part : parts) {
    if (++panels > kMostPanels) break;
    const Panel panel{10, top, std::min(part.rule.rows, kMostCells), std::min(part.rule.keys, kMostCells)};
    body += draw(question, part, panel);
    width = std::max(width, panel.columns * kCell + 20);
    top += panel.rows * kCell + 40;
  }
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width) + "\" height=\"" +
         std::to_string(top - 20) + "\" font-family=\"sans-serif\" font-size=\"11\">\n" + body + "</svg>\n";
}

}  // namespace kit::about
