// The command line.
#pragma once

#include "../generate/parse_number.hpp"

namespace fine_tune {

inline constexpr const char* kUsage =
    "usage: fine_tune MODEL [options]\n"
    "Trains a Llama-architecture model in the .bin format of llama2.c on one text.\n"
    "  --tokenizer FILE    its tokenizer (default: tok512.bin beside MODEL)\n"
    "  --text TEXT         what to learn (default: a story of some hundred tokens)\n"
    "  --steps N           of gradient descent (default: 1)\n"
    "  --rate R            how far a step goes (default: 0.05)\n"
    "  --threads N         (default: 1)\n";

struct Options {
  std::filesystem::path model, tokenizer;
  std::string text =
      "Once upon a time, there was a little robot named Max. Max lived in a big box with a red door. One day, Max saw "
      "a bird that could not fly. \"I can help you,\" said Max. He gave the bird some food and a warm bed. The next "
      "day, the bird flew up into the sky.";
  int steps = 1;
  float rate = 0.05F;
  int threads = 1;
  bool help = false;
};

inline Options parse(const std::vector<std::string>& arguments) {
  using generate::detail::parse_number;
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw generate::Error(option + " needs a value");
      return arguments[++i];
    };
    if (option == "-h" || option == "--help") {
      options.help = true;
      return options;
    } else if (option == "--tokenizer") {
      options.tokenizer = value();
    } else if (option == "--text") {
      options.text = value();
    } else if (option == "--steps") {
      options.steps = parse_number<int>(option, value(), 1, 1 << 20);
    } else if (option == "--rate") {
      options.rate = parse_number<float>(option, value(), 0, 100);
    } else if (option == "--threads") {
      options.threads = parse_number<int>(option, value(), 1, 1024);
    } else if (option.starts_with("-") || !options.model.empty()) {
      throw generate::Error("fine_tune does not take " + option + "; fine_tune --help lists what it takes");
    } else {
      options.model = option;
    }
  }
  if (options.model.empty()) throw generate::Error("no model; fine_tune --help says what to pass");
  if (options.tokenizer.empty()) options.tokenizer = options.model.parent_path() / "tok512.bin";
  return options;
}

}  // namespace fine_tune
