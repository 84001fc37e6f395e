// PromptFlashAttention, one question asked in many forms, on random cases of every form and type: not a bit may change.
#include "support/prompt_metamorphic.hpp"

namespace glint_test::prompt {
namespace {

// Pages of any size, order and layout (shared blocks become copies), left padding, lists; tiles lie in pages, cover
// several, or are cut by them.
TEST(PromptExactly, EveryFormOfCacheAgrees) {
  for_types([]<class T>() {
    for_cases<T>(100, any_batch, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      const Selection all(c, data);
      expect_same<T>(c, data, whole, all, "contiguous", contiguous);
      expect_same<T>(c, data, whole, all, "left padded", [](InferenceCase& d) {
        contiguous(d);
        d.form = kLeftPadded, d.padding = 3;
      });
      expect_same<T>(c, data, whole, all, "list", [](InferenceCase& d) {
        contiguous(d);
        d.form = kList;
      });
      if (c.k_mode != c.v_mode) return;  // no mixed pair is legal with pages
      for (const index_t block_size : {1, 3, 16, 64, 100, 128, 192, 384})
        expect_same<T>(c, data, whole, all, "pages", [=](InferenceCase& d) {
          d.form = kPaged, d.block_size = block_size, d.head_major = block_size % 2;
        });
    });
  });
}

// One entry's own first keys are a prefix that it shares with nobody.
TEST(PromptExactly, APrefixAndTheRestAreTheWholeCache) {
  for_types([]<class T>() {
    for_cases<T>(100, any_batch, [](const InferenceCase& c, const InferenceData& data) {
      const index_t keys = data.lists.keys(0);
      if (keys == 0) return;
      const InferenceOutcome whole = run<T>(c, data);
      for (const index_t prefix : {index_t{1}, (keys + 1) / 2, keys})
        expect_same<T>(c, data, whole, Selection::entry(c, data, 0), "shared prefix",
                       [=](InferenceCase& d) { d.form = kContiguous, d.prefix = prefix; });
    });
  });
}

// TND as well: there an entry is a sequence behind others.
TEST(PromptExactly, LayoutsAgree) {
  for_types([]<class T>() {
    for_cases<T>(100, any_batch, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      const Selection all(c, data);
      for (const index_t layout : {index_t{kBsh}, index_t{kBnsd}, index_t{kBsnd}, index_t{kTnd}})
        for (const index_t turned : {0, 1})
          if (turned == 0 || layout == kBnsd)
            expect_same<T>(c, data, whole, all, "layout", [=](InferenceCase& d) {
              d.layout = layout, d.turned = turned, d.surplus_q = d.surplus_kv = 5;
              d.form = d.form == kPaged ? index_t{kPaged} : index_t{kContiguous};
            });
    });
  });
}

TEST(PromptExactly, AnEntryAloneIsTheEntryInItsBatch) {
  for_types([]<class T>() {
    for_cases<T>(100, any_batch, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (index_t b = 0; b < c.batch; ++b)
        expect_same<T>(c, data, whole, Selection::entry(c, data, b), "entry alone", contiguous);
    });
  });
}

TEST(PromptExactly, AGroupIsItsHeadsOneByOne) {
  for_types([]<class T>() {
    for_cases<T>(100, any_case, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (index_t n = 0; n < c.heads(); ++n) {
        Selection one(c, data);
        one.heads = {n};
        expect_same<T>(c, data, whole, one, "head alone", [](InferenceCase& d) { d.group = 1; });
      }
    });
  });
}

// Query rows, with their rows of mask and pse, may stand anywhere in their tensor.
TEST(PromptExactly, PaddedQueriesAreTheQueries) {
  for_types([]<class T>() {
    for_cases<T>(100, any_batch, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (const index_t padding : {-3, 0, 1, 63, 70})
        expect_same<T>(c, data, whole, Selection(c, data), "padded queries", [=](InferenceCase& d) {
          contiguous(d);
          d.pad_queries = 1, d.q_padding = padding;
        });
    });
  });
}

bool right_down(InferenceCase& c) {
  c.mode = 3, c.mask = kUnmasked, c.mask_type = kBytes;
  return c.batch > 0 && c.poison == kPoisonUnread;
}

// A prompt in chunks against its growing cache: rows depend on the keys that they see alone.
TEST(PromptExactly, ChunksAreTheWholePrompt) {
  for_types([]<class T>() {
    for_cases<T>(100, right_down, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (index_t b = 0; b < c.batch; ++b) {
        const index_t rows = data.lists.rows(b), keys = data.lists.keys(b);
        if (keys < rows) continue;  // rows that see nothing yet
        const index_t step = 1 + static_cast<index_t>(c.seed % 70);
        for (index_t first = 0; first < rows; first += step) {
          Selection chunk = Selection::entry(c, data, b);
          const index_t count = std::min(step, rows - first);
          chunk.first_row = {first}, chunk.rows = {count};
          chunk.keys = {keys - rows + first + count};
          expect_same<T>(c, data, whole, chunk, "chunk", [](InferenceCase& d) {
            if (d.form != kPaged) contiguous(d);
          });
        }
      }
    });
  });
}

// A mode is what it lets rows see: mode 1 with a mask that says so, in any form.
TEST(PromptExactly, AModeIsItsExplicitMask) {
  for_types([]<class T>() {
    for_cases<T>(200, any_batch, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      const Selection all(c, data);
      const auto explicitly = [](InferenceCase& d) { d.mode = 1, d.mask = kMaskBS1; };
      expect_same<T>(c, data, whole, all, "mask", [&](InferenceCase& d) { explicitly(d); });
      expect_same<T>(c, data, whole, all, "mask, left padded", [&](InferenceCase& d) {
        explicitly(d), contiguous(d);
        d.form = kLeftPadded, d.padding = 2, d.pad_queries = 1, d.q_padding = 5;
      });
    });
  });
}

}  // namespace
}  // namespace glint_test::prompt
