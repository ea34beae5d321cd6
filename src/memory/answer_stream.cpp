#include "memory/answer_stream.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"

namespace kvasir {

AnswerStream::AnswerStream(AnswerStreamOptions options) : options_(std::move(options)) {
    shown_.role = Role::kAssistant;
    stops_ = options_.stops;
    if (options_.format) {
        const auto& more = options_.format->stops();
        stops_.insert(stops_.end(), more.begin(), more.end());
    }
    std::erase(stops_, std::string());
}

void AnswerStream::find_stop() {
    std::size_t longest = 1;
    for (const std::string& stop : stops_) longest = std::max(longest, stop.size());
    const std::size_t from = searched_ >= longest ? searched_ - longest + 1 : 0;
    std::size_t first = std::string::npos;
    std::size_t which = 0;
    for (std::size_t i = 0; i < stops_.size(); ++i) {
        const std::size_t found = text_.find(stops_[i], from);
        if (found < first) {
            first = found;
            which = i;
        }
    }
    searched_ = text_.size();
    if (first == std::string::npos) return;
    stopped_ = true;
    if (which < options_.stops.size()) stop_matched_ = stops_[which];
    text_.resize(first);
}

// The longest end of the text that a stop string begins with.
std::size_t AnswerStream::bytes_held_back() const {
    std::size_t held = 0;
    for (const std::string& stop : stops_) {
        for (std::size_t bytes = std::min(stop.size() - 1, text_.size()); bytes > held; --bytes) {
            if (text_.compare(text_.size() - bytes, bytes, stop, 0, bytes) == 0) held = bytes;
        }
    }
    return held;
}

std::string AnswerStream::call_id(std::size_t index) const {
    Sha256 hash("kvasir.call.v1");
    hash.field("seed", options_.call_id_seed).field("index", std::uint64_t{index});
    return "call_" + hash.finish().hex().substr(0, 24);
}

AnswerPiece AnswerStream::difference(ChatMessage now) {
    AnswerPiece piece;
    const auto added = [](const std::string& before, const std::string& after) {
        return after.size() > before.size() ? after.substr(before.size()) : std::string();
    };
    piece.content = added(shown_.content, now.content);
    piece.reasoning = added(shown_.reasoning, now.reasoning);
    if (!piece.reasoning.empty()) reasoning_tokens_ = token_ends_.size();
    for (std::size_t i = 0; i < now.tool_calls.size(); ++i) {
        ToolCall& call = now.tool_calls[i];
        const bool is_new = i >= shown_.tool_calls.size();
        if (is_new && call.id.empty()) call.id = call_id(i);
        if (!is_new) call.id = shown_.tool_calls[i].id;
        const std::string before = is_new ? std::string() : shown_.tool_calls[i].arguments;
        std::string more = added(before, call.arguments);
        if (!is_new && more.empty()) continue;
        piece.tool_calls.push_back({i, is_new ? call.id : "", is_new ? call.name : "", std::move(more)});
    }
    now.role = Role::kAssistant;
    shown_ = std::move(now);
    return piece;
}

AnswerPiece AnswerStream::show(std::size_t bytes, AnswerEnd end) {
    const std::string_view visible = std::string_view(text_).substr(0, bytes);
    ChatMessage now;
    now.content = visible;
    if (options_.format) {
        auto parsed = options_.format->parse(visible, end);
        // What breaks the format is shown as it is: a client that waits for the end must get what was said.
        if (!parsed && end == AnswerEnd::kComplete)
            parsed = options_.format->parse(visible, AnswerEnd::kOpen);
        if (!parsed) log(LogLevel::kWarning, "answer_not_parsed", parsed.error().message);
        if (parsed) now = std::move(*parsed);
        if (!parsed && end == AnswerEnd::kOpen) return {};
    }
    AnswerPiece piece = difference(std::move(now));
    const auto waits = std::find_if(logprobs_.begin(), logprobs_.end(), [&](const PendingLogprob& pending) {
        return pending.token_end > bytes && end == AnswerEnd::kOpen;
    });
    for (auto pending = logprobs_.begin(); pending != waits; ++pending)
        piece.logprobs.push_back(std::move(pending->logprob));
    logprobs_.erase(logprobs_.begin(), waits);
    return piece;
}

AnswerPiece AnswerStream::push(std::string_view bytes, std::optional<TokenLogprob> logprob) {
    bytes_came_ += bytes.size();
    text_ += characters_.push(bytes);
    token_ends_.push_back(bytes_came_);
    if (logprob) logprobs_.push_back({bytes_came_, std::move(*logprob)});
    if (!stops_.empty()) find_stop();
    if (stopped_) return {};
    return show(text_.size() - bytes_held_back(), AnswerEnd::kOpen);
}

AnswerPiece AnswerStream::finish() {
    if (!stopped_) {
        text_ += characters_.finish();
        if (!stops_.empty()) find_stop();
    }
    // Tokens of the stop string are no part of the answer.
    if (stopped_) {
        std::erase_if(logprobs_,
                      [&](const PendingLogprob& pending) { return pending.token_end > text_.size(); });
    }
    return show(text_.size(), AnswerEnd::kComplete);
}

}  // namespace kvasir
