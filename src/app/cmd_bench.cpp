// `kvasir bench`: the first benchmark, on this machine and this model. Reports what was measured, with the
// spread.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

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

constexpr const char* kAgent = "bench";
constexpr const char* kSystemPrompt = "You are Vera, a technical specialist. Answer briefly.";
constexpr std::uint32_t kAnswerTokens = 8;  // fixed, so that runs compare
constexpr int kMessagesOfHistory = 6;

using Samples = std::map<std::string, std::vector<double>>;

struct Bench {
    Samples ms;
    Position context_tokens = 0;  // of the measured turns
    MemoryUsage memory;
    DiskUsage disk;
    ModelInfo model;
};

std::string cpu_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

std::string long_message(int index) {
    std::string text = "Read this:";
    for (int i = 0; i < 8; ++i)
        text += fmt::format(" We tested the amber {} and the cedar {} before lunch.", index, i);
    return text;
}

Result<TurnResult> say(Session& session, const std::string& text) {
    MessageOptions options;
    options.answer_tokens_max = kAnswerTokens;
    return session.memory().message(kAgent, text, options);
}

// One process's life: create, talk, save.
Status first_life(const Config& config, Bench& bench) {
    KVASIR_TRY_ASSIGN(const auto session, Session::open(config));
    bench.ms["model load"].push_back(session->model_load_ms());
    bench.model = session->engine().model();
    KVASIR_TRY_ASSIGN(const CreateResult created, session->memory().create(kAgent, "bench", kSystemPrompt));
    bench.ms["create: prefill"].push_back(created.prefill_ms);
    bench.ms["create: save"].push_back(created.save.save_ms);
    for (int i = 0; i < kMessagesOfHistory; ++i) {
        KVASIR_TRY_ASSIGN(const TurnResult turn, say(*session, long_message(i)));
        bench.ms["turn: commit"].push_back(turn.metrics.commit_ms);
        bench.ms["turn: save"].push_back(turn.metrics.save_ms);
    }
    KVASIR_TRY_ASSIGN(const TurnResult hot, say(*session, "What is the code of the old mill?"));
    bench.ms["first token: resident"].push_back(hot.metrics.first_token_ms);
    return {};
}

// The next one: restore, and the same prompt cold.
Status second_life(const Config& config, Bench& bench) {
    KVASIR_TRY_ASSIGN(const auto session, Session::open(config, {.sequences_extra = 1}));
    bench.ms["model load"].push_back(session->model_load_ms());
    KVASIR_TRY_ASSIGN(const TurnResult turn, say(*session, "What is the code of the north gate?"));
    bench.ms["restore"].push_back(turn.metrics.restore_ms);
    bench.ms["first token: after restart"].push_back(turn.metrics.first_token_ms);
    bench.context_tokens = turn.metrics.prompt_tokens;
    KVASIR_TRY_ASSIGN(const AgentRecord record, session->store().catalog().agent(kAgent));
    KVASIR_TRY_ASSIGN(std::vector<Token> tokens, session->store().catalog().tokens(record.id));
    tokens.resize(turn.metrics.prompt_tokens);
    KVASIR_TRY_ASSIGN(const ColdRun cold, run_cold(session->engine(), tokens, kAnswerTokens));
    bench.ms["first token: cold"].push_back(cold.first_token_ms);
    bench.memory = session->memory().memory_usage();
    KVASIR_TRY_ASSIGN(bench.disk, session->store().usage());
    return {};
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

boost::json::object to_json(const Bench& bench, const BenchArguments& arguments) {
    boost::json::object rows;
    for (const auto& [name, values] : bench.ms) {
        rows[name] = {{"median_ms", median(values)},
                      {"min_ms", *std::min_element(values.begin(), values.end())},
                      {"max_ms", *std::max_element(values.begin(), values.end())},
                      {"samples", values.size()}};
    }
    return {{"version", KVASIR_VERSION},
            {"machine", {{"cpu", cpu_name()}, {"threads", std::thread::hardware_concurrency()}}},
            {"command", fmt::format("kvasir bench --repetitions {}", arguments.repetitions)},
            {"model",
             {{"name", bench.model.name},
              {"description", bench.model.description},
              {"parameters", bench.model.parameter_count}}},
            {"prompt_tokens", bench.context_tokens},
            {"rows", rows},
            {"memory", kvasir::to_json(bench.memory)},
            {"disk", kvasir::to_json(bench.disk)}};
}

void print_table(const Bench& bench, const BenchArguments& arguments) {
    fmt::print("{}, {} threads; {} ({}); {} prompt tokens; {} repetitions\n\n", cpu_name(),
               std::thread::hardware_concurrency(), bench.model.name, bench.model.description,
               bench.context_tokens, arguments.repetitions);
    Table table({{"WHAT"},
                 {"MEDIAN", Align::kRight},
                 {"MIN", Align::kRight},
                 {"MAX", Align::kRight},
                 {"SAMPLES", Align::kRight}});
    for (const auto& [name, values] : bench.ms) {
        table.add({name, human_ms(median(values)), human_ms(*std::min_element(values.begin(), values.end())),
                   human_ms(*std::max_element(values.begin(), values.end())), std::to_string(values.size())});
    }
    fmt::print(
        "{}\nmemory: weights {}, KV pool {}, compute {}, process {}\ndisk:   {} of KV, {} of catalog\n",
        table.text(), human_bytes(bench.memory.engine.weights_bytes),
        human_bytes(bench.memory.engine.kv_pool_bytes), human_bytes(bench.memory.engine.compute_bytes),
        human_bytes(bench.memory.total_bytes), human_bytes(bench.disk.kv_bytes),
        human_bytes(bench.disk.catalog_bytes));
}

}  // namespace

Result<ExitCode> run_bench(const Config& config, const BenchArguments& arguments) {
    Bench bench;
    for (std::uint32_t i = 0; i < arguments.repetitions; ++i) {
        std::error_code error;
        std::string home = (std::filesystem::temp_directory_path(error) / "kvasir-bench-XXXXXX").string();
        if (error || ::mkdtemp(home.data()) == nullptr)
            return fail(ErrorCode::kIo, "cannot make a temporary directory");
        Config own = config;
        own.restore = "always";  // that is what is measured
        own.home = home;
        own.quiet = true;
        Status lived = first_life(own, bench);
        if (lived) lived = second_life(own, bench);
        std::filesystem::remove_all(home, error);
        KVASIR_TRY(lived);
    }
    if (config.json) {
        print_json(to_json(bench, arguments));
    } else {
        print_table(bench, arguments);
    }
    return ExitCode::kOk;
}

}  // namespace kvasir
