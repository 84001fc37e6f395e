// The KV cache of one layer, in the forms that prefill and decode take: each knows where the next token goes, and which
// fields of a call say so.
#pragma once

#include <memory>
#include <random>

#include "head_tensor.hpp"

namespace generate {

// Token after token; the base of the other forms.
class Cache {
 public:
  // Room for `positions` tokens.
  Cache(const Config& config, const Storage& storage, Index positions) : Cache(config, storage, 1, positions) {}
  virtual ~Cache() = default;

  Index length() const { return length_; }

  // Rows of k and v become the next tokens.
  void append(const Matrix& k, const Matrix& v) {
    for (Index r = 0; r < k.rows(); ++r) {
      const Place place = next(length_++);
      keys_.write(k.row(r), place);
      values_.write(v.row(r), place);
    }
  }

  // To a call of either operator.
  template <class Call>
  void describe(Call& call) const {
    call.key = keys_.ref();
    call.value = values_.ref();
    if constexpr (requires { call.actual_seq_lengths_kv; }) {
      call.actual_seq_lengths_kv = {&length_, 1};
    } else {
      call.actual_seq_lengths = {&length_, 1};
    }
    call.block_table = block_table();
    call.block_size = block_size();
    call.kv_padding_size = padding();
    if (call.key.dtype != glint::DType::i8) return;
    call.key_antiquant_scale = keys_.factors();
    call.value_antiquant_scale = values_.factors();
    call.key_antiquant_mode = call.value_antiquant_mode = call.block_size > 0 ? 5 : 3;  // for each token and head
  }

 protected:
  Cache(const Config& config, const Storage& storage, Index batch, Index rows)
      : keys_(stored(storage), batch, rows, config.kv_heads, config.head_size()), values_(keys_) {}

 private:
  static Storage stored(Storage storage) {
    if (storage.cache.int8) storage.dtype = glint::DType::i8;
    // Pages are (blocks, block size, hidden) or (blocks, heads, block size, head size).
    if (storage.cache.place == CachePlace::paged && storage.layout == "BSND") storage.layout = "BSH";
    return storage;
  }

  virtual Place next(Index token) { return {0, token}; }
  virtual glint::TensorRef block_table() const { return {}; }
  virtual Index block_size() const { return 0; }
  virtual glint::TensorRef padding() const { return {}; }

  HeadTensor keys_, values_;
  glint::index_t length_ = 0;
};

// Tokens lie in pages, which are taken from a pool when the one before is full.
class PagedCache : public Cache {
 public:
  PagedCache(const Config& config, const Storage& storage, Index positions)
      : PagedCache(config, storage, storage.cache.block_size, (positions - 1) / storage.cache.block_size + 1) {}

 private:
  PagedCache(const Config& config, const Storage& storage, Index block_size, Index pages)
      : Cache(config, storage, pages, block_size),
        block_size_(block_size),
        table_(static_cast<std::size_t>(pages), -1) {
    // In a pool that others use too, free pages are in no order.  (std::shuffle is not the same everywhere.)
    std::mt19937_64 random;
    for (std::int32_t page = 0; page < pages; ++page) {
      free_.push_back(page);
      std::swap(free_.back(), free_[random() % free_.size()]);
    }
  }

  Place next(Index token) override {
    std::int32_t& page = table_[static_cast<std::size_t>(token / block_size_)];
    if (token % block_size_ == 0) {
      page = free_.back();
      free_.pop_back();
    }
    return {page, token % block_size_};
  }
  glint::TensorRef block_table() const override {
    return {table_.data(), glint::DType::i32, {1, static_cast<Index>(table_.size())}};
  }
  Index block_size() const override { return block_size_; }

  Index block_size_;
  std::vector<std::int32_t> table_, free_;
};

// Tokens lie where a left-padded prompt puts them, away from the first row; the padding is what is free behind the
// last one, and shrinks by a row with each token.
class LeftPaddedCache : public Cache {
 public:
  LeftPaddedCache(const Config& config, const Storage& storage, Index positions)
      : Cache(config, storage, kUnused + positions + kUnused), padding_(positions + kUnused) {}

 private:
  static constexpr Index kUnused = 3;  // rows at either end that no token reaches

  Place next(Index token) override {
    --padding_;
    return {0, kUnused + token};
  }
  glint::TensorRef padding() const override { return {&padding_, glint::DType::i64, {1}}; }

  std::int64_t padding_;
};

inline std::unique_ptr<Cache> make_cache(const Config& config, const Storage& storage, Index positions) {
  if (storage.cache.place == CachePlace::paged) return std::make_unique<PagedCache>(config, storage, positions);
  if (storage.cache.place == CachePlace::left) return std::make_unique<LeftPaddedCache>(config, storage, positions);
  return std::make_unique<Cache>(config, storage, positions);
}

}  // namespace generate
