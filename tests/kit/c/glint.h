/* The C interface of glint: the operators, the float64 oracle that they are tested against, and the reference kit.
 *
 *     glint_flash_attention_score_call call;
 *     glint_flash_attention_score_init(&call, sizeof call);      // every documented default
 *     call.query = query;  call.key = key;  call.value = value;  call.attention_out = out;
 *     call.head_num = 8;  call.input_layout = "BSND";  call.scale_value = 0.125;
 *     glint_status status;
 *     if (glint_flash_attention_score(&call, 4, NULL, 0, &status)) puts(status.rule);
 *
 * C99 and C++, and nothing else is needed.  Fields bear the names of the operator documents; what they mean in full is
 * said in include/glint/dispatch, whose calls these are.  No function throws, keeps a pointer or has state, and all may
 * run in several threads at once.
 *
 * Compatibility.  Fields are appended to structs, never moved.  A struct begins with the size that its caller knows:
 * a later library gives the fields behind it their defaults, an earlier one refuses what it does not know. */
#ifndef GLINT_H
#define GLINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GLINT_C_API __attribute__((visibility("default")))
#else
#define GLINT_C_API
#endif

/* Types of numbers.  DLPack's DLDataType as one number: code | bits << 8 | lanes << 16. */
enum glint_type {
  GLINT_TYPE_NONE = 0,
  GLINT_TYPE_F64 = 2 | 64 << 8 | 1 << 16, /* answers of the oracle only */
  GLINT_TYPE_F32 = 2 | 32 << 8 | 1 << 16,
  GLINT_TYPE_F16 = 2 | 16 << 8 | 1 << 16,  /* IEEE binary16 */
  GLINT_TYPE_BF16 = 4 | 16 << 8 | 1 << 16, /* the upper half of a binary32 */
  GLINT_TYPE_BOOL = 6 | 8 << 8 | 1 << 16,
  GLINT_TYPE_I8 = 0 | 8 << 8 | 1 << 16,
  GLINT_TYPE_U8 = 1 | 8 << 8 | 1 << 16,
  GLINT_TYPE_I32 = 0 | 32 << 8 | 1 << 16,
  GLINT_TYPE_I64 = 0 | 64 << 8 | 1 << 16,
  GLINT_TYPE_U64 = 1 | 64 << 8 | 1 << 16,
  GLINT_TYPE_I4 = 0 | 4 << 8 | 1 << 16 /* two in a byte, the first in the low bits; the shape counts numbers */
};

/* A dense row-major tensor.  Absent: no data and rank 0, as a zeroed one is. */
typedef struct glint_array {
  void* data;    /* only read where the call says "in" */
  int32_t dtype; /* enum glint_type */
  int32_t rank;  /* 0 to 4; 0 with data: one number */
  int64_t shape[8];
} glint_array;

/* Numbers, as lengths of sequences are; and tensors, one for each batch entry.  Absent: count 0. */
typedef struct glint_numbers {
  const int64_t* data;
  int64_t count;
} glint_numbers;
typedef struct glint_arrays {
  const glint_array* data;
  int64_t count;
} glint_arrays;

/* What went wrong.  Codes above 0 are glint::Code (include/glint/core/status.hpp) and stable. */
enum {
  GLINT_OK = 0,
  GLINT_NULL_CALL = -1, /* call, or where an answer goes, is null */
  GLINT_CALL_SIZE = -2, /* size is no multiple of 8 from 8 to what this library knows: got, want */
  GLINT_THREADS = -3,   /* threads is not 0 to 1024 */
  GLINT_NULL_LIST = -4, /* a list has a count but no data, or a negative count */
  GLINT_NO_VALUE = -5,  /* a number that the enum of its field does not have */
  GLINT_FAILED = -6     /* the system refused something: `rule` says what */
};
typedef struct glint_status {
  int32_t code;
  int32_t reserved;
  const char* rule;  /* the rule that was broken, a sentence; "" if none was.  Never released */
  int64_t got, want; /* the two numbers that disagree */
} glint_status;

