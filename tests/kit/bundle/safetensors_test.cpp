// .safetensors: what is refused, in which words, and what comes back.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "kit/bundle/bundle.hpp"

namespace {

using kit::Array;
using kit::Bundle;
using kit::Tensor;
using kit::Type;

std::string scratch(const std::string& name) {
  return testing::TempDir() + "safetensors_test." + std::to_string(getpid()) + "." + name;
}

// A file of this header and so many bytes of data.
std::vector<std::byte> file_of(const std::string& header, std::size_t data_bytes) {
  std::vector<std::byte> file(8 + header.size() + data_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

std::string error_of(const std::vector<std::byte>& file) {
  Bundle bundle;
  return kit::parse_safetensors(file.data(), file.size(), bundle);
}

struct Row {
  const char* name;
  std::string header;
  std::size_t data_bytes;
  const char* error;
};

class RefusedHeader : public testing::TestWithParam<Row> {};

TEST_P(RefusedHeader, SaysWhy) {
  EXPECT_EQ(error_of(file_of(GetParam().header, GetParam().data_bytes)), GetParam().error);
}

std::string axes(int count) {
  std::string text = "1";
  for (int i = 1; i < count; ++i) text += ",1";
  return text;
}

const Row kRefused[] = {
    {"Empty", "", 0, "the header does not begin with '{'"},
    {"Array", "[]", 0, "the header does not begin with '{'"},
    {"Blank", " {}", 0, "the header does not begin with '{'"},
    {"ByteOrderMark", "\xef\xbb\xbf{}", 0, "the header does not begin with '{'"},
    {"Unclosed", "{", 0, "the header is no JSON: wrong at its byte 2"},
    {"MoreText", "{} {}", 0, "the header is no JSON: wrong at its byte 4"},
    {"ZeroBytes", std::string("{}\0", 3), 0, "the header has a zero byte"},
    {"NotUtf8", "{\"\xff\":{}}", 0, "the header is no JSON: wrong at its byte 3"},
    {"HalfSurrogate", R"({"\ud800":{}})", 0, "the header is no JSON: wrong at its byte 9"},
    {"NoName", R"({"":{}})", 0, "a tensor has no name"},
    {"ControlCharacter", R"({"a\nb":{}})", 0, "a tensor's name has a control character"},
    {"ZeroInName", R"({"a\u0000b":{}})", 0, "a tensor's name has a control character"},
    {"TensorIsNumber", R"({"a":1})", 0, "tensor 'a': want an object, got a number"},
    {"TensorIsArray", R"({"a":[]})", 0, "tensor 'a': want an object, got an array"},
    {"TensorIsNull", R"({"a":null})", 0, "tensor 'a': want an object, got null"},
    {"Twice",
     R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0,
     "tensor 'a': is there twice"},
    {"NoType", R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, "tensor 'a': has no dtype"},
    {"NoShape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "tensor 'a': has no shape"},
    {"NoOffsets", R"({"a":{"dtype":"U8","shape":[1]}})", 1, "tensor 'a': has no data_offsets"},
    {"TypeTwice", R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
     "tensor 'a': has 'dtype' twice"},
    {"UnknownField", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"stride":[1]}})", 1,
     "tensor 'a': has an unknown field 'stride'"},
    {"UnknownType", R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1,
     "tensor 'a': has the unknown dtype 'F8_E4M3'"},
    {"LowerCaseType", R"({"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", 4,
     "tensor 'a': has the unknown dtype 'f32'"},
    {"TypeIsNumber", R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", 1,
     "tensor 'a': dtype: want a string, got a number"},
    {"TypeIsArray", R"({"a":{"dtype":["U8"],"shape":[1],"data_offsets":[0,1]}})", 1,
     "tensor 'a': dtype: want a string, got an array"},
    {"ShapeIsNumber", R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want an array, got a number"},
    {"ShapeIsString", R"({"a":{"dtype":"U8","shape":"1","data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want an array, got a string"},
    {"NegativeExtent", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want numbers from 0, got the negative number -1"},
    {"FractionalExtent", R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want numbers from 0, got '1.0', which is no whole number"},
    {"HugeExtent", R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want numbers from 0, got the huge number 9223372036854775808"},
    {"BooleanExtent", R"({"a":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want numbers from 0, got a boolean"},
    {"DeepShape", R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1,
     "tensor 'a': shape: want numbers from 0, got an array"},
    {"ManyAxes", R"({"a":{"dtype":"U8","shape":[)" + axes(33) + R"(],"data_offsets":[0,1]}})", 1,
     "tensor 'a': has more than 32 axes"},
    {"Overflow", R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
     "tensor 'a': shape (4294967296, 4294967296) has too many elements to count"},
    {"OverflowBesideZero", R"({"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}})", 0,
     "tensor 'a': shape (4294967296, 4294967296, 0) has too many elements to count"},
    {"OverflowInBytes", R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
     "tensor 'a': shape (2305843009213693952) has too many elements to count"},
    {"OneOffset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1,
     "tensor 'a': data_offsets has 1 numbers, want 2"},
    {"ThreeOffsets", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1,
     "tensor 'a': data_offsets has more than 2 numbers"},
    {"NegativeOffset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}})", 1,
     "tensor 'a': data_offsets: want numbers from 0, got the negative number -1"},
    {"Backwards", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
     "tensor 'a': data_offsets 1 to 0 run backwards"},
    {"WrongSize", R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", 20,
     "tensor 'a': data_offsets 0 to 20 are 20 bytes, want 24 for F32 (2, 3)"},
    {"BeyondTheFile", R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 8,
     "tensor 'a': data_offsets 0 to 9 end after the file's 8 bytes of data"},
    {"Overlap",
     R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})", 7,
     "tensor 'b': data_offsets 3 to 7 overlap what ends at 4"},
    {"Gap",
     R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})", 9,
     "tensor 'b': data_offsets 5 to 9 leave a gap: bytes 4 to 5 belong to no tensor"},
    {"GapInFront", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5,
     "tensor 'a': data_offsets 1 to 5 leave a gap: bytes 0 to 1 belong to no tensor"},
    {"MoreData", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 5,
     "the tensors have 4 bytes, the file has 5"},
    {"NoteIsNumber", R"({"__metadata__":{"a":1}})", 0, "__metadata__: 'a': want a string, got a number"},
    {"NoteIsObject", R"({"__metadata__":{"a":{}}})", 0, "__metadata__: 'a': want a string, got an object"},
    {"NotesAreString", R"({"__metadata__":"a"})", 0, "tensor '__metadata__': want an object, got a string"},
    {"NoteTwice", R"({"__metadata__":{"a":"1","a":"2"}})", 0, "__metadata__: 'a' is there twice"},
    {"NotesTwice", R"({"__metadata__":{},"__metadata__":{}})", 0, "tensor '__metadata__': is there twice"},
    {"DepthBomb", R"({"a":)" + std::string(1'000'000, '['), 0, "tensor 'a': want an object, got an array"},
    {"ObjectBomb", R"({"a":{"dtype":{"a":{"a":{)", 0, "tensor 'a': dtype: want a string, got an object"},
};

