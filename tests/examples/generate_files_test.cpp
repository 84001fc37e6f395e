// examples/generate: which model files, tokenizers and command lines it accepts and refuses.
#include <limits>

#include "synthetic.hpp"

namespace {

using namespace generate_test;

std::string model_refusal(const std::string& bytes) {
  const TemporaryFile file(bytes);
  return refusal([&] { (void)read_model(file.path()); });
}

std::string tokenizer_refusal(const std::string& bytes) {
  const TemporaryFile file(bytes);
  return refusal([&] { (void)Tokenizer(file.path(), kHeader[5]); });
}

TEST(ModelFile, TakesEachTensorFromItsPlace) {
  const TemporaryFile file(model_bytes());
  const Model model = read_model(file.path());
  EXPECT_EQ(model.config.head_size(), 2);
  EXPECT_EQ(model.config.kv_dim(), 4);
  EXPECT_EQ(model.embedding(1, 0), weight_at(8));
  std::int64_t at = 265 * 8;
  EXPECT_EQ(model.layers[1].attention_norm[2], weight_at(at + 8 + 2));
  at += 2 * 8;
  EXPECT_EQ(model.layers[1].wq(1, 3), weight_at(at + 64 + 8 + 3));
  at += 2 * 64;
  EXPECT_EQ(model.layers[1].wk(3, 7), weight_at(at + 32 + 31));
  at += 2 * 32;
  EXPECT_EQ(model.layers[0].wv(0, 1), weight_at(at + 1));
  at += 2 * 32;
  EXPECT_EQ(model.layers[1].wo(7, 0), weight_at(at + 64 + 56));
  at += 2 * 64;
  EXPECT_EQ(model.layers[0].ffn_norm[7], weight_at(at + 7));
  at += 2 * 8;
  EXPECT_EQ(model.layers[0].w1(11, 7), weight_at(at + 95));
  at += 2 * 96;
  EXPECT_EQ(model.layers[1].w2(1, 0), weight_at(at + 96 + 12));
  at += 2 * 96;
  EXPECT_EQ(model.layers[1].w3(0, 5), weight_at(at + 96 + 5));
  at += 2 * 96;
  EXPECT_EQ(model.final_norm[7], weight_at(at + 7));
  EXPECT_EQ(&model.classifier(), &model.embedding);
}

TEST(ModelFile, NegativeVocabularyMeansAClassifierOfItsOwn) {
  Header header = kHeader;
  header[5] = -265;
  const TemporaryFile file(model_bytes(header, header));
  const Model model = read_model(file.path());
  EXPECT_EQ(model.config.vocab, 265);
  const auto floats = static_cast<std::int64_t>((fs::file_size(file.path()) - kHeaderBytes) / 4);
  EXPECT_EQ(model.classifier()(264, 7), weight_at(floats - 1));
}

TEST(ModelFile, RefusesWrongHeaders) {
  const std::int32_t least = std::numeric_limits<std::int32_t>::min(), most = std::numeric_limits<std::int32_t>::max();
  for (std::size_t field = 0; field < kHeader.size(); ++field) {
    for (const std::int32_t value : {least, least + 1, -1, 0, 1 << 20, most}) {
      Header header = kHeader;
      header[field] = value;
      EXPECT_NE(model_refusal(model_bytes(header)), "") << "field " << field << " = " << value;
    }
  }
  const auto with = [](std::size_t field, std::int32_t value) {
    Header header = kHeader;
    header[field] = value;
    return model_refusal(model_bytes(header));
  };
  EXPECT_TRUE(says(with(0, -8), "dim is -8"));
  EXPECT_TRUE(says(with(2, 0), "n_layers is 0"));
  EXPECT_TRUE(says(with(3, 3), "dim is not a multiple of n_heads"));
  EXPECT_TRUE(says(with(4, 3), "n_heads is not a multiple of n_kv_heads"));
  EXPECT_TRUE(says(with(3, 8), "RoPE"));
  EXPECT_TRUE(says(with(5, 266), "damaged"));
  EXPECT_TRUE(says(model_refusal(model_bytes() + '\0'), "damaged"));
}

TEST(ModelFile, RefusesEveryTruncation) {
  const std::string bytes = model_bytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 2 * kHeaderBytes ? 1 : 997)
    EXPECT_NE(model_refusal(bytes.substr(0, size)), "") << size << " bytes";
  EXPECT_NE(model_refusal(bytes.substr(0, bytes.size() - 1)), "");
}

TEST(ModelFile, SurvivesEveryFlippedHeaderBit) {
  const std::string bytes = model_bytes();
  for (std::size_t bit = 0; bit < 8 * kHeaderBytes; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(model_refusal(flipped), "") << "bit " << bit;
  }
}

TEST(ModelFile, RefusesWhatIsNoFile) {
  EXPECT_TRUE(says(refusal([] { (void)read_model("/no/such/model.bin"); }), "no such file"));
  EXPECT_TRUE(says(refusal([] { (void)read_model(fs::temp_directory_path()); }), "no such file"));
}

