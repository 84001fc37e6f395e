// Erased models of the policy concepts, for the run-time door: one kernel instantiation serves every mask.  The calls
// through pointers are made once for each tile, never for each score (measured price: 0 to 2 %).
#pragma once

#include <new>
#include <type_traits>

#include "glint/policy/mask.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Holds a small trivially copyable mask by value.
class AnyMask {
 public:
  static constexpr std::size_t kCapacity = 128;

  AnyMask() : AnyMask(mask::None{}) {}

  template <Mask Model>
  requires(!std::is_same_v<Model, AnyMask>) AnyMask(const Model& model)
      : table_(&kTable<Model>) {  // NOLINT: implicit, every mask is an AnyMask
    static_assert(sizeof(Model) <= kCapacity,
                  "glint::AnyMask: the mask is larger than 128 bytes; hold a pointer to it");
    static_assert(std::is_trivially_copyable_v<Model>, "glint::AnyMask: a mask must be trivially copyable");
    ::new (static_cast<void*>(storage_)) Model(model);
  }

  bool visible(index_t q, index_t k) const { return table_->visible(storage_, q, k); }
  Interval keys(index_t q0, index_t q1) const { return table_->keys(storage_, q0, q1); }
  Interval queries(index_t k0, index_t k1) const { return table_->queries(storage_, k0, k1); }
  Cover cover(Box box) const { return table_->cover(storage_, box); }
  void bits(Box box, std::uint64_t* words) const { table_->bits(storage_, box, words); }

 private:
  struct Table {
    bool (*visible)(const std::byte*, index_t, index_t);
    Interval (*keys)(const std::byte*, index_t, index_t);
    Interval (*queries)(const std::byte*, index_t, index_t);
    Cover (*cover)(const std::byte*, Box);
    void (*bits)(const std::byte*, Box, std::uint64_t*);
  };

  template <class Model>
  static const Model& as(const std::byte* storage) {
    return *std::launder(reinterpret_cast<const Model*>(storage));
  }

  template <class Model>
  static constexpr Table kTable{
      [](const std::byte* s, index_t q, index_t k) { return as<Model>(s).visible(q, k); },
      [](const std::byte* s, index_t q0, index_t q1) { return as<Model>(s).keys(q0, q1); },
      [](const std::byte* s, index_t k0, index_t k1) { return as<Model>(s).queries(k0, k1); },
      [](const std::byte* s, Box box) { return as<Model>(s).cover(box); },
      [](const std::byte* s, Box box, std::uint64_t* words) { mask_bits(as<Model>(s), box, words); },
  };

  alignas(16) std::byte storage_[kCapacity];
  const Table* table_;
};

}  // namespace GLINT_ABI
}  // namespace glint
