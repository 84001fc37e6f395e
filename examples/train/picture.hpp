// The loss of a training run as a picture (SVG).
#pragma once

#include <fstream>
#include <utility>

#include "alphabet.hpp"

namespace train {

struct History {
  std::vector<double> losses{};                      // of each step
  std::vector<std::pair<Index, double>> held_out{};  // after so many steps
};

namespace detail {

class Picture {
 public:
  Picture(Index steps, double most) : steps_(steps), most_(most) {}

  std::string x(double step) const {
    return short_number(kLeft + (kWidth - kLeft - kRight) * step / static_cast<double>(steps_));
  }
  std::string y(double loss) const {
    return short_number(kHeight - kBottom - (kHeight - kBottom - kTop) * loss / most_);
  }

  std::string begin() const {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + short_number(kWidth) + ' ' +
           short_number(kHeight) + "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#57606a\">\n" +
           "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  }
  std::string label(double step, double loss, double dx, double dy, const char* anchor, const std::string& text) const {
    return "<text x=\"" + x(step) + "\" y=\"" + y(loss) + "\" dx=\"" + short_number(dx) + "\" dy=\"" +
           short_number(dy) + "\" text-anchor=\"" + anchor + "\">" + text + "</text>\n";
  }
  std::string line(const std::vector<std::pair<double, double>>& points, const char* style) const {
    std::string line = "<polyline fill=\"none\" " + std::string(style) + " points=\"";
    for (const auto& [step, loss] : points) line += x(step) + ',' + y(loss) + ' ';
    return line + "\"/>\n";
  }

  static std::string short_number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.5g", value);
    return text;
  }

 private:
  static constexpr double kWidth = 720, kHeight = 360, kLeft = 40, kRight = 16, kTop = 16, kBottom = 40;

  Index steps_;
  double most_;
};

// Means of so many neighbors that a few hundred points remain.
inline std::vector<std::pair<double, double>> thinned(const std::vector<double>& losses) {
  const std::size_t group = losses.size() / 400 + 1;
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < losses.size(); i += group) {
    const std::size_t end = std::min(i + group, losses.size());
    double sum = 0;
    for (std::size_t j = i; j < end; ++j) sum += losses[j];
    points.emplace_back(static_cast<double>(i + end) / 2, sum / static_cast<double>(end - i));
  }
  return points;
}

}  // namespace detail

inline std::string picture(const History& history) {
  const auto steps = static_cast<Index>(history.losses.size());
  const double most = std::ceil(*std::max_element(history.losses.begin(), history.losses.end()));
  const detail::Picture draw(steps, most);
  const auto number = detail::Picture::short_number;
  const auto end = static_cast<double>(steps);
  std::string svg = draw.begin();
  for (double loss = 0; loss <= most; ++loss) {
    svg += draw.line({{0, loss}, {end, loss}}, "stroke=\"#d0d7de\"");
    svg += draw.label(0, loss, -8, 4, "end", number(loss));
  }
  for (int part = 0; part <= 4; ++part)
    svg += draw.label(end * part / 4, 0, 0, 16, part == 4 ? "end" : "middle", number(end * part / 4));
  svg += draw.label(end / 2, 0, 0, 34, "middle", "steps");
  svg += draw.line(detail::thinned(history.losses), "stroke=\"#54aeff\" stroke-width=\"1\"");
  std::vector<std::pair<double, double>> held_out;
  for (const auto& [step, loss] : history.held_out) held_out.emplace_back(static_cast<double>(step), loss);
  svg += draw.line(held_out, "stroke=\"#cf222e\" stroke-width=\"2\"");
  svg += draw.label(end, most, -8, 20, "end", "<tspan fill=\"#54aeff\">training</tspan>, nats for each character");
  svg += draw.label(end, most, -8, 38, "end",
                    "<tspan fill=\"#cf222e\">held out</tspan>, " + number(held_out.back().second) + " at the end");
  return svg + "</svg>\n";
}

inline void write_picture(const std::filesystem::path& path, const History& history) {
  std::ofstream file(path);
  file << picture(history);
  file.close();
  if (!file) throw Error(path.string() + ": the picture cannot be written");
}

}  // namespace train
