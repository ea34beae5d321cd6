// Clients of our streams: strict about the order of events, they put an answer together again. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "engine/chat.h"

namespace kvasir::test {

struct SseEvent {
    std::string name;  // "" none
    std::string data;
};

std::vector<SseEvent> read_events(std::string_view stream, std::vector<std::string>& complaints);

struct StreamedAnswer {
    ChatMessage message;  // kAssistant
    std::string id;
    std::string model;
    std::string finish_reason;  // in the words of the protocol
    boost::json::value stop_sequence;
    boost::json::array logprobs;  // elements of "content"
    boost::json::value usage;     // the last that came
    boost::json::value memory;    // the object kvasir
    boost::json::value error;
    std::vector<std::string> complaints;  // what broke the protocol
};

StreamedAnswer read_openai_stream(std::string_view stream);
StreamedAnswer read_anthropic_stream(std::string_view stream);

}  // namespace kvasir::test
