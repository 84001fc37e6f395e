// The command line.
#pragma once

#include "../generate/parse_number.hpp"
#include "trainer.hpp"

namespace train {

inline constexpr const char* kUsage =
    "usage: train --text FILE [options]\n"
    "Trains a small language model on a text, character by character.\n"
    "  --out FILE          where its weights go (default: weights.bin); beside them a picture of the loss, FILE.svg\n"
    "  --steps N           (default: 4500)\n"
    "  --threads N         changes no bit of the result (default: as many as there are cores)\n"
    "  --seed N            of the weights at the beginning, the order of the text and dropout (default: 1)\n"
    "  --layers N, --heads N, --width N, --context N     the model (default: 4, 4, 128, 128)\n"
    "  --sequences N       of one step (default: 4)\n"
    "  --rate R            of learning, at its highest (default: 0.003)\n"
    "  --keep P            of the attention's probabilities, the part that dropout keeps (default: 0.9)\n"
    "\n"
    "       train --generate FILE [options]\n"
    "Continues a text with the weights in FILE.\n"
    "  --prompt TEXT       what to continue (default: a new line)\n"
    "  --length N          characters to write (default: 600)\n"
    "  --temperature T     0 takes the likeliest character, 1 draws by probability (default: 0.7)\n"
    "  --seed N            of the drawing (default: 1)\n"
    "  --threads N         (default: 1)\n";

struct Options {
  bool help = false;
  std::filesystem::path text, out = "weights.bin";
  Config config{};
  Recipe recipe{};
  std::uint64_t seed = 1;
  int threads = 0;  // 0: not said

  std::filesystem::path generate;
  std::string prompt = "\n";
  Index length = 600;
  float temperature = 0.7F;
};

inline Options parse(const std::vector<std::string>& arguments) {
  using generate::detail::parse_number;
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw Error(option + " needs a value");
      return arguments[++i];
    };
    const auto count = [&](Index most) { return parse_number<Index>(option, value(), 1, most); };
    if (option == "-h" || option == "--help") {
      options.help = true;
      return options;
    } else if (option == "--text") {
      options.text = value();
    } else if (option == "--out") {
      options.out = value();
    } else if (option == "--steps") {
      options.recipe.steps = count(1 << 24);
    } else if (option == "--threads") {
      options.threads = static_cast<int>(count(1024));
    } else if (option == "--seed") {
      options.seed = parse_number<std::uint64_t>(option, value(), 0, UINT64_MAX);
    } else if (option == "--layers") {
      options.config.layers = count(64);
    } else if (option == "--heads") {
      options.config.heads = count(64);
    } else if (option == "--width") {
      options.config.width = count(4096);
    } else if (option == "--context") {
      options.config.context = count(4096);
    } else if (option == "--sequences") {
      options.recipe.sequences = count(1024);
    } else if (option == "--rate") {
      options.recipe.schedule.highest = parse_number<float>(option, value(), 0, 1);
    } else if (option == "--keep") {
      options.recipe.keep_prob = parse_number<double>(option, value(), 0.1, 1);
    } else if (option == "--generate") {
      options.generate = value();
    } else if (option == "--prompt") {
      options.prompt = value();
      if (options.prompt.empty()) throw Error("--prompt is empty; leave it out to begin with nothing");
    } else if (option == "--length") {
      options.length = count(1 << 24);
    } else if (option == "--temperature") {
      options.temperature = parse_number<float>(option, value(), 0, 100);
    } else {
      throw Error("unknown option " + option + "; train --help lists them");
    }
  }
  if (options.text.empty() == options.generate.empty())
    throw Error("say either --text FILE or --generate FILE; train --help explains them");
  if (options.out.extension() == ".svg") throw Error("--out FILE.svg is where the picture goes");
  if (options.config.width % options.config.heads != 0) throw Error("--width must be a multiple of --heads");
  return options;
}

}  // namespace train
