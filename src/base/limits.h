// Every fixed limit of the program, by name. A limit that users may change has its default here and its flag
// in app/.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kvasir {

inline constexpr std::uint32_t kBlockTokens = 256;        // tokens of a full KV block
inline constexpr std::uint64_t kFrameBytes = 256 * 1024;  // bytes under one checksum
inline constexpr std::uint64_t kRowPartBytes =
    2 * kFrameBytes;  // brought, checked, moved; fits a core's cache
inline constexpr std::uint64_t kBlockHeaderBytesMax = 4 * 1024 * 1024;  // header of a block file of ours
inline constexpr std::uint64_t kBlockFileBytesMax = 4ULL * 1024 * 1024 * 1024;

// Of the file of an exported agent (store/agent_file.h).
inline constexpr std::uint64_t kAgentFileHeaderBytesMax = 32 * 1024 * 1024;  // all its texts
inline constexpr std::uint64_t kAgentFilePieceBytes = 1024 * 1024;           // under one MAC, at most
inline constexpr std::size_t kAgentFileTurnsMax = 100'000;
inline constexpr std::uint32_t kAgentFileTokensMax = 16 * 1024 * 1024;
inline constexpr std::size_t kAgentFileTensorsMax = 262'144;
inline constexpr std::size_t kAgentFilePointsMax = 65'536;  // window segments, and states

inline constexpr std::size_t kAgentNameBytesMax = 64;
inline constexpr std::size_t kAgentTypeBytesMax = 256;
inline constexpr std::size_t kAgentTitleBytesMax = 256;
inline constexpr std::size_t kMessageBytesMax = 4 * 1024 * 1024;  // one message or system prompt

inline constexpr std::uint32_t kAgentsResidentDefault = 3;       // --max-agents
inline constexpr std::uint32_t kAgentsResidentMax = 200;         // sequence ids of the engine end at 256
inline constexpr std::uint32_t kAnswerTokensDefault = 200;       // of one answer, unless asked otherwise
inline constexpr std::uint32_t kContextTokensDefaultMax = 8192;  // --ctx-size, unless given

// The default of --disk-budget: a share of the space that is free at the first start, at most so much.
inline constexpr double kDiskBudgetShareOfFree = 0.20;
inline constexpr std::uint64_t kDiskBudgetBytesMax = 50ULL * 1000 * 1000 * 1000;
// Keeps turns committing on a full disk.
inline constexpr std::uint64_t kDiskReserveBytes = 64ULL * 1000 * 1000;
// Below it, or below 2 % of the disk, no KV is written.
inline constexpr std::uint64_t kDiskFreeBytesMin = 1000ULL * 1000 * 1000;

}  // namespace kvasir
