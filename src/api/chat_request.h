// A request for an answer, of either protocol, and a request to continue a text. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/tokens.h"
#include "engine/chat.h"
#include "engine/engine.h"

namespace kvasir {

enum class StreamMode { kWhole, kStream };
enum class UsageChunk { kNo, kYes };  // OpenAI: a last chunk of a stream that tells the usage

// What the client gave of SamplingOptions; the server's defaults fill the rest.
struct SamplingWishes {
    std::optional<float> temperature;
    std::optional<float> top_p;
    std::optional<std::int32_t> top_k;  // 0 or less: all
    std::optional<float> min_p;
    std::optional<std::uint32_t> seed;
    std::optional<float> presence_penalty;
    std::optional<float> frequency_penalty;
    std::optional<float> repeat_penalty;
    std::vector<std::pair<Token, float>> logit_bias;  // in order of tokens

    SamplingOptions over(SamplingOptions defaults) const;  // defaults, where the client gave nothing
    friend bool operator==(const SamplingWishes&, const SamplingWishes&) = default;
};

// What the body says about who is speaking, beside the agent. Untrusted; printable, at most kHintBytesMax
// bytes; "" not said.
struct SessionHints {
    std::string prompt_cache_key;
    std::string session_id;   // session_id, metadata.session_id, the session in metadata.user_id,
                              // client_metadata.thread_id
    std::string previous_id;  // Anthropic's diagnostics.previous_message_id
    std::string user;         // user, safety_identifier, metadata.user_id: many agents may share one
    friend bool operator==(const SessionHints&, const SessionHints&) = default;
};

struct ChatRequest {
    std::string model;                  // as given, without @agent; "" any
    std::optional<std::string> agent;   // a valid name: the field `agent`, metadata.agent_id, or model@agent
    std::vector<ChatMessage> messages;  // system text of Anthropic comes first
    std::vector<ToolDefinition> tools;
    AnswerConstraint constraint;
    Thinking thinking = Thinking::kDefault;
    SamplingWishes sampling;
    std::vector<std::string> stops;
    std::optional<std::uint32_t> answer_tokens_max;
    StreamMode stream = StreamMode::kWhole;
    UsageChunk usage_chunk = UsageChunk::kNo;
    std::optional<std::uint32_t>
        top_logprobs;  // engaged when log probabilities are asked for: so many others of each token
    SessionHints session;
    std::vector<std::string> notes;  // for the user's eyes: what was taken out or ignored
    friend bool operator==(const ChatRequest&, const ChatRequest&) = default;
};

// POST /v1/completions: no chat template.
struct CompletionRequest {
    std::string model;
    std::optional<std::string> agent;
    std::variant<std::string, std::vector<Token>> prompt;
    SamplingWishes sampling;
    std::vector<std::string> stops;
    std::optional<std::uint32_t> answer_tokens_max;
    StreamMode stream = StreamMode::kWhole;
    UsageChunk usage_chunk = UsageChunk::kNo;
    std::optional<std::uint32_t> top_logprobs;
    SessionHints session;
    std::vector<std::string> notes;
    friend bool operator==(const CompletionRequest&, const CompletionRequest&) = default;
};

}  // namespace kvasir
