// Trains a small GPT-2-style language model with glint's attention forward and backward, and lets it write:
//   train --text FILE --out weights.bin
//   train --generate weights.bin --prompt "In the beginning"
// Generated text alone goes to standard output; progress and results go to standard error.
#include <cstdio>
#include <thread>

#include "options.hpp"
#include "picture.hpp"
#include "progress.hpp"
#include "writer.hpp"

namespace train {
namespace {

// Trains, and says how it goes; losses in nats for each character.
History run(const Options& options, const Text& text, const Workers& workers, Weights& weights) {
  constexpr Index kBatches = 8, kLastBatches = 128;  // of what is held out; a batch has 512 characters
  const Index steps = options.recipe.steps, every = steps / 40 + 1;
  Trainer trainer(weights, text, options.recipe, workers);
  History history{.held_out = {{0, trainer.held_out(kBatches)}}};
  const Progress progress(steps, options.recipe.sequences * weights.config.context);
  double recent = history.held_out.back().second;  // a running mean
  for (Index done = 1; done <= steps; ++done) {
    history.losses.push_back(trainer.step());
    recent += (history.losses.back() - recent) / static_cast<double>(std::min<Index>(done, 50));
    if (done == steps)
      history.held_out.emplace_back(done, trainer.held_out(kLastBatches));
    else if (done % every == 0)
      history.held_out.emplace_back(done, trainer.held_out(kBatches));
    progress.show(done, recent, history.held_out.back().second);
  }
  const double held_out = history.held_out.back().second;
  std::fprintf(stderr, "%d weights, %.0f s with %d threads, %.0f tokens/s; held out: %.3f nats (%.2f bits)\n",
               static_cast<int>(weights.size()), progress.seconds(), static_cast<int>(workers.workers()),
               progress.tokens_per_second(steps), held_out, held_out / std::numbers::ln2);
  return history;
}

void learn(Options options) {
  FileReader file(options.text);
  const std::string_view characters = file.bytes(file.remaining(), "the text");
  Alphabet alphabet = Alphabet::of(characters);
  options.config.symbols = alphabet.size();
  const Text text(characters, alphabet, options.config.context);
  const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
  const Workers workers(options.threads > 0 ? options.threads : static_cast<int>(cores));
  Model model{std::move(alphabet), Weights(options.config)};
  initialize(model.weights, options.seed);
  options.recipe.seed = options.seed;
  options.recipe.schedule.steps = options.recipe.steps;
  // If they cannot be written, now is the time to know.
  if (!std::ofstream(options.out, std::ios::app)) throw Error(options.out.string() + ": the weights cannot be written");
  const History history = run(options, text, workers, model.weights);
  write_weights(options.out, model);
  write_picture(options.out.replace_extension(".svg"), history);
}

void write_on(const Options& options) {
  const Model model = read_weights(options.generate);
  const Workers workers(std::max(options.threads, 1));
  std::vector<int> tokens = model.alphabet.tokens(options.prompt);
  const auto show = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (std::fflush(stdout) != 0) throw Error("the text cannot be written");
  };
  show(options.prompt);
  write(model.weights, workers, options.length, generate::Sampler(options.temperature, options.seed), tokens,
        [&](int token) { show(std::string(1, model.alphabet.character(token))); });
  show("\n");
}

}  // namespace
}  // namespace train

int main(int count, char** arguments) {
  try {
    const train::Options options = train::parse({arguments + 1, arguments + count});
    if (options.help) {
      std::fputs(train::kUsage, stdout);
    } else if (options.generate.empty()) {
      train::learn(options);
    } else {
      train::write_on(options);
    }
    return 0;
  } catch (const std::bad_alloc&) {
    std::fputs("train: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train: %s\n", error.what());
  }
  return 1;
}