TEST(TokenizerFile, EncodesByMergingTheBestPair) {
  const TemporaryFile file(tokenizer_bytes());
  const Tokenizer tokenizer(file.path(), kHeader[5]);
  EXPECT_EQ(tokenizer.encode("ab"), (std::vector<int>{1, 263}));        // " ", "a", "b" -> "ab" -> " ab"
  EXPECT_EQ(tokenizer.encode("aab"), (std::vector<int>{1, 259, 264}));  // "ab" scores best, then "aab"
  EXPECT_EQ(tokenizer.encode("\xc3\xa4"), (std::vector<int>{1, 259, 3 + 0xc3, 3 + 0xa4}));
}

TEST(TokenizerFile, Decodes) {
  const TemporaryFile file(tokenizer_bytes());
  const Tokenizer tokenizer(file.path(), kHeader[5]);
  EXPECT_EQ(tokenizer.decode(1, 263), "ab");  // the space behind BOS is dropped
  EXPECT_EQ(tokenizer.decode(260, 263), " ab");
  EXPECT_EQ(tokenizer.decode(260, 3 + '\n'), "\n");
  EXPECT_EQ(tokenizer.decode(260, 3 + 0xc3), "\xc3");
  EXPECT_EQ(tokenizer.decode(260, 3 + 0x1b), "");  // no escape sequences for the terminal
}

TEST(TokenizerFile, RefusesWrongFiles) {
  const std::string bytes = tokenizer_bytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 64 ? 1 : 7)
    EXPECT_NE(tokenizer_refusal(bytes.substr(0, size)), "") << size << " bytes";
  EXPECT_TRUE(says(tokenizer_refusal(bytes.substr(0, bytes.size() - 11)), "fewer than the model"));
  EXPECT_TRUE(says(tokenizer_refusal(bytes + "x"), "more tokens"));
  for (const std::int32_t length : {-1, 9, std::numeric_limits<std::int32_t>::max()}) {
    std::string wrong = bytes;
    std::memcpy(wrong.data() + 8, &length, sizeof length);
    EXPECT_TRUE(says(tokenizer_refusal(wrong), "token 0 has"));
  }
}

TEST(CommandLine, RefusesWhatItCannotMean) {
  const auto refused = [](std::vector<std::string> arguments) { return refusal([&] { (void)parse(arguments); }); };
  EXPECT_TRUE(says(refused({}), "no model"));
  EXPECT_TRUE(says(refused({"a", "b"}), "two models"));
  EXPECT_TRUE(says(refused({"a", "--speed", "9"}), "unknown option --speed"));
  EXPECT_TRUE(says(refused({"a", "--steps"}), "--steps needs a value"));
  for (const char* const wrong : {"", "-1", "0", "x", "12x", "1.5", "99999999999999999999"})
    EXPECT_TRUE(says(refused({"a", "--steps", wrong}), "--steps takes a number")) << wrong;
  for (const char* const wrong : {"nan", "inf", "-1", "1e99", "warm"})
    EXPECT_TRUE(says(refused({"a", "--temperature", wrong}), "--temperature takes a number")) << wrong;
  for (const char* const wrong : {"", "0", "-1", "all", "1.5"})
    EXPECT_TRUE(says(refused({"a", "--chunk", wrong}), "--chunk takes a number")) << wrong;
  EXPECT_TRUE(says(refused({"a", "--threads", "0"}), "--threads takes a number"));
  EXPECT_TRUE(says(refused({"a", "--dtype", "f64"}), "f32, f16, bf16"));
  EXPECT_TRUE(says(refused({"a", "--layout", "SBH"}), "BSH, BNSD, BSND"));
  for (const char* const wrong : {"", "int4", "int8:", "int8:int8", "paged", "right"})
    EXPECT_TRUE(says(refused({"a", "--cache", wrong}), "--cache takes one of plain")) << wrong;
  for (const char* const wrong : {"paged:", "paged:0", "paged:-1", "paged:1.5", "int8:paged:x", "paged:99999999"})
    EXPECT_TRUE(says(refused({"a", "--cache", wrong}), "--cache paged:N takes a number")) << wrong;
  EXPECT_TRUE(says(refused({"a", "--prompt", ""}), "--prompt is empty"));
  EXPECT_TRUE(says(refused({"/no/such/folder/a"}), "--tokenizer"));
}

TEST(CommandLine, TakesEveryFormOfTheCache) {
  const auto form = [](const char* text) { return parse({"a", "--tokenizer", "b", "--cache", text}).storage.cache; };
  EXPECT_EQ(form("plain").place, CachePlace::plain);
  EXPECT_EQ(form("left").place, CachePlace::left);
  EXPECT_EQ(form("paged:7").place, CachePlace::paged);
  EXPECT_EQ(form("paged:7").block_size, 7);
  EXPECT_FALSE(form("paged:7").int8);
  EXPECT_TRUE(form("int8").int8);
  EXPECT_EQ(form("int8").place, CachePlace::plain);
  EXPECT_TRUE(form("int8:paged:32").int8);
  EXPECT_EQ(form("int8:paged:32").block_size, 32);
  EXPECT_EQ(form("int8:left").place, CachePlace::left);
}

}  // namespace
