#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "app/cold_run.h"
#include "app/demo_facts.h"
#include "app/demo_session.h"
#include "app/session.h"
#include "app/terminal.h"

namespace kvasir {

namespace {

// What the second session found out; every count that is not zero is a reason for the verdict.
struct Findings {
    std::uint32_t facts_asked = 0;
    std::uint32_t facts_forgotten = 0;
    std::uint32_t forgotten_cold_too =
        0;  // of them: the model does not know it with everything re-read either
    std::uint32_t secrets_asked = 0;
    std::uint32_t secrets_leaked = 0;
    std::uint32_t turns_read_again = 0;  // a first turn that evaluated more than its new tokens
    std::uint32_t twin_knew = 0;
};

constexpr std::uint32_t kAnswerTokensBrief = 40;  // an answer is one short sentence

struct FirstTurn {
    std::string agent;
    Position tokens_before = 0;
    TurnMetrics metrics;
    double cold_ms = 0;
};

bool contains(const std::string& text, const std::string& value) {
    return text.find(value) != std::string::npos;
}

class SecondSession {
  public:
    SecondSession(const Config& config, Session& session) : config_(config), session_(session) {}

    Status ask_all(const std::vector<DemoAgent>& agents) {
        for (std::size_t i = 0; i < agents.size(); ++i) {
            fmt::print("\n  {}\n", styled(Style::kBold, agents[i].name));
            for (const DemoFact& fact : agents[i].facts) KVASIR_TRY(ask_known(agents[i].name, fact));
            KVASIR_TRY(ask_secret(agents[i].name, agents[(i + 1) % agents.size()].facts.front()));
        }
        fmt::print("\n  {} {}\n", styled(Style::kBold, kDemoTwin),
                   styled(Style::kDim, "(the control: it was told none of these)"));
        for (const DemoFact& fact : agents.front().facts) KVASIR_TRY(ask_twin(fact));
        return {};
    }

    void print_table() const;
    ExitCode print_verdict() const;

  private:
    MessageOptions brief() const {
        MessageOptions options;
        options.answer_tokens_max = std::min(config_.answer_tokens_max, kAnswerTokensBrief);
        return options;
    }

    Result<TurnResult> ask(const std::string& agent, const DemoFact& fact) {
        KVASIR_TRY_ASSIGN(const AgentInfo before, session_.memory().show(agent));
        KVASIR_TRY_ASSIGN(const TurnResult turn, session_.memory().message(agent, question(fact), brief()));
        if (first_turns_.empty() || first_turns_.back().agent != agent) {
            first_turns_.push_back({agent, before.token_count, turn.metrics, 0});
            KVASIR_TRY(measure_cold(agent, turn));
        }
        return turn;
    }

    // The prompt of the agent's last turn once more, every token evaluated: how long it takes and what the
    // model answers then.
    Result<ColdRun> read_all_again(const std::string& agent, const TurnResult& turn) {
        KVASIR_TRY_ASSIGN(const AgentRecord record, session_.store().catalog().agent(agent));
        KVASIR_TRY_ASSIGN(std::vector<Token> tokens, session_.store().catalog().tokens(record.id));
        tokens.resize(turn.metrics.prompt_tokens);
        return run_cold(session_.engine(), tokens, kAnswerTokensBrief);
    }

    Status measure_cold(const std::string& agent, const TurnResult& turn) {
        KVASIR_TRY_ASSIGN(const ColdRun cold, read_all_again(agent, turn));
        FirstTurn& first = first_turns_.back();
        first.cold_ms = cold.first_token_ms;
        // The new tokens, and the one token whose row is never stored: the last of the former turn.
        const Position new_tokens = turn.metrics.prompt_tokens - first.tokens_before + 1;
        const bool proved =
            turn.metrics.source == ReuseSource::kDisk && turn.metrics.evaluated_tokens <= new_tokens &&
            turn.metrics.evaluated_by_engine <= std::uint64_t{new_tokens} + turn.metrics.answer_tokens;
        if (!proved) ++findings_.turns_read_again;
        return {};
    }

    Status ask_known(const std::string& agent, const DemoFact& fact) {
        KVASIR_TRY_ASSIGN(const TurnResult turn, ask(agent, fact));
        ++findings_.facts_asked;
        const bool known = contains(turn.text, fact.value);
        if (!known) {
            ++findings_.facts_forgotten;
            KVASIR_TRY_ASSIGN(const ColdRun cold, read_all_again(agent, turn));
            if (!contains(cold.text, fact.value)) ++findings_.forgotten_cold_too;
        }
        print_exchange(question(fact), turn.text,
                       known ? styled(Style::kGreen, "remembered") : styled(Style::kRed, "forgotten"));
        return {};
    }

    Status ask_secret(const std::string& agent, const DemoFact& secret) {
        KVASIR_TRY_ASSIGN(const TurnResult turn, ask(agent, secret));
        ++findings_.secrets_asked;
        const bool leaked = contains(turn.text, secret.value);
        if (leaked) ++findings_.secrets_leaked;
        print_exchange(
            question(secret), turn.text,
            leaked ? styled(Style::kRed, "LEAKED") : styled(Style::kGreen, "another's secret, kept"));
        return {};
    }

