// Server-sent events, both ways: bytes that the command line reads from a server, and words of a model that
// the server writes as events. Input: one byte, the size of the pieces and whether words are written; then
// bytes, read as a stream, and taken for a model's words.
#include "fuzz/byte_feed.h"
#include <boost/json.hpp>

#include "api/anthropic.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"
#include "app/event_reader.h"

namespace kvasir::fuzz {

namespace {

constexpr std::size_t kEventBytesMax = 1024;

struct Read {
    std::vector<ServerEvent> events;
    bool refused = false;
};

Read read_events(std::string_view bytes, std::size_t piece, std::size_t bytes_max) {
    Read read;
    EventReader reader(bytes_max, [&](const ServerEvent& event) -> Status {
        read.events.push_back(event);
        return {};
    });
    while (!bytes.empty() && !read.refused) {
        read.refused = !reader.push(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    return read;
}

void check_written(const std::string& stream, const char* what) {
    const Read read = read_events(stream, stream.size(), stream.size() + 1);
    require(!read.refused, what);
    for (const ServerEvent& event : read.events) {
        if (event.data == "[DONE]") continue;
        boost::system::error_code bad;
        boost::json::parse(event.data, bad);
        require(!bad, what);
    }
}

void write_words(std::string_view words) {
    AnswerDelta delta;
    delta.content = words;
    delta.reasoning = words;
    delta.tool_calls.push_back({0, std::string(words), std::string(words), std::string(words)});
    delta.logprobs.push_back({std::string(words), -1.0F, {{std::string(words), -2.0F}}});
    ChatAnswer answer;
    answer.message = {Role::kAssistant, std::string(words), {}, {}, {}, {}};
    answer.stop_sequence = words;
    const OpenAiChatStream chat({"id", 1, std::string(words), UsageChunk::kYes});
    check_written(chat.begin() + chat.delta(delta) + chat.finish(answer), "a chat stream is events of JSON");
    OpenAiCompletionStream completion({"id", 1, "m", UsageChunk::kNo});
    check_written(completion.delta(delta) + completion.finish(answer),
                  "a completion stream is events of JSON");
    AnthropicStream messages("id", std::string(words));
    check_written(messages.begin({}) + messages.delta(delta) + messages.finish(answer),
                  "a message stream is events of JSON");
}

}  // namespace

Outcome run_target(Input input) {
    ByteFeed feed(input);
    const std::uint8_t choice = feed.byte();
    const std::size_t piece = 1 + choice % 32U;
    const std::string_view bytes = text_of(feed.rest());
    const Read whole = read_events(bytes, std::max<std::size_t>(bytes.size(), 1), kEventBytesMax);
    const Read in_pieces = read_events(bytes, piece, kEventBytesMax);
    require(whole.refused == in_pieces.refused, "too long or not, however it comes in");
    require(whole.events.size() == in_pieces.events.size(), "as many events, however they come in");
    for (std::size_t i = 0; i < whole.events.size(); ++i)
        require(whole.events[i].name == in_pieces.events[i].name &&
                    whole.events[i].data == in_pieces.events[i].data,
                "the same events, however they come in");
    if ((choice & 0x20U) != 0) write_words(bytes.substr(0, 200));
    if (whole.events.empty()) return Outcome::kRefused;
    return whole.events.front().name == "zz" ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