enum glint_pse_form {
  GLINT_PSE_DENSE = 0,         /* (B|1, N|1, S1|1, S2) */
  GLINT_PSE_COMPRESSED = 1,    /* (B|1, N|1, 1024, S2): the last 1024 rows of an ALiBi matrix */
  GLINT_PSE_TND_PER_SCORE = 2, /* TND: for each sequence a block [N][S1][S2] */
  GLINT_PSE_TND_PER_COLUMN = 3 /* TND: for each sequence a block [N][S2] */
};
enum glint_limits { GLINT_LIMITS_NONE = 0, GLINT_LIMITS_ASCEND = 1 /* the documented maxima of the device */ };

/* FlashAttentionScore.  B batch, S1 and S2 rows of query and key, N heads of query, D head size, T all tokens. */
typedef struct glint_flash_attention_score_call {
  uint64_t size;
  glint_array query, key, value; /* in: float16, bfloat16 or float32, in input_layout */
  glint_array attention_out;     /* out: like query, with value's head size */
  int64_t head_num;              /* of query; no default */
  const char* input_layout;      /* BSH (default), SBH, BNSD, BSND, TND */
  double scale_value;            /* 1, not 1/sqrt(D) */

  glint_array real_shift; /* in: pse, of query's type; pse_type 2 and 3: float32 slopes (N) or (B, N) */
  int32_t real_shift_form;
  int32_t pse_type; /* 1: (QK + pse) * scale; 0: QK * scale + pse; 2, 3: slopes times |distance|, sqrt of it */
  glint_numbers q_start_idx, kv_start_idx; /* the first counts: where row 0 and key 0 stand, for slopes */

  glint_array drop_mask;        /* in: uint8 bits, 1 keeps: (B, N, S1, S2/8), or flat */
  double keep_prob;             /* (0, 1]; below 1 with drop_mask or generate_dropout */
  int32_t generate_dropout;     /* not 0: Philox bits from seed and offset */
  int32_t attn_mask_compressed; /* not 0: stands for the (2048, 2048) mask that sparse_mode 2 to 4, 6 to 8 want */
  uint64_t seed, offset;

  glint_array padding_mask;                        /* reserved: must be absent */
  glint_array attn_mask;                           /* in: bool or uint8, not 0 drops; (S1,S2), (B|1,N|1,S1,S2) */
  glint_numbers prefix;                            /* (B), sparse_mode 5 and 6 */
  glint_numbers actual_seq_qlen, actual_seq_kvlen; /* TND: cumulative ends */
  int64_t pre_tokens, next_tokens;                 /* both 2147483647: no bound */
  int32_t inner_precise;                           /* 0 to 2; 1 with bfloat16: P is rounded to bfloat16 */
  int32_t sparse_mode;                             /* 0 to 8; has no effect without a mask */
  double q_scale;                                  /* 1 */
  glint_array sink;                                /* in: float32 (N) */

  glint_array softmax_max, softmax_sum; /* out: float32 (B, N, S1, 8) or (B, N, S1); TND (T, N, 8) or (T, N) */
  const char* softmax_layout;           /* TND: "" stores for each sequence a block [N][S1], "TND" stores [T][N] */
  int64_t *seed_out, *offset_out, *numels_out; /* out, each may be null: the state of dropout */
  int32_t limits;                              /* enum glint_limits */
  int32_t reserved;
} glint_flash_attention_score_call;

/* Its gradient.  `forward` is the call as it was made: its attention_out, softmax_max and softmax_sum are read. */
typedef struct glint_flash_attention_score_grad_call {
  uint64_t size;
  const glint_flash_attention_score_call* forward;
  glint_array dy;          /* in: like attention_out */
  glint_array dq, dk, dv;  /* out: like query, key, value */
  glint_array dpse, dsink; /* out: like real_shift and sink; absent: not wanted */
} glint_flash_attention_score_grad_call;

