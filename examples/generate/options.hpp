// The command line.
#pragma once

#include <cmath>
#include <optional>

#include "head_tensor.hpp"
#include "parse_number.hpp"

namespace generate {

inline constexpr const char* kUsage =
    "usage: generate MODEL [options]\n"
    "Continues a text with a Llama-architecture model in the .bin format of llama2.c.\n"
    "  --tokenizer FILE    its tokenizer (default: tok512.bin beside MODEL)\n"
    "  --prompt TEXT       what to continue (default: nothing)\n"
    "  --steps N           positions in all, prompt included (default: 256, or the model's context if that is less)\n"
    "  --temperature T     0 takes the likeliest token, 1 draws by probability (default: 0)\n"
    "  --seed N            of the drawing (default: 1)\n"
    "  --threads N         (default: 1)\n"
    "  --dtype f32|f16|bf16        of q and of the cache (default: f32)\n"
    "  --layout BSH|BNSD|BSND      of q and of the cache (default: BSH)\n"
    "  --cache FORM        plain, paged:N (pages of N tokens) or left (padded), in numbers of --dtype, or\n"
    "                      int8, int8:paged:N or int8:left (default: plain)\n"
    "  --chunk N           read the prompt N tokens at a time (default: all at once)\n"
    "  --compare           run f32 with a plain cache beside; say which token is the first to differ, and how far\n"
    "                      apart logits were before it\n";

struct Options {
  std::filesystem::path model, tokenizer;
  std::optional<std::string> prompt;
  std::optional<Index> steps;
  float temperature = 0;
  std::uint64_t seed = 1;
  int threads = 1;
  Storage storage;
  Index chunk = 0;  // 0: the whole prompt
  bool compare = false;
  bool help = false;
};

namespace detail {

inline std::string one_of(const std::string& option, const std::string& text, std::vector<std::string> choices) {
  std::string list;
  for (const std::string& choice : choices) {
    if (text == choice) return text;
    list += (list.empty() ? "" : ", ") + choice;
  }
  throw Error(option + " takes one of " + list + ", not '" + text + "'");
}

// plain, left or paged:N, alone or behind "int8:"; int8 alone is plain.
inline CacheForm parse_cache(const std::string& option, const std::string& text) {
  CacheForm form{.int8 = text == "int8" || text.starts_with("int8:")};
  const std::string place = text == "int8" ? "plain" : form.int8 ? text.substr(5) : text;
  if (place.starts_with("paged:")) {
    form.place = CachePlace::paged;
    form.block_size = parse_number<Index>(option + " paged:N", place.substr(6), 1, 1 << 16);
  } else if (place == "left") {
    form.place = CachePlace::left;
  } else if (place != "plain") {
    throw Error(option + " takes one of plain, paged:N, left, int8, int8:paged:N, int8:left, not '" + text + "'");
  }
  return form;
}

}  // namespace detail

inline Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw Error(option + " needs a value");
      return arguments[++i];
    };
    if (option == "-h" || option == "--help") {
      options.help = true;
      return options;
    } else if (option == "--tokenizer") {
      options.tokenizer = value();
    } else if (option == "--prompt") {
      options.prompt = value();
      if (options.prompt->empty()) throw Error("--prompt is empty; leave it out to begin with nothing");
    } else if (option == "--steps") {
      options.steps = detail::parse_number<Index>(option, value(), 1, 1 << 20);
    } else if (option == "--temperature") {
      options.temperature = detail::parse_number<float>(option, value(), 0, 100);
    } else if (option == "--seed") {
      options.seed = detail::parse_number<std::uint64_t>(option, value(), 0, UINT64_MAX);
    } else if (option == "--threads") {
      options.threads = detail::parse_number<int>(option, value(), 1, 1024);
    } else if (option == "--dtype") {
      const std::string name = detail::one_of(option, value(), {"f32", "f16", "bf16"});
      options.storage.dtype = name == "f32"   ? glint::DType::f32
                              : name == "f16" ? glint::DType::f16
                                              : glint::DType::bf16;
    } else if (option == "--layout") {
      options.storage.layout = detail::one_of(option, value(), {"BSH", "BNSD", "BSND"});
    } else if (option == "--cache") {
      options.storage.cache = detail::parse_cache(option, value());
    } else if (option == "--chunk") {
      options.chunk = detail::parse_number<Index>(option, value(), 1, 1 << 20);
    } else if (option == "--compare") {
      options.compare = true;
    } else if (option.starts_with("-")) {
      throw Error("unknown option " + option + "; generate --help lists them");
    } else if (!options.model.empty()) {
      throw Error("two models: " + options.model.string() + " and " + option);
    } else {
      options.model = option;
    }
  }
  if (options.model.empty()) throw Error("no model; generate --help says what to pass");
  if (options.tokenizer.empty()) {
    options.tokenizer = options.model.parent_path() / "tok512.bin";
    std::error_code failed;
    if (!std::filesystem::exists(options.tokenizer, failed))
      throw Error("no tok512.bin beside the model; say --tokenizer FILE");
  }
  return options;
}

}  // namespace generate