    Status ask_twin(const DemoFact& fact) {
        KVASIR_TRY_ASSIGN(const TurnResult turn,
                          session_.memory().message(kDemoTwin, question(fact), brief()));
        const bool knew = contains(turn.text, fact.value);
        if (knew) ++findings_.twin_knew;
        print_exchange(
            question(fact), turn.text,
            knew ? styled(Style::kRed, "cannot know that") : styled(Style::kGreen, "does not know"));
        return {};
    }

    static void print_exchange(const std::string& asked, const std::string& answer, const std::string& mark) {
        fmt::print("    you    {}\n    {}  {}  {}\n", asked, styled(Style::kCyan, "agent"),
                   for_terminal(answer), mark);
    }

    const Config& config_;
    Session& session_;
    std::vector<FirstTurn> first_turns_;
    Findings findings_;
};

void SecondSession::print_table() const {
    Table table({{"AGENT"},
                 {"PROMPT", Align::kRight},
                 {"REUSED", Align::kRight},
                 {"FROM"},
                 {"READ", Align::kRight},
                 {"RESTORE", Align::kRight},
                 {"PREFILL", Align::kRight},
                 {"DECODE", Align::kRight},
                 {"1ST TOKEN", Align::kRight},
                 {"COLD", Align::kRight},
                 {"", Align::kRight}});
    for (const FirstTurn& turn : first_turns_) {
        const TurnMetrics& m = turn.metrics;
        table.add({turn.agent, std::to_string(m.prompt_tokens), std::to_string(m.reused_tokens),
                   to_string(m.source), std::to_string(m.evaluated_tokens), human_ms(m.restore_ms),
                   human_ms(m.prefill_ms), human_ms(m.decode_ms), human_ms(m.first_token_ms),
                   human_ms(turn.cold_ms),
                   fmt::format("{:.1f}x", turn.cold_ms / std::max(m.first_token_ms, 0.001))});
    }
    fmt::print("\n{}", table.text());
    fmt::print(
        "{}\n",
        styled(Style::kDim,
               "The first turn of each agent after the restart, in tokens and milliseconds; COLD is the "
               "same prompt\nwith every token read again, measured just now."));
    const MemoryUsage memory = session_.memory().memory_usage();
    if (const auto disk = session_.store().usage()) {
        fmt::print("\non disk: {} of KV, {} of catalog; in memory: weights {}, KV pool {}, process {}\n",
                   human_bytes(disk->kv_bytes), human_bytes(disk->catalog_bytes),
                   human_bytes(memory.engine.weights_bytes), human_bytes(memory.engine.kv_pool_bytes),
                   human_bytes(memory.total_bytes));
    }
}

ExitCode SecondSession::print_verdict() const {
    const Findings& f = findings_;
    std::vector<std::string> reasons;
    if (f.turns_read_again > 0)
        reasons.push_back(fmt::format("{} agents read again what they had read before", f.turns_read_again));
    if (f.secrets_leaked > 0)
        reasons.push_back(fmt::format("{} secrets came out of the wrong agent", f.secrets_leaked));
    if (f.twin_knew > 0) reasons.emplace_back("the twin knew what it was never told");
    // What the model does not know with everything read again either, memory did not lose.
    const std::uint32_t lost = f.facts_forgotten - f.forgotten_cold_too;
    if (lost > 0) reasons.push_back(fmt::format("{} of {} facts were forgotten", lost, f.facts_asked));
    if (2 * f.forgotten_cold_too > f.facts_asked) {
        reasons.push_back(
            fmt::format("this model knows only {} of {} facts even when it reads everything again: it cannot "
                        "judge memory",
                        f.facts_asked - f.forgotten_cold_too, f.facts_asked));
    }
    if (!reasons.empty()) {
        fmt::print("\n{} {}\n", styled(Style::kRed, "MEMORY FAILED:"), fmt::join(reasons, "; "));
        return ExitCode::kFailed;
    }
    fmt::print("\n{} {} of {} facts remembered, {} of {} secrets kept, and no token was read twice.\n",
               styled(Style::kGreen, "MEMORY HELD:"), f.facts_asked - f.facts_forgotten, f.facts_asked,
               f.secrets_asked, f.secrets_asked);
    if (f.forgotten_cold_too > 0) {
        fmt::print("The {} other: this model does not know it with every token read again either.\n",
                   f.forgotten_cold_too);
    }
    return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> demo_second_session(const Config& config, const DemoArguments& arguments) {
    KVASIR_TRY_ASSIGN(const auto session, Session::open(config, {.sequences_extra = 1}));
    fmt::print(
        "{} {}\n", styled(Style::kBold, "Session 2"),
        styled(Style::kDim, fmt::format("process {}, a new one: it has only what is on disk", ::getpid())));
    SecondSession second(config, *session);
    KVASIR_TRY(second.ask_all(demo_agents(arguments.facts_seed)));
    second.print_table();
    return second.print_verdict();
}

}  // namespace kvasir