/* What the three operators of inference have in common:
 *   key_list, value_list   in place of key and value: B tensors of batch 1 with rows of their own, or one of batch B
 *   attention_out          of query's type, float16 under an int8 query; int8 with quant_scale2
 *   num_key_value_heads    0: num_heads
 *   pse_shift              (B|1, N|1, S1|1, S2), of query's type, float16 under an int8 query
 *   block_table            int32 (B, max_blocks): key and value are pools (blocks, block_size, N2*D) or, with BNSD and
 *                          TND, (blocks, N2, block_size, D)
 *   kv_padding_size        int64, one number: rows of padding behind the keys; counts only beside actual lengths
 *   key_shared_prefix      (1, ...) in the layout of key; actual_shared_prefix_len -1: all its rows
 *   learnable_sink         (N), of query's type
 *   query_rope, key_rope   as query and key, with a head size of their own
 *   antiquant_*            int8 or int4 cache, x = (stored + offset) * scale: joint factors of key and value (mode 0
 * per channel, 1 per token), or separate key_ and value_ ones (mode 0 to 5).  An int4 cache is GLINT_TYPE_I4 with
 * logical shapes, or int32 with an eighth of the last axis quant_scale2, offset2  int8 output: one number, or one for
 * each channel; float32 or bfloat16 softmax_lse            out: float32 (B, N, S1, 1), TND (T, N, 1); rows that see
 * nothing hold +infinity */
typedef struct glint_prompt_flash_attention_call {
  uint64_t size;
  glint_array query, key, value; /* in; int8 query with int8 key and value: deq_scale1 and its fellows */
  glint_arrays key_list, value_list;
  glint_array attention_out;
  int64_t num_heads, num_key_value_heads;
  const char* input_layout; /* BSH (default), BNSD, BSND, TND, or two as in BNSD_BSND */
  double scale_value;       /* 1 */

  glint_array attn_mask; /* in: bool, uint8, int8, float16 or float32: (S1,S2), (B|1,S1,S2), (B|1,1,S1,S2) */
  glint_array padding_mask;
  glint_array pse_shift;
  glint_numbers actual_seq_lengths, actual_seq_lengths_kv; /* lengths; TND: cumulative ends, of pages lengths */
  int64_t pre_tokens, next_tokens;                         /* 2147483647 and 0 */
  int32_t attn_mask_compressed; /* not 0: stands for the (2048, 2048) mask that sparse_mode 2 to 4 want */
  int32_t sparse_mode;          /* 0 to 4; 10 to 14: the same with inner_precise 0 */
  int32_t inner_precise;        /* 0 to 3, 1 by default */
  int32_t limits;               /* enum glint_limits */

  glint_array deq_scale1, quant_scale1, deq_scale2; /* in: of an int8 query: float32, deq_* also uint64 bits */
  glint_array quant_scale2, quant_offset2;
  glint_array antiquant_scale, antiquant_offset;
  glint_array key_antiquant_scale, key_antiquant_offset, value_antiquant_scale, value_antiquant_offset;
  int64_t antiquant_mode, key_antiquant_mode, value_antiquant_mode;

  glint_array block_table;
  int64_t block_size;
  glint_array query_padding_size, kv_padding_size;
  glint_array key_shared_prefix, value_shared_prefix;
  int64_t actual_shared_prefix_len;
  glint_array learnable_sink;
  glint_array query_rope, key_rope;
  glint_array softmax_lse;
} glint_prompt_flash_attention_call;

typedef struct glint_incre_flash_attention_call {
  uint64_t size;
  glint_array query, key, value; /* in; query has one row, several with sparse_mode 3 and 9 */
  glint_arrays key_list, value_list;
  glint_array attention_out;
  int64_t num_heads, num_key_value_heads;
  const char* input_layout; /* BSH (default), BNSD, BSND, or two as in BNSD_BSND */
  double scale_value;       /* 1 */

  glint_array attn_mask; /* in: bool, uint8 or int8: (B|1,S), (B|1,1,S), (B|1,1,1,S); mode 9: the tree (B|1,S1,S1) */
  glint_array padding_mask;
  glint_array pse_shift;
  glint_numbers actual_seq_lengths; /* of keys: one for all entries, or one for each */
  int32_t inner_precise;            /* 0 or 1, 1 by default */
  int32_t sparse_mode;              /* 0; several rows: 3 causal, 9 a tree of drafts */
  int32_t limits;                   /* enum glint_limits */
  int32_t reserved;

  glint_array dequant_scale1, quant_scale1, dequant_scale2; /* not for this operator: must be absent */
  glint_array quant_scale2, quant_offset2;
  glint_array antiquant_scale, antiquant_offset;
  glint_array key_antiquant_scale, key_antiquant_offset, value_antiquant_scale, value_antiquant_offset;
  int64_t antiquant_mode, key_antiquant_mode, value_antiquant_mode;

  glint_array block_table;
  int64_t block_size;
  glint_array kv_padding_size;
  glint_array key_shared_prefix, value_shared_prefix;
  int64_t actual_shared_prefix_len;
  glint_array learnable_sink;
  glint_array query_rope, key_rope;
  glint_array softmax_lse;
} glint_incre_flash_attention_call;

