// Fields that both protocols share: who speaks, sampling, thinking, stop strings, tools. Pure functions on
// one request's reading; what is wrong goes into the reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/chat_request.h"
#include "api/json_fields.h"

namespace kvasir {

struct Speaker {
    std::string model;
    std::optional<std::string> agent;
};

enum class ModelField { kOptional, kRequired };

Speaker read_speaker(const JsonFields& body, ModelField field);
SessionHints read_session(const JsonFields& body);

// Sampling that no protocol has but local servers share: top_k, min_p, repeat_penalty; and, within
// `temperature`, the rest.
SamplingWishes read_sampling(const JsonFields& body, NumberRange temperature);
// OpenAI's own: penalties, seed, logit_bias.
void read_openai_sampling(const JsonFields& body, SamplingWishes& wishes);

StreamMode read_stream_mode(const JsonFields& body);
// {"type":"enabled"|"disabled"|"adaptive"|...}
Thinking read_thinking(const JsonFields& thinking);
// A string or an array of strings.
std::vector<std::string> read_stops(const JsonFields& body, std::string_view name, std::size_t count_max);

// Adds to `tools` after checking the name and that it is the only one of it. `path` is the object of the
// name.
void add_tool(std::vector<ToolDefinition>& tools, ToolDefinition tool, const JsonFields& fields);
// A constraint that names tools needs them.
void check_tool_choice(const AnswerConstraint& constraint, const std::vector<ToolDefinition>& tools,
                       std::string_view path, RequestReading& reading);
// The schema as text: an object, or `absent` when there is none.
std::string read_schema(const JsonFields& fields, std::string_view name, std::string_view absent);

// Names of tools in the tool messages that came without one.
void name_tool_results(std::vector<ChatMessage>& messages);
// Adds a system message without the volatile lines of clients, unless nothing is left of it.
void add_system_text(std::vector<ChatMessage>& messages, ChatMessage message, std::string_view path,
                     RequestReading& reading);

}  // namespace kvasir
