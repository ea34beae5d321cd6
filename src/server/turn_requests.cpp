#include "server/turn_requests.h"

#include <limits>
#include <utility>

namespace kvasir {

namespace {

// Without a limit of the client's own: as far as the context goes.
constexpr std::uint32_t kNoTokenLimit = std::numeric_limits<std::uint32_t>::max() / 2;
// Of a text that is continued, which has no end of its own: as OpenAI's servers have it.
constexpr std::uint32_t kCompletionTokensDefault = 16;

// What both kinds of request have.
template <typename Request>
TurnRequest common_request(const ServerContext& context, Request& sent, const Speaker& speaker) {
    TurnRequest request;
    request.agent = speaker.agent;
    request.made_by = speaker.source == SpeakerSource::kSession ? MadeBy::kSession : MadeBy::kUser;
    request.parent_agent = speaker.parent;
    request.create_missing = CreateMissing::kYes;
    request.history = History::kSent;
    if (context.models.size() > 1) request.other_model = OtherModel::kTwin;
    request.sampling = sent.sampling.over(context.options.sampling);
    request.stops = std::move(sent.stops);
    request.top_logprobs = sent.top_logprobs;
    return request;
}

}  // namespace

TurnRequest turn_request(const ServerContext& context, ChatRequest&& chat, const Speaker& speaker) {
    TurnRequest request = common_request(context, chat, speaker);
    request.messages = std::move(chat.messages);
    request.tools = std::move(chat.tools);
    request.thinking = chat.thinking;
    request.constraint = std::move(chat.constraint);
    const std::uint32_t otherwise = context.options.answer_tokens_default;
    request.answer_tokens_max = chat.answer_tokens_max.value_or(otherwise > 0 ? otherwise : kNoTokenLimit);
    return request;
}

TurnRequest turn_request(const ServerContext& context, CompletionRequest&& sent, const Speaker& speaker) {
    TurnRequest request = common_request(context, sent, speaker);
    request.raw_prompt = std::move(sent.prompt);
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = sent.answer_tokens_max.value_or(kCompletionTokensDefault);
    return request;
}

}  // namespace kvasir
