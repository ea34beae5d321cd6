// The two processes of `kvasir demo`. The first makes agents and tells them facts; the second, a new process
// that knows only the store (and, to check answers, the seed of the facts), asks them. Internal to the demo.
#pragma once

#include "app/commands.h"

namespace kvasir {

Result<ExitCode> demo_first_session(const Config& config, const DemoArguments& arguments);
Result<ExitCode> demo_second_session(const Config& config, const DemoArguments& arguments);

inline constexpr const char* kDemoTwin = "twin";  // same system prompt as the specialist, told nothing

}  // namespace kvasir
