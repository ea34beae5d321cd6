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

constexpr Position kProbeTokens = 512;

// How fast this machine reads a prompt, and what a stored token costs: from which length on a restore pays.
Result<std::string> measure_rates(Session& session) {
    Engine& engine = session.engine();
    const Position tokens = std::min<Position>(kProbeTokens, engine.model().context_tokens / 2);
    KVASIR_TRY_ASSIGN(const SequenceId sequence, engine.open_sequence());
    const auto close = [&](Result<std::string> result) {
        engine.close_sequence(sequence);
        return result;
    };
    std::vector<BatchRow> rows;
    for (Position i = 0; i < std::min<Position>(tokens, engine.model().batch_tokens); ++i) {
        rows.push_back({sequence, static_cast<Token>(1 + i % 64), i, i + 1 == tokens});
    }
    const std::int64_t begin_us = system_clock().monotonic_us();
    if (const Status decoded = engine.decode(rows); !decoded) return close(fail(decoded.error()));
    (void)engine.counters();  // waits for the work to be done
    const double prefill_us =
        static_cast<double>(system_clock().monotonic_us() - begin_us) / static_cast<double>(rows.size());
    std::vector<std::byte> image;
    const TokenRange range{0, std::min<Position>(kBlockTokens, static_cast<Position>(rows.size()))};
    if (const Status out = engine.export_rows(sequence, Plane::kAppend, range, image); !out)
        return close(fail(out.error()));
    if (const Status back = engine.rewind(sequence, 0); !back) return close(fail(back.error()));
    const std::int64_t import_us = system_clock().monotonic_us();
    if (const Status in = engine.import_rows(sequence, Plane::kAppend, range, image); !in)
        return close(fail(in.error()));
    const double restore_us = static_cast<double>(system_clock().monotonic_us() - import_us) / range.size();
    return close(
        fmt::format("reading a token takes {:.1f} us, importing its KV {:.2f} us ({:.0f}x); {} per token",
                    prefill_us, restore_us, prefill_us / std::max(restore_us, 0.001),
                    human_bytes(engine.kv_layout().row_bytes(Plane::kAppend))));
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
