// examples/train: which weights and command lines it accepts and refuses.
#include "train_case.hpp"

namespace {

using namespace train_test;

Model some_model() {
  Model model{alphabet(), Weights(tiny())};
  initialize(model.weights, 3);
  return model;
}

std::string bytes_of(const Model& model) {
  const TemporaryFile file("");
  write_weights(file.path(), model);
  FileReader reader(file.path());
  return std::string(reader.bytes(reader.remaining(), ""));
}

std::string refused(const std::string& bytes) {
  const TemporaryFile file(bytes);
  return refusal([&] { (void)read_weights(file.path()); });
}

TEST(WeightsFile, ReadsWhatItWrote) {
  const Model model = some_model();
  const TemporaryFile file(bytes_of(model));
  const Model read = read_weights(file.path());
  EXPECT_EQ(read.alphabet.characters(), model.alphabet.characters());
  EXPECT_EQ(read.weights.config.heads, 2);
  ASSERT_EQ(read.weights.size(), model.weights.size());
  for (std::size_t t = 0; t < model.weights.tensors().size(); ++t) {
    const Out want = model.weights.tensors()[t], got = read.weights.tensors()[t];
    for (Index i = 0; i < want.size(); ++i)
      ASSERT_EQ(got.data[i], glint::to_float(glint::from_float<glint::half>(want.data[i]))) << t << ", " << i;
  }
  EXPECT_EQ(bytes_of(read), bytes_of(model));
}

TEST(WeightsFile, RefusesEveryTruncation) {
  const std::string bytes = bytes_of(some_model());
  EXPECT_EQ(refused(bytes), "");
  for (std::size_t size = 0; size < bytes.size(); size += size < 80 ? 1 : 997)
    EXPECT_NE(refused(bytes.substr(0, size)), "");
  EXPECT_TRUE(says(refused(bytes + "x"), "damaged"));
}

TEST(WeightsFile, RefusesGarbage) {
  const std::string bytes = bytes_of(some_model());
  EXPECT_TRUE(says(refused(""), "GLINTGPT"));
  EXPECT_TRUE(says(refused(std::string(100, 'x')), "GLINTGPT"));
  const auto with = [&](std::size_t at, const std::string& other) {
    std::string changed = bytes;
    return refused(changed.replace(at, other.size(), other));
  };
  const auto number = [](std::int32_t value) {
    std::string raw;
    put(raw, value);
    return raw;
  };
  for (std::size_t field = 0; field < 5; ++field)
    for (const std::int32_t value : {0, -1, INT32_MIN, INT32_MAX}) EXPECT_NE(with(8 + 4 * field, number(value)), "");
  EXPECT_TRUE(says(with(12, number(3)), "multiple"));
  EXPECT_TRUE(says(with(8, number(1024)), "announces"));
  EXPECT_TRUE(says(with(28, "aa"), "twice"));
  EXPECT_TRUE(says(with(bytes.size() - 2, std::string("\0\x7c", 2)), "finite"));
  EXPECT_TRUE(says(with(bytes.size() - 2, "\xff\xff"), "finite"));
}

TEST(WeightsFile, SurvivesAnyByte) {
  const std::string bytes = bytes_of(some_model());
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string changed = bytes;
    for (int change = 0; change < 3; ++change)
      changed[random() % (i % 2 == 0 ? 48 : changed.size())] = static_cast<char>(random());
    (void)refused(changed);  // no crash, no memory beyond the file's size
  }
}

TEST(WeightsFile, SaysThatItCannotBeWritten) {
  EXPECT_TRUE(says(refusal([] { write_weights("/nowhere/weights.bin", some_model()); }), "cannot be written"));
}

TEST(Letters, AreThoseOfTheText) {
  const Alphabet of = Alphabet::of("b\nab\xff");
  EXPECT_EQ(of.characters(), "\nab\xff");
  EXPECT_EQ(of.tokens("ab\xff"), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(of.character(3), '\xff');
  EXPECT_TRUE(says(refusal([&] { (void)of.tokens("abc"); }), "'c'"));
}

TEST(CommandLine, TakesWhatItIsGiven) {
  const Options options = parse({"--text",    "a.txt", "--out",       "b.bin", "--steps", "7",   "--threads", "3",
                                 "--seed",    "9",     "--layers",    "2",     "--heads", "3",   "--width",   "48",
                                 "--context", "64",    "--sequences", "5",     "--rate",  "0.5", "--keep",    "0.75"});
  EXPECT_EQ(options.text, "a.txt");
  EXPECT_EQ(options.out, "b.bin");
  EXPECT_EQ(options.recipe.steps, 7);
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.seed, 9U);
  EXPECT_EQ(options.config.layers, 2);
  EXPECT_EQ(options.config.heads, 3);
  EXPECT_EQ(options.config.width, 48);
  EXPECT_EQ(options.config.context, 64);
  EXPECT_EQ(options.recipe.sequences, 5);
  EXPECT_EQ(options.recipe.schedule.highest, 0.5F);
  EXPECT_EQ(options.recipe.keep_prob, 0.75);
  const Options other = parse({"--generate", "w", "--prompt", "p", "--length", "3", "--temperature", "0"});
  EXPECT_EQ(other.generate, "w");
  EXPECT_EQ(other.prompt, "p");
  EXPECT_EQ(other.length, 3);
  EXPECT_EQ(other.temperature, 0);
  EXPECT_TRUE(parse({"--help"}).help);
}

TEST(CommandLine, RefusesTheRest) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {},
           {"--text"},
           {"--text", "a", "--generate", "b"},
           {"--text", "a", "--steps", "0"},
           {"--text", "a", "--threads", "two"},
           {"--text", "a", "--keep", "0"},
           {"--text", "a", "--keep", "nan"},
           {"--text", "a", "--heads", "3"},
           {"--text", "a", "--out", "b.svg"},
           {"--generate", "a", "--prompt", ""},
           {"--generate", "a", "--temperature", "-1"},
           {"--generate", "a", "--loud"},
       })
    EXPECT_NE(refusal([&] { (void)parse(wrong); }), "");
}

}  // namespace
