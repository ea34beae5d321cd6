// Conversations as the model's chat template takes them, and how the answer to one is read. Values, and
// immutable objects: thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tokens.h"

namespace kvasir {

enum class Role { kSystem, kUser, kAssistant, kTool };

const char* to_string(Role role);

struct ToolCall {
    std::string id;
    std::string name;
    std::string arguments;  // JSON text, as the model wrote it
    friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

struct ChatMessage {
    Role role = Role::kUser;
    std::string content{};
    std::string reasoning{};             // kAssistant: what it thought before it answered
    std::vector<ToolCall> tool_calls{};  // kAssistant
    std::string tool_call_id{};          // kTool: the call that this answers
    std::string name{};                  // kTool: the tool; kUser: the speaker. May be empty
    friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

struct ToolDefinition {
    std::string name;
    std::string description;
    std::string parameters;  // JSON schema, as text; "" is an object without properties
    friend bool operator==(const ToolDefinition&, const ToolDefinition&) = default;
};

enum class ToolChoice { kAuto, kNone, kRequired };
enum class ParallelToolCalls { kNo, kYes };
enum class Thinking { kDefault, kOff, kOn };  // for templates that can switch it
enum class GenerationPrompt { kNo, kYes };

struct ChatPrompt {
    std::vector<ChatMessage> messages{};
    GenerationPrompt generation_prompt = GenerationPrompt::kYes;
    // The "now" that templates with a date see. An agent's own creation time, so that its prefix never
    // changes.
    std::int64_t now_unix_ms = 0;
    std::vector<ToolDefinition> tools{};
    Thinking thinking = Thinking::kDefault;
};

struct RenderedChat {
    std::string text;
    std::size_t messages_end =
        0;  // in bytes: where the generation prompt begins; the end of the text when there is none
};

// What the answer may be. Does not change the prompt: an answer under a constraint and one without share
// their prefix.
struct AnswerConstraint {
    ToolChoice tool_choice = ToolChoice::kAuto;
    std::string tool_name;  // with kRequired: this one, when not empty
    ParallelToolCalls parallel = ParallelToolCalls::kYes;
    // JSON schema that the content follows; "" none. "{}" is any JSON object. With tools: an answer that
    // follows it makes no calls, and one that must call (kRequired) has no content to follow it.
    std::string json_schema;
    friend bool operator==(const AnswerConstraint&, const AnswerConstraint&) = default;
};

enum class AnswerEnd { kOpen, kComplete };  // kOpen: more text may follow

// How the text that a model generates after one prompt is constrained, and taken apart into content,
// reasoning and tool calls. Immutable, any thread.
class AnswerFormat {
  public:
    virtual ~AnswerFormat() = default;
    // The message that `text` is so far. While more may follow, what could still become part of a tool call
    // or a marker is held back, so that the parts only ever grow. Ids of tool calls are empty when the model
    // gives none. kInvalidArgument: a complete text that breaks the format (an unfinished tool call, for
    // instance).
    virtual Result<ChatMessage> parse(std::string_view text, AnswerEnd end) const = 0;
    // Text that ends an answer, beside end-of-turn tokens and what the client gave.
    virtual const std::vector<std::string>& stops() const = 0;
    // A control token whose text parse() needs: its piece is taken with SpecialTokens::kParse.
    virtual bool is_marker(Token /*token*/) const { return false; }
};

}  // namespace kvasir
