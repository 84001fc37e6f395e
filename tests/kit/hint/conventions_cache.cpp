// Caches: pages, left padding, a shared prefix, factors of integers; and int8 output.
#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

using Edit = std::function<void(AttentionCase&)>;

void add(const char* id, const std::string& sentence, const Edit& edit, Hypotheses& table) {
  table.push_back({id, sentence, [edit](Kernel& kernel) {
                     kernel.gathers = true;
                     edit(kernel.spec);
                   }});
}

void add_pages(const AttentionCase& spec, Hypotheses& table) {
  const auto& blocks = spec.paging.block_table;
  if (!blocks.present() || blocks.rank() != 2) return;
  const std::string sentence = "The kernel ignores block_table: ";
  const auto numbered = [&](const std::string& how, const std::function<index_t(index_t, index_t)>& block) {
    add(
        "cache.table_ignored", sentence + how + "; page t of entry b is block_table[b][t].",
        [block](AttentionCase& edited) {
          auto& pages = edited.paging.block_table;
          for (index_t b = 0; b < pages.shape[0]; ++b)
            for (index_t t = 0; t < pages.shape[1]; ++t) pages.at(b, t) = block(b, t);
        },
        table);
  };
  const index_t columns = blocks.shape[1], pages = std::max<index_t>(1, reference::key_sample(spec).shape.at(0));
  numbered("it reads the pages in the order of the pool",
           [=](index_t b, index_t t) { return (b * columns + t) % pages; });
  numbered("every entry reads the pool from its start", [](index_t, index_t t) { return t; });
  std::vector<index_t> firsts;
  index_t used = 0;
  for (index_t b = 0; b < blocks.shape[0]; ++b) {
    firsts.push_back(used);
    const bool entry = spec.actual_seq_kvlen.size() == 1 || b < std::ssize(spec.actual_seq_kvlen);
    const index_t length = entry ? parts::listed(spec.actual_seq_kvlen, b) : 0;  // a table may have more rows
    used += (length + spec.paging.block_size - 1) / spec.paging.block_size;
  }
  numbered("it reads the pages that are used in the order of the pool",
           [firsts](index_t b, index_t t) { return firsts[static_cast<std::size_t>(b)] + t; });
  if (blocks.shape[0] < 2) return;
  add(
      "cache.table_ignored",
      "The kernel uses the pages of entry 0 for all entries; page t of entry b is "
      "block_table[b][t].",
      [](AttentionCase& edited) {
        auto& pages = edited.paging.block_table;
        for (index_t b = 1; b < pages.shape[0]; ++b)
          for (index_t t = 0; t < pages.shape[1]; ++t) pages.at(b, t) = pages.at(index_t{0}, t);
      },
      table);
}

void add_padding(const AttentionCase& spec, Hypotheses& table) {
  if (spec.kv_padding_size && !spec.actual_seq_kvlen.empty()) {
    const std::string sentence =
        "The kernel ignores kv_padding_size: it reads keys from row 0; they lie left-padded, in front of row S - "
        "kv_padding_size.";
    add(
        "cache.padding_ignored", sentence, [](AttentionCase& edited) { edited.kv_padding_size.reset(); }, table);
    table.push_back({"cache.padding_ignored", sentence, [](Kernel& kernel) {
                       kernel.gathers = true;
                       kernel.entries = [](std::vector<Entry>& entries) {
                         for (Entry& entry : entries) entry.first_key = 0;  // columns of mask and pse are right
                       };
                     }});
  }
  if (spec.query_padding_size && !spec.actual_seq_qlen.empty())
    add(
        "cache.padding_ignored", "The kernel ignores query_padding_size: it takes queries from row 0.",
        [](AttentionCase& edited) { edited.query_padding_size.reset(); }, table);
}

void add_prefix(const AttentionCase& spec, Hypotheses& table) {
  if (!spec.key_shared_prefix.present()) return;
  const std::string sentence =
      "The kernel ignores the shared prefix: its keys and values come before those of an entry.";
  add(
      "cache.prefix_ignored", sentence,
      [](AttentionCase& edited) { edited.key_shared_prefix = edited.value_shared_prefix = {}; }, table);
  table.push_back({"cache.prefix_ignored", sentence, [](Kernel& kernel) {
                     kernel.sees = [](const ScoreAt& at) {
                       return at.j >= at.entry.shared_prefix &&
                              parts::sees(at.spec, at.entry, at.rule, at.head, at.i, at.j);
                     };
                   }});
  if (spec.actual_shared_prefix_len)
    add(
        "cache.prefix_ignored",
        "The kernel takes the whole shared prefix; actual_shared_prefix_len says how much of it counts.",
        [](AttentionCase& edited) { edited.actual_shared_prefix_len.reset(); }, table);
}

