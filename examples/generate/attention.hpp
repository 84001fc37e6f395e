// The part that glint does: attention of new tokens over one layer's cache.  Layout, data type and the form of the
// cache are what the command line says, so the calls go through glint's run-time door.
#pragma once

#include "cache.hpp"

namespace generate {

// What tokens belong to: the prompt, which is read many at a time, or the text behind it, token by token.
enum class Phase { prompt, text };

class Attention {
 public:
  // Room for `positions` tokens.
  Attention(const Config& config, const Storage& storage, Index positions)
      : storage_(storage), config_(config), cache_(make_cache(config, storage, positions)) {}

  // Appends k and v to the cache and attends with q: a prompt, or a chunk of it, sees what is in the cache before it
  // and itself up to each row; a later token sees everything.
  Matrix operator()(Phase phase, const Matrix& q, const Matrix& k, const Matrix& v, const Workers& workers) {
    cache_->append(k, v);
    const HeadTensor query(storage_, q, config_.heads);
    HeadTensor out(query);
    const glint::Status status = phase == Phase::prompt ? prefill(query, out, workers) : decode(query, out, workers);
    if (!status) throw Error(std::string("glint: ") + status.rule);
    return out.read();
  }

 private:
  std::span<std::byte> workspace(glint::index_t bytes) {
    if (static_cast<std::size_t>(bytes) > workspace_.size()) workspace_.resize(static_cast<std::size_t>(bytes));
    return workspace_;
  }

  // What both operators are told.
  template <class Call>
  Call call(const HeadTensor& query, HeadTensor& out) const {
    Call call{.query = query.ref(),
              .attention_out = out.ref(),
              .num_heads = config_.heads,
              .num_key_value_heads = config_.kv_heads,
              .input_layout = storage_.layout,
              .scale_value = 1 / std::sqrt(static_cast<double>(config_.head_size()))};
    cache_->describe(call);
    return call;
  }

  glint::Status prefill(const HeadTensor& query, HeadTensor& out, const Workers& workers) {
    auto prompt = call<glint::PromptFlashAttentionCall>(query, out);
    prompt.sparse_mode = 3;  // causal: the last row sees all keys, the one before it all but one
    prompt.attn_mask_compressed = true;
    return glint::prompt_flash_attention(prompt, workers, workspace(glint::workspace_bytes(prompt, workers.workers())));
  }

  glint::Status decode(const HeadTensor& query, HeadTensor& out, const Workers& workers) {
    const auto step = call<glint::IncreFlashAttentionCall>(query, out);
    return glint::incre_flash_attention(step, workers, workspace(glint::workspace_bytes(step, workers.workers())));
  }

  Storage storage_;
  Config config_;
  std::unique_ptr<Cache> cache_;
  std::vector<std::byte> workspace_;
};

}  // namespace generate