typedef struct glint_fused_infer_attention_score_call {
  uint64_t size;
  glint_array query, key, value; /* in: as for prompt_flash_attention */
  glint_arrays key_list, value_list;
  glint_array attention_out;
  int64_t num_heads, num_key_value_heads;
  const char* input_layout; /* BSH (default), BNSD, BSND, TND, or two as in BNSD_BSND */
  double scale;             /* 1 */

  glint_array pse_shift;
  glint_array atten_mask; /* in: as for prompt_flash_attention; mode 9: the tree (B|1,S1,S1) */
  glint_numbers actual_seq_lengths, actual_seq_lengths_kv;
  int64_t pre_tokens, next_tokens; /* both 2147483647 */
  int32_t atten_mask_compressed;
  int32_t sparse_mode;      /* 0 to 4, and 9: a tree of drafts */
  int32_t inner_precise;    /* 0 to 3, 0 by default */
  int32_t softmax_lse_flag; /* 0: softmax_lse is not looked at */
  int32_t limits;           /* enum glint_limits */
  int32_t reserved;

  glint_array dequant_scale1, quant_scale1, dequant_scale2; /* in: as deq_scale1 and its fellows */
  glint_array quant_scale2, quant_offset2;
  glint_array antiquant_scale, antiquant_offset;
  glint_array key_antiquant_scale, key_antiquant_offset, value_antiquant_scale, value_antiquant_offset;
  int64_t antiquant_mode, key_antiquant_mode, value_antiquant_mode;

  glint_array block_table;
  int64_t block_size;
  glint_array query_padding_size, kv_padding_size;
  glint_array key_shared_prefix, value_shared_prefix;
  int64_t actual_shared_prefix_len;
  glint_array learnable_sink;
  glint_array query_rope, key_rope;
  glint_array softmax_lse;
} glint_fused_infer_attention_score_call;

/* What the oracle answers: float64 tensors in memory of the library until glint_reference_release.  Outputs have the
 * shapes that the call gives them; what the operator has not is absent.  Statistics that the call does not ask for come
 * without their repetition, as (B, N, S1) or (T, N). */
typedef struct glint_reference_answer {
  uint64_t size;               /* set both before the call */
  uint64_t keep_probabilities; /* not 0: fill probabilities */
  void* memory;
  glint_array attention_out; /* int8 output: whole numbers */
  glint_array softmax_max, softmax_sum, softmax_lse;
  glint_array dq, dk, dv, dpse, dsink;
  glint_array probabilities;  /* before dropout: (entries, N, longest S1, longest S2), zeros behind shorter ones */
  glint_array weighted_abs_v; /* sum of p * |v|, like attention_out: what rounding errors are proportional to */
  glint_array score_abs;      /* largest score of a row with every product taken absolutely, (B, N, S1) or (T, N) */
} glint_reference_answer;

/* Each operator:
 *   _init             every default, and size; `size` is sizeof the struct as the caller's header has it
 *   _check            the rules only: reads no number of query, key or value and writes nothing but the status
 *   _workspace_bytes  scratch that the call wants with so many threads; 0 for an illegal one
 *   (the name alone)  does it.  A null workspace: the library allocates once.  An illegal call writes no output
 *   glint_reference_  the same question to the oracle, after the same check; outputs of the call are not written
 * threads: 1 or more, 0 as many as the machine has; results do not depend on it.  status may be null.  Returns the
 * status' code. */
