#include <fmt/format.h>
#include <unistd.h>

#include "app/chat_turn.h"
#include "app/demo_facts.h"
#include "app/demo_session.h"
#include "app/session.h"
#include "app/terminal.h"

namespace kvasir {

namespace {

Result<TurnResult> tell(const Config& config, Session& session, const DemoAgent& agent,
                        const std::string& text) {
    MessageOptions options;
    options.answer_tokens_max = config.answer_tokens_max;
    return session.memory().message(agent.name, text, options);
}

Status introduce(const Config& config, Session& session, const DemoAgent& agent) {
    KVASIR_TRY_ASSIGN(const CreateResult created,
                      session.memory().create(agent.name, agent.type, agent.system_prompt));
    fmt::print("\n  {} {}\n", styled(Style::kBold, agent.name),
               styled(Style::kDim, fmt::format("created: {} tokens of system prompt, prefilled in {}",
                                               created.agent.cache_tokens, human_ms(created.prefill_ms))));
    std::string answer;
    TurnMetrics last;
    for (const DemoFact& fact : agent.facts) {
        KVASIR_TRY_ASSIGN(const TurnResult turn, tell(config, session, agent, telling(fact)));
        fmt::print("    you    {}\n    {}  {}\n", telling(fact), styled(Style::kCyan, "agent"),
                   for_terminal(turn.text));
        last = turn.metrics;
    }
    KVASIR_TRY_ASSIGN(const TurnResult read, tell(config, session, agent, agent.document));
    fmt::print("    you    {} {}\n    {}  {}\n", "Read this: ...", styled(Style::kDim, "(14 sentences)"),
               styled(Style::kCyan, "agent"), for_terminal(read.text));
    KVASIR_TRY_ASSIGN(const AgentInfo info, session.memory().show(agent.name));
    fmt::print("    {}\n",
               styled(Style::kDim,
                      fmt::format("{} turns, {} tokens, first token of the last turn {}, commit {}, "
                                  "save {}",
                                  info.turn_count, info.token_count, human_ms(read.metrics.first_token_ms),
                                  human_ms(read.metrics.commit_ms), human_ms(read.metrics.save_ms))));
    return {};
}

}  // namespace

Result<ExitCode> demo_first_session(const Config& config, const DemoArguments& arguments) {
    KVASIR_TRY_ASSIGN(const auto session, Session::open(config));
    fmt::print(
        "{} {}\n", styled(Style::kBold, "Session 1"),
        styled(Style::kDim, fmt::format("process {}, {} loaded in {}", ::getpid(),
                                        session->engine().model().name, human_ms(session->model_load_ms()))));
    const auto agents = demo_agents(arguments.facts_seed);
    for (const DemoAgent& agent : agents) KVASIR_TRY(introduce(config, *session, agent));
    DemoAgent twin = agents.front();
    twin.name = kDemoTwin;
    KVASIR_TRY(
        session->memory().create(twin.name, twin.type, twin.system_prompt).map([](const CreateResult&) {}));
    // It gets a fact of its own, so that it has something to say.
    const std::string own_fact = "Remember that the anthem of the museum is silence.";
    KVASIR_TRY(tell(config, *session, twin, own_fact).map([](const TurnResult&) {}));
    fmt::print("\n  {} {}\n", styled(Style::kBold, kDemoTwin),
               styled(Style::kDim, "the specialist's system prompt, none of its facts: the control"));
    KVASIR_TRY_ASSIGN(const SaveResult saved, session->memory().save_all());
    KVASIR_TRY_ASSIGN(const DiskUsage disk, session->store().usage());
    fmt::print(
        "\n  saved ({}), {} of KV on disk; process {} ends here, and everything in its memory with it\n\n",
        human_ms(saved.save_ms), human_bytes(disk.kv_bytes), ::getpid());
    return ExitCode::kOk;
}

}  // namespace kvasir
