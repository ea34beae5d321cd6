#include "oracle/family_run.h"

#include <utility>

namespace kvasir::test {

namespace {

constexpr std::uint32_t kAnswerTokens = 8;
constexpr float kNever = -1e9F;

}  // namespace

Result<std::unique_ptr<FamilyRun>> FamilyRun::open(const FamilyModel& model, Sabotage sabotage) {
    StackOptions options;
    options.model_path = KVASIR_TEST_MODELS_DIR "/" + model.name + ".gguf";
    options.kv_type = model.kv_type_k;
    options.kv_type_v = model.kv_type_v;
    options.agents_resident_max = 8;
    options.context_tokens = 1024;
    options.batch_tokens = 60;  // summed row by row, wherever the cells lie: see oracle_run.h
    options.sequences = 30;     // a window pool whose ring does not wrap
    options.kv_cells = 4096;
    std::unique_ptr<FamilyRun> run(new FamilyRun(std::move(options)));
    KVASIR_TRY_ASSIGN(run->never_stopped_, open_llama_engine(engine_options(run->options_)));
    run->options_.decorate = [made = run.get(), sabotage](std::unique_ptr<Engine> engine) {
        auto recording = std::make_unique<RecordingEngine>(std::move(engine), made->chunks_);
        return std::unique_ptr<Engine>(
            std::make_unique<WitnessEngine>(std::move(recording), made->witness_, sabotage));
    };
    KVASIR_TRY(run->restart());
    return run;
}

Status FamilyRun::restart() {
    stack_.reset();
    KVASIR_TRY_ASSIGN(stack_, Stack::open(options_, home_.path()));
    return {};
}

Status FamilyRun::create(const std::string& agent, const std::string& system_prompt) {
    chunks_.clear();
    KVASIR_TRY(memory().create(agent, "tester", system_prompt).map([](const CreateResult&) {}));
    lines_.push_back(chunks_);
    return {};
}

TurnRequest FamilyRun::request(const std::string& agent) const {
    TurnRequest request;
    request.agent = agent;
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = kAnswerTokens;
    // Answers of one length, whatever the numbers of this processor.
    const Engine& engine = *never_stopped_;
    for (Token token = 0; static_cast<std::uint32_t>(token) < engine.model().vocabulary_size; ++token) {
        if (engine.is_end_of_turn(token)) request.sampling.logit_bias.emplace_back(token, kNever);
    }
    return request;
}

Status FamilyRun::compare(const Line& line, std::size_t first, Outcome& outcome) {
    KVASIR_TRY_ASSIGN(const auto seen, replay(*never_stopped_, line, first));
    outcome.exact = true;
    for (std::size_t i = 0; i < seen.size(); ++i) outcome.exact &= seen[i] == line[first + i].logits;
    return {};
}

Result<Line> FamilyRun::made_rows(const std::string& agent, const Line& line, Position reused) {
    KVASIR_TRY_ASSIGN(const auto path, memory().turns(agent));
    KVASIR_TRY_ASSIGN(std::vector<Token> tokens, join_tokens(path));
    tokens.resize(reused);
    std::vector<const Line*> known = {&line};
    for (const Line& other : lines_) known.push_back(&other);
    for (const Line* one : known) {
        Line beginning = line_up_to(*one, reused);
        if (tokens_of(beginning) == tokens) return beginning;
    }
    return fail(ErrorCode::kNotFound, "rows were reused that no turn evaluated");
}

Result<Outcome> FamilyRun::drive(TurnRequest request, Line& line, std::string* answer) {
    chunks_.clear();
    const std::string agent = request.agent;
    KVASIR_TRY_ASSIGN(const auto run, memory().begin_turn(std::move(request), {}));
    run->restore();
    std::vector<BatchRow> rows;
    while (run->stage() == TurnStage::kPrefill || run->stage() == TurnStage::kDecode) {
        rows.clear();
        if (run->add_rows(rows, stack_->engine().model().batch_tokens) == 0) continue;
        if (Status evaluated = memory().evaluate(rows); !evaluated)
            run->abandon(evaluated.error());
        else
            run->evaluated(0);
    }
    run->save();
    if (!run->result()) return fail(run->result().error());
    const TurnResult& turn = *run->result();
    if (!turn.warning.empty()) return fail(ErrorCode::kIo, turn.warning);
    Outcome outcome{turn.metrics.reused_tokens, turn.metrics.evaluated_tokens, false,
                    turn.metrics.not_reused_reason, turn.metrics.source};
    KVASIR_TRY_ASSIGN(Line whole, made_rows(agent, line, outcome.reused));
    const std::size_t first = whole.size();
    whole.insert(whole.end(), chunks_.begin(), chunks_.end());
    KVASIR_TRY(compare(whole, first, outcome));
    lines_.push_back(whole);
    line = std::move(whole);
    if (answer != nullptr) *answer = turn.text;
    return outcome;
}

Result<Outcome> FamilyRun::send(SentConversation& conversation, const std::string& text) {
    conversation.messages.push_back({Role::kUser, text, {}, {}, {}, {}});
    TurnRequest asked = request("sent");
    asked.create_missing = CreateMissing::kYes;
    asked.history = History::kSent;
    asked.messages = conversation.messages;
    std::string answer;
    KVASIR_TRY_ASSIGN(Outcome outcome, drive(std::move(asked), conversation.line, &answer));
    conversation.messages.push_back({Role::kAssistant, answer, {}, {}, {}, {}});
    return outcome;
}

Result<Outcome> FamilyRun::say(const std::string& agent, Line& line, const std::string& text) {
    TurnRequest asked = request(agent);
    asked.messages = {{Role::kUser, text, {}, {}, {}, {}}};
    return drive(std::move(asked), line, nullptr);
}

}  // namespace kvasir::test