#define GLINT_C_OPERATOR(name)                                                                                \
  GLINT_C_API void glint_##name##_init(glint_##name##_call* call, size_t size);                               \
  GLINT_C_API int32_t glint_##name##_check(const glint_##name##_call* call, glint_status* status);            \
  GLINT_C_API int64_t glint_##name##_workspace_bytes(const glint_##name##_call* call, int32_t threads);       \
  GLINT_C_API int32_t glint_##name(const glint_##name##_call* call, int32_t threads, void* workspace,         \
                                   size_t workspace_bytes, glint_status* status);                             \
  GLINT_C_API int32_t glint_reference_##name(const glint_##name##_call* call, glint_reference_answer* answer, \
                                             glint_status* status)
GLINT_C_OPERATOR(flash_attention_score);
GLINT_C_OPERATOR(flash_attention_score_grad);
GLINT_C_OPERATOR(prompt_flash_attention);
GLINT_C_OPERATOR(incre_flash_attention);
GLINT_C_OPERATOR(fused_infer_attention_score);
#undef GLINT_C_OPERATOR

GLINT_C_API void glint_reference_release(glint_reference_answer* answer);

/* Results over parts of the keys become the result over all of them: outs[i] with its lses[i], as the operators of
 * inference return them.  A part that saw nothing, lse +-infinity, changes no bit. */
typedef struct glint_merge_state_call {
  uint64_t size;
  glint_arrays outs, lses;                /* in: like attention_out and softmax_lse, any number */
  glint_array attention_out, softmax_lse; /* out: float32 (B, N, S1, 1) or (B, N, S1); may be absent */
  int64_t num_heads;
  const char* input_layout; /* BSH (default), SBH, BNSD, BSND */
} glint_merge_state_call;

/* Rotary positions: pairs of numbers of each row are turned by position * theta^(-2i / rotary_dim). */
typedef struct glint_rotary_call {
  uint64_t size;
  glint_array x;   /* in; absent: the rows of out, in place */
  glint_array out; /* out: like x */
  int64_t num_heads;
  const char* input_layout;                 /* BSH (default), SBH, BNSD, BSND */
  glint_numbers first_positions, positions; /* one of the two: of row 0, 1 or B numbers; or of each row, [B][S] */
  int64_t rotary_dim;                       /* even; 0: the head size */
  double theta;                             /* 10000 */
  glint_array cos_table, sin_table;         /* in: instead of theta, float32 (positions, rotary_dim / 2) */
  int32_t interleaved;                      /* 0: pairs (i, i + rotary_dim / 2); else (2i, 2i + 1) */
  int32_t reserved;
} glint_rotary_call;

GLINT_C_API void glint_merge_state_init(glint_merge_state_call* call, size_t size);
GLINT_C_API int32_t glint_merge_state(const glint_merge_state_call* call, glint_status* status);
GLINT_C_API void glint_rotary_init(glint_rotary_call* call, size_t size);
GLINT_C_API int32_t glint_rotary(const glint_rotary_call* call, glint_status* status);

GLINT_C_API int32_t glint_version(void); /* 10000 * major + 100 * minor + patch */
GLINT_C_API const char* glint_isa(void); /* what the kernels use: plain, base, avx2 or avx512 */

/* The reference kit: cases as text, bundles of their numbers, and the checker (tests/kit).  Text goes to `text`, cut to
 * `capacity` and always terminated; null with capacity 0: not wanted.  Returns 0; 1: an error, which `text` tells. */

/* The case line's inputs and golden outputs as a file: .npz by its name, else .safetensors. */
GLINT_C_API int32_t glint_ref_make(const char* line, const char* path, int32_t probabilities, char* text,
                                   size_t capacity);

/* A bundle against a file with a kernel's outputs.  options: words as in "tile=64x128 hints=0 factor=1 layout=BSND
 * poison=1e30", null or "" for none.  `text` is for people, `json` for programs; pass: 1 or 0. */
GLINT_C_API int32_t glint_ref_check(const char* bundle, const char* result, const char* options, char* text,
                                    size_t capacity, char* json, size_t json_capacity, int32_t* pass);

/* What parameters mean, as in "sparse_mode=4 pre=3 next=-1 sq=6 skv=10". */
GLINT_C_API int32_t glint_ref_explain(const char* words, char* text, size_t capacity);

/* Number `number` of the random legal case lines of an operator (fwd, bwd, prompt, incre) and a seed. */
GLINT_C_API int32_t glint_ref_draw(const char* op, uint64_t seed, uint64_t number, char* text, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
