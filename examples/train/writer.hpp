// Text from trained weights: what is there is read at once by PromptFlashAttention, which fills the caches, and what
// follows is written character by character by IncreFlashAttention.
#pragma once

#include <functional>

#include "../generate/sampler.hpp"
#include "attention.hpp"
#include "weights_file.hpp"

namespace train {

// Keys and values of one layer, and the two operators over them.
class CachedAttention {
 public:
  CachedAttention(const Config& config, const Workers& workers)
      : config_(config),
        workers_(workers),
        keys_(room_.block(config.context, config.width)),
        values_(room_.block(config.context, config.width)) {}

  // qkv: new rows, behind `length` old ones.  Several rows begin a text.
  void operator()(Index length, In qkv, Out out) {
    const Index width = config_.width;
    const glint::Shape shape{.batch = 1,
                             .heads = config_.heads,
                             .q_len = qkv.rows,
                             .kv_len = config_.context,
                             .head_dim = config_.head_size()};
    const glint::Strides in_qkv{.batch = qkv.size(), .head = config_.head_size(), .row = qkv.columns};
    const glint::index_t before = length, now = length + qkv.rows;
    check(glint::kv_append<glint::layout::BSH, float>({.k = qkv.data + width,
                                                       .v = qkv.data + 2 * width,
                                                       .kv = {.k = keys_.data, .v = values_.data},
                                                       .shape = shape,
                                                       .lengths = {&before, 1},
                                                       .k_strides = in_qkv,
                                                       .v_strides = in_qkv}));
    const auto attend = [&](auto problem) {
      problem.q = qkv.data;
      problem.kv = {.k = keys_.data, .v = values_.data};
      problem.out = out.data;
      problem.shape = shape;
      problem.scale = 1 / std::sqrt(static_cast<float>(config_.head_size()));
      problem.kv_lens = {&now, 1};
      problem.q_strides = in_qkv;
      return problem;
    };
    if (qkv.rows == 1) {
      check(glint::IncreFlashAttention<glint::layout::BSH, float>{}(attend(glint::IncreProblem<float>{}), workers_));
    } else {
      using Prompt = glint::PromptFlashAttention<glint::layout::BSH, float, glint::SparseMode::left_up_causal>;
      check(Prompt{}(attend(glint::PromptProblem<float>{}), workers_));
    }
  }

 private:
  static void check(const glint::Status& status) {
    if (!status) throw Error(std::string("glint: ") + status.rule);
  }

  Config config_;
  const Workers& workers_;
  Room room_;
  Out keys_, values_;
};

class Writer {
 public:
  Writer(const Weights& weights, const Workers& workers)
      : weights_(weights), workers_(workers), activations_(weights.config, weights.config.context) {
    for (Index i = 0; i < weights.config.layers; ++i) attention_.emplace_back(weights.config, workers);
  }

  // The scores of every candidate behind `tokens`: a whole text (at most `context` tokens), or what follows the last.
  generate::Vector read(std::span<const int> tokens, Index length = 0) {
    const In scores = forward(weights_, tokens, length, activations_, workers_,
                              [&](std::size_t layer, In qkv, Out out) { attention_[layer](length, qkv, out); });
    return Eigen::Map<const generate::Vector>(scores.row(scores.rows - 1), scores.columns);
  }

 private:
  const Weights& weights_;
  const Workers& workers_;
  Activations activations_;
  std::vector<CachedAttention> attention_;
};

// Positions are learned, so nothing can stand behind the last of them: a text that has grown too long is read again
// from the middle of what the model saw of it.  The first token that it sees of a text:
inline Index first_seen(Index tokens, Index context) {
  const Index step = (context + 1) / 2, too_many = tokens - context;
  return too_many <= 0 ? 0 : (too_many + step - 1) / step * step;
}

// Appends `count` tokens to a text.
template <class Show>
void write(const Weights& weights, const Workers& workers, Index count, generate::Sampler sample,
           std::vector<int>& tokens, const Show& show) {
  Writer writer(weights, workers);
  const Index context = weights.config.context;
  Index seen_from = -1;
  for (Index i = 0; i < count; ++i) {
    const auto size = static_cast<Index>(tokens.size());
    const Index from = first_seen(size, context);
    const std::span<const int> all = std::span<const int>(tokens).subspan(static_cast<std::size_t>(from));
    const generate::Vector scores =
        from == seen_from ? writer.read(all.last(1), static_cast<Index>(all.size()) - 1) : writer.read(all);
    seen_from = from;
    tokens.push_back(sample(scores));
    show(tokens.back());
  }
}

}  // namespace train
