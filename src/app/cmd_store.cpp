// `kvasir fsck`, `kvasir gc`, `kvasir backup`: the store as a whole, here or through the server that holds
// it.
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/print_json.h"
#include "app/remote_agents.h"
#include "app/remote_store.h"
#include "app/server_json.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/names.h"
#include "server/store_json.h"

namespace kvasir {

namespace {

namespace json = boost::json;

template <class Work>
Status run_to_the_end(Work& work) {
    while (!work.done()) KVASIR_TRY(work.step());
    return {};
}

// What both ways come to: `local` on a store of our own, else the server's answer to `route`.
template <class Local>
Result<json::value> ask_store(const Config& config, const char* route, const json::object& body,
                              Local local) {
    auto opened = open_store(config);
    if (opened) return local(*opened->store);
    if (opened.error().code != ErrorCode::kStoreInUse) return fail(std::move(opened).error());
    auto answer = ask_server_of_store(server_socket_path(home_of(config)), route, body);
    // Who holds the store and does not serve can only be waited for.
    if (!answer && answer.error().code == ErrorCode::kUnavailable) return fail(std::move(opened).error());
    return answer;
}

std::string text_of(const json::value& value, const char* name) {
    const json::value* field = value.is_object() ? value.get_object().if_contains(name) : nullptr;
    return field != nullptr && field->is_string() ? std::string(field->get_string()) : std::string();
}

std::uint64_t count_of(const json::value& value, const char* name) {
    const json::value* field = value.is_object() ? value.get_object().if_contains(name) : nullptr;
    boost::system::error_code error;
    const auto count = field != nullptr ? field->to_number<std::uint64_t>(error) : 0;
    return error ? 0 : count;
}

void print_check(const json::value& report) {
    fmt::print("catalog      {}\n", for_terminal(text_of(report, "catalog")));
    fmt::print("KV files     {} checked ({})\n", count_of(report, "files_checked"),
               human_bytes(count_of(report, "bytes_checked")));
    for (const char* name : {"damaged", "missing", "unknown", "quarantined", "repaired"})
        fmt::print("{:<12} {}\n", name, count_of(report, name));
    const json::value* findings = report.get_object().if_contains("findings");
    if (findings == nullptr || !findings->is_array()) return;
    for (const json::value& finding : findings->get_array())
        fmt::print("  {}: {}\n", for_terminal(text_of(finding, "file")),
                   for_terminal(text_of(finding, "what")));
}

}  // namespace

Result<ExitCode> run_fsck(const Config& config, const FsckArguments& arguments) {
    CheckRequest request;
    request.repair = arguments.repair ? Repair::kYes : Repair::kNo;
    KVASIR_TRY_ASSIGN(const json::value report,
                      ask_store(config, "/store/fsck", {{"repair", arguments.repair}},
                                [&](Store& store) -> Result<json::value> {
                                    const auto check = store.begin_check(request);
                                    KVASIR_TRY(run_to_the_end(*check));
                                    return to_json(check->report());
                                }));
    ServerFields fields(report);
    bool good = false;
    fields.read("good", good);
    KVASIR_TRY_ASSIGN(good, fields.done(good));
    if (config.json)
        print_json(report);
    else
        print_check(report);
    if (!good && !arguments.repair && !config.json && !config.quiet && text_of(report, "catalog") == "whole")
        fmt::print(
            stderr,
            "kvasir: 'kvasir fsck --repair' sets aside what is damaged; nothing that was said is lost\n");
    if (good) return ExitCode::kOk;
    return text_of(report, "catalog") == "whole" ? ExitCode::kFailed : ExitCode::kStoreUnusable;
}

Result<ExitCode> run_gc(const Config& config, const GcArguments& arguments) {
    CollectionRequest request;
    json::object body;
    if (arguments.free_bytes > 0) {
        request.bytes = arguments.free_bytes;
        request.depth = CollectionDepth::kColdAgents;
        body["free_bytes"] = arguments.free_bytes;
    }
    KVASIR_TRY_ASSIGN(const json::value result,
                      ask_store(config, "/store/gc", body, [&](Store& store) -> Result<json::value> {
                          KVASIR_TRY(store.remove_unknown_files());
                          const auto collection = store.begin_collection(request);
                          KVASIR_TRY(run_to_the_end(*collection));
                          return to_json(collection->result());
                      }));
    if (config.json) {
        print_json(result);
        return ExitCode::kOk;
    }
    fmt::print("freed {}: {} KV files, {} from quarantine\n", human_bytes(count_of(result, "bytes_freed")),
               count_of(result, "files_removed"), count_of(result, "quarantined_removed"));
    if (const std::uint64_t agents = count_of(result, "agents"); agents > 0)
        fmt::print("{} agents will read some of their past again\n", agents);
    return ExitCode::kOk;
}

Result<ExitCode> run_backup(const Config& config, const BackupArguments& arguments) {
    const std::string directory = absolute_path(arguments.directory);
    KVASIR_TRY_ASSIGN(const json::value report, ask_store(config, "/store/backup", {{"directory", directory}},
                                                          [&](Store& store) -> Result<json::value> {
                                                              const auto backup =
                                                                  store.begin_backup(directory);
                                                              KVASIR_TRY(run_to_the_end(*backup));
                                                              return to_json(backup->report());
                                                          }));
    if (config.json) {
        print_json(report);
        return ExitCode::kOk;
    }
    fmt::print("backed up {} agents to {}: {} files, {}\n", count_of(report, "agents"),
               for_terminal(text_of(report, "directory")), count_of(report, "files"),
               human_bytes(count_of(report, "bytes")));
    if (const std::uint64_t left_out = count_of(report, "files_left_out"); left_out > 0)
        fmt::print("{} KV files were left out; their tokens are there and are read again\n", left_out);
    return ExitCode::kOk;
}

}  // namespace kvasir
