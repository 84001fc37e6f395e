// Every KV source of the library keeps the laws of KV sources.
#include <algorithm>
#include <numeric>

#include "glint/core/dtype.hpp"
#include "laws/kv_laws.hpp"

namespace kv = glint::kv;

namespace glint_test {

using glint::half;

// Pointers into these are compared, never followed; K and V lie apart, so that one cannot pass for the other.
template <class Element>
const Element* key_memory() {
  static Element memory[8192];
  return memory;
}
template <class Element>
const Element* value_memory() {
  static Element memory[8192];
  return memory;
}

template <class Element>
kv::Contiguous<Element> contiguous(index_t keys, index_t k_stride, index_t v_stride, index_t at = 0) {
  return {{key_memory<Element>() + at, keys, k_stride, k_stride}, {value_memory<Element>() + at, keys, v_stride, 2}};
}

template <class Element>
std::vector<KvPlace<Element>> rows_from(const Element* k, const Element* v, index_t k_stride, index_t v_stride,
                                        index_t count) {
  std::vector<KvPlace<Element>> places;
  for (index_t i = 0; i < count; ++i) places.push_back({k + i * k_stride, v + i * v_stride});
  return places;
}

template <class Element>
struct KvExamples<kv::Contiguous<Element>> {
  template <class Visit>
  static void each(const Visit& visit) {
    for (const index_t keys : {0, 1, 2, 7, 20})
      for (const index_t k_stride : {1, 8, 96}) {
        const auto source = contiguous<Element>(keys, k_stride, k_stride + 3);
        visit(source, rows_from(source.k.data, source.v.data, k_stride, k_stride + 3, keys));
      }
  }
};

// Places by the rule of the documents: key t lies in slot t % size of block table[t / size].
template <class Element>
struct KvExamples<kv::Paged<Element>> {
  template <class Visit>
  static void each(const Visit& visit) {
    for (const index_t size : {1, 3, 16})
      for (const index_t keys : {0, 1, 2, 3, 4, 16, 17, 40})
        for (const Order order : {Order::ascending, Order::permuted, Order::shared}) {
          const index_t used = (keys + size - 1) / size;
          const auto table = blocks(order, used);
          kv::Paged<Element> source{key_memory<Element>(), value_memory<Element>(), size * 20, size * 30, 4, 6};
          source.table = table.data();
          source.block_size = size;
          source.keys = keys;
          KvPlaces<kv::Paged<Element>> places;
          for (index_t t = 0; t < keys; ++t) {
            const index_t block = table[static_cast<std::size_t>(t / size)], slot = t % size;
            places.push_back({source.k + block * size * 20 + slot * 4, source.v + block * size * 30 + slot * 6});
          }
          visit(source, places);
        }
  }

 private:
  enum class Order { ascending, permuted, shared };

  // The entries behind the used ones are -1 and must not be read.
  static std::vector<std::int32_t> blocks(Order order, index_t used) {
    std::vector<std::int32_t> table(static_cast<std::size_t>(used));
    std::iota(table.begin(), table.end(), 0);
    if (order == Order::permuted) std::reverse(table.begin(), table.end());
    if (order == Order::shared) std::fill(table.begin(), table.end(), 2);
    table.resize(table.size() + 3, -1);
    return table;
  }
};

// A buffer of 12 rows whose last key lies `padding` rows before its end.
template <class Element>
struct KvExamples<kv::LeftPadded<Element>> {
  template <class Visit>
  static void each(const Visit& visit) {
    constexpr index_t kRows = 12;
    for (const index_t padding : {0, 1, 5, 12, 13})
      for (index_t keys = 0; keys <= 13; ++keys) {
        const auto buffer = contiguous<Element>(kRows, 4, 7);
        const index_t end = kRows - padding, start = end - keys;
        const index_t usable = start < 0 ? 0 : keys;  // no keys at all, rather than some of them
        const index_t first = start < 0 ? 0 : start;
        visit(kv::LeftPadded<Element>{buffer.k, buffer.v, padding, keys},
              rows_from(buffer.k.data + first * 4, buffer.v.data + first * 7, 4, 7, usable));
      }
  }
};

// The prefix and the entry's own keys have strides of their own.
template <class Own>
struct KvExamples<kv::SharedPrefix<float, Own>> {
  template <class Visit>
  static void each(const Visit& visit) {
    KvExamples<Own>::each([&](const Own& own, const KvPlaces<Own>& own_places) {
      for (const index_t shared : {0, 1, 5}) {
        const auto prefix = contiguous<float>(shared, 9, 11, 5000);
        auto places = rows_from(prefix.k.data, prefix.v.data, 9, 11, shared);
        places.insert(places.end(), own_places.begin(), own_places.end());
        visit(kv::SharedPrefix<float, Own>{prefix, own}, places);
      }
    });
  }
};

using Sources =
    testing::Types<kv::Contiguous<float>, kv::Contiguous<half>, kv::Paged<float>, kv::Paged<std::int8_t>,
                   kv::LeftPadded<float>, kv::SharedPrefix<float, kv::Contiguous<float>>,
                   kv::SharedPrefix<float, kv::Paged<float>>, kv::SharedPrefix<float, kv::LeftPadded<float>>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Library, KvLaws, Sources);

namespace {

// The heads of a list are Contiguous sources: each entry in its own tensor, with its own strides and length.
TEST(KvList, EachEntryIsItsOwnTensor) {
  const float* const keys = key_memory<float>();
  const float* const values = value_memory<float>();
  const glint::Tensor<const float> k[] = {{keys, {999, 4, 12}, 4}, {keys + 1000, {999, 5, 20}, 5}};
  const glint::Tensor<const float> v[] = {{values, {999, 2, 6}, 2}, {values + 500, {999, 3, 30}, 3}};
  const index_t lengths[] = {3, 0};
  const kv::List<float> list{k, v, lengths};
  for (index_t batch = 0; batch < 2; ++batch)
    for (index_t head = 0; head < 3; ++head) {
      const auto source = list.head(batch, head);
      const auto places = batch == 0 ? rows_from(keys + head * 4, values + head * 2, 12, 6, 3)
                                     : rows_from(keys + 1000 + head * 5, values + 500 + head * 3, 20, 30, 0);
      EXPECT_EQ(law::LengthIsTheNumberOfKeys{}(source, places), "");
      EXPECT_EQ(law::RunsTileTheLength{}(source, places), "");
      EXPECT_EQ(law::EveryKeyIsWhereItShouldBe{}(source, places), "");
      EXPECT_EQ(source.k.dim, k[batch].dim);
      EXPECT_EQ(source.v.dim, v[batch].dim);
    }
}

// Pools are larger than 2^32 elements long before they are unusual.
TEST(KvPaged, AddressesBlocksBehindTwoToTheThirtyTwo) {
  const std::int32_t table[] = {2000000000};
  const auto* const pool = reinterpret_cast<const std::int8_t*>(std::uintptr_t{1} << 20);
  kv::Paged<std::int8_t> source{pool, pool, 16, 32, 1, 1};
  source.table = table;
  source.block_size = 16;
  source.keys = 16;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(source.run(3, 1).k), 32000000003u + (1u << 20));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(source.run(3, 1).v), 64000000003u + (1u << 20));
}

}  // namespace
}  // namespace glint_test
