// libFuzzer: any text is an error that people can read, or a case whose canonical line means the same; a legal case
// stays legal.  GLINT_FUZZ_READER_ONLY leaves out the last, which takes most of the time.  See README.md.
#include <algorithm>
#include <cstdlib>

#include "kit/case/case_line.hpp"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

#ifndef GLINT_FUZZ_READER_ONLY
// Checks of legality build lists and block tables of the case's size.
template <class C>
bool small(const C& c) {
  const auto low = [](glint_test::index_t extent) { return extent <= 4096; };
  return low(c.batch) && low(c.q_len) && low(c.kv_len) && low(c.surplus_q) && low(c.surplus_kv) && low(c.dim) &&
         low(c.value_dim) && low(c.kv_heads);
}

void stays_legal(const kit::ParsedLine& parsed, const kit::ParsedLine& again) {
  if (!std::visit([](const auto& c) { return small(c); }, parsed.value)) return;
  if (!kit::why_illegal(parsed.value).empty()) return;
  expect(again.error.empty() && kit::why_illegal(again.value).empty());
}
#endif

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const kit::ParsedLine parsed = kit::parse_case({reinterpret_cast<const char*>(data), size});
  if (!parsed.error.empty()) {
    const auto readable = [](char letter) { return letter >= ' ' && letter <= '~'; };
    expect(std::all_of(parsed.error.begin(), parsed.error.end(), readable) && parsed.error.size() < 1000);
    return 0;
  }
  const std::string line = kit::canonical_line(parsed.value);
  const kit::ParsedLine again = kit::parse_case(line);
  if (again.error.empty()) expect(kit::canonical_line(again.value) == line);
#ifndef GLINT_FUZZ_READER_ONLY
  stays_legal(parsed, again);
#endif
  return 0;
}
