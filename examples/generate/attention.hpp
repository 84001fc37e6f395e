// The part that glint does: attention of new tokens over one layer's cache.  The layout and the data type are what the
// command line says, so the calls go through glint's run-time door.
#pragma once

#include <cstdint>

#include "glint/glint.hpp"
#include "layers.hpp"

namespace generate {

// How q, k, v and the output are stored.
struct Storage {
  glint::DType dtype = glint::DType::f32;
  std::string layout = "BSH";  // or BSND, BNSD
};

// [tokens][heads * size] as float on this side, any of the layouts and types on glint's.
class HeadTensor {
 public:
  HeadTensor(const Storage& storage, Index rows, Index heads, Index size)
      : dtype_(storage.dtype), rows_(rows), heads_(heads), size_(size), layout_(storage.layout) {
    bytes_.resize(static_cast<std::size_t>(rows * heads * size * glint::size_of(dtype_)));
  }

  // Rows of x become rows first, first + 1, ...
  void write(const Matrix& x, Index first) {
    each_row(first, x.rows(), [&](Index row, Index head, Index at) {
      for (Index d = 0; d < size_; ++d) store(at + d, x(row, head * size_ + d));
    });
  }
  Matrix read() const {
    Matrix x(rows_, heads_ * size_);
    each_row(0, rows_, [&](Index row, Index head, Index at) {
      for (Index d = 0; d < size_; ++d) x(row, head * size_ + d) = load(at + d);
    });
    return x;
  }

  glint::TensorRef ref() const { return {bytes_.data(), dtype_, shape()}; }
  glint::OutputRef ref() { return {bytes_.data(), dtype_, shape()}; }

 private:
  glint::Extents shape() const {
    if (layout_ == "BNSD") return {1, heads_, rows_, size_};
    if (layout_ == "BSND") return {1, rows_, heads_, size_};
    return {1, rows_, heads_ * size_};
  }

  // each(row of x, head, where its elements begin)
  template <class Each>
  void each_row(Index first, Index count, const Each& each) const {
    const bool by_head = layout_ == "BNSD";
    for (Index row = 0; row < count; ++row)
      for (Index head = 0; head < heads_; ++head)
        each(row, head, (by_head ? head * rows_ + first + row : (first + row) * heads_ + head) * size_);
  }

  template <class T>
  T& element(Index i) {
    return reinterpret_cast<T*>(bytes_.data())[i];
  }
  template <class T>
  const T& element(Index i) const {
    return reinterpret_cast<const T*>(bytes_.data())[i];
  }
  void store(Index i, float value) {
    if (dtype_ == glint::DType::f32) element<float>(i) = value;
    if (dtype_ == glint::DType::f16) element<glint::half>(i) = glint::from_float<glint::half>(value);
    if (dtype_ == glint::DType::bf16) element<glint::bfloat16>(i) = glint::from_float<glint::bfloat16>(value);
  }
  float load(Index i) const {
    if (dtype_ == glint::DType::f16) return glint::to_float(element<glint::half>(i));
    if (dtype_ == glint::DType::bf16) return glint::to_float(element<glint::bfloat16>(i));
    return element<float>(i);
  }

  glint::DType dtype_;
  Index rows_, heads_, size_;
  std::string layout_;
  std::vector<std::byte> bytes_;
};

class Attention {
 public:
  // Room for `positions` tokens.
  Attention(const Config& config, const Storage& storage, Index positions)
      : storage_(storage),
        config_(config),
        keys_(storage, positions, config.kv_heads, config.head_size()),
        values_(keys_) {}

  // Appends k and v at position `first` and attends with q: a prompt sees itself, a single later token everything.
  Matrix operator()(const Matrix& q, const Matrix& k, const Matrix& v, Index first, const Workers& workers) {
    keys_.write(k, first);
    values_.write(v, first);
    HeadTensor query(storage_, q.rows(), config_.heads, config_.head_size());
    HeadTensor out(query);
    query.write(q, 0);
    const glint::index_t lengths[1] = {first + q.rows()};
    const double scale = 1 / std::sqrt(static_cast<double>(config_.head_size()));
    const HeadTensor &cached_keys = keys_, &cached_values = values_, &queries = query;
    glint::Status status;
    if (first == 0) {
      const glint::PromptFlashAttentionCall call{.query = queries.ref(),
                                                 .key = cached_keys.ref(),
                                                 .value = cached_values.ref(),
                                                 .attention_out = out.ref(),
                                                 .num_heads = config_.heads,
                                                 .num_key_value_heads = config_.kv_heads,
                                                 .input_layout = storage_.layout,
                                                 .scale_value = scale,
                                                 .attn_mask_compressed = true,
                                                 .actual_seq_lengths_kv = lengths,
                                                 .sparse_mode = 2};  // causal
      workspace_.resize(static_cast<std::size_t>(glint::workspace_bytes(call, workers.workers())));
      status = glint::prompt_flash_attention(call, workers, workspace_);
    } else {
      const glint::IncreFlashAttentionCall call{.query = queries.ref(),
                                                .key = cached_keys.ref(),
                                                .value = cached_values.ref(),
                                                .attention_out = out.ref(),
                                                .num_heads = config_.heads,
                                                .num_key_value_heads = config_.kv_heads,
                                                .input_layout = storage_.layout,
                                                .scale_value = scale,
                                                .actual_seq_lengths = lengths};
      workspace_.resize(static_cast<std::size_t>(glint::workspace_bytes(call, workers.workers())));
      status = glint::incre_flash_attention(call, workers, workspace_);
    }
    if (!status) throw Error(std::string("glint: ") + status.rule);
    return out.read();
  }

 private:
  Storage storage_;
  Config config_;
  HeadTensor keys_, values_;
  std::vector<std::byte> workspace_;
};

}  // namespace generate
