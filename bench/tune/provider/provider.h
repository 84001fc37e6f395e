/* Bring your own kernel: the C interface by which a foreign attention kernel takes part in measurements and checks.
 *
 * A provider is a shared library that defines the functions at the end of this file.  It needs nothing but this header:
 *
 *     cc -std=c99 -O3 -march=native -shared -fPIC -I bench/tune/provider my_kernel.c -o my_kernel.so
 *
 * textbook.c is the shortest complete one.  The header is C99 and C++.
 *
 * Compatibility.  Fields are appended to glint_problem, never moved, and each new one that a kernel must honor to be
 * right comes with a new bit of `needs`.  A provider that refuses bits it does not know, as textbook.c does, therefore
 * works with every later host.  GLINT_PROVIDER_ABI changes only if that promise is broken. */
#ifndef GLINT_PROVIDER_H
#define GLINT_PROVIDER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GLINT_PROVIDER_ABI 1u

/* What to calculate, over the keys that a query row sees:
 *   s = scale * (q . k),   p = exp(s - max) / sum,   out = sum of p * v.
 * Where the problem has them, a bias, a cap and a sink change s, max and sum; dropout changes p after that. */
enum glint_op {
  GLINT_FORWARD = 0,
  GLINT_BACKWARD = 1, /* d_q, d_k and d_v from q, k, v, out, d_out, softmax_max and softmax_sum */
  GLINT_DECODE = 2    /* the forward again; that the rows are few and the keys lie in a cache is a hint */
};

/* Types of numbers.  DLPack's DLDataType as one number: code | bits << 8 | lanes << 16. */
enum glint_dtype {
  GLINT_F32 = 2 | 32 << 8 | 1 << 16,
  GLINT_F16 = 2 | 16 << 8 | 1 << 16, /* IEEE binary16 */
  GLINT_BF16 = 4 | 16 << 8 | 1 << 16 /* the upper half of a binary32 */
};

/* Bits of glint_problem.needs: what a kernel cannot ignore.  `supports` returns 0 where it sees a bit that it does not
 * know or does not do. */
enum glint_need {
  GLINT_NEEDS_GROUPS = 1 << 0,     /* kv_heads < heads */
  GLINT_NEEDS_VALUE_DIM = 1 << 1,  /* value_dim != head_dim */
  GLINT_NEEDS_WINDOW = 1 << 2,     /* key_lo or key_hi is not open */
  GLINT_NEEDS_MASK = 1 << 3,       /* mask is not null */
  GLINT_NEEDS_LENGTHS = 1 << 4,    /* kv_lens is not null */
  GLINT_NEEDS_PAGES = 1 << 5,      /* block_table is not null */
  GLINT_NEEDS_STATISTICS = 1 << 6, /* forward and decode: softmax_max and softmax_sum are to be written */
  GLINT_NEEDS_DTYPES = 1 << 7,     /* the types of q, k, v and out are not all the same */
  GLINT_NEEDS_BIAS = 1 << 8,       /* bias is not null */
  GLINT_NEEDS_SOFTCAP = 1 << 9,    /* softcap is not 0 */
  GLINT_NEEDS_SINK = 1 << 10,      /* sink is not null */
  GLINT_NEEDS_DROPOUT = 1 << 11,   /* keep_bits is not null */
  GLINT_NEEDS_RAGGED = 1 << 12,    /* q_rows is not null, and with it q_first and kv_first */
  GLINT_NEEDS_LSE = 1 << 13        /* forward and decode: lse is to be written */
};

/* Where a bias is added; cap(x) is softcap * tanh(x / softcap), or x without one. */
enum glint_bias_place {
  GLINT_BIAS_LAST = 0,   /* s = cap(scale * (q . k)) + bias */
  GLINT_BIAS_CAPPED = 1, /* s = cap(scale * (q . k) + bias) */
  GLINT_BIAS_SCALED = 2  /* s = cap(scale * (q . k + bias)) */
};

/* "No bound on this side" of key_hi; of key_lo its negative.  A row number can be added without overflow. */
#define GLINT_OPEN ((int64_t)1 << 60)

/* A tensor [batch][heads][rows][dim] at any strides, which count numbers and may be in any order: where the heads of a
 * token lie side by side, row_stride is heads * dim.  Numbers of a row are adjacent, no two rows overlap, and strides
 * are positive but for axes of extent 1.  `data` is aligned to the size of a number and not to more. */
typedef struct glint_tensor {
  void* data;
  uint32_t dtype; /* enum glint_dtype */
  uint32_t reserved;
  int64_t batch_stride, head_stride, row_stride;
} glint_tensor;

