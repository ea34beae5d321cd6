// What a request of the compatible protocols may hold at most. Constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kvasir {

inline constexpr std::size_t kRequestJsonBytesMax = 32U * 1024 * 1024;
inline constexpr std::size_t kParsedJsonBytesMax =
    256U * 1024 * 1024;  // memory that one parsed request may take
inline constexpr std::size_t kJsonDepthMax = 64;
inline constexpr std::size_t kToolsMax = 1024;
inline constexpr std::size_t kToolNameBytesMax = 128;
inline constexpr std::size_t kOpenAiStopsMax = 4;  // the protocol's own
inline constexpr std::size_t kAnthropicStopsMax = 64;
inline constexpr std::size_t kStopBytesMax = 256;
inline constexpr std::size_t kLogitBiasesMax = 1024;
inline constexpr std::size_t kHintBytesMax = 256;     // ids of sessions and users; longer ones are not used
inline constexpr std::size_t kUserIdBytesMax = 4096;  // metadata.user_id that is JSON
inline constexpr std::size_t kModelNameBytesMax = 512;
inline constexpr std::size_t kNotesMax = 32;  // of one request
inline constexpr std::int64_t kAnswerTokensMax = 1 << 30;
inline constexpr std::int64_t kTopLogprobsMax = 20;
inline constexpr std::int64_t kCompletionLogprobsMax = 5;

}  // namespace kvasir
