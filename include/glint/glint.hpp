// glint: attention kernels for the CPU.  The operators, typed and at run time, what an engine needs around their cache
// (kv_append, rotary, merge_state), and nothing else; views for Eigen are in glint/eigen.hpp, executors in
// glint/policy/executor_*.hpp, the float64 oracle in glint/reference/.
#pragma once

#include "glint/dispatch/flash_attention_score.hpp"
#include "glint/dispatch/flash_attention_score_grad.hpp"
#include "glint/dispatch/fused_infer_attention_score.hpp"
#include "glint/dispatch/incre_flash_attention.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"
#include "glint/ops/flash_attention_score.hpp"
#include "glint/ops/flash_attention_score_grad.hpp"
#include "glint/ops/incre_flash_attention.hpp"
#include "glint/ops/kv_append.hpp"
#include "glint/ops/merge_state.hpp"
#include "glint/ops/prompt_flash_attention.hpp"
#include "glint/ops/rotary.hpp"