typedef struct glint_problem {
  uint64_t size;   /* bytes of this struct as the host knows it, at least that of ABI 1 */
  uint64_t needs;  /* bits of enum glint_need */
  int32_t op;      /* enum glint_op */
  int32_t threads; /* 1 or more: how many threads the kernel may use, the calling one among them */

  /* Extents, all 1 or more.  heads % kv_heads == 0: query head h uses head h / (heads / kv_heads) of k and v. */
  int64_t batch;
  int64_t heads;
  int64_t kv_heads;
  int64_t q_len;
  int64_t kv_len;    /* with kv_lens: the largest that an entry can have */
  int64_t head_dim;  /* of q and k */
  int64_t value_dim; /* of v and out */

  /* Rows of q, out and d_out: [batch][heads][q_len]; of k and v: [batch][kv_heads][kv_len]; d_q, d_k and d_v are like
   * q, k and v.  Written, every number of every row: out by forward and decode; d_q, d_k and d_v by the backward, which
   * reads out.  Outputs share no memory with anything else; k and v may (latent attention: v is a part of k).  Where
   * op has no use for a tensor, its data is null. */
  glint_tensor q, k, v, out;
  glint_tensor d_out, d_q, d_k, d_v;

  float scale; /* finite */
  uint32_t reserved;

  /* The window: query row r of entry b stands at position r + n - kv_len, where n is the number of keys of the entry
   * (kv_len without kv_lens: the position is then simply r).  It sees the keys from position + key_lo to
   * position + key_hi, both included, as far as the entry has them.  Causal, bottom right: key_hi = kv_len - q_len;
   * causal, top left: key_hi = 0.  A row that sees no key gets an output, or a d_q, of zeros. */
  int64_t key_lo; /* -GLINT_OPEN to GLINT_OPEN */
  int64_t key_hi; /* likewise */

  /* A tensor of bytes [batch][heads][q_len][kv_len] or null: 0 keeps a score, anything else drops it, also where the
   * window shows it.  Strides in bytes, 0 where all entries, heads or rows share; keys are adjacent. */
  const uint8_t* mask;
  int64_t mask_batch_stride, mask_head_stride, mask_row_stride;

  /* [batch], each 0 to kv_len: how many keys each entry has, rows of k and v from the first on.  What lies behind them
   * is no number to be read.  Null: all have kv_len. */
  const int64_t* kv_lens;

  /* Pages.  Null: k and v are plain.  Otherwise key t of entry b is row t % block_size of page
   * block_table[b * blocks_per_entry + t / block_size], and the batch strides of k and v lead from page to page.
   * Null in a backward. */
  const int32_t* block_table;
  int64_t blocks_per_entry;
  int64_t block_size;

  /* [batch][heads][q_len], dense: the largest of a row's scores and its sum of exp(s - max).  Read by the backward;
   * written by forward and decode where they are not null.  Of a row that sees no key -FLT_MAX and FLT_MAX. */
  float* softmax_max;
  float* softmax_sum;

  /* At least as many bytes as glint_provider_workspace asked for, aligned to 64.  Holds nothing from one call to the
   * next. */
  void* workspace;
  int64_t workspace_bytes;

  /* From here on a field is there only if `size` says so; no bit of `needs` is set for one that is not. */

  /* A tensor of f32 [batch][heads][q_len][kv_len] or null, added to the scores where bias_place says.  Minus infinity
   * hides a key.  Strides count numbers, 0 where all entries, heads or rows share; keys are adjacent. */
  const float* bias;
  int64_t bias_batch_stride, bias_head_stride, bias_row_stride;
  uint32_t bias_place; /* enum glint_bias_place */

  float softcap; /* above 0: scores are cap(scale * (q . k)), see enum glint_bias_place; 0: they are not capped */

  /* [heads] or null: one more score of every row, in the order of s and seen by all rows, whose key has no value.  It
   * counts in max and sum; a row that sees nothing else has the maximum `sink`, the sum 1 and an output of zeros. */
  const float* sink;

  /* Dropout, or null: a stream of bits, the lowest of each byte first, and of each entry [heads][rows][keys] from bit
   * keep_first[b] on, rows and keys being those that the entry has.  After max and sum are known, p becomes
   * p / keep_prob where the bit is 1 and 0 where it is not. */
  const uint8_t* keep_bits;
  const int64_t* keep_first; /* [batch] */
  float keep_prob;           /* above 0, at most 1; only with keep_bits */
  uint32_t reserved2;

  /* Entries of several lengths.  Null, or [batch] each: entry b has q_rows[b] query rows, 0 to q_len, which are rows
   * q_first[b] on of q, out, d_out and d_q, and its keys (as many as kv_lens says) are rows kv_first[b] on of k, v, d_k
   * and d_v.  In a tensor that all entries lie in one behind the other, batch_stride is 0.  Rows of the tensors that
   * belong to no entry are neither read nor written.  In mask, bias and statistics rows and keys count from 0 in each
   * entry.  The window: query row r stands at position r + n - kv_len + q_len - q_rows[b], so that the last row of
   * every entry sees the same keys from the last one.  kv_first is null where there are pages. */
  const int64_t* q_first;
  const int64_t* q_rows;
  const int64_t* kv_first;

  /* [batch][heads][q_len], dense, or null: ln(sum) + max.  Written by forward and decode.  Of a row that sees no key
   * (and has no sink) +infinity. */
  float* lse;
} glint_problem;

/* The rules above as code, for whom they serve. */

