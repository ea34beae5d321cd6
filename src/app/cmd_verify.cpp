// `kvasir verify AGENT`: its stored state against a cold reading of the same tokens, on this machine.
#include <fmt/format.h>

#include "app/agent_service.h"
#include "app/commands.h"
#include "app/print_json.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

Result<ExitCode> run_verify(const Config& config, const std::string& agent) {
    KVASIR_TRY_ASSIGN(const auto service, open_agent_service(config, Need::kModel));
    KVASIR_TRY_ASSIGN(const VerifyReport report, service->verify(agent));
    if (config.json) {
        print_json(to_json(report));
        return report.good ? ExitCode::kOk : ExitCode::kFailed;
    }
    fmt::print("{} {}: {} of {} tokens restored in {}, all of them read cold in {}\n",
               report.good ? styled(Style::kGreen, "good") : styled(Style::kRed, "NOT GOOD"), agent,
               report.restored_tokens, report.tokens, human_ms(report.restore_ms),
               human_ms(report.prefill_ms));
    if (report.identical)
        fmt::print("  the next token's logits are the same to the bit\n");
    else
        fmt::print("  the next token is {}; its logits deviate by {:.3g} % of their spread\n",
                   report.same_token ? "the same" : "ANOTHER", 100 * report.deviation);
    if (!report.warning.empty()) fmt::print(stderr, "kvasir: {}\n", report.warning);
    if (!report.good)
        fmt::print(
            stderr,
            "kvasir: the stored KV of {} is not what its tokens mean: this is a fault of the program, please "
            "report it; an agent that is created anew is not affected\n",
            agent);
    return report.good ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace kvasir
