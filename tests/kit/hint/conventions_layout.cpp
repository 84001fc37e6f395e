// Where numbers lie: layouts of the tensors, and which key head a query head reads.
#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

// One name for each order of elements.
std::string order_of(const std::string& layout) { return layout == "BSH" ? "BSND" : layout; }

std::vector<std::string> others(const std::string& layout) {
  if (reference::is_packed(layout)) return {layout == "TND" ? "NTD" : "TND"};
  std::vector<std::string> names;
  for (const char* name : {"BNSD", "BSND", "SBH", "NBSD"})
    if (order_of(layout) != name) names.emplace_back(name);
  return names;
}

void add_layouts(const AttentionCase& spec, Hypotheses& table) {
  const std::string input = reference::input_layout(spec.layout), output = reference::output_layout(spec.layout);
  for (const std::string& other : others(output))
    table.push_back({"layout.out", "The kernel writes its output as " + other + "; the case asks for " + output + ".",
                     [other](Kernel& kernel) { kernel.out_layout = other; }});
  const bool plain = !spec.paging.block_table.present() && spec.key_list.empty();
  for (const std::string& other : others(input)) {
    if (other == "NBSD") continue;
    table.push_back({"layout.query", "The kernel reads the queries as " + other + "; they are stored as " + input + ".",
                     [other](Kernel& kernel) { kernel.query_layout = other; }});
    if (!plain) continue;
    const auto keys = [&](const std::string& what, bool key, bool value) {
      table.push_back({"layout.key_value",
                       "The kernel reads " + what + " as " + other + "; they are stored as " + input + ".",
                       [=](Kernel& kernel) {
                         kernel.gathers = true;
                         if (key) kernel.key_layout = other;
                         if (value) kernel.value_layout = other;
                       }});
    };
    keys("keys and values", true, true);
    keys("the keys", true, false);
    keys("the values", false, true);
  }
}

void add_swapped(const AttentionCase& spec, Hypotheses& table) {
  if (spec.key_rope.present()) return;
  if (parts::head_width(spec, reference::key_sample(spec)) != parts::head_width(spec, reference::value_sample(spec)))
    return;
  table.push_back({"tensor.key_value_swapped",
                   "The kernel takes the key tensor for values and the value tensor for keys.", [](Kernel& kernel) {
                     kernel.gathers = true;
                     kernel.keys_as_read = [](HeadKeys& head) { std::swap(head.keys, head.values); };
                   }});
}

void add_groups(const AttentionCase& spec, Hypotheses& table) {
  const index_t heads = reference::query_extent(spec).heads, kv_heads = reference::kv_heads_of(spec);
  if (kv_heads < 2) return;
  const std::string asked = std::to_string(heads / kv_heads) + " consecutive query heads share a key head (h / " +
                            std::to_string(heads / kv_heads) + ").";
  if (heads > kv_heads)
    table.push_back(
        {"gqa.interleaved", "Query head h reads key head h % " + std::to_string(kv_heads) + "; " + asked,
         [](Kernel& kernel) { kernel.kv_head = [](index_t head, index_t, index_t kv) { return head % kv; }; }});
  table.push_back({"gqa.first", "All query heads read key head 0; " + asked,
                   [](Kernel& kernel) { kernel.kv_head = [](index_t, index_t, index_t) { return index_t{0}; }; }});
}

}  // namespace

void add_layout_conventions(const Question& question, Hypotheses& table) {
  add_groups(question.spec, table);
  add_swapped(question.spec, table);
  add_layouts(question.spec, table);
}

}  // namespace kit::hinting
