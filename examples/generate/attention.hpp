// The part that glint does: attention of new tokens over one layer's cache.  Layout, data type and the form of the
// cache are what the command line says, so the calls go through glint's run-time door.
#pragma once

#include "cache.hpp"

namespace generate {

class Attention {
 public:
  // Room for `positions` tokens.
  Attention(const Config& config, const Storage& storage, Index positions)
      : storage_(storage), config_(config), cache_(make_cache(config, storage, positions)) {}

  // Appends k and v to the cache and attends with q: a prompt sees itself, a single later token everything.
  Matrix operator()(const Matrix& q, const Matrix& k, const Matrix& v, const Workers& workers) {
    const bool prompt = cache_->length() == 0;
    cache_->append(k, v);
    const HeadTensor query(storage_, q, config_.heads);
    HeadTensor out(query);
    const glint::Status status = prompt ? prefill(query, k, v, out, workers) : decode(query, out, workers);
    if (!status) throw Error(std::string("glint: ") + status.rule);
    return out.read();
  }

 private:
  double scale() const { return 1 / std::sqrt(static_cast<double>(config_.head_size())); }

  std::span<std::byte> workspace(glint::index_t bytes) {
    if (static_cast<std::size_t>(bytes) > workspace_.size()) workspace_.resize(static_cast<std::size_t>(bytes));
    return workspace_;
  }

  glint::Status prefill(const HeadTensor& query, const Matrix& k, const Matrix& v, HeadTensor& out,
                        const Workers& workers) {
    const HeadTensor keys(storage_, k, config_.kv_heads), values(storage_, v, config_.kv_heads);
    const glint::PromptFlashAttentionCall call{.query = query.ref(),
                                               .key = keys.ref(),
                                               .value = values.ref(),
                                               .attention_out = out.ref(),
                                               .num_heads = config_.heads,
                                               .num_key_value_heads = config_.kv_heads,
                                               .input_layout = storage_.layout,
                                               .scale_value = scale(),
                                               .attn_mask_compressed = true,
                                               .sparse_mode = 2};  // causal
    return glint::prompt_flash_attention(call, workers, workspace(glint::workspace_bytes(call, workers.workers())));
  }

  glint::Status decode(const HeadTensor& query, HeadTensor& out, const Workers& workers) {
    glint::IncreFlashAttentionCall call{.query = query.ref(),
                                        .attention_out = out.ref(),
                                        .num_heads = config_.heads,
                                        .num_key_value_heads = config_.kv_heads,
                                        .input_layout = storage_.layout,
                                        .scale_value = scale()};
    cache_->describe(call);
    return glint::incre_flash_attention(call, workers, workspace(glint::workspace_bytes(call, workers.workers())));
  }

  Storage storage_;
  Config config_;
  std::unique_ptr<Cache> cache_;
  std::vector<std::byte> workspace_;
};

}  // namespace generate
