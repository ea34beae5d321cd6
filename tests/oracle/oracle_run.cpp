#include "oracle/oracle_run.h"

#include <array>
#include <memory>
#include <random>
#include <utility>

#include "oracle/stack.h"

namespace kvasir::test {

namespace {

std::string random_text(std::mt19937& random, std::uint32_t words_max) {
    static const std::array<const char*, 16> kWords = {"The", "project", "code",   "is",      "amber", "42",
                                                       "and", "meets",   "on",     "Friday",  "with",  "Nora",
                                                       "in",  "Oslo",    "please", "remember"};
    std::string text;
    const std::uint32_t words = 1 + static_cast<std::uint32_t>(random()) % words_max;
    for (std::uint32_t i = 0; i < words; ++i) {
        if (i > 0) text += ' ';
        text += kWords.at(random() % kWords.size());
    }
    return text + ".";
}

Status play_message(AgentMemory& memory, const Step& step, OracleOutcome& outcome) {
    MessageOptions message;
    message.answer_tokens_max = step.answer_tokens_max;
    KVASIR_TRY_ASSIGN(const TurnResult turn, memory.message(step.agent, step.text, message));
    outcome.answers.push_back(turn.text);
    outcome.metrics.push_back(turn.metrics);
    if (!turn.warning.empty()) outcome.warnings.push_back(turn.warning);
    if (turn.metrics.source == ReuseSource::kDisk) outcome.restored_tokens += turn.metrics.reused_tokens;
    return {};
}

Status play_load(AgentMemory& memory, const Step& step, OracleOutcome& outcome) {
    KVASIR_TRY_ASSIGN(const LoadResult loaded, memory.load(step.agent));
    outcome.restored_tokens += loaded.restored_tokens;
    if (!loaded.warning.empty()) outcome.warnings.push_back(loaded.warning);
    return {};
}

Result<std::unique_ptr<Stack>> open_stack(const OracleOptions& options, const std::string& home,
                                          OracleOutcome& outcome) {
    StackOptions stack;
    stack.model_path = options.model.path;
    stack.kv_type = options.model.kv_type;
    stack.agents_resident_max = options.agents_resident_max;
    stack.context_tokens = options.context_tokens;
    stack.batch_tokens = options.batch_tokens;
    stack.sequences = options.sequences;
    stack.kv_cells = options.kv_cells;
    stack.decorate = [&](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
        return std::make_unique<WitnessEngine>(std::move(engine), outcome.witness, options.sabotage);
    };
    return Stack::open(stack, home);
}

Status play_step(std::unique_ptr<Stack>& stack, const Step& step, const OracleOptions& options,
                 const std::string& home, OracleOutcome& outcome) {
    if (step.kind == StepKind::kCreate) {
        KVASIR_TRY(stack->memory().create(step.agent, "tester", step.text).map([](const CreateResult&) {}));
        return {};
    }
    if (step.kind == StepKind::kMessage) return play_message(stack->memory(), step, outcome);
    if (options.interruptions == Interruptions::kIgnored) return {};
    if (step.kind == StepKind::kEvict) return stack->memory().evict(step.agent).map([](const SaveResult&) {});
    if (step.kind == StepKind::kLoad) return play_load(stack->memory(), step, outcome);
    if (step.kind == StepKind::kSaveAll) return stack->memory().save_all().map([](const SaveResult&) {});
    stack.reset();  // a restart: the store's lock must be free before it is taken again
    KVASIR_TRY_ASSIGN(stack, open_stack(options, home, outcome));
    return {};
}

}  // namespace

std::vector<Step> random_conversation(std::uint32_t seed, std::uint32_t agents, std::uint32_t messages) {
    std::mt19937 random(seed);
    std::vector<Step> steps;
    for (std::uint32_t i = 0; i < agents; ++i) {
        steps.push_back({StepKind::kCreate, "agent-" + std::to_string(i), random_text(random, 60), 0});
    }
    for (std::uint32_t i = 0; i < messages; ++i) {
        const std::string agent = "agent-" + std::to_string(random() % agents);
        const std::uint32_t dice = static_cast<std::uint32_t>(random()) % 10;
        if (dice < 4) steps.push_back({StepKind::kRestart, "", "", 0});
        if (dice == 4 && agents == 1) steps.push_back({StepKind::kEvict, agent, "", 0});
        if (dice == 5) steps.push_back({StepKind::kLoad, agent, "", 0});
        if (dice == 6) steps.push_back({StepKind::kSaveAll, "", "", 0});
        const std::uint32_t words_max = random() % 4 == 0 ? 300 : 30;
        steps.push_back({StepKind::kMessage, agent, random_text(random, words_max), 4 + i % 9});
    }
    return steps;
}

Result<OracleOutcome> play(const std::vector<Step>& steps, const OracleOptions& options) {
    const ScratchDirectory home;
    OracleOutcome outcome;
    Status status;
    {
        auto stack = open_stack(options, home.path(), outcome);
        if (!stack) status = fail(std::move(stack).error());
        for (const Step& step : steps) {
            if (!status) break;
            status = play_step(*stack, step, options, home.path(), outcome);
        }
    }
    if (!status) return fail(std::move(status).error());
    return outcome;
}

}  // namespace kvasir::test
