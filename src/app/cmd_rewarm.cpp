// `kvasir rewarm`: after a change of KV type or settings, agents are read again before they are spoken to.
#include <fmt/format.h>

#include "app/agent_service.h"
#include "app/commands.h"
#include "app/print_json.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

Result<ExitCode> run_rewarm(const Config& config) {
    KVASIR_TRY_ASSIGN(const auto service, open_agent_service(config, Need::kModel));
    ProgressLine progress(config.quiet || config.json);
    KVASIR_TRY_ASSIGN(
        const RewarmReport report, service->rewarm([&](const RewarmReport& so_far, const std::string& agent) {
            if (agent.empty()) return;
            progress.show(fmt::format("reading {}, {} tokens so far", agent, so_far.tokens_read), 0);
        }));
    progress.clear();
    const bool good = report.failed == 0 && report.last_error.empty();
    if (config.json) {
        print_json(to_json(report));
        return good ? ExitCode::kOk : ExitCode::kFailed;
    }
    if (report.agents == 0)
        fmt::print("nothing to read: the KV of every agent of this model is usable\n");
    else
        fmt::print("read {} agents again: {} tokens in {}\n", report.agents - report.failed,
                   report.tokens_read, human_ms(report.prefill_ms));
    if (!good) fmt::print(stderr, "kvasir: {}\n", for_terminal(report.last_error));
    return good ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace kvasir
