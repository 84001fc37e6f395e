// Small cases that show the bugs of bugs.hpp: each scene has what some of them need, and numbers by its seed.
#pragma once

#include <cstdint>
#include <span>

#include "kit/mutants/bugs.hpp"
#include "kit/question.hpp"

namespace kit {

struct Scene {
  const char* name;
  Question (*make)(std::uint64_t seed);
};

std::span<const Scene> scenes();
const Scene* find_scene(const std::string& name);  // null if there is none

}  // namespace kit
