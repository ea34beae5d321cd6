// `kvasir doctor`: can this machine, this store and this model work together? One line per check; exit code 1
// when one fails.
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/cold_run.h"
#include "app/commands.h"
#include "app/print_json.h"
#include "app/session.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

namespace {

struct Check {
    std::string name;
    bool good = false;
    std::string told;
};

// From which length on bringing stored tokens back is faster than reading them again.
std::string pays_from(const KvRates& rates) {
    const auto tokens = rates.break_even();
    if (!tokens) return "reading is always faster than a restore";
    return fmt::format("a restore pays from {} tokens on", std::max<Position>(1, *tokens));
}

// How fast this machine reads a prompt, and what a stored token costs: measured now, and in turns so far.
Result<std::string> measure_rates(Session& session) {
    const bool seen = session.memory().rates().known();
    const KvRates before = session.memory().rates();
    KVASIR_TRY_ASSIGN(const KvRates now, session.memory().measure_rates());
    std::string told = fmt::format(
        "reading a token takes {:.1f} us, restoring one {:.2f} us and {:.2f} ms for each restore: {}; {} per "
        "token",
        1000 * now.prefill_token_ms(), 1000 * now.restore_token_ms(), now.restore_fixed_ms(), pays_from(now),
        human_bytes(session.engine().kv_layout().row_bytes(Plane::kAppend)));
    if (seen) told += "; by the turns so far: " + pays_from(before);
    return told;
}

void check_store(const Config& config, std::vector<Check>& checks) {
    const auto opened = open_store(config);
    if (!opened) {
        checks.push_back({"store", false, opened.error().message});
        return;
    }
    const auto agents = list_stored_agents(*opened->store);
    checks.push_back(
        {"store", agents.has_value(),
         agents ? fmt::format("{}, {} agents", home_of(config), agents->size()) : agents.error().message});
    const Status catalog = opened->store->catalog().check();
    checks.push_back({"catalog", catalog.has_value(), catalog ? "whole" : catalog.error().message});
    const auto usage = opened->store->usage();
    if (!usage) {
        checks.push_back({"disk", false, usage.error().message});
        return;
    }
    const Status admitted = opened->store->admit_kv(1);
    checks.push_back({"disk", admitted.has_value(),
                      admitted ? fmt::format("{} of KV (budget {}), {} free, {} quarantined files",
                                             human_bytes(usage->kv_bytes), human_bytes(usage->budget_bytes),
                                             human_bytes(usage->free_bytes), usage->quarantined_files)
                               : admitted.error().message});
}

void check_model(const Config& config, std::vector<Check>& checks) {
    const auto session = Session::open(config, {.sequences_extra = 1});
    if (!session) {
        checks.push_back({"model", false, session.error().message});
        return;
    }
    const ModelInfo& model = (*session)->engine().model();
    const KvLayout& layout = (*session)->engine().kv_layout();
    checks.push_back({"model", true,
                      fmt::format("{} ({}), loaded in {}", model.name, model.description,
                                  human_ms((*session)->model_load_ms()))});
    checks.push_back(
        {"context", true,
         fmt::format("{} tokens per agent, {} KV cells for {} resident agents", model.context_tokens,
                     (*session)->engine().cells().append_total, config.agents_resident_max)});
    checks.push_back(
        {"KV", true,
         fmt::format("{} full-attention layers, {} sliding-window layers{}", layout.append.size(),
                     layout.window.size(),
                     layout.window.empty() ? "" : fmt::format(" (window {})", layout.window_tokens))});
    const MemoryUsage memory = (*session)->memory().memory_usage();
    checks.push_back(
        {"memory", true,
         fmt::format("weights {}, KV pool {}, compute {}", human_bytes(memory.engine.weights_bytes),
                     human_bytes(memory.engine.kv_pool_bytes), human_bytes(memory.engine.compute_bytes))});
    const auto rates = measure_rates(**session);
    checks.push_back({"rates", rates.has_value(), rates ? *rates : rates.error().message});
}

}  // namespace

Result<ExitCode> run_doctor(const Config& config) {
    std::vector<Check> checks;
    check_store(config, checks);
    check_model(config, checks);
    bool all_good = true;
    boost::json::array array;
    for (const Check& check : checks) {
        all_good = all_good && check.good;
        array.push_back({{"check", check.name}, {"good", check.good}, {"told", check.told}});
        if (!config.json) {
            fmt::print("{} {:<8} {}\n",
                       check.good ? styled(Style::kGreen, "ok  ") : styled(Style::kRed, "FAIL"), check.name,
                       for_terminal(check.told));
        }
    }
    if (config.json) print_json({{"good", all_good}, {"checks", array}});
    return all_good ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace kvasir
