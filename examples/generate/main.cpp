// Lets a small language model write, with glint as its attention:
//   generate stories260K.bin --prompt "Once upon a time"
// The text alone goes to standard output; progress and speed go to standard error.
#include <unistd.h>

#include <cstdio>

#include "generate.hpp"

int main(int count, char** arguments) {
  using namespace generate;
  try {
    const Options options = parse({arguments + 1, arguments + count});
    if (options.help) {
      std::fputs(kUsage, stdout);
      return 0;
    }
    // On a terminal the text itself is the progress.
    const bool progress = isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) == 0;
    const Outcome outcome =
        generate::generate(options, {.text =
                                         [](const std::string& text) {
                                           std::fwrite(text.data(), 1, text.size(), stdout);
                                           if (std::fflush(stdout) != 0) throw Error("the text cannot be written");
                                         },
                                     .progress =
                                         [&](Index position, Index of) {
                                           if (progress)
                                             std::fprintf(stderr, "\r%d of %d positions", static_cast<int>(position),
                                                          static_cast<int>(of));
                                         }});
    std::fputs("\n\n", stdout);  // as the model's reference program ends its text
    if (std::fflush(stdout) != 0) throw Error("the text cannot be written");
    const Timing& timing = outcome.timing;
    const auto speed = [](Index tokens, double seconds) {
      return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
    };
    std::fprintf(stderr, "%sprefill: %d tokens, %.0f tokens/s; decode: %d tokens, %.0f tokens/s\n",
                 progress ? "\r" : "", static_cast<int>(timing.prompt_tokens),
                 speed(timing.prompt_tokens, timing.prompt_seconds), static_cast<int>(timing.new_tokens),
                 speed(timing.new_tokens, timing.new_seconds));
    if (outcome.comparison) std::fprintf(stderr, "%s\n", outcome.comparison_in_words.c_str());
    return 0;
  } catch (const std::bad_alloc&) {
    std::fputs("generate: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "generate: %s\n", error.what());
  }
  return 1;
}
