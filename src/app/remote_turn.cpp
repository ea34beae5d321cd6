#include "app/remote_turn.h"

#include <cstdint>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/event_reader.h"
#include "app/remote_answers.h"
#include "app/server_json.h"
#include "http/unix_client.h"

namespace kvasir {

namespace {

namespace json = boost::json;

// A turn may wait behind others for as long as these take; Ctrl-C ends the waiting.
constexpr std::uint32_t kSilenceMsMax = 24 * 3'600'000;
constexpr std::size_t kEventBytesMax = 64 * 1024 * 1024;
constexpr std::uint64_t kStreamBytesMax = 4ULL * 1024 * 1024 * 1024;

class Turn {
  public:
    explicit Turn(const MessageOptions& options) : options_(options) {}

    Status take(const ServerEvent& event) {
        KVASIR_TRY_ASSIGN(const json::value data, parse_server_json(event.data));
        if (event.name == "piece") return show_piece(data);
        if (event.name == "progress") return show_progress(data);
        if (event.name == "error") return fail(error_of_response(500, event.data));
        if (event.name != "done") return {};
        KVASIR_TRY_ASSIGN(result_, turn_of_json(data));
        return {};
    }
    Result<TurnResult> result() {
        if (result_) return *std::move(result_);
        return fail(ErrorCode::kUnavailable, "the server's answer has no end");
    }
    bool is_complete() const { return result_.has_value(); }

  private:
    Status show_piece(const json::value& data) {
        const json::object* object = data.if_object();
        const json::value* text = object != nullptr ? object->if_contains("content") : nullptr;
        if (text != nullptr && text->is_string() && options_.on_text)
            options_.on_text(std::string(text->get_string()));
        return {};
    }
    Status show_progress(const json::value& data) {
        if (!options_.on_progress) return {};
        KVASIR_TRY_ASSIGN(const RemoteProgress progress, progress_of_json(data));
        options_.on_progress(progress.phase, progress.done, progress.total);
        return {};
    }

    const MessageOptions& options_;
    std::optional<TurnResult> result_;
};

std::string body_of(const std::string& text, const MessageOptions& options) {
    return json::serialize(json::object{{"content", text},
                                        {"stream", true},
                                        {"raw", true},
                                        {"max_tokens", options.answer_tokens_max},
                                        {"temperature", options.sampling.temperature},
                                        {"seed", options.sampling.seed}});
}

// A turn is committed before its last event is sent: when that did not come, nobody here knows.
Error with_outcome(Error error, const std::string& agent) {
    if (error.code == ErrorCode::kCancelled) {
        error.message = "stopped; what was said by then stays in the conversation";
    } else if (error.code == ErrorCode::kNotFound) {
        return error_of_connection(std::move(error));  // it never heard of it
    } else {
        error.message += fmt::format(
            ". Whether the turn is in the conversation is not known: 'kvasir agents show {}' counts them",
            agent);
    }
    return error;
}

}  // namespace

Result<TurnResult> remote_turn(const std::string& socket_path, const std::string& agent,
                               const std::string& text, const MessageOptions& options) {
    Turn turn(options);
    EventReader events(kEventBytesMax, [&](const ServerEvent& event) { return turn.take(event); });
    ClientRequest request;
    request.method = "POST";
    request.target = fmt::format("/agents/{}/messages", agent);
    request.body = body_of(text, options);
    request.silence_ms_max = kSilenceMsMax;
    request.body_bytes_max = kStreamBytesMax;
    request.cancelled = options.cancelled;
    request.on_bytes = [&](std::string_view bytes) { return events.push(bytes); };
    const auto response = ask_unix_socket(socket_path, request);
    // Once the last event is here, nothing that happens to the connection matters.
    if (!response && !turn.is_complete()) return fail(with_outcome(response.error(), agent));
    if (response && response->status != 200) return fail(error_of_response(response->status, response->body));
    return turn.result();
}

}  // namespace kvasir
