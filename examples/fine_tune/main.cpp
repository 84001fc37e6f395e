// Training steps on a model that exists, with glint's attention and its gradient:
//   fine_tune stories260K.bin
// Says first whether the gradient is true: beside it, some weights of every tensor are moved a little, in double.
#include <chrono>
#include <cstdio>

#include "../generate/tokenizer.hpp"
#include "finite_differences.hpp"
#include "options.hpp"

namespace {

using namespace fine_tune;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::vector<int> tokens_of(const Options& options, const Config& config) {
  using generate::Tokenizer;
  const Tokenizer tokenizer(options.tokenizer, config.vocab);
  if (config.vocab <= Tokenizer::kBegin) throw Error("the vocabulary has no token to begin with");
  const auto refuse = [&](const char* fault) {
    throw Error(std::string("the text is too ") + fault + ": it may have 3 to " + std::to_string(config.context) +
                " tokens");
  };
  // Before the text is looked at, because that takes time quadratic in its length.
  if (options.text.size() / tokenizer.longest() > static_cast<std::size_t>(config.context)) refuse("long");
  std::vector<int> text = tokenizer.encode(options.text);
  if (text.size() < 3) refuse("short");  // attention to a single token has no gradient
  if (static_cast<Index>(text.size()) > config.context) refuse("long");
  return text;
}

void run(const Options& options) {
  Model model = generate::read_model(options.model);
  const std::vector<int> text = tokens_of(options, model.config);
  const Workers workers(options.threads);
  Decoder<FusedAttention> decoder(model, workers);
  std::printf("%d tokens, threads: %d\n", static_cast<int>(text.size()), options.threads);

  double before = decoder.loss(text);
  const Agreement agreement = with_finite_differences(decoder.gradient(), model, text, 2);
  std::printf("%d weights of %d tensors: gradients are finite differences to within %.1e (%s)\n",
              static_cast<int>(agreement.weights), static_cast<int>(agreement.tensors), agreement.worst,
              agreement.where.c_str());
  for (int step = 1; step <= options.steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    descend(model, decoder.gradient(), options.rate);
    const double after = decoder.loss(text);
    std::printf("step %d: loss %.4f -> %.4f, %.1f ms\n", step, before, after, milliseconds_since(start));
    before = after;
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Options options = parse({arguments + 1, arguments + count});
    if (options.help) {
      std::fputs(kUsage, stdout);
    } else {
      run(options);
    }
    return 0;
  } catch (const std::bad_alloc&) {
    std::fputs("fine_tune: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fine_tune: %s\n", error.what());
  }
  return 1;
}
