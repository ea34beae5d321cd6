// What the writer and the parser of an exported agent's header share: its text. Internal to the codec. Pure,
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "store/agent_file.h"

namespace kvasir {

inline constexpr const char* kAgentFileFormat = "kvasir-agent";
inline constexpr const char* kAgentFileVersion = "1";
inline constexpr std::string_view kModelFieldPrefix = "model.";
inline constexpr std::string_view kKvFieldPrefix = "kv.";

// Deterministic: same header, same text. Padded with spaces so that 8 + size is a multiple of 64.
std::string agent_header_text(const AgentFileHeader& header);

}  // namespace kvasir
