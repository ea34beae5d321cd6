#include "app/remote_answers.h"

#include <string>

#include <boost/json.hpp>

namespace kvasir {

namespace {

namespace json = boost::json;

Error not_understood() {
    return {ErrorCode::kUnavailable,
            "the server's answer is not understood: are it and this program of the same version?"};
}

// The fields of one object. One that is missing or of another kind makes `failed`, and reads as nothing.
class Fields {
  public:
    explicit Fields(const json::value& value) : object_(value.if_object()), failed_(object_ == nullptr) {}
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;

    template <class Number>
    void read(const char* name, Number& into) {
        const json::value* value = find(name);
        if (value == nullptr) return;
        boost::system::error_code error;
        into = value->to_number<Number>(error);
        failed_ = failed_ || error;
    }
    void read(const char* name, std::string& into) {
        const json::value* value = find(name);
        const json::string* text = value != nullptr ? value->if_string() : nullptr;
        failed_ = failed_ || text == nullptr;
        if (text != nullptr) into = std::string(*text);
    }
    void read(const char* name, bool& into) {
        const json::value* value = find(name);
        failed_ = failed_ || value == nullptr || !value->is_bool();
        if (!failed_) into = value->get_bool();
    }
    // One of the enum's values from `first` to `last`, by its name.
    template <class Enum>
    void read(const char* name, Enum& into, Enum last) {
        std::string text;
        read(name, text);
        for (int i = 0; i <= static_cast<int>(last); ++i) {
            if (text != to_string(static_cast<Enum>(i))) continue;
            into = static_cast<Enum>(i);
            return;
        }
        failed_ = true;
    }
    const json::value* find(const char* name) {
        const json::value* value = object_ != nullptr ? object_->if_contains(name) : nullptr;
        failed_ = failed_ || value == nullptr;
        return value;
    }
    void fail_here() { failed_ = true; }

    template <class T>
    Result<T> done(T value) const {
        if (failed_) return fail(not_understood());
        return value;
    }

  private:
    const json::object* object_;
    bool failed_;
};

void read_metrics(const json::value& value, TurnMetrics& metrics, Fields& outer) {
    Fields fields(value);
    fields.read("prompt_tokens", metrics.prompt_tokens);
    fields.read("reused_tokens", metrics.reused_tokens);
    fields.read("evaluated_tokens", metrics.evaluated_tokens);
    fields.read("answer_tokens", metrics.answer_tokens);
    fields.read("source", metrics.source, ReuseSource::kDisk);
    fields.read("not_reused_reason", metrics.not_reused_reason);
    fields.read("restore_ms", metrics.restore_ms);
    fields.read("prefill_ms", metrics.prefill_ms);
    fields.read("first_token_ms", metrics.first_token_ms);
    fields.read("decode_ms", metrics.decode_ms);
    fields.read("commit_ms", metrics.commit_ms);
    fields.read("save_ms", metrics.save_ms);
    fields.read("append_rows_written", metrics.append_rows_written);
    fields.read("append_bytes_written", metrics.append_bytes_written);
    fields.read("window_bytes_written", metrics.window_bytes_written);
    fields.read("evaluated_by_engine", metrics.evaluated_by_engine);
    if (!fields.done(true)) outer.fail_here();
}

ErrorCode code_of(std::string_view name, int http_status) {
    for (int i = 0; i <= static_cast<int>(ErrorCode::kUnavailable); ++i) {
        if (name == to_string(static_cast<ErrorCode>(i))) return static_cast<ErrorCode>(i);
    }
    if (name == "context_length_exceeded") return ErrorCode::kContextFull;
    if (http_status == 404) return ErrorCode::kNotFound;
    if (http_status == 409) return ErrorCode::kConflict;
    if (http_status == 429 || http_status >= 500) return ErrorCode::kUnavailable;
    return ErrorCode::kInvalidArgument;
}

}  // namespace

Result<json::value> parse_server_json(std::string_view text) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    if (error) return fail(not_understood());
    return value;
}

Error error_of_connection(Error error) {
    if (error.code != ErrorCode::kNotFound) return error;
    return {ErrorCode::kUnavailable, "the server on this store has gone: the same command works without it"};
}

Error error_of_response(int http_status, std::string_view body) {
    const auto value = parse_server_json(body);
    if (!value) return not_understood();
    Fields outer(*value);
    const json::value* error = outer.find("error");
    if (error == nullptr) return not_understood();
    Fields fields(*error);
    std::string code;
    std::string message;
    fields.read("code", code);
    fields.read("message", message);
    if (!fields.done(true)) return not_understood();
    return {code_of(code, http_status), message};
}

Result<AgentInfo> agent_of_json(const json::value& answer) {
    Fields fields(answer);
    AgentInfo agent;
    fields.read("name", agent.name);
    fields.read("type", agent.type);
    fields.read("system_prompt", agent.system_prompt);
    fields.read("state", agent.state, AgentState::kDamaged);
    fields.read("tokens", agent.token_count);
    fields.read("cache_tokens", agent.cache_tokens);
    fields.read("turns", agent.turn_count);
    fields.read("created_unix_ms", agent.created_unix_ms);
    fields.read("last_used_unix_ms", agent.last_used_unix_ms);
    fields.read("kv_memory_bytes", agent.kv_memory_bytes);
    fields.read("kv_disk_bytes", agent.kv_disk_bytes);
    fields.read("model", agent.model_name);
    return fields.done(std::move(agent));
}

