#include "server/transfer_routes.h"

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "api/json_fields.h"
#include "api/json_text.h"
#include "base/log.h"
#include "server/memory_json.h"
#include "server/model_names.h"
#include "server/server_context.h"
#include "server/sliced_work.h"

namespace kvasir {

namespace {

constexpr std::int64_t kSliceUs = 5'000;
// What is made of a file before its client has read what came before.
constexpr std::size_t kBytesAhead = 512 * 1024;

// One file on its way to a client. Shared by the engine thread, which makes it, and the exchange, which tells
// when more is wanted.
class ExportStream : public std::enable_shared_from_this<ExportStream> {
  public:
    explicit ExportStream(const RouteCall& call) : call_(call) {}

    void start() {
        on_model(call_, std::nullopt, call_.agent,
                 [self = shared_from_this()](AgentMemory& memory, const RouteCall& call) {
                     if (memory.is_saving(call.agent)) return self->start();
                     auto run = memory.begin_export(call.agent);
                     if (!run) return respond_error(call, api_error(run.error()));
                     self->run_ = std::move(*run);
                     self->begin();
                     self->make_some();
                 });
    }

  private:
    void begin() {
        const ExportReport& report = run_->report();
        call_.exchange->begin_stream(
            200, "application/octet-stream",
            {{"Content-Disposition", fmt::format("attachment; filename=\"{}.safetensors\"", report.agent)},
             {"X-Kvasir-File-Bytes", std::to_string(report.file_bytes)},
             {"X-Kvasir-Tokens", std::to_string(report.tokens)},
             {"X-Kvasir-Turns", std::to_string(report.turns)},
             {"X-Kvasir-Cache-Tokens", std::to_string(report.cache_tokens)}});
    }
    void make_some() {
        const std::int64_t end_us = call_.context.clock.monotonic_us() + kSliceUs;
        std::size_t ahead = 0;
        while (!run_->done() && ahead < kBytesAhead && call_.context.clock.monotonic_us() < end_us) {
            if (const Status made = run_->step(bytes_); !made) {
                // Too late for an error: a client sees that the stream was not ended.
                return log(LogLevel::kWarning, "export_broken_off", made.error().message);
            }
            const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
            if (call_.exchange->push(std::string(text)) == PushResult::kClosed) return;
            ahead += text.size();
        }
        if (run_->done()) return call_.exchange->finish();
        call_.exchange->when_sent([self = shared_from_this()] { self->make_more(); });
    }
    void make_more() {
        const Status queued =
            call_.context.scheduler.run([self = shared_from_this()](AgentMemory&) { self->make_some(); });
        if (!queued) log(LogLevel::kWarning, "export_broken_off", queued.error().message);
    }

