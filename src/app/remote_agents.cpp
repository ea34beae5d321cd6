#include "app/remote_agents.h"

#include <chrono>
#include <limits>
#include <span>
#include <thread>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/remote_answers.h"
#include "app/remote_turn.h"
#include "app/server_json.h"
#include "base/byte_source.h"
#include "base/names.h"
#include "base/new_file.h"
#include "memory/import_file.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::uint32_t kGreetingMs = 5'000;  // answered by a thread that does nothing else
constexpr std::uint32_t kLookMs = 120'000;    // between two steps of the model, which may be large
constexpr std::uint32_t kWorkMs = 3'600'000;  // a long system prompt is read, a long history restored

constexpr std::chrono::milliseconds kLookAgain{20};
constexpr std::chrono::seconds kBeforeSavingMax{1};
constexpr std::chrono::seconds kSavingMax{60};

// In a path, any other name would be another path.
Status check_is_path(const std::string& name) {
    if (check_agent_name(name)) return {};
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no agent {}: `kvasir agents ls` lists them", printable(name)));
}

}  // namespace

std::string server_socket_path(const std::string& home) { return home + "/kvasir.sock"; }

Result<std::unique_ptr<AgentService>> RemoteAgents::connect(const std::string& socket_path) {
    std::unique_ptr<RemoteAgents> agents(new RemoteAgents(socket_path));
    ClientRequest greeting;
    greeting.target = "/health";
    greeting.silence_ms_max = kGreetingMs;
    KVASIR_TRY(agents->ask(greeting));
    return agents;
}

Result<json::value> RemoteAgents::ask(const ClientRequest& request) const {
    const auto response = ask_unix_socket(socket_path_, request);
    if (!response) return fail(error_of_connection(response.error()));
    if (response->status / 100 != 2) return fail(error_of_response(response->status, response->body));
    return parse_server_json(response->body);
}

Status RemoteAgents::ask_for_bytes(const ClientRequest& request) const {
    const auto response = ask_unix_socket(socket_path_, request);
    if (!response) return fail(error_of_connection(response.error()));
    if (response->status / 100 != 2) return fail(error_of_response(response->status, response->body));
    return {};
}

Result<json::value> RemoteAgents::ask_agent(const std::string& name, const char* method, const char* what,
                                            std::uint32_t silence_ms_max, const json::object& body) const {
    KVASIR_TRY(check_is_path(name));
    ClientRequest request;
    request.method = method;
    request.target = fmt::format("/agents/{}{}", name, what);
    if (!body.empty()) request.body = json::serialize(body);
    request.silence_ms_max = silence_ms_max;
    return ask(request);
}

Result<std::vector<AgentInfo>> RemoteAgents::list() {
    ClientRequest request;
    request.target = "/agents";
    request.silence_ms_max = kLookMs;
    KVASIR_TRY_ASSIGN(const json::value answer, ask(request));
    return agents_of_json(answer);
}

Result<AgentInfo> RemoteAgents::show(const std::string& name) {
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "GET", "", kLookMs));
    return agent_of_json(answer);
}

Result<CreateResult> RemoteAgents::create(const std::string& name, const std::string& type,
                                          const std::string& system_prompt) {
    ClientRequest request;
    request.method = "POST";
    request.target = "/agents";
    request.body =
        json::serialize(json::object{{"name", name}, {"type", type}, {"system_prompt", system_prompt}});
    request.silence_ms_max = kWorkMs;
    KVASIR_TRY_ASSIGN(const json::value answer, ask(request));
    return created_of_json(answer);
}

Result<EraseReceipt> RemoteAgents::remove(const std::string& name) {
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "DELETE", "", kWorkMs));
    return receipt_of_json(answer);
}

Result<ForkResult> RemoteAgents::fork(const std::string& name, const std::string& new_name,
                                      std::optional<std::uint32_t> at) {
    json::object body{{"name", new_name}};
    if (at) body["at"] = *at;
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "POST", "/fork", kWorkMs, body));
    return forked_of_json(answer);
}

Result<RollbackResult> RemoteAgents::roll_back(const std::string& name, std::uint32_t to) {
    KVASIR_TRY_ASSIGN(const json::value answer,
                      ask_agent(name, "POST", "/rollback", kWorkMs, json::object{{"to", to}}));
    return rolled_back_of_json(answer);
}

Result<AgentInfo> RemoteAgents::change(const std::string& name, const AgentChange& change) {
    json::object body;
    if (change.name) body["name"] = *change.name;
    if (change.title) body["title"] = *change.title;
    if (change.type) body["type"] = *change.type;
    if (change.pinned) body["pinned"] = *change.pinned == Pinned::kYes;
    if (change.when_full) body["when_full"] = to_string(*change.when_full);
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "PATCH", "", kLookMs, body));
    return agent_of_json(answer);
}

Result<SaveResult> RemoteAgents::save(const std::string& name) {
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "POST", "/save", kWorkMs));
    return saved_of_json(answer);
}

