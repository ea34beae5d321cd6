// What a KV type costs, and that saving and restoring costs nothing on top: held-out questions to the demo
// model after conversations of 0.9K, 3.3K and 6.7K tokens (a context of 8K, with room to answer), never
// stopped and after a restart from disk. Teacher-forced perplexity of the right answers, and answers said
// letter by letter. docs/kv-types.md is what it prints:
//   KVASIR_WRITE_KV_TYPES=docs/kv-types.md build/release/tests/oracle/oracle_tests
//   --gtest_filter='*SoakKvTypes*'
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "oracle/stack.h"
#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/forwarding_engine.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kAnswerTokensMax = 60;
constexpr Position kContextTokens = 8192;

struct Case {
    std::string prompt;
    std::vector<std::string> questions;
    std::vector<std::string> expected;
};

std::vector<Case> read_cases() {
    std::ifstream in(KVASIR_SOURCE_DIR "/tests/demo/held_out.jsonl");
    std::vector<Case> cases;
    for (std::string line; std::getline(in, line);) {
        const json::value value = json::parse(line);
        Case one{std::string(value.at("prompt").as_string()), {}, {}};
        for (const json::value& text : value.at("questions").as_array())
            one.questions.emplace_back(text.as_string());
        for (const json::value& text : value.at("expected").as_array())
            one.expected.emplace_back(text.as_string());
        cases.push_back(std::move(one));
    }
    return cases;
}

// Remembers the sequence that was opened last: the agent's.
class WatchedEngine final : public ForwardingEngine {
  public:
    WatchedEngine(std::unique_ptr<Engine> inner, SequenceId& last)
        : ForwardingEngine(std::move(inner)), last_(last) {}
    Result<SequenceId> open_sequence() override {
        auto opened = ForwardingEngine::open_sequence();
        if (opened) last_ = *opened;
        return opened;
    }

  private:
    SequenceId& last_;
};

struct Measured {
    double loss = 0;  // of the right answers' tokens
    std::size_t tokens = 0;
    std::vector<std::string> answers;
    double perplexity() const { return std::exp(loss / static_cast<double>(tokens)); }
};

// Asks in a copy of the agent's sequence, so that it stays as it is.
class Asker {
  public:
    Asker(Engine& engine, SequenceId agent) : engine_(engine), agent_(agent) {}

    // Reads the right answer token by token. As long as that is what it would say, it is also its answer.
    Status ask(const std::string& question, const std::string& expected, Measured& measured) {
        KVASIR_TRY(begin(question));
        KVASIR_TRY_ASSIGN(const std::vector<Token> tokens,
                          engine_.tokenize(expected, SpecialTokens::kAsText, SequenceStart::kNo));
        bool says_it = true;
        for (const Token token : tokens) {
            says_it = says_it && likeliest() == token;
            measured.loss += loss_of(token);
            ++measured.tokens;
            KVASIR_TRY(read({token}));
        }
        if (!says_it) KVASIR_TRY(begin(question));
        std::string answer = says_it ? expected : "";
        KVASIR_TRY(answer_on(answer));
        measured.answers.push_back(std::move(answer));
        engine_.close_sequence(copy_);
        return {};
    }

