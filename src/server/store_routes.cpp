#include "server/store_routes.h"

#include <limits>
#include <memory>
#include <utility>

#include <boost/json.hpp>

#include "api/json_fields.h"
#include "api/json_text.h"
#include "server/server_context.h"
#include "server/store_json.h"

namespace kvasir {

namespace {

namespace json = boost::json;

bool is_owner(const RouteCall& call) {
    if (call.exchange->request().socket == SocketKind::kOwner) return true;
    ApiError error =
        http_error(403, "this is for the user who runs the server: use the command of the same name");
    error.code = "owner_only";
    respond_error(call, error);
    return false;
}

// Work that is begun with `begin(store)`, goes on in steps, and answers with what `outcome` makes of it.
template <class Begin, class Outcome>
void run_work(const RouteCall& call, Begin begin, Outcome outcome) {
    using Work = std::invoke_result_t<Begin, Store&>;
    auto work = std::make_shared<Work>();
    SlicedWork slices;
    slices.piece = [call, work, begin, outcome](AgentMemory& memory) {
        if (!*work) *work = begin(memory.store());
        if (const Status step = (*work)->step(); !step) {
            respond_error(call, api_error(step.error()));
            return Progress::kDone;
        }
        if (!(*work)->done()) return Progress::kMore;
        respond_json(call, 200, json::serialize(to_json(outcome(**work))));
        return Progress::kDone;
    };
    slices.cut_off = [call] {
        respond_error(call, api_error({ErrorCode::kUnavailable, "the server is shutting down"}));
    };
    call.context.store_watch.start(std::move(slices));
}

// The fields of the body; an empty one has none.
template <class Read>
bool read_body(const RouteCall& call, Read read) {
    const std::string& body = call.exchange->request().body;
    auto object = parse_request_body(body.empty() ? "{}" : body);
    if (!object) {
        respond_error(call, object.error());
        return false;
    }
    RequestReading reading;
    read(JsonFields(*object, "", reading));
    if (reading.failed()) respond_error(call, *reading.error());
    return !reading.failed();
}

}  // namespace

void get_store(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        const auto usage = memory.store().usage();
        if (!usage) return respond_error(done, api_error(usage.error()));
        respond_json(done, 200, json::serialize(store_json(*usage, memory.store().health())));
    });
}

void post_store_fsck(const RouteCall& call) {
    if (!is_owner(call)) return;
    CheckRequest request;
    const bool good = read_body(call, [&](const JsonFields& fields) {
        if (fields.flag("repair").value_or(false)) request.repair = Repair::kYes;
    });
    if (!good) return;
    run_work(
        call, [request](Store& store) { return store.begin_check(request); },
        [](const StoreCheck& check) { return check.report(); });
}

void post_store_gc(const RouteCall& call) {
    if (!is_owner(call)) return;
    CollectionRequest request;
    const bool good = read_body(call, [&](const JsonFields& fields) {
        const auto bytes = fields.integer("free_bytes", {1, std::numeric_limits<std::int64_t>::max()});
        if (!bytes) return;
        request.bytes = static_cast<std::uint64_t>(*bytes);
        request.depth = CollectionDepth::kColdAgents;
    });
    if (!good) return;
    run_work(
        call, [request](Store& store) { return store.begin_collection(request); },
        [](const Collection& collection) { return collection.result(); });
}

void post_store_backup(const RouteCall& call) {
    if (!is_owner(call)) return;
    std::string directory;
    const bool good = read_body(call, [&](const JsonFields& fields) {
        directory = fields.required_text("directory");
        if (!directory.empty() && directory.front() != '/')
            fields.refuse("invalid_value", "directory", "directory is an absolute path");
    });
    if (!good) return;
    run_work(
        call, [directory](Store& store) { return store.begin_backup(directory); },
        [](const StoreBackup& backup) { return backup.report(); });
}

}  // namespace kvasir
