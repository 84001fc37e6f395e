#include "tune/worker/describe.hpp"

#include "support/machine.hpp"
#include "support/read_ceiling.hpp"
#include "tune/worker/candidates.hpp"
#include "tune/worker/json.hpp"
#include "tune/worker/machine_facts.hpp"

namespace bench::tune {
namespace {

std::string machine() {
  const CacheSizes caches = cache_sizes();
  return JsonObject()
      .text("cpu_model", cpu_model())
      .text("vendor", cpuinfo("vendor_id"))
      .number("family", std::atof(cpuinfo("cpu family").c_str()))
      .number("model", std::atof(cpuinfo("model").c_str()))
      .number("usable_cpus", usable_cpus())
      .text("governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
      .text("smt", first_line("/sys/devices/system/cpu/smt/control"))
      .number("l1d", caches.l1d)
      .number("l2", caches.l2)
      .number("l3", caches.l3)
      .str();
}

// Half of a level is read again and again: it lies there, and not one level up.
double read_speed(double bytes) {
  const Buffer<std::uint64_t> memory(static_cast<index_t>(bytes / 8), 1);
  const ReadCeiling reads(1, std::as_bytes(std::span(memory.begin(), memory.end())));
  reads.bytes_per_second();
  return std::max(reads.bytes_per_second(), reads.bytes_per_second());
}

std::string probes() {
  const CacheSizes caches = cache_sizes();
  JsonObject found;
  found.number("fma", fma_flops_per_second());
  if (has_bf16_dot()) found.number("bf16_dot", bf16_dot_flops_per_second());
  if (has_int8_dot()) found.number("int8_dot", int8_dot_flops_per_second());
  if (caches.l1d > 0) found.number("l1", read_speed(caches.l1d / 2));
  if (caches.l2 > 0) found.number("l2", read_speed(caches.l2 / 2));
  if (caches.l3 > 0) found.number("l3", read_speed(caches.l3 / 2));
  return found.number("memory", ReadCeiling(1, {}).bytes_per_second()).str();
}

template <class Task>
void add_candidates(const char* dtype, std::vector<std::string>& list) {
  for (const Candidate<Task>& candidate : registered<Task>())
    list.push_back(JsonObject()
                       .text("op", name(Task::op))
                       .text("dtype", dtype != nullptr ? dtype : type_name(candidate.type))
                       .text("name", candidate.name)
                       .str());
}

template <class Element>
void add_training(const char* dtype, std::vector<std::string>& list) {
  add_candidates<ScoreTask<Element>>(dtype, list);
  add_candidates<GradientTask<Element>>(dtype, list);
}

std::string candidates() {
  std::vector<std::string> list;
  add_training<float>("f32", list);
  add_training<glint::half>("f16", list);
  add_training<glint::bfloat16>("bf16", list);
  add_candidates<PromptTask>(nullptr, list);
  add_candidates<IncreTask>(nullptr, list);
  return json_list(list);
}

}  // namespace

std::string describe() {
  return JsonObject()
      .number("protocol", 1)
      .text("level", GLINT_TUNE_LEVEL)
      .text("isa", glint::name(glint::simd::selected))
      .raw("machine", machine())
      .text("compiler", compiler())
      .text("flags", GLINT_BENCH_FLAGS)
      .flag("bf16_dot", has_bf16_dot())
      .flag("int8_dot", has_int8_dot())
      .raw("probes", probes())
      .raw("candidates", candidates())
      .str();
}

}  // namespace bench::tune
