// libFuzzer: whatever a .safetensors file says, reading it ends in a bundle or in an error; a bundle that asks a
// question asks one that the oracle answers without leaving a tensor.  GLINT_FUZZ_READER_ONLY leaves the oracle out,
// which takes most of the time.  See README.md.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kit/bundle/bundle.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

#ifndef GLINT_FUZZ_READER_ONLY
// Products that the oracle would form, from above.
double work_of(const kit::Question& question) {
  const auto& spec = question.spec;
  const auto elements = [](const kit::Array& tensor) { return static_cast<double>(tensor.size()) + 1; };
  double keys = elements(spec.key) + elements(spec.key_shared_prefix);
  for (const kit::Array& tensor : spec.key_list) keys += elements(tensor);
  const double pages = elements(spec.key) * static_cast<double>(spec.paging.block_table.size() + 1);
  const double entries = static_cast<double>(spec.query.present() ? spec.query.shape[0] + spec.query.shape[1] : 1) +
                         static_cast<double>(spec.actual_seq_qlen.size());
  return entries * static_cast<double>(spec.head_num) * (keys + pages + elements(spec.query));
}

void is_answered(const kit::Question& question) {
  if (work_of(question) > 3'000) return;
  const kit::Answer answer = kit::answer(question);
  kit::Question again;
  require(kit::from_bundle(kit::to_bundle(question, answer, {}), again).empty());
}
#endif

void look_at(const kit::Bundle& bundle) {
  for (const auto& [name, tensor] : bundle.tensors) {
    const kit::Array numbers = tensor.numbers();
    require(numbers.size() == tensor.size());
    if (numbers.size() > 0) require(kit::tensor_of(numbers, tensor.type).bytes.size() == tensor.bytes.size());
  }
  kit::Question question;
  if (!kit::from_bundle(bundle, question).empty()) return;
#ifndef GLINT_FUZZ_READER_ONLY
  is_answered(question);
#endif
}

void read(const std::uint8_t* data, std::size_t size) {
  kit::Bundle bundle;
  const std::string error = kit::parse_safetensors(reinterpret_cast<const std::byte*>(data), size, bundle);
  if (error.empty()) look_at(bundle);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(data, size);
  // A mutation that moves the end of the header would mostly be refused for its length: read it once more with the
  // length that the last brace suggests.
  if (size < 9) return 0;
  std::size_t end = size;
  while (end > 8 && data[end - 1] != '}') --end;
  std::uint64_t length = end - 8, said = 0;
  std::memcpy(&said, data, sizeof said);
  if (length == 0 || said == length) return 0;
  std::vector<std::uint8_t> repaired(data, data + size);
  std::memcpy(repaired.data(), &length, sizeof length);
  read(repaired.data(), repaired.size());
  return 0;
}
