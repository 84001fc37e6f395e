// Runs random cases against the oracle.  In the environment:
//   GLINT_TEST_SEED    the run's seed (printed; the default is fixed)
//   GLINT_TEST_CASES   how many cases each test runs
//   GLINT_TEST_CASE    a case line, as a failing test prints it: run that one alone, in the test that it belongs to
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "support/case_generator.hpp"
#include "support/contract.hpp"
#include "support/door.hpp"
#include "support/score_line.hpp"

namespace glint_test {

// Puts back the ISA that was selected.
class WithIsa {
 public:
  explicit WithIsa(glint::Isa isa) : before_(glint::simd::selected) { glint::simd::selected = isa; }
  ~WithIsa() { glint::simd::selected = before_; }
  WithIsa(const WithIsa&) = delete;
  WithIsa& operator=(const WithIsa&) = delete;

 private:
  glint::Isa before_;
};

inline std::vector<glint::Isa> other_isas() {
  std::vector<glint::Isa> isas;
  for (const glint::Isa isa : {glint::Isa::plain, glint::Isa::base, glint::Isa::avx2, glint::Isa::avx512})
    if (isa != glint::simd::selected && glint::simd::supported(isa)) isas.push_back(isa);
  return isas;
}

inline TestExecutor other_executor(Random& random) {
  using Kind = TestExecutor::Kind;
  if (random.chance(50)) return {Kind::reversed, random.between(1, 4)};
  return {Kind::threads, random.pick<index_t>(1, 2, 3, 8)};
}

inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

// The ISA matrix of ctest runs every file once more for each ISA: fewer cases there.
inline std::uint64_t cases_to_run(std::uint64_t usual) {
  return number_from("GLINT_TEST_CASES", std::getenv("GLINT_FORCE_ISA") != nullptr ? usual / 10 : usual);
}

inline void print_records() {
  for (const auto& [name, record] : records()) {
    if (record.where.empty()) continue;
    std::fprintf(stderr, "  %s: largest C %.2f of %.0f", name.c_str(), record.c, kContract);
    if (record.lse > 0) std::fprintf(stderr, ", largest lse error %.3f of 1", record.lse);
    std::fprintf(stderr, "; at %s\n", record.where.c_str());
  }
  records().clear();
}

// check(case) returns what is wrong, or nothing.
template <class Check, class C>
std::string guarded(const Check& check, const C& c) {
  try {
    return check(c);
  } catch (const std::exception& error) {
    return std::string("exception: ") + error.what();
  }
}

// The line that asks for a case again, here and of the reference kit.
template <class C>
std::string reproduce(const C& c) {
  const std::string_view op = op_name(c);
  const char* const test = op == "fwd"      ? "ops/score"
                           : op == "bwd"    ? "ops/score_grad"
                           : op == "prompt" ? "ops/prompt"
                                            : "ops/decode";
  const std::string line = '"' + print(c) + '"';
  return "\n  reproduce: GLINT_TEST_CASE=" + line + " ctest -R " + test +
         "_differential\n             glint-ref make " + line;
}

// The case of GLINT_TEST_CASE, unless it is another operator's.
template <class C, class Mine, class Check>
void run_said(std::string_view line, const Mine& mine, const Check& check) {
  if (!speaks_of<C>(line)) return;
  C c;
  ASSERT_EQ(parse(line, c), "") << line;
  ASSERT_TRUE(legal(c)) << line;
  EXPECT_EQ(mine(c) ? guarded(check, c) : std::string(), "") << print(c);
  print_records();
}

// draw(seed, number) is a legal case; mine(case) says whether a printed case belongs to this test.
template <class C, class Draw, class Mine, class Check>
void run_drawn(std::uint64_t usual_count, const Draw& draw, const Mine& mine, const Check& check) {
  if (const char* const line = std::getenv("GLINT_TEST_CASE")) return run_said<C>(line, mine, check);
  const std::uint64_t seed = number_from("GLINT_TEST_SEED", 20260101), count = cases_to_run(usual_count);
  int failures = 0;
  for (std::uint64_t i = 0; i < count && failures < 3; ++i) {
    const C c = draw(seed, i);
    const std::string wrong = guarded(check, c);
    if (wrong.empty()) continue;
    ++failures;
    const C small = shrink(c, [&](const C& s) { return legal(s) && !guarded(check, s).empty(); });
    ADD_FAILURE() << wrong << "\n  GLINT_TEST_SEED=" << seed << ", case " << i << reproduce(c)
                  << "\nshrunk: " << guarded(check, small) << reproduce(small);
  }
  std::fprintf(stderr, "%llu cases, GLINT_TEST_SEED=%llu\n", static_cast<unsigned long long>(count),
               static_cast<unsigned long long>(seed));
  print_records();
}

// Cases of the training operator (op=fwd) or its gradient (op=bwd) with tensors of Element.
template <class Element>
void run_cases(std::uint64_t usual_count, index_t gradient, std::string (*check)(const Case&)) {
  const auto draw = [&](std::uint64_t seed, std::uint64_t number) {
    Case c = generate(seed, number);
    c.gradient = gradient, c.dtype = kNumber<Element>;
    return c;
  };
  // A cap of scores is a policy of the typed door: the doors of these tests do not have it.
  const auto mine = [&](const Case& c) {
    return c.gradient == gradient && c.dtype == kNumber<Element> && c.softcap == 0;
  };
  run_drawn<Case>(usual_count, draw, mine, check);
}

}  // namespace glint_test