  private:
    Status begin(const std::string& question) {
        if (open_) engine_.close_sequence(copy_);
        KVASIR_TRY_ASSIGN(copy_, engine_.open_sequence());
        open_ = true;
        KVASIR_TRY(engine_.fork(agent_, copy_, engine_.length(agent_)));
        KVASIR_TRY_ASSIGN(const auto tokens,
                          engine_.tokenize(question, SpecialTokens::kParse, SequenceStart::kNo));
        return read(tokens);
    }
    Status answer_on(std::string& answer) {
        for (std::uint32_t i = 0; i < kAnswerTokensMax; ++i) {
            const Token token = likeliest();
            if (engine_.is_end_of_turn(token)) break;
            answer += engine_.piece(token, SpecialTokens::kAsText);
            KVASIR_TRY(read({token}));
        }
        return {};
    }
    Token likeliest() const {
        const auto logits = engine_.logits(last_);
        return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    }
    Status read(const std::vector<Token>& tokens) {
        std::vector<BatchRow> rows;
        for (const Token token : tokens)
            rows.push_back({copy_, token, engine_.length(copy_) + static_cast<Position>(rows.size()),
                            rows.size() + 1 == tokens.size()});
        last_ = rows.size() - 1;
        return engine_.decode(rows);
    }
    double loss_of(Token token) const {
        const auto logits = engine_.logits(last_);
        const double most = *std::max_element(logits.begin(), logits.end());
        double sum = 0;
        for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - most);
        return std::log(sum) + most - static_cast<double>(logits[static_cast<std::size_t>(token)]);
    }

    Engine& engine_;
    SequenceId agent_;
    SequenceId copy_{};
    bool open_ = false;
    std::size_t last_ = 0;
};

// The template puts these around a system prompt; the conversation has them already.
std::string without_ends(std::string text) {
    const std::string first = "<|im_start|>system\n";
    const std::string last = "<|im_end|>\n";
    if (text.starts_with(first)) text.erase(0, first.size());
    if (text.ends_with(last)) text.resize(text.size() - last.size());
    return text;
}

struct Line {
    Position tokens = 0;
    std::size_t asked = 0;
    Measured never_stopped;
    Measured restored;
    std::vector<std::string> expected;
};

std::size_t exact(const Measured& measured, const std::vector<std::string>& expected) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) count += measured.answers[i] == expected[i] ? 1U : 0U;
    return count;
}

Status ask_all(Stack& stack, SequenceId sequence, const Case& one, Measured& measured) {
    for (std::size_t i = 0; i < one.questions.size(); ++i) {
        Asker asker(stack.engine(), sequence);
        KVASIR_TRY(asker.ask(one.questions[i], one.expected[i], measured));
    }
    return {};
}

struct Types {
    const char* keys;
    const char* values;
    std::string name() const {
        return keys == std::string(values) ? keys : fmt::format("{} keys, {} values", keys, values);
    }
};

constexpr Types kTypes[] = {{"f16", "f16"}, {"q8_0", "q8_0"}, {"q4_0", "q4_0"}, {"q8_0", "q4_0"}};

void PrintTo(const Types& types, std::ostream* out) { *out << types.name(); }

// Each case at the end of as many other conversations as go before it.
Result<Line> measure(const std::vector<Case>& cases, std::size_t others, const Types& types) {
    Line line;
    SequenceId sequence{};
    StackOptions options;
    options.model_path = KVASIR_DEMO_MODEL;
    options.kv_type = types.keys;
    options.kv_type_v = types.values;
    options.context_tokens = kContextTokens;
    options.agents_resident_max = 1;
    options.sequences = 40;  // a window pool whose ring does not wrap: see oracle_run.h
    options.kv_cells = kContextTokens + 1024;
    options.decorate = [&sequence](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
        return std::make_unique<WatchedEngine>(std::move(engine), sequence);
    };
    // Long ones take most of the time: quantised rows are read by the slow way of a CPU.
    const std::size_t count = others == 0 ? cases.size() : cases.size() / 2;
    for (std::size_t i = 0; i < count; ++i) {
        std::string prompt;
        for (std::size_t other = 0; other < others; ++other)
            prompt += cases[(i + 1 + other) % cases.size()].prompt;
        prompt += cases[i].prompt;
        const ScratchDirectory home;
        {
            KVASIR_TRY_ASSIGN(const auto stack, Stack::open(options, home.path()));
            KVASIR_TRY_ASSIGN(const CreateResult made,
                              stack->memory().create("asked", "demo", without_ends(prompt)));
            line.tokens = std::max(line.tokens, made.agent.token_count);
            KVASIR_TRY(ask_all(*stack, sequence, cases[i], line.never_stopped));
        }
        KVASIR_TRY_ASSIGN(const auto stack, Stack::open(options, home.path()));
        KVASIR_TRY_ASSIGN(const LoadResult loaded, stack->memory().load("asked"));
        if (loaded.evaluated_tokens > 0)
            return fail(ErrorCode::kDamaged,
                        fmt::format("{} tokens were read again", loaded.evaluated_tokens));
        KVASIR_TRY(ask_all(*stack, sequence, cases[i], line.restored));
        line.asked += cases[i].questions.size();
        line.expected.insert(line.expected.end(), cases[i].expected.begin(), cases[i].expected.end());
    }
    return line;
}

