// Scenes of the inference operators, for the list in scenes.cpp.
#pragma once

#include <cstdint>

#include "kit/question.hpp"

namespace kit::scene {

Question lengths(std::uint64_t seed);
Question poisoned_tail(std::uint64_t seed);
Question poisoned_mask(std::uint64_t seed);
Question integer_cache(std::uint64_t seed);
Question paged(std::uint64_t seed);
Question left_padded(std::uint64_t seed);
Question shared_prefix(std::uint64_t seed);
Question int8_output(std::uint64_t seed);

}  // namespace kit::scene
