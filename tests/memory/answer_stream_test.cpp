#include "memory/answer_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/fake_answer_format.h"

namespace kvasir {
namespace {

using test::FakeAnswerFormat;

// Pieces put together, as a client does.
struct Seen {
    std::string content;
    std::string reasoning;
    std::vector<ToolCall> calls;

    void add(const AnswerPiece& piece) {
        content += piece.content;
        reasoning += piece.reasoning;
        for (const auto& call : piece.tool_calls) {
            if (call.index == calls.size()) calls.push_back({call.id, call.name, ""});
            calls.at(call.index).arguments += call.arguments;
        }
    }
};

// The text in tokens of so many bytes.
Seen streamed(AnswerStream& stream, const std::string& text, std::size_t bytes) {
    Seen seen;
    for (std::size_t at = 0; at < text.size() && !stream.stopped(); at += bytes)
        seen.add(stream.push(text.substr(at, bytes), std::nullopt));
    seen.add(stream.finish());
    return seen;
}

AnswerStreamOptions with_stop(std::string stop) {
    AnswerStreamOptions options;
    options.stops = {std::move(stop)};
    return options;
}

TEST(AnswerStream, NeverShowsAStopStringHoweverTheTokensCutIt) {
    for (std::size_t bytes = 1; bytes < 12; ++bytes) {
        AnswerStream stream(with_stop("END"));
        const Seen seen = streamed(stream, "EN route to the E and the END of it", bytes);
        EXPECT_EQ(seen.content, "EN route to the E and the ") << bytes;
        EXPECT_EQ(stream.stop_matched(), "END");
    }
}

TEST(AnswerStream, ShowsWhatOnlyBeganLikeAStopString) {
    AnswerStream stream(with_stop("END"));
    EXPECT_EQ(streamed(stream, "the EN", 1).content, "the EN");
    EXPECT_FALSE(stream.stopped());
}

TEST(AnswerStream, TakesReasoningContentAndCallsApartAlikeForEveryCut) {
    const std::string text =
        "<think>let me see</think>One "
        "moment.<tool_call>{\"name\":\"find\",\"arguments\":{\"a\":1}}</tool_call>";
    for (std::size_t bytes = 1; bytes < 40; ++bytes) {
        AnswerStreamOptions options;
        options.format = std::make_shared<FakeAnswerFormat>(ToolChoice::kAuto);
        AnswerStream stream(options);
        const Seen seen = streamed(stream, text, bytes);
        EXPECT_EQ(seen.reasoning, "let me see") << bytes;
        EXPECT_EQ(seen.content, "One moment.") << bytes;
        ASSERT_EQ(seen.calls.size(), 1U) << bytes;
        EXPECT_EQ(seen.calls[0].name, "find");
        EXPECT_EQ(seen.calls[0].arguments, "{\"a\":1}");
        EXPECT_EQ(seen.calls[0].id, stream.message().tool_calls[0].id);
    }
}

TEST(AnswerStream, CountsTheTokensOfReasoning) {
    AnswerStreamOptions options;
    options.format = std::make_shared<FakeAnswerFormat>(ToolChoice::kNone);
    AnswerStream stream(options);
    for (const char* token : {"<think>", "let", " me", " see", "</think>", "It", " is", " 7"})
        stream.push(token, std::nullopt);
    stream.finish();
    EXPECT_EQ(stream.reasoning_tokens(), 4U);

    AnswerStream without(options);
    without.push("It is 7", std::nullopt);
    without.finish();
    EXPECT_EQ(without.reasoning_tokens(), 0U);
}

}  // namespace
}  // namespace kvasir