INSTANTIATE_TEST_SUITE_P(Safetensors, RefusedHeader, testing::ValuesIn(kRefused),
                         [](const auto& row) { return row.param.name; });

TEST(Safetensors, RefusesWrongLengths) {
  const auto bytes = [](std::uint64_t length, std::size_t size) {
    std::vector<std::byte> file(size);
    std::memcpy(file.data(), &length, std::min<std::size_t>(size, 8));
    return file;
  };
  EXPECT_EQ(error_of({}), "has 0 bytes, want at least 8");
  EXPECT_EQ(error_of(bytes(0, 7)), "has 7 bytes, want at least 8");
  EXPECT_EQ(error_of(bytes(3, 10)), "the header is said to have 3 bytes, only 2 follow");
  EXPECT_EQ(error_of(bytes(100'000'001, 10)), "the header is said to have 100000001 bytes, the most is 100000000");
  EXPECT_EQ(error_of(bytes(~std::uint64_t{0}, 10)),
            "the header is said to have 18446744073709551615 bytes, the most is 100000000");
}

TEST(Safetensors, RefusesEveryTruncation) {
  Bundle bundle;
  bundle.notes["a"] = "b";
  bundle.tensors["x"] = kit::tensor_of(Array({2, 3}, {1, 2, 3, 4, 5, 6}), Type::f32);
  const std::string path = scratch("cut");
  ASSERT_EQ(kit::write_safetensors(path, bundle), "");
  std::ifstream stream(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(stream)), {});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(path, std::ios::binary).write(whole.data(), static_cast<std::streamsize>(size));
    Bundle read;
    const std::string error = kit::read_safetensors(path, read);
    EXPECT_EQ(error.rfind(path + ": ", 0), 0u) << size << ": " << error;
    EXPECT_NE(error_of({reinterpret_cast<const std::byte*>(whole.data()),
                        reinterpret_cast<const std::byte*>(whole.data()) + size}),
              "")
        << size;
  }
  std::remove(path.c_str());
}

