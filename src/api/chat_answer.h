// An answer before it is written in a protocol's form: whole, or one step of a stream. Values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/chat.h"

namespace kvasir {

enum class FinishReason {
    kStop,          // the model ended its turn
    kStopSequence,  // the client's stop string came
    kLength,        // as many tokens as allowed
    kToolCalls,
    kCancelled,
};

// Log probability of one token. (The memory layer's TokenLogprob has the same fields; layers do not share the
// type.)
struct AnswerLogprob {
    std::string text;  // bytes of the token; may be part of a character
    float logprob = 0.0F;
    std::vector<std::pair<std::string, float>> top;  // best first
};

struct Usage {
    std::uint64_t prompt_tokens = 0;  // all of them, cached ones included
    std::uint64_t cached_tokens = 0;
    std::uint64_t completion_tokens = 0;  // reasoning included
    std::uint64_t reasoning_tokens = 0;
    std::uint64_t cache_write_tokens = 0;  // of the prompt, newly kept for the next request
};

// What every answer tells about memory: the object `kvasir` beside the protocol's own fields.
struct MemoryNote {
    std::string source;  // where the cached tokens came from: "hot", "memory", "disk", "remote", "none"
    double restore_ms = 0;
    double prefill_ms = 0;
    std::uint64_t evaluated_tokens = 0;
    std::string not_reused_reason;  // "" all that was expected was reused
    std::string agent;              // "" anonymous
    std::uint64_t turn = 0;
    bool durable = true;             // false: the disk refused it, the agent has forgotten the turn
    std::vector<std::string> notes;  // ChatRequest::notes
    std::string changed_field{};     // what of the request differs from what is stored; "" nothing
};

struct ChatAnswer {
    std::string id;
    std::int64_t created_unix_s = 0;
    std::int64_t completed_unix_s = 0;
    std::string model;
    ChatMessage message;  // kAssistant
    FinishReason finish_reason = FinishReason::kStop;
    std::string stop_sequence;            // with kStopSequence: the one that came
    std::vector<AnswerLogprob> logprobs;  // empty: not asked for
    Usage usage;
    MemoryNote memory;
};

struct ToolCallDelta {
    std::size_t index = 0;
    std::string id;         // in the first delta of a call
    std::string name;       // in the first delta of a call
    std::string arguments;  // what was added
};

// What one step added. Calls come one after the other: the last delta of a call before the first of the next.
struct AnswerDelta {
    std::string content;
    std::string reasoning;
    std::vector<ToolCallDelta> tool_calls;
    std::vector<AnswerLogprob> logprobs;
};

}  // namespace kvasir
