// Which of several configured models a command works with, where no server runs: the one that the agent's, or
// the file's, tokens belong to. By the path that it was last seen at, else by what the files are: each is
// opened until one is it. The main thread.
#pragma once

#include <string>

#include "app/config.h"
#include "base/result.h"
#include "memory/agent_transfer.h"
#include "store/catalog.h"

namespace kvasir {

// kModelUnusable: it is none of them; says which to give.
Result<std::string> model_path_for(const Config& config, const AgentRecord& agent);
Result<std::string> model_path_for(const Config& config, const ModelOfFile& file);

}  // namespace kvasir