Result<LoadResult> RemoteAgents::load(const std::string& name) {
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "POST", "/load", kWorkMs));
    return loaded_of_json(answer);
}

Result<SaveResult> RemoteAgents::evict(const std::string& name) {
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "POST", "/evict", kWorkMs));
    return saved_of_json(answer);
}

Result<ExportReport> RemoteAgents::export_agent(const std::string& name, const std::string& path) {
    KVASIR_TRY(check_is_path(name));
    KVASIR_TRY_ASSIGN(const auto file, NewFile::create(path));
    ClientRequest request;
    request.target = fmt::format("/agents/{}/export", name);
    request.silence_ms_max = kWorkMs;
    request.body_bytes_max = std::numeric_limits<std::uint64_t>::max();
    ExportReport report;
    request.on_bytes = [&](std::string_view bytes) {
        report.file_bytes += bytes.size();
        return file->append(std::as_bytes(std::span(bytes)));
    };
    KVASIR_TRY(ask_for_bytes(request));
    KVASIR_TRY(file->finish());
    // What came is what was meant: the file tells its own size.
    KVASIR_TRY_ASSIGN(const auto written, open_byte_source(path));
    KVASIR_TRY_ASSIGN(const AgentFileHeader header, read_agent_header(*written));
    report.agent = header.agent_id;
    report.cache_tokens = header.cache_tokens;
    report.turns = static_cast<std::uint32_t>(header.turns.size() - 1);
    const auto tokens = find_tensor(header, kAgentFileTokens);
    report.tokens = tokens ? static_cast<Position>(tokens->bytes / sizeof(Token)) : 0;
    return report;
}

Result<ImportReport> RemoteAgents::import_agent(const ImportWish& wish) {
    std::string name = wish.name;
    if (name.empty()) {
        KVASIR_TRY_ASSIGN(const auto file, open_byte_source(wish.path));
        KVASIR_TRY_ASSIGN(AgentFileHeader header, read_agent_header(*file));
        name = std::move(header.agent_id);
    }
    const json::object body{{"file", absolute_path(wish.path)},
                            {"trust_kv", wish.trust == TrustKv::kYes},
                            {"dry_run", wish.dry_run == DryRun::kYes}};
    KVASIR_TRY(check_agent_name(name));
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "POST", "/import", kWorkMs, body));
    return imported_of_json(answer);
}

Result<VerifyReport> RemoteAgents::verify(const std::string& name) {
    KVASIR_TRY_ASSIGN(const json::value answer, ask_agent(name, "POST", "/verify", kWorkMs));
    return verified_of_json(answer);
}

Result<RewarmReport> RemoteAgents::rewarm(
    const std::function<void(const RewarmReport&, const std::string&)>& on_progress) {
    ClientRequest request;
    request.method = "POST";
    request.target = "/rewarm";
    request.silence_ms_max = kLookMs;
    for (;;) {
        KVASIR_TRY_ASSIGN(const json::value answer, ask(request));
        KVASIR_TRY_ASSIGN(const RemoteRewarm now, rewarm_of_json(answer));
        if (!now.running) return now.report;
        on_progress(now.report, now.current);
        request.method = "GET";
        std::this_thread::sleep_for(kLookAgain);
    }
}

Result<MemoryUsage> RemoteAgents::memory_usage() {
    ClientRequest request;
    request.target = "/memory";
    request.silence_ms_max = kLookMs;
    KVASIR_TRY_ASSIGN(const json::value answer, ask(request));
    return memory_of_json(answer);
}

// The server answers before it saves. A turn of a command ends like one without a server: with its KV saved,
// or with the reason why not.
void RemoteAgents::note_durability(const std::string& name, const std::atomic<bool>* cancelled,
                                   TurnResult& turn) {
    turn.durability = Durability::kTokensOnly;
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        const auto saved = save(name);
        if (saved) {
            turn.durability = saved->durability;
            add_warning(turn.warning, saved->warning);
            return;
        }
        if (saved.error().code != ErrorCode::kConflict) {
            add_warning(turn.warning, saved.error().message);
            return;
        }
        // It is being saved, or about to be; or another client has begun the next turn, and is told about
        // both.
        const auto agent = show(name);
        const bool saving = agent && agent->state == AgentState::kSaving;
        const auto waited = std::chrono::steady_clock::now() - begin;
        if (!agent || waited > (saving ? kSavingMax : kBeforeSavingMax)) return;
        if (cancelled != nullptr && cancelled->load()) return;
        std::this_thread::sleep_for(kLookAgain);
    }
}

Result<TurnResult> RemoteAgents::message(const std::string& name, const std::string& text,
                                         const MessageOptions& options) {
    KVASIR_TRY(check_is_path(name));
    KVASIR_TRY_ASSIGN(TurnResult turn, remote_turn(socket_path_, name, text, options));
    if (turn.durability == Durability::kNothing) return fail(ErrorCode::kIo, turn.warning);
    note_durability(name, options.cancelled, turn);
    return turn;
}

}  // namespace kvasir
