#include "engine/llama/answer_reader.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include <chat-peg-parser.h>
#include <fmt/format.h>

#include "engine/llama/chat_conversion.h"

namespace kvasir {

namespace {

constexpr std::size_t kAnswerDepthMax = 500;  // of brackets

// Stands for text that follows and can be no part of any marker.
constexpr char kMoreText = '\x01';

std::unique_ptr<common_chat_peg_mapper> mapper_for(common_chat_format format, common_chat_msg& message) {
    if (format == COMMON_CHAT_FORMAT_PEG_GEMMA4)
        return std::make_unique<common_chat_peg_gemma4_mapper>(message);
    if (format == COMMON_CHAT_FORMAT_PEG_MINIMAX_M3)
        return std::make_unique<common_chat_peg_minimax_m3_mapper>(message);
    return std::make_unique<common_chat_peg_mapper>(message);
}

bool extends(const ChatMessage& longer, const ChatMessage& shorter) {
    if (!longer.content.starts_with(shorter.content) || !longer.reasoning.starts_with(shorter.reasoning) ||
        longer.tool_calls.size() < shorter.tool_calls.size())
        return false;
    return std::equal(shorter.tool_calls.begin(), shorter.tool_calls.end(), longer.tool_calls.begin(),
                      [](const ToolCall& a, const ToolCall& b) {
                          return a.name == b.name && b.arguments.starts_with(a.arguments);
                      });
}

// Where brackets are nested deeper than the parser, which recurses, may go; npos: nowhere. Brackets in
// strings count, too: no text that anyone writes has that many open.
std::size_t too_deep_at(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[' || text[i] == '{') ++depth;
        if ((text[i] == ']' || text[i] == '}') && depth > 0) --depth;
        if (depth > kAnswerDepthMax) return i;
    }
    return std::string_view::npos;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

bool drop_more_text(std::string& text) {
    if (text.empty() || text.back() != kMoreText) return false;
    text.pop_back();
    return true;
}

common_peg_arena parser_of(const common_chat_params& params) {
    common_peg_arena parser;
    if (!params.parser.empty()) {
        parser.load(params.parser);
        return parser;
    }
    return build_chat_peg_parser([](common_chat_peg_builder& p) { return p.content(p.rest()) + p.end(); });
}

}  // namespace

AnswerReader::AnswerReader(const AnswerPlan& plan)
    : parser_(parser_of(plan.params)),
      format_(plan.params.format),
      kind_(plan.kind),
      generation_prompt_(plan.params.parser.empty() ? "" : plan.params.generation_prompt),
      thinking_ends_(plan.params.thinking_end_tags) {}

AnswerReader::Reading AnswerReader::parse(const std::string& text, common_peg_parse_flags flags) const {
    common_peg_parse_context context(generation_prompt_ + text, flags);
    const common_peg_parse_result result = parser_.parse(context);
    if (result.fail()) return {};
    common_chat_msg message;
    mapper_for(format_, message)->from_ast(context.ast, result);
    const std::size_t read = result.end - std::min(result.end, generation_prompt_.size());
    return {true, result.need_more_input(), read, from_common(std::move(message))};
}

AnswerReader::Reading AnswerReader::parse_open(const std::string& text) const {
    Reading reading = parse(text, COMMON_PEG_PARSE_FLAG_LENIENT);
    if (!reading.fits || reading.wants_more || reading.bytes_read == text.size()) return reading;
    // Some parsers stop before what they do not know. It is held back only if it would be read as text once
    // it cannot become a marker any more.
    const Reading more = parse(text + kMoreText, COMMON_PEG_PARSE_FLAG_LENIENT);
    reading.fits = more.fits && (more.wants_more || more.bytes_read > reading.bytes_read);
    return reading;
}

ChatMessage AnswerReader::with_rest_as_content(const std::string& text, std::size_t limit) const {
    // What does not fit will not fit with more text either: the first byte of it is found by halving.
    std::size_t fits = 0;
    std::size_t fails = limit;
    while (fails - fits > 1) {
        const std::size_t middle = fits + (fails - fits) / 2;
        (parse_open(text.substr(0, middle)).fits ? fits : fails) = middle;
    }
    ChatMessage message = parse_open(text.substr(0, fits)).message;
    message.role = Role::kAssistant;
    if (!message.tool_calls.empty()) return message;
    std::size_t begin = 0;
    if (!message.reasoning.empty()) {
        begin = text.find(message.reasoning);
        if (begin == std::string::npos) return message;
        begin += message.reasoning.size();
        for (const std::string& tag : thinking_ends_) {
            const std::size_t found = text.find(tag, begin);
            if (found != std::string::npos && found < fails) begin = found + tag.size();
        }
    }
    begin = text.find(message.content, begin);
    if (begin != std::string::npos) message.content = text.substr(begin);
    return message;
}

ChatMessage AnswerReader::sure(const std::string& text) const {
    Reading reading = parse_open(text);
    return reading.fits ? std::move(reading.message) : with_rest_as_content(text, text.size());
}

Result<ChatMessage> AnswerReader::complete(const std::string& text) const {
    if (text.empty() && kind_ == AnswerKind::kFree) return ChatMessage{Role::kAssistant};
    const Reading open = parse_open(text);
    if (open.fits) {
        Reading whole = parse(text, COMMON_PEG_PARSE_FLAG_NONE);
        const bool kept = kind_ != AnswerKind::kCallRequired || !whole.message.tool_calls.empty();
        if (whole.fits && whole.bytes_read == text.size() && kept && extends(whole.message, open.message))
            return std::move(whole.message);
    }
    if (kind_ != AnswerKind::kFree)
        return fail(ErrorCode::kInvalidArgument, "the answer does not follow the format that was asked for");
    if (!open.fits) {
        ChatMessage message = with_rest_as_content(text, text.size());
        if (message.tool_calls.empty()) return message;
        return fail(ErrorCode::kInvalidArgument, "a tool call is followed by text that is none");
    }
    // It ends inside content or thoughts, perhaps with what could have become a marker.
    Reading more = parse(text + kMoreText, COMMON_PEG_PARSE_FLAG_LENIENT);
    if (more.fits && (drop_more_text(more.message.content) || drop_more_text(more.message.reasoning)))
        return std::move(more.message);
    return fail(ErrorCode::kInvalidArgument, "a tool call is not finished or not well formed");
}

Result<ChatMessage> AnswerReader::read_whole(const std::string& text, AnswerEnd end) const {
    const std::size_t too_deep = too_deep_at(text);
    if (too_deep == std::string::npos) return end == AnswerEnd::kComplete ? complete(text) : sure(text);
    ChatMessage message = with_rest_as_content(text, too_deep);
    const bool kept = kind_ == AnswerKind::kFree && message.tool_calls.empty();
    if (end == AnswerEnd::kOpen || kept) return message;
    return fail(ErrorCode::kInvalidArgument, "the answer is nested too deep");
}

Result<ChatMessage> AnswerReader::read(std::string_view text, AnswerEnd end) const {
    try {
        Result<ChatMessage> message = read_whole(std::string(text), end);
        if (!message) return message;
        // White space between thoughts and calls is no content. As long as more may follow it may turn out to
        // be that.
        const bool alone =
            end == AnswerEnd::kComplete && message->reasoning.empty() && message->tool_calls.empty();
        if (!alone && is_blank(message->content)) message->content.clear();
        return message;
    } catch (const std::exception& error) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("the answer cannot be read: {}", error.what()));
    }
}

}  // namespace kvasir
