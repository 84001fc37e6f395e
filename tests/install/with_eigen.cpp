// The targets that need Eigen must bring it along.
#include <Eigen/Core>

#include "glint/core/config.hpp"

#if __has_include("glint/eigen.hpp")
#include "glint/eigen.hpp"
#endif