TEST(Safetensors, RefusesTooManyTensors) {
  std::string header = "{";
  for (int i = 0; i <= 100'001; ++i)
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_EQ(error_of(file_of(header + "}", 0)), "more than 100000 tensors");
}

TEST(Safetensors, CutsLongNamesInErrors) {
  const std::string error = error_of(file_of("{\"" + std::string(100'000, 'a') + "\":1}", 0));
  EXPECT_LT(error.size(), 200u);
}

TEST(Safetensors, RefusesWhatIsNoFile) {
  Bundle bundle;
  const std::string missing = scratch("missing"), fifo = scratch("fifo"), empty = scratch("empty");
  EXPECT_EQ(kit::read_safetensors(missing, bundle), missing + ": No such file or directory");
  EXPECT_EQ(kit::read_safetensors("/", bundle), "/: is a directory, want a file");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(kit::read_safetensors(fifo, bundle), fifo + ": is no regular file");
  std::remove(fifo.c_str());
  EXPECT_EQ(kit::read_safetensors("/dev/zero", bundle), "/dev/zero: is no regular file");
  std::ofstream(empty).flush();
  EXPECT_EQ(kit::read_safetensors(empty, bundle), empty + ": has 0 bytes, want at least 8");
  std::filesystem::resize_file(empty, std::uintmax_t{1} << 40);
  EXPECT_EQ(kit::read_safetensors(empty, bundle), empty + ": has 1099511627776 bytes, the most is 8589934592");
  std::filesystem::permissions(empty, std::filesystem::perms::none);
  if (geteuid() != 0) {
    EXPECT_EQ(kit::read_safetensors(empty, bundle), empty + ": Permission denied");
  }
  std::remove(empty.c_str());
}

TEST(Safetensors, WritesWhatItReads) {
  Bundle bundle;
  bundle.notes = {{"b", "\"quoted\"\n"}, {"a", "\xc3\xa4"}};
  const Array numbers({2, 2}, {0, 1, 2, 3});
  for (int i = 0; i <= static_cast<int>(Type::u16); ++i)
    bundle.tensors["t" + std::to_string(i)] = kit::tensor_of(numbers, static_cast<Type>(i));
  bundle.tensors["empty"] = {Type::f32, {3, 0, 2}, {}};
  bundle.tensors["scalar"] = {Type::u8, {}, {std::byte{7}}};
  const std::string path = scratch("types");
  ASSERT_EQ(kit::write_safetensors(path, bundle), "");
  Bundle read;
  ASSERT_EQ(kit::read_safetensors(path, read), "");
  std::remove(path.c_str());
  EXPECT_EQ(read.notes, bundle.notes);
  ASSERT_EQ(read.tensors.size(), bundle.tensors.size());
  for (const auto& [name, tensor] : bundle.tensors) {
    const Tensor* got = read.find(name);
    ASSERT_NE(got, nullptr) << name;
    EXPECT_EQ(got->type, tensor.type) << name;
    EXPECT_EQ(got->shape, tensor.shape) << name;
    EXPECT_EQ(got->bytes, tensor.bytes) << name;
  }
  EXPECT_EQ(kit::sha256_of(read), kit::sha256_of(bundle));
}

TEST(Safetensors, WritesNothingThatItWouldRefuse) {
  const std::string path = scratch("refused");
  Bundle bundle;
  bundle.tensors["a\nb"] = {Type::u8, {1}, {std::byte{7}}};
  EXPECT_EQ(kit::write_safetensors(path, bundle),
            path + ": cannot be written: a tensor's name has a control character");
  bundle.tensors = {{"a", {Type::f32, {1}, {std::byte{7}}}}};
  EXPECT_EQ(kit::write_safetensors(path, bundle),
            path + ": cannot be written: tensor 'a': data_offsets 0 to 1 are 1 bytes, want 4 for F32 (1)");
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(kit::write_safetensors("/", {}), "/: exists and is no regular file");
  EXPECT_EQ(kit::write_safetensors("/no/such/folder/x", {}), "/no/such/folder/x: No such file or directory");
}

TEST(Safetensors, VerifiesItsTensors) {
  Bundle bundle;
  bundle.tensors["x"] = kit::tensor_of(Array({2}, {1, 2}), Type::u8);
  EXPECT_EQ(kit::verify(bundle), "the bundle has no note 'sha256'");
  // printf 'x U8 2\n\1\2' | sha256sum
  const std::string hash = "26b07fc364fb4c9eed6cd2c27af8138ac92a7ab6618c73fa285d334eec78b236";
  EXPECT_EQ(kit::sha256_of(bundle), hash);
  bundle.notes["sha256"] = hash;
  EXPECT_EQ(kit::verify(bundle), "");
  bundle.tensors["x"].type = Type::i8;
  EXPECT_NE(kit::verify(bundle), "");
  bundle.tensors["x"] = kit::tensor_of(Array({2}, {1, 3}), Type::u8);
  EXPECT_NE(kit::verify(bundle), "");
}

TEST(Safetensors, ReadsAHundredMegabytesAtOnce) {
  Bundle bundle;
  bundle.tensors["x"] = {Type::u8, {100'000'000}, std::vector<std::byte>(100'000'000)};
  const std::string path = scratch("large");
  ASSERT_EQ(kit::write_safetensors(path, bundle), "");
  const auto start = std::chrono::steady_clock::now();
  Bundle read;
  ASSERT_EQ(kit::read_safetensors(path, read), "");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::remove(path.c_str());
  EXPECT_EQ(read.tensors["x"].bytes.size(), 100'000'000u);
  RecordProperty("milliseconds", static_cast<int>(seconds.count() * 1000));
}

}  // namespace
