// POST /v1/responses: from JSON text to a request, from answers to response objects and to the events of a
// stream. Pure functions, any thread; a stream object belongs to one answer, whoever calls it calls in turn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "api/api_error.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"

namespace kvasir {

enum class StoreResponse { kNo, kYes };
// Clients that keep nothing here ask for reasoning in a form that they send back unread.
enum class SealedReasoning { kNo, kYes };

// kAuto: the oldest turns are left out when the context is full.
enum class Truncation { kAsTheAgent, kAuto };

struct ResponsesRequest {
    ChatRequest chat;  // without messages: they are known when the history is
    std::optional<std::string> instructions;
    std::string previous_response_id;  // "" none
    std::string conversation;          // "" none
    StoreResponse store = StoreResponse::kYes;
    SealedReasoning sealed = SealedReasoning::kNo;
    Truncation truncation = Truncation::kAsTheAgent;
    boost::json::array input;  // items, each with a type and an id
    boost::json::object echo;  // fields of the response that repeat the request
};

// `id` of the response to come, "resp_..."; ids of items are made from it.
ApiResult<ResponsesRequest> parse_openai_response(std::string_view json, std::string_view id);
std::string openai_input_tokens(std::uint64_t input_tokens);

// Items as messages: an answer's reasoning, text and calls become one message again. References to items must
// be resolved before (item_reference); a reference that is left is skipped.
struct ItemMessages {
    std::vector<ChatMessage> messages;
    std::vector<std::string> notes;
};
ApiResult<ItemMessages> messages_of_items(const boost::json::array& items, std::string_view path);
inline constexpr std::string_view kReasoningMark =
    "kvasir:";  // begins encrypted_content of ours: the reasoning itself follows
// Each gets a type, and an id when it has none. `seed` makes ids unique.
ApiResult<boost::json::array> with_ids(const boost::json::array& items, std::string_view path,
                                       std::string_view seed);

// What is told of the response itself, besides the answer.
struct ResponseHead {
    std::string id;
    std::int64_t created_unix_s = 0;
    std::string model;
    boost::json::object echo;
    SealedReasoning sealed = SealedReasoning::kNo;
};

enum class ResponseStatus { kInProgress, kCompleted, kIncomplete, kCancelled, kFailed };

// The output of an answer as it grows: items one after the other, the last one open.
class ResponseOutput {
  public:
    enum class Kind { kReasoning, kMessage, kCall };
    struct Item {
        Kind kind = Kind::kMessage;
        std::string id;
        std::string text;  // or arguments
        std::string call_id;
        std::string name;
        std::vector<AnswerLogprob> logprobs;
    };

    explicit ResponseOutput(std::string_view response_id);
    static ResponseOutput of(std::string_view response_id, const ChatMessage& message,
                             std::vector<AnswerLogprob> logprobs);
    Item& open(Kind kind);
    std::vector<Item>& items() { return items_; }
    const std::vector<Item>& items() const { return items_; }
    // The protocol's items. An answer that said nothing has an empty message, so that its turn can be found
    // again.
    boost::json::array json(ResponseStatus status, SealedReasoning sealed) const;

  private:
    std::string seed_;
    std::vector<Item> items_;
};

boost::json::object output_item_json(const ResponseOutput::Item& item, std::string_view status,
                                     SealedReasoning sealed);
ResponseStatus response_status(FinishReason reason);

// A response object. `answer` null: it is being made.
boost::json::object response_json(const ResponseHead& head, ResponseStatus status, boost::json::array output,
                                  const ChatAnswer* answer);

// Every function returns the text of complete events, ready to be sent; "" when there is nothing to send.
class OpenAiResponsesStream {
  public:
    explicit OpenAiResponsesStream(ResponseHead head);
    std::string begin();
    std::string delta(const AnswerDelta& delta);
    // Closes the open item; response.completed or response.incomplete with everything.
    std::string finish(const ChatAnswer& answer);
    std::string error(const ApiError& error);  // response.failed
    const ResponseOutput& output() const { return output_; }

  private:
    std::string event(std::string_view type, boost::json::object fields);
    std::string open_item(ResponseOutput::Kind kind, const ToolCallDelta* call);
    std::string close_item(std::string_view status);
    std::string text_delta(ResponseOutput::Kind kind, const std::string& text,
                           const std::vector<AnswerLogprob>& logprobs);
    std::string call_delta(const ToolCallDelta& call);

    ResponseHead head_;
    ResponseOutput output_;
    bool open_ = false;          // the last item of the output
    std::size_t open_call_ = 0;  // ToolCallDelta::index of an open call
    std::uint64_t sequence_ = 0;
};

}  // namespace kvasir