void each_factors(AttentionCase& spec, const std::function<void(reference::Antiquant&)>& change) {
  for (reference::Antiquant* factors : {&spec.antiquant, &spec.key_antiquant, &spec.value_antiquant})
    if (factors->scale.present() && factors->offset.present()) change(*factors);
}

// What of a joint pair belongs to keys is used for values, or the other way round.
void copy_half(Array& joint, bool key_to_value) {
  if (!joint.present()) return;
  const auto half = joint.data.begin() + static_cast<std::ptrdiff_t>(joint.data.size() / 2);
  if (key_to_value) {
    std::copy(joint.data.begin(), half, half);
  } else {
    std::copy(half, joint.data.end(), joint.data.begin());
  }
}

void swap_halves(Array& joint) {
  const auto half = joint.data.begin() + static_cast<std::ptrdiff_t>(joint.data.size() / 2);
  if (joint.present()) std::swap_ranges(joint.data.begin(), half, half);
}

void add_swapped_factors(const AttentionCase& spec, Hypotheses& table) {
  const bool joint = spec.antiquant.scale.present();
  const bool separate = spec.key_antiquant.scale.present() && spec.value_antiquant.scale.present();
  if (!joint && !separate) return;
  const auto use = [&](const std::string& what, const Edit& of_joint, const Edit& of_separate) {
    add("antiquant.swapped", "The kernel uses the factors of the " + what + "; keys and values have their own.",
        joint ? of_joint : of_separate, table);
  };
  use(
      "keys for the values",
      [](AttentionCase& edited) {
        copy_half(edited.antiquant.scale, true);
        copy_half(edited.antiquant.offset, true);
      },
      [](AttentionCase& edited) { edited.value_antiquant = edited.key_antiquant; });
  use(
      "values for the keys",
      [](AttentionCase& edited) {
        copy_half(edited.antiquant.scale, false);
        copy_half(edited.antiquant.offset, false);
      },
      [](AttentionCase& edited) { edited.key_antiquant = edited.value_antiquant; });
  use(
      "keys for the values and of the values for the keys",
      [](AttentionCase& edited) {
        swap_halves(edited.antiquant.scale);
        swap_halves(edited.antiquant.offset);
      },
      [](AttentionCase& edited) { std::swap(edited.key_antiquant, edited.value_antiquant); });
}

void add_factors(const AttentionCase& spec, Hypotheses& table) {
  const bool offsets =
      spec.antiquant.offset.present() || spec.key_antiquant.offset.present() || spec.value_antiquant.offset.present();
  if (offsets) {
    add(
        "antiquant.order", "The kernel decodes the cache as x * scale + offset; asked is (x + offset) * scale.",
        [](AttentionCase& edited) {
          each_factors(edited, [](reference::Antiquant& factors) {
            for (std::size_t at = 0; at < factors.offset.data.size(); ++at)
              factors.offset.data[at] /= factors.scale.data.at(at);
          });
        },
        table);
    add(
        "antiquant.sign", "The kernel decodes the cache as (x - offset) * scale; asked is (x + offset) * scale.",
        [](AttentionCase& edited) {
          each_factors(edited, [](reference::Antiquant& factors) {
            for (double& offset : factors.offset.data) offset = -offset;
          });
        },
        table);
    add(
        "antiquant.offset_missing", "The kernel decodes the cache without its offset; asked is (x + offset) * scale.",
        [](AttentionCase& edited) { each_factors(edited, [](reference::Antiquant& factors) { factors.offset = {}; }); },
        table);
  }
  add_swapped_factors(spec, table);
}

void add_int8_output(const AttentionCase& spec, Hypotheses& table) {
  if (!spec.int8.quant_offset2.present()) return;
  table.push_back({"quant.offset_missing",
                   "The kernel does not add quant_offset2 to its int8 output: y = round(o * scale + offset).",
                   [](Kernel& kernel) {
                     kernel.keeps_scores = true;
                     kernel.spec.int8.quant_offset2 = {};
                   }});
}

}  // namespace

void add_cache_conventions(const Question& question, Hypotheses& table) {
  const AttentionCase& spec = question.spec;
  add_pages(spec, table);
  add_padding(spec, table);
  add_prefix(spec, table);
  add_factors(spec, table);
  add_int8_output(spec, table);
}

}  // namespace kit::hinting