/* How many keys entry b has. */
static inline int64_t glint_keys(const glint_problem* p, int64_t b) { return p->kv_lens ? p->kv_lens[b] : p->kv_len; }

/* How many query rows it has. */
static inline int64_t glint_rows(const glint_problem* p, int64_t b) {
  return p->needs & GLINT_NEEDS_RAGGED ? p->q_rows[b] : p->q_len;
}

/* The position of a query row, from which the window is counted. */
static inline int64_t glint_position(const glint_problem* p, int64_t b, int64_t row) {
  return row + glint_keys(p, b) - p->kv_len + p->q_len - glint_rows(p, b);
}

/* The window of a query row: keys from glint_first_key to before glint_end_key.  None where the second is not larger.
 */
static inline int64_t glint_first_key(const glint_problem* p, int64_t b, int64_t row) {
  const int64_t first = glint_position(p, b, row) + p->key_lo;
  return first > 0 ? first : 0;
}
static inline int64_t glint_end_key(const glint_problem* p, int64_t b, int64_t row) {
  const int64_t keys = glint_keys(p, b), end = glint_position(p, b, row) + p->key_hi + 1;
  return end < keys ? end : keys;
}

/* The mask of a query row, one byte for each key; null where there is none. */
static inline const uint8_t* glint_mask_row(const glint_problem* p, int64_t b, int64_t head, int64_t row) {
  if (!p->mask) return 0;
  return p->mask + b * p->mask_batch_stride + head * p->mask_head_stride + row * p->mask_row_stride;
}

/* The bias of a query row, one number for each key; null where there is none. */
static inline const float* glint_bias_row(const glint_problem* p, int64_t b, int64_t head, int64_t row) {
  if (!(p->needs & GLINT_NEEDS_BIAS)) return 0;
  return p->bias + b * p->bias_batch_stride + head * p->bias_head_stride + row * p->bias_row_stride;
}

/* 1: dropout keeps the probability; also where there is no dropout. */
static inline int glint_keeps(const glint_problem* p, int64_t b, int64_t head, int64_t row, int64_t key) {
  if (!(p->needs & GLINT_NEEDS_DROPOUT)) return 1;
  const int64_t bit = p->keep_first[b] + (head * glint_rows(p, b) + row) * glint_keys(p, b) + key;
  return p->keep_bits[bit / 8] >> bit % 8 & 1;
}

/* A row of q, out, d_out or d_q; of k, v, d_k or d_v without pages.  Of a problem that is not ragged. */
static inline void* glint_row(const glint_tensor* t, int64_t b, int64_t head, int64_t row) {
  const int64_t bytes = t->dtype >> 8 & 255u;
  return (char*)t->data + (b * t->batch_stride + head * t->head_stride + row * t->row_stride) * (bytes / 8);
}

/* A row of q, out, d_out or d_q, ragged or not. */
static inline void* glint_query_row(const glint_problem* p, const glint_tensor* t, int64_t b, int64_t head,
                                    int64_t row) {
  return glint_row(t, b, head, p->needs & GLINT_NEEDS_RAGGED ? p->q_first[b] + row : row);
}

/* The row of k or v that holds key `key`, with or without pages, ragged or not. */
static inline void* glint_key_row(const glint_problem* p, const glint_tensor* t, int64_t b, int64_t kv_head,
                                  int64_t key) {
  if (!p->block_table) return glint_row(t, b, kv_head, p->needs & GLINT_NEEDS_RAGGED ? p->kv_first[b] + key : key);
  return glint_row(t, p->block_table[b * p->blocks_per_entry + key / p->block_size], kv_head, key % p->block_size);
}

/* What a provider defines.  No two of these are called at once, and no exception leaves them. */
#if defined(__GNUC__)
#define GLINT_PROVIDER_EXPORT __attribute__((visibility("default")))
#else
#define GLINT_PROVIDER_EXPORT
#endif

/* GLINT_PROVIDER_ABI. */
GLINT_PROVIDER_EXPORT uint32_t glint_provider_abi(void);

/* 1 to 40 letters, digits and _ . + -, the same in every call. */
GLINT_PROVIDER_EXPORT const char* glint_provider_name(void);

/* Not 0: glint_provider_run does this problem.  Neither this nor glint_provider_workspace reads what tensors hold. */
GLINT_PROVIDER_EXPORT int glint_provider_supports(const glint_problem* problem);

/* Bytes of scratch that glint_provider_run wants for a problem that it supports, 0 or more.  It is left out of the
 * clock, so a kernel that allocates for itself is slower than one that says what it needs. */
GLINT_PROVIDER_EXPORT int64_t glint_provider_workspace(const glint_problem* problem);

/* 0, or a code of the provider's own if it could not.  The problem is only read. */
GLINT_PROVIDER_EXPORT int glint_provider_run(const glint_problem* problem);

/* Optional: what the last code of glint_provider_run means, one line, valid until the next call. */
GLINT_PROVIDER_EXPORT const char* glint_provider_error(void);

#ifdef __cplusplus
}
#endif

#endif
