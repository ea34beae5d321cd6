#include "server/response_form.h"

#include <utility>

#include "api/json_text.h"

namespace kvasir {

namespace json = boost::json;

ChatAnswer ResponseForm::completed(const ChatAnswer& answer) {
    if (!completed_unix_s_) completed_unix_s_ = clock_.unix_ms() / 1000;
    ChatAnswer out = answer;
    out.completed_unix_s = *completed_unix_s_;
    return out;
}

// As it was streamed, or as a whole answer has it.
ResponseOutput ResponseForm::output_of(const ChatAnswer& answer) const {
    if (streams_ && !stream_.output().items().empty()) return stream_.output();
    return ResponseOutput::of(options_.head.id, answer.message, answer.logprobs);
}

std::string ResponseForm::whole(const ChatAnswer& answer) {
    const ChatAnswer done = completed(answer);
    const ResponseStatus status = response_status(answer.finish_reason);
    return to_json_text(
        response_json(options_.head, status, output_of(done).json(status, options_.head.sealed), &done));
}

std::string ResponseForm::begin(const Usage& /*usage*/) {
    streams_ = true;
    return stream_.begin();
}

std::string ResponseForm::finish(const ChatAnswer& answer) { return stream_.finish(completed(answer)); }

NewResponse ResponseForm::stored(const ChatAnswer& answer) {
    const ChatAnswer done = completed(answer);
    const ResponseStatus status = response_status(answer.finish_reason);
    const json::array output = output_of(done).json(status, options_.head.sealed);
    NewResponse out;
    if (options_.store == StoreResponse::kYes) {
        json::object response = response_json(options_.head, status, output, &done);
        response.erase("kvasir");  // of the turn as it ran
        out.id = options_.head.id;
        out.record = to_json_text(json::object{{"response", std::move(response)},
                                               {"input", options_.input},
                                               {"instruction_messages", options_.instruction_messages}});
    }
    if (options_.conversation.empty()) return out;
    out.conversation = options_.conversation;
    for (const json::array* list : {&std::as_const(options_.input), &output}) {
        for (const json::value& item : *list)
            out.items.push_back({json::value_to<std::string>(item.at("id")), to_json_text(item)});
    }
    return out;
}

Result<ResponseRecord> read_response_record(const std::string& text) {
    boost::system::error_code error;
    json::value parsed = json::parse(text, error);
    const json::object* const object = error ? nullptr : parsed.if_object();
    const json::value* const response = object == nullptr ? nullptr : object->if_contains("response");
    const json::value* const input = object == nullptr ? nullptr : object->if_contains("input");
    if (response == nullptr || !response->is_object() || input == nullptr || !input->is_array())
        return fail(ErrorCode::kStoreUnusable, "the catalog is damaged: a stored response cannot be read");
    ResponseRecord record;
    record.response = response->get_object();
    record.input = input->get_array();
    if (const json::value* const count = object->if_contains("instruction_messages");
        count != nullptr && count->is_number())
        record.instruction_messages = count->to_number<std::size_t>();
    return record;
}

}  // namespace kvasir
