// .npy and .npz: what is refused, what comes back, and what numpy reads and writes.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <unistd.h>

#include "kit/bundle/bundle.hpp"

namespace {

using kit::Array;
using kit::Bundle;
using kit::Tensor;
using kit::Type;

std::string scratch(const std::string& name) {
  return testing::TempDir() + "npy_test." + std::to_string(getpid()) + "." + name;
}

std::string file_of(const std::string& dictionary, std::size_t data_bytes, char version = 1) {
  std::string file = "\x93NUMPY";
  file += {version, '\0', static_cast<char>(dictionary.size() & 255), static_cast<char>(dictionary.size() >> 8)};
  if (version > 1) file += {'\0', '\0'};
  return file + dictionary + std::string(data_bytes, '\0');
}

std::string parse(const std::string& file, Tensor& tensor) {
  return kit::parse_npy(reinterpret_cast<const std::byte*>(file.data()), file.size(), tensor);
}
std::string error_of(const std::string& file) {
  Tensor tensor;
  return parse(file, tensor);
}

struct Row {
  const char* name;
  std::string dictionary, error;
};

class RefusedNpy : public testing::TestWithParam<Row> {};

TEST_P(RefusedNpy, SaysWhy) { EXPECT_EQ(error_of(file_of(GetParam().dictionary, 24)), GetParam().error); }

const std::string kTypes = ", want f2, f4, f8, i1, i2, i4, i8, u1, u2, u8, b1 or V2";
const Row kRefused[] = {
    {"Empty", "", "has want '{' in its dictionary"},
    {"Unclosed", "{", "has want ''' in its dictionary"},
    {"NoType", "{'fortran_order': False, 'shape': (2, 3)}", "has no 'descr' in its dictionary"},
    {"NoOrder", "{'descr': '<f4', 'shape': (2, 3)}", "has no 'fortran_order' in its dictionary"},
    {"NoShape", "{'descr': '<f4', 'fortran_order': False}", "has no 'shape' in its dictionary"},
    {"Twice", "{'descr': '<f4', 'descr': '<f4'}", "has 'descr' twice in its dictionary"},
    {"UnknownKey", "{'strides': 4}", "has an unknown key in its dictionary"},
    {"Records", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
     "has records, want plain numbers"},
    {"Objects", "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "has the type '|O'" + kTypes},
    {"Complex", "{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", "has the type '<c8'" + kTypes},
    {"NoByteOrder", "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}", "has the type 'f4'" + kTypes},
    {"EmptyType", "{'descr': '', 'fortran_order': False, 'shape': (2, 3)}", "has the type ''" + kTypes},
    {"OpenString", "{'descr", "has a string without end in its dictionary"},
    {"OrderIsNumber", "{'fortran_order': 0}", "has 'fortran_order' neither True nor False"},
    {"NegativeExtent", "{'shape': (-2, 3)}", "has something else than numbers from 0 in 'shape'"},
    {"HugeExtent", "{'shape': (9223372036854775808,)}", "has a huge number in 'shape'"},
    {"Overflow", "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
     "shape (4294967296, 4294967296) has too many elements to count"},
    {"TooFewBytes", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}",
     "has 24 bytes of numbers, want 32 for F32 (2, 4)"},
    {"TooManyBytes", "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}",
     "has 24 bytes of numbers, want 20 for F32 (5)"},
    {"MoreText", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", "has more text after its dictionary"},
};

INSTANTIATE_TEST_SUITE_P(Npy, RefusedNpy, testing::ValuesIn(kRefused), [](const auto& row) { return row.param.name; });

TEST(Npy, RefusesWhatIsNone) {
  EXPECT_EQ(error_of(""), "is no .npy file");
  EXPECT_EQ(error_of("PK\3\4 and so on"), "is no .npy file");
  EXPECT_EQ(error_of(file_of("{}", 0, 4)), "has version 4, want 1 to 3");
  EXPECT_EQ(error_of(file_of("{}", 0).substr(0, 9)), "ends within its header");
  EXPECT_EQ(error_of(file_of("{}", 0).substr(0, 11)), "ends within its header");
  EXPECT_EQ(error_of(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12)),
            "has a header of 4294967295 bytes, the most is 65536");
}

TEST(Npy, ReadsEveryVersionOrderAndSpelling) {
  for (const char version : {1, 2, 3}) {
    Tensor tensor;
    std::string file = file_of("{\"shape\":(2L,3,),'descr':'>i2','fortran_order':True}\n", 12, version);
    for (int i = 0; i < 6; ++i) file[file.size() - 12 + 2 * static_cast<std::size_t>(i) + 1] = static_cast<char>(i);
    ASSERT_EQ(parse(file, tensor), "");
    EXPECT_EQ(tensor.shape, (std::vector<kit::index_t>{2, 3}));
    EXPECT_EQ(tensor.numbers().data, (std::vector<double>{0, 2, 4, 1, 3, 5}));
  }
}

TEST(Npy, KeepsTensors) {
  const std::string path = scratch("npy");
  for (const std::vector<kit::index_t>& shape : {std::vector<kit::index_t>{}, {6}, {2, 3}, {1, 0, 2}, {1, 2, 3, 1}}) {
    for (int i = 0; i <= static_cast<int>(Type::u16); ++i) {
      Tensor tensor = kit::tensor_of(Array({6}, {0, 1, 0, 1, 1, 0}), static_cast<Type>(i)), read;
      tensor.bytes.resize(tensor.bytes.size() / 6 * static_cast<std::size_t>((tensor.shape = shape, tensor.size())));
      ASSERT_EQ(kit::write_npy(path, tensor), "");
      ASSERT_EQ(kit::read_npy(path, read), "");
      if (tensor.type == Type::bf16) {
        EXPECT_EQ(read.type, Type::u16);
        ASSERT_EQ(kit::view_as(read, Type::bf16), "");
      }
      EXPECT_EQ(read.type, tensor.type);
      EXPECT_EQ(read.shape, tensor.shape);
      EXPECT_EQ(read.bytes, tensor.bytes);
    }
  }
  std::remove(path.c_str());
}

TEST(Npy, IsViewedInItsOwnSizeOnly) {
  Tensor tensor = kit::tensor_of(Array({1}, {1}), Type::f32);
  EXPECT_EQ(kit::view_as(tensor, Type::bf16), "F32 cannot be read as BF16: its elements have 4 bytes, want 2");
}

TEST(Npz, KeepsTensors) {
  const std::string path = scratch("npz");
  Bundle bundle, read;
  bundle.notes["case"] = "op=score";
  bundle.tensors["query"] = kit::tensor_of(Array({2, 3}, {1, 2, 3, 4, 5, 6}), Type::f16);
  bundle.tensors["key.0"] = kit::tensor_of(Array({1}, {-7}), Type::i8);
  ASSERT_EQ(kit::write_npz(path, bundle), "");
  ASSERT_EQ(kit::read_npz(path, read), "");
  EXPECT_EQ(kit::sha256_of(read), kit::sha256_of(bundle));
  EXPECT_TRUE(read.notes.empty());
  std::remove(path.c_str());
}

TEST(Npz, RefusesWhatIsNone) {
  const std::string path = scratch("none");
  Bundle bundle;
  EXPECT_EQ(kit::read_npz(path, bundle), path + ": No such file or directory");
  EXPECT_EQ(kit::read_npz("/", bundle), "/: is a directory, want a file");
  std::ofstream(path) << "not a zip";
  EXPECT_NE(kit::read_npz(path, bundle).find("is no .npz file"), std::string::npos);
  std::remove(path.c_str());
}

// Runs Python; false if there is none with numpy.
bool python(const std::string& program) {
  return std::system(("/usr/bin/python3 -c \"import numpy as np\n" + program + "\"").c_str()) == 0;
}
bool has_numpy() { return std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") == 0; }

TEST(Numpy, ReadsWhatTheKitWrites) {
  if (!has_numpy()) GTEST_SKIP() << "no numpy";
  const std::string npy = scratch("read.npy"), npz = scratch("read.npz");
  const Tensor tensor = kit::tensor_of(Array({2, 3}, {1, 2, 3, 4, 5, 6}), Type::f16);
  ASSERT_EQ(kit::write_npy(npy, tensor), "");
  ASSERT_EQ(kit::write_npz(npz, {{{"case", "x"}}, {{"a", tensor}, {"s", {Type::u8, {}, {std::byte{9}}}}}}), "");
  EXPECT_TRUE(
      python("want = np.arange(1, 7).reshape(2, 3)\n"
             "a = np.load('" +
             npy +
             "'); assert a.dtype == np.float16 and (a == want).all()\n"
             "z = np.load('" +
             npz +
             "'); assert (z['a'] == want).all() and z['s'] == 9\n"
             "import json; assert json.loads(z['notes.json']) == {'case': 'x'}"));
  std::remove(npy.c_str());
  std::remove(npz.c_str());
}

TEST(Numpy, WritesWhatTheKitReads) {
  if (!has_numpy()) GTEST_SKIP() << "no numpy";
  const std::string npy = scratch("write.npy"), npz = scratch("write.npz"), bomb = scratch("bomb.npz");
  ASSERT_TRUE(
      python("a = np.arange(24.).reshape(2, 3, 4)\n"
             "np.save('" +
             npy +
             "', np.asfortranarray(a.astype('>f8')))\n"
             "np.savez_compressed('" +
             npz +
             "', a=a, b=a[0].T > 3, c=np.int8(5))\n"
             "np.savez_compressed('" +
             bomb + "', a=np.zeros(200_000_000, np.uint8))"));
  Tensor tensor;
  ASSERT_EQ(kit::read_npy(npy, tensor), "");
  EXPECT_EQ(tensor.shape, (std::vector<kit::index_t>{2, 3, 4}));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(tensor.numbers().flat(i), i);
  Bundle bundle;
  ASSERT_EQ(kit::read_npz(npz, bundle), "");
  EXPECT_EQ(bundle.tensors.at("a").bytes, tensor.bytes);
  EXPECT_EQ(bundle.tensors.at("b").type, Type::boolean);
  EXPECT_EQ(bundle.tensors.at("b").numbers().data, (std::vector<double>{0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1}));
  EXPECT_EQ(bundle.tensors.at("c").size(), 1);
  EXPECT_NE(kit::read_npz(bomb, bundle).find("unpacks to more than"), std::string::npos);
  for (const std::string& path : {npy, npz, bomb}) std::remove(path.c_str());
}

}  // namespace