    RouteCall call_;
    std::unique_ptr<AgentExport> run_;
    std::vector<std::byte> bytes_;
};

boost::json::value rewarm_json(const RewarmStatus& status) {
    boost::json::object object = to_json(status.report).as_object();
    object["running"] = status.running;
    object["current"] = status.current;
    return object;
}

ApiError owner_only(std::string_view what) {
    ApiError error =
        http_error(403, fmt::format("{} is for the user who runs the server: use `kvasir import`", what));
    error.code = "owner_only";
    return error;
}

struct ImportWish {
    ImportRequest request;
    std::string file;   // "": the body is it
    std::string model;  // "": the one that the file belongs to
};

bool is_json(const HttpRequest& request) {
    return request.header("content-type").value_or("").starts_with("application/json");
}

ApiResult<ImportWish> read_wish(const HttpRequest& request) {
    ImportWish wish;
    const bool owner = request.socket == SocketKind::kOwner;
    const auto asked = [&](std::string_view name) { return request.query_value(name) == "true"; };
    bool trust = asked("trust_kv");
    bool dry_run = asked("dry_run");
    wish.model = std::string(request.query_value("model").value_or(""));
    if (is_json(request)) {
        auto object = parse_request_body(request.body);
        if (!object) return fail(object.error());
        RequestReading reading;
        const JsonFields fields(*object, "", reading);
        wish.file = fields.required_text("file");
        if (!wish.file.empty() && wish.file.front() != '/')
            fields.refuse("invalid_value", "file", "file is an absolute path");
        if (auto model = fields.text("model")) wish.model = std::move(*model);
        trust = trust || fields.flag("trust_kv").value_or(false);
        dry_run = dry_run || fields.flag("dry_run").value_or(false);
        if (reading.failed()) return fail(*reading.error());
        if (!owner) return fail(owner_only("a file of the server's machine"));
    } else if (request.body.empty()) {
        return fail(http_error(400, "the body is the exported file, or JSON that names one"));
    }
    // KV is shared by what its tokens say: whoever may make the server trust it speaks for all agents.
    if (trust && !owner) return fail(owner_only("KV that nobody can vouch for"));
    wish.request.trust = trust ? TrustKv::kYes : TrustKv::kNo;
    wish.request.dry_run = dry_run ? DryRun::kYes : DryRun::kNo;
    return wish;
}

// Of several models the file's own, unless one is named.
ApiResult<ModelWish> model_for(const ServerContext& context, const std::string& named, ByteSource& file) {
    const auto model = find_model(context, named);
    if (!model) return fail(model.error());
    if (*model || context.models.size() == 1) return ModelWish{*model};
    auto own = model_of_file(file);
    if (!own) return fail(api_error(own.error()));
    return ModelWish{std::nullopt, {}, std::move(*own)};
}

void start_import(const RouteCall& call, ImportRequest wanted, ModelWish model) {
    struct Work {
        ImportRequest request;
        std::unique_ptr<AgentImport> run;
    };
    auto work = std::make_shared<Work>(Work{std::move(wanted), nullptr});
    SlicedWork slices;
    slices.model = std::move(model);
    slices.refused = [call](const Error& error) { respond_error(call, api_error(error)); };
    slices.piece = [call, work](AgentMemory& memory) {
        if (!work->run) work->run = memory.begin_import(std::move(work->request));
        if (const Status step = work->run->step(); !step) {
            respond_error(call, api_error(step.error()));
            return Progress::kDone;
        }
        if (!work->run->done()) return Progress::kMore;
        const int status = work->run->report().dry_run ? 200 : 201;
        respond_json(call, status, boost::json::serialize(to_json(work->run->report())));
        return Progress::kDone;
    };
    slices.cut_off = [call] {
        respond_error(call, api_error({ErrorCode::kUnavailable, "the server is shutting down"}));
    };
    call.context.store_watch.start(std::move(slices));
}

}  // namespace

void post_rewarm(const RouteCall& call) {
    const Status started = call.context.rewarmer.start();
    if (!started) return respond_error(call, refused_by_queue(call.context, started.error()));
    respond_json(call, 202, boost::json::serialize(rewarm_json(call.context.rewarmer.status())));
}

void get_rewarm(const RouteCall& call) {
    respond_json(call, 200, boost::json::serialize(rewarm_json(call.context.rewarmer.status())));
}

void get_agent_export(const RouteCall& call) { std::make_shared<ExportStream>(call)->start(); }

void post_agent_import(const RouteCall& call) {
    auto wish = read_wish(call.exchange->request());
    if (!wish) return respond_error(call, wish.error());
    ImportRequest request = std::move(wish->request);
    request.name = call.agent;
    if (wish->file.empty()) {
        request.file = make_byte_source(call.exchange->request().body);
    } else {
        auto file = open_byte_source(wish->file);
        if (!file) return respond_error(call, api_error(file.error()));
        request.file = std::move(*file);
    }
    auto model = model_for(call.context, wish->model, *request.file);
    if (!model) return respond_error(call, model.error());
    start_import(call, std::move(request), std::move(*model));
}

}  // namespace kvasir
