// How a recipe calculates each operator: what its functor does, with layout and mode known at run time.  A candidate is
// a recipe.
#pragma once

#include "glint/ops/flash_attention_score_grad.hpp"
#include "tune/worker/candidates.hpp"

namespace bench::tune {

inline constexpr glint::SameModifier<glint::score::None> kNoModifier{};

template <class Recipe, class Element>
struct ScoreWay {
  using Task = ScoreTask<Element>;
  static index_t workspace_bytes(const Task& t, index_t workers) {
    return glint::detail::prefill_workspace<Recipe>(glint::detail::options(t.problem, t.layout),
                                                    glint::detail::keys(t.problem, t.layout), workers);
  }
  static glint::Status run(const Task& t, const Threads& threads, std::span<std::byte> workspace) {
    if (const glint::Status legal = glint::check_score(t.problem, t.layout, t.mode); !legal) return legal;
    const glint::AttentionPlan plan(glint::detail::options(t.problem, t.layout),
                                    glint::detail::keys(t.problem, t.layout),
                                    glint::detail::masks(t.problem, t.layout, t.mode).stairs, kNoModifier);
    return glint::detail::run_prefill<Recipe>(plan, threads, workspace);
  }
};

template <class Recipe, class Element>
struct GradientWay {
  using Task = GradientTask<Element>;
  static index_t workspace_bytes(const Task& t, index_t workers) {
    return glint::detail::gradient_workspace<Recipe>(t.problem, t.layout, workers);
  }
  static glint::Status run(const Task& t, const Threads& threads, std::span<std::byte> workspace) {
    if (const glint::Status legal = glint::check_score_grad(t.problem, t.layout, t.mode); !legal) return legal;
    const auto masks = glint::detail::masks(t.problem.forward, t.layout, t.mode).stairs;
    return glint::detail::run_gradient<Recipe>(t.problem, t.layout, masks, kNoModifier, threads, workspace);
  }
};

// Prefill's kernel on inference problems.  Stored: of the keys; bytes: int8 multiplied as integers.
template <class Recipe, class Stored, bool bytes>
struct PromptKernel {
  using Keys = glint::detail::CacheKeys<Stored, bytes>;
  static index_t workspace_bytes(const glint::detail::InferenceProblem& p, index_t workers) {
    return glint::detail::prefill_workspace<Recipe>(glint::detail::options(p), Keys(p), workers);
  }
  static glint::Status run(const glint::detail::InferenceProblem& p, const Threads& threads,
                           std::span<std::byte> workspace) {
    if (const glint::Status legal = glint::check_prompt(p); !legal) return legal;
    const glint::AttentionPlan plan(glint::detail::options(p), Keys(p), glint::detail::masks(p).stairs, kNoModifier);
    return glint::detail::run_prefill<Recipe>(plan, threads, workspace);
  }
};

template <class Recipe, class Stored>
struct PromptWay {
  using Kernel = PromptKernel<Recipe, Stored, std::is_same_v<Stored, std::int8_t>>;
  static index_t workspace_bytes(const PromptTask& t, index_t workers) {
    return Kernel::workspace_bytes(t.problem, workers);
  }
  static glint::Status run(const PromptTask& t, const Threads& threads, std::span<std::byte> workspace) {
    return Kernel::run(t.problem, threads, workspace);
  }
};

// A prompt's kernel on decode's problem.  Integer caches become floats.
template <class Recipe, class Stored>
struct PromptOnCacheWay {
  using Kernel = PromptKernel<Recipe, Stored, false>;
  static index_t workspace_bytes(const IncreTask& t, index_t workers) {
    return Kernel::workspace_bytes(t.prompt, workers);
  }
  static glint::Status run(const IncreTask& t, const Threads& threads, std::span<std::byte> workspace) {
    return Kernel::run(t.prompt, threads, workspace);
  }
};

template <class Recipe, class Stored>
struct IncreWay {
  static index_t workspace_bytes(const IncreTask& t, index_t workers) {
    return glint::detail::decode_workspace<Recipe, Stored>(t.decode, workers);
  }
  static glint::Status run(const IncreTask& t, const Threads& threads, std::span<std::byte> workspace) {
    if (const glint::Status legal = glint::check_incre(t.decode); !legal) return legal;
    return glint::detail::run_decode<Recipe, Stored>(t.decode, threads, workspace);
  }
};

// Prefill's kernel, for every operator that it serves.
template <class Recipe, class Element>
void add_flash(const std::string& name) {
  constexpr DType kType = glint::dtype_of<Element>;
  if constexpr (glint::is_tensor_element<Element>) {
    add_candidate<ScoreTask<Element>, ScoreWay<Recipe, Element>>(name, kType);
    add_candidate<IncreTask, PromptOnCacheWay<Recipe, Element>>(name, kType);
  }
  add_candidate<PromptTask, PromptWay<Recipe, Element>>(name, kType);
}

template <class Recipe, class Element>
void add_gradient(const std::string& name) {
  add_candidate<GradientTask<Element>, GradientWay<Recipe, Element>>(name, glint::dtype_of<Element>);
}

// Decode's, for a type of cache.
template <class Recipe, class Stored>
void add_decode(const std::string& name) {
  add_candidate<IncreTask, IncreWay<Recipe, Stored>>(name, glint::dtype_of<Stored>);
}
template <class Recipe>
void add_decode_of_all_caches(const std::string& name) {
  add_decode<Recipe, float>(name);
  add_decode<Recipe, glint::half>(name);
  add_decode<Recipe, glint::bfloat16>(name);
  add_decode<Recipe, std::int8_t>(name);
  add_decode<Recipe, glint::int4x2>(name);
}

}  // namespace bench::tune
