// Answers in the form of OpenAI's Responses, and what is kept of each so that it can be asked for again.
#pragma once

#include <optional>
#include <string>

#include <boost/json.hpp>

#include "api/openai_responses.h"
#include "base/clock.h"
#include "server/answer_form.h"

namespace kvasir {

struct ResponseFormOptions {
    ResponseHead head;
    boost::json::array input;
    std::string conversation;  // "" none
    StoreResponse store = StoreResponse::kYes;
    std::size_t instruction_messages = 0;  // how many of the conversation's first messages are instructions
};

class ResponseForm final : public AnswerForm {
  public:
    ResponseForm(ResponseFormOptions options, const Clock& clock)
        : options_(std::move(options)), clock_(clock), stream_(options_.head) {}

    std::string whole(const ChatAnswer& answer) override;
    std::string begin(const Usage& usage) override;
    std::string delta(const AnswerDelta& delta) override { return stream_.delta(delta); }
    std::string finish(const ChatAnswer& answer) override;
    std::string error(const ApiError& error) override { return stream_.error(error); }

    // Before whole() and finish(): what is stored with the turn.
    NewResponse stored(const ChatAnswer& answer);

  private:
    ChatAnswer completed(const ChatAnswer& answer);
    ResponseOutput output_of(const ChatAnswer& answer) const;

    ResponseFormOptions options_;
    const Clock& clock_;
    OpenAiResponsesStream stream_;
    bool streams_ = false;
    std::optional<std::int64_t> completed_unix_s_;
};

// What of a stored response is told again, and what the next request needs of it.
struct ResponseRecord {
    boost::json::object response;
    boost::json::array input;
    std::size_t instruction_messages = 0;
};
Result<ResponseRecord> read_response_record(const std::string& text);

}  // namespace kvasir
