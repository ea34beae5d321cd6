// `kvasir export`, `kvasir import`: one agent as one file, here or through the server that holds the store.
#include <fmt/format.h>

#include "app/agent_service.h"
#include "app/commands.h"
#include "app/print_json.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

namespace {

std::string read_again(const ImportReport& report) {
    if (report.tokens_to_read == 0) return "nothing is read again";
    const std::string tokens = fmt::format("{} tokens to re-read", report.tokens_to_read);
    if (!report.read_ms)
        return tokens + ", how long is not known: this machine has not read with the model yet";
    return fmt::format("{}, about {}", tokens, human_ms(*report.read_ms));
}

}  // namespace

Result<ExitCode> run_export(const Config& config, const ExportArguments& arguments) {
    const std::string path = arguments.path.empty() ? arguments.agent + ".safetensors" : arguments.path;
    KVASIR_TRY_ASSIGN(const auto service, open_agent_service(config, Need::kStore));
    KVASIR_TRY(service->show(arguments.agent));  // before a model is loaded for it
    KVASIR_TRY_ASSIGN(const ExportReport report, service->export_agent(arguments.agent, path));
    if (config.json) {
        print_json(to_json(report));
        return ExitCode::kOk;
    }
    fmt::print("exported {} to {}: {} turns, {} tokens, {} of them with KV; {}\n", report.agent,
               for_terminal(path), report.turns, report.tokens, report.cache_tokens,
               human_bytes(report.file_bytes));
    return ExitCode::kOk;
}

Result<ExitCode> run_import(const Config& config, const ImportArguments& arguments) {
    ImportWish wish{arguments.path, arguments.name, arguments.trust_kv ? TrustKv::kYes : TrustKv::kNo,
                    arguments.dry_run ? DryRun::kYes : DryRun::kNo};
    KVASIR_TRY_ASSIGN(const auto service, open_agent_service(config, Need::kStore));
    KVASIR_TRY_ASSIGN(const ImportReport report, service->import_agent(wish));
    if (config.json) {
        print_json(to_json(report));
        return ExitCode::kOk;
    }
    fmt::print("{} {}: {} turns, {} tokens; {}, {}\n", report.dry_run ? "would import" : "imported",
               report.agent, report.turns, report.tokens,
               report.kv_refused.empty() ? fmt::format("KV of {} usable", report.kv_tokens)
                                         : std::string("KV not used"),
               read_again(report));
    if (!report.kv_refused.empty() && !config.quiet)
        fmt::print(stderr, "kvasir: the file's KV is not used: {}\n", for_terminal(report.kv_refused));
    return ExitCode::kOk;
}

}  // namespace kvasir
