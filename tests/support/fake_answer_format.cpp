#include "support/fake_answer_format.h"

#include <algorithm>
#include <optional>

#include <boost/json.hpp>

namespace kvasir::test {

namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>";
constexpr std::string_view kCallEnd = "}</tool_call>";
constexpr std::string_view kName = "{\"name\":\"";
constexpr std::string_view kArguments = "\",\"arguments\":";

// Bytes at the end of `text` that `marker` begins with.
std::size_t marker_begun(std::string_view text, std::string_view marker) {
    for (std::size_t bytes = std::min(marker.size() - 1, text.size()); bytes > 0; --bytes)
        if (text.ends_with(marker.substr(0, bytes))) return bytes;
    return 0;
}

// Bytes of the JSON object that `text` begins with, or all of it while the object is open.
std::size_t object_bytes(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (in_string) {
            if (text[i] == '\\')
                ++i;
            else if (i < text.size() && text[i] == '"')
                in_string = false;
            continue;
        }
        if (text[i] == '"') in_string = true;
        if (text[i] == '{') ++depth;
        if (text[i] == '}' && --depth == 0) return i + 1;
    }
    return text.size();
}

class Reader {
  public:
    Reader(std::string_view text, AnswerEnd end, ToolChoice tool_choice)
        : rest_(text), end_(end), calls_(tool_choice != ToolChoice::kNone) {
        message_.role = Role::kAssistant;
    }

    Result<ChatMessage> read() {
        while (!rest_.empty()) {
            const std::size_t think = rest_.find(kThink);
            const std::size_t call = calls_ ? rest_.find(kCall) : std::string_view::npos;
            const std::size_t content = std::min(think, call);
            if (content == std::string_view::npos) {
                message_.content += rest_.substr(0, rest_.size() - held_back());
                break;
            }
            message_.content += take(content);
            if (content == think) {
                read_reasoning();
            } else if (!read_call()) {
                if (end_ == AnswerEnd::kComplete)
                    return fail(ErrorCode::kInvalidArgument,
                                "a tool call is not finished or not well formed");
                break;
            }
        }
        return std::move(message_);
    }

  private:
    std::string_view take(std::size_t bytes) {
        bytes = std::min(bytes, rest_.size());
        const std::string_view taken = rest_.substr(0, bytes);
        rest_.remove_prefix(bytes);
        return taken;
    }

    std::size_t held_back() const {
        if (end_ == AnswerEnd::kComplete) return 0;
        return std::max(marker_begun(rest_, kThink), calls_ ? marker_begun(rest_, kCall) : 0);
    }

    void read_reasoning() {
        take(kThink.size());
        const std::size_t found = rest_.find(kThinkEnd);
        if (found == std::string_view::npos) {
            const std::size_t held = end_ == AnswerEnd::kOpen ? marker_begun(rest_, kThinkEnd) : 0;
            message_.reasoning += take(rest_.size() - held);
            rest_ = {};
            return;
        }
        message_.reasoning += take(found);
        take(kThinkEnd.size());
    }

    bool skip(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        take(expected.size());
        return true;
    }

    // Whether the call is complete. What is known of it is added either way.
    bool read_call() {
        take(kCall.size());
        if (!skip(kName)) return false;
        const std::size_t name = rest_.find('"');
        if (name == std::string_view::npos) return false;
        ToolCall call;
        call.name = take(name);
        if (!skip(kArguments) || !rest_.starts_with('{')) return false;
        call.arguments = take(object_bytes(rest_));
        message_.tool_calls.push_back(std::move(call));
        if (!skip(kCallEnd)) return false;
        boost::json::error_code error;
        boost::json::parse(message_.tool_calls.back().arguments, error);
        return !error;
    }

    std::string_view rest_;
    AnswerEnd end_;
    bool calls_;
    ChatMessage message_;
};

}  // namespace

Result<ChatMessage> FakeAnswerFormat::parse(std::string_view text, AnswerEnd end) const {
    return Reader(text, end, tool_choice_).read();
}

Result<std::shared_ptr<const AnswerFormat>> plan_fake_answer(const ChatPrompt& prompt,
                                                             const AnswerConstraint& constraint) {
    if (constraint.tool_choice == ToolChoice::kRequired) {
        const auto is_meant = [&](const ToolDefinition& tool) {
            return constraint.tool_name.empty() || tool.name == constraint.tool_name;
        };
        if (std::none_of(prompt.tools.begin(), prompt.tools.end(), is_meant))
            return fail(ErrorCode::kInvalidArgument, "no tool \"" + constraint.tool_name + "\"");
    }
    if (!constraint.json_schema.empty()) {
        boost::json::error_code error;
        boost::json::parse(constraint.json_schema, error);
        if (error) return fail(ErrorCode::kInvalidArgument, "the schema is no JSON: " + error.message());
    }
    return std::make_shared<const FakeAnswerFormat>(constraint.tool_choice);
}

}  // namespace kvasir::test