Result<std::vector<AgentInfo>> agents_of_json(const json::value& answer) {
    Fields fields(answer);
    const json::value* list = fields.find("agents");
    if (list == nullptr || !list->is_array()) return fail(not_understood());
    std::vector<AgentInfo> agents;
    for (const json::value& one : list->get_array()) {
        KVASIR_TRY_ASSIGN(AgentInfo agent, agent_of_json(one));
        agents.push_back(std::move(agent));
    }
    return agents;
}

Result<CreateResult> created_of_json(const json::value& answer) {
    Fields fields(answer);
    CreateResult created;
    if (const json::value* agent = fields.find("agent")) {
        KVASIR_TRY_ASSIGN(created.agent, agent_of_json(*agent));
    }
    fields.read("reused_tokens", created.reused_tokens);
    fields.read("evaluated_tokens", created.evaluated_tokens);
    fields.read("prefill_ms", created.prefill_ms);
    fields.read("restore_ms", created.restore_ms);
    fields.read("save_ms", created.save.save_ms);
    fields.read("warning", created.save.warning);
    return fields.done(std::move(created));
}

Result<EraseReceipt> receipt_of_json(const json::value& answer) {
    Fields fields(answer);
    EraseReceipt receipt;
    fields.read("agent", receipt.agent);
    fields.read("turns_removed", receipt.turns_removed);
    fields.read("tokens_removed", receipt.tokens_removed);
    fields.read("blocks_removed", receipt.blocks_removed);
    fields.read("bytes_removed", receipt.bytes_removed);
    fields.read("blocks_kept", receipt.blocks_kept);
    fields.read("bytes_kept", receipt.bytes_kept);
    return fields.done(std::move(receipt));
}

Result<SaveResult> saved_of_json(const json::value& answer) {
    Fields fields(answer);
    SaveResult saved;
    bool durable = false;
    fields.read("kv_durable", durable);
    saved.durability = durable ? Durability::kTokensAndKv : Durability::kTokensOnly;
    fields.read("warning", saved.warning);
    fields.read("rows_written", saved.append_rows_written);
    fields.read("bytes_written", saved.append_bytes_written);  // of both planes: they are told as one
    fields.read("blocks_written", saved.blocks_written);
    fields.read("blocks_shared", saved.blocks_shared);
    fields.read("save_ms", saved.save_ms);
    return fields.done(std::move(saved));
}

Result<LoadResult> loaded_of_json(const json::value& answer) {
    Fields fields(answer);
    LoadResult loaded;
    fields.read("restored_tokens", loaded.restored_tokens);
    fields.read("evaluated_tokens", loaded.evaluated_tokens);
    fields.read("source", loaded.source, ReuseSource::kDisk);
    fields.read("warning", loaded.warning);
    fields.read("restore_ms", loaded.restore_ms);
    fields.read("prefill_ms", loaded.prefill_ms);
    return fields.done(std::move(loaded));
}

Result<MemoryUsage> memory_of_json(const json::value& answer) {
    Fields fields(answer);
    MemoryUsage usage;
    fields.read("weights_bytes", usage.engine.weights_bytes);
    fields.read("kv_pool_bytes", usage.engine.kv_pool_bytes);
    fields.read("compute_bytes", usage.engine.compute_bytes);
    fields.read("total_bytes", usage.total_bytes);
    fields.read("reserved_bytes", usage.reserved_bytes);
    fields.read("append_cells_used", usage.cells.append_used);
    fields.read("append_cells_total", usage.cells.append_total);
    const json::value* list = fields.find("agents");
    if (list == nullptr || !list->is_array()) return fail(not_understood());
    for (const json::value& one : list->get_array()) {
        Fields agent_fields(one);
        AgentMemoryUse agent;
        agent_fields.read("name", agent.name);
        agent_fields.read("cache_tokens", agent.cache_tokens);
        agent_fields.read("kv_bytes", agent.kv_bytes);
        KVASIR_TRY_ASSIGN(agent, agent_fields.done(std::move(agent)));
        usage.agents.push_back(std::move(agent));
    }
    return fields.done(std::move(usage));
}

Result<RemoteProgress> progress_of_json(const json::value& event) {
    Fields fields(event);
    RemoteProgress progress;
    std::string phase;
    fields.read("phase", phase);
    progress.phase = phase == "restore" ? TurnPhase::kRestore : TurnPhase::kPrefill;
    fields.read("done", progress.done);
    fields.read("total", progress.total);
    return fields.done(progress);
}

Result<TurnResult> turn_of_json(const json::value& answer) {
    Fields fields(answer);
    TurnResult turn;
    fields.read("content", turn.text);
    fields.read("turn", turn.turn);
    fields.read("finish_reason", turn.finish_reason);
    fields.read("warning", turn.warning);
    if (const json::value* memory = fields.find("memory")) read_metrics(*memory, turn.metrics, fields);
    return fields.done(std::move(turn));
}

}  // namespace kvasir