constexpr const char* kHeader =
    "# KV types\n\n"
    "What a KV type costs the demo model, and what saving and restoring costs on top. Made by the test "
    "`SoakKvTypes`\n"
    "(tests/oracle/kv_types_test.cpp), one thread; figures of another processor may differ in the last "
    "digit.\n\n"
    "Held-out conversations (tests/demo/held_out.jsonl), eight behind none, four each behind three and\n"
    "behind seven others, so that what is asked for stands at the end of some 0.9K, 3.3K and 6.7K tokens.\n"
    "Perplexity is that of the right answers, token by token; an answer is right when it is so letter by\n"
    "letter. *Restored*: saved, the process ended, brought back from disk with nothing read again.\n\n"
    "| KV type | tokens, at most | questions | perplexity, never stopped | restored | right, never stopped | "
    "restored "
    "| answers that differ |\n|---|---|---|---|---|---|---|---|\n";

// Rows of other types stay: each may be measured in a process of its own.
void write_rows(const std::string& path, const Types& measured, const std::string& rows) {
    std::ifstream before(path);
    std::map<std::string, std::string> by_type;
    for (std::string line; std::getline(before, line);)
        by_type[line.substr(0, line.find(" |"))] += line + "\n";
    by_type["| " + measured.name()] = rows;
    std::ofstream after(path);
    after << kHeader;
    for (const Types& types : kTypes) after << by_type["| " + types.name()];
}

class SoakKvTypes : public testing::TestWithParam<Types> {};
INSTANTIATE_TEST_SUITE_P(Types, SoakKvTypes, testing::ValuesIn(kTypes), [](const auto& tested) {
    return fmt::format("{}_{}", tested.param.keys, tested.param.values);
});

TEST_P(SoakKvTypes, ARestoreChangesNothing) {
    const std::vector<Case> cases = read_cases();
    ASSERT_EQ(cases.size(), 8U);
    std::string rows;
    for (const std::size_t others : {0U, 3U, 7U}) {
        const auto line = measure(cases, others, GetParam());
        ASSERT_TRUE(line) << line.error().message;
        std::printf("%u tokens: %.1f s\n", line->tokens, static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
        std::fflush(stdout);
        std::size_t differ = 0;
        for (std::size_t i = 0; i < line->asked; ++i)
            differ += line->never_stopped.answers[i] == line->restored.answers[i] ? 0U : 1U;
        EXPECT_EQ(differ, 0U);
        EXPECT_EQ(line->never_stopped.loss, line->restored.loss) << "to the bit";
        rows += fmt::format("| {} | {} | {} | {:.4f} | {:.4f} | {} | {} | {} |\n", GetParam().name(),
                            line->tokens, line->asked, line->never_stopped.perplexity(),
                            line->restored.perplexity(), exact(line->never_stopped, line->expected),
                            exact(line->restored, line->expected), differ);
    }
    std::printf("%s", rows.c_str());
    if (const char* path = std::getenv("KVASIR_WRITE_KV_TYPES")) write_rows(path, GetParam(), rows);
}

// The control: the measure moves when rows do.
TEST(SoakKvTypesControl, OtherRowsGiveAnotherPerplexity) {
    const std::vector<Case> cases = read_cases();
    const auto whole = measure(cases, 0, kTypes[0]);
    const auto quantised = measure(cases, 0, kTypes[2]);
    ASSERT_TRUE(whole && quantised);
    EXPECT_NE(whole->never_stopped.perplexity(), quantised->never_stopped.perplexity());
}

}  // namespace
}  // namespace kvasir::test
