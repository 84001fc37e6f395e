// glint-test: openmp
#include "glint/policy/executor_openmp.hpp"
#include "laws/executor_laws.hpp"

namespace glint_test {

template <>
struct ExecutorExamples<glint::OpenMp> {
  template <class Visit>
  static void each(const Visit& visit) {
    for (const index_t workers : {1, 2, 5}) {
      glint::OpenMp openmp(workers);
      visit(openmp);
    }
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Library, ExecutorLaws, glint::OpenMp);

namespace {

TEST(OpenMp, HasAtLeastOneWorker) {
  EXPECT_EQ(glint::OpenMp(0).workers(), 1);
  EXPECT_GE(glint::OpenMp().workers(), 1);
#ifdef _OPENMP
  EXPECT_EQ(glint::OpenMp(3).workers(), 3);
#endif
}

}  // namespace
}  // namespace glint_test
