// What a KV type costs, and that saving and restoring costs nothing on top: held-out questions to the demo
// model after conversations of 1K, 4K and 8K tokens, never stopped and after a restart from disk.
// Teacher-forced perplexity of the right answers, and answers said letter by letter. docs/kv-types.md is what
// it prints:
//   KVASIR_WRITE_KV_TYPES=docs/kv-types.md build/release/tests/oracle/oracle_tests
//   --gtest_filter='SoakKvTypes*'
#include <cmath>
#include <cstdlib>
#include <fstream>
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

    Status ask(const std::string& question, const std::string& expected, Measured& measured) {
        KVASIR_TRY(begin(question));
        std::string answer;
        for (std::uint32_t i = 0; i < kAnswerTokensMax; ++i) {
            const auto logits = engine_.logits(last_);
            const auto token =
                static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
            if (engine_.is_end_of_turn(token)) break;
            answer += engine_.piece(token, SpecialTokens::kAsText);
            KVASIR_TRY(read({token}));
        }
        measured.answers.push_back(std::move(answer));
        KVASIR_TRY(begin(question));
        KVASIR_TRY_ASSIGN(std::vector<Token> tokens,
                          engine_.tokenize(expected, SpecialTokens::kAsText, SequenceStart::kNo));
        for (const Token token : tokens) {
            measured.loss += loss_of(token);
            ++measured.tokens;
            KVASIR_TRY(read({token}));
        }
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

// Each case at the end of as many other conversations as go before it.
Result<Line> measure(const std::vector<Case>& cases, std::size_t others, const std::string& type) {
    Line line;
    SequenceId sequence{};
    StackOptions options;
    options.model_path = KVASIR_DEMO_MODEL;
    options.kv_type = type;
    options.context_tokens = kContextTokens;
    options.agents_resident_max = 1;
    options.sequences = 4;
    options.kv_cells = kContextTokens + 1024;
    options.decorate = [&sequence](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
        return std::make_unique<WatchedEngine>(std::move(engine), sequence);
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
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
    "Held-out conversations (tests/demo/held_out.jsonl), each behind none, three or seven others, so that "
    "what is asked\n"
    "for stands at the end of about 1K, 4K and 8K tokens. Perplexity is that of the right answers, token by "
    "token; an\n"
    "answer is right when it is so letter by letter. *Restored*: saved, the process ended, brought back from "
    "disk with\n"
    "nothing read again.\n\n"
    "| KV type | tokens, at most | questions | perplexity, never stopped | restored | right, never stopped | "
    "restored "
    "| answers that differ |\n|---|---|---|---|---|---|---|---|\n";

TEST(SoakKvTypes, ARestoreChangesNothingWhateverTheType) {
    const std::vector<Case> cases = read_cases();
    ASSERT_EQ(cases.size(), 8U);
    std::string document = kHeader;
    std::vector<double> at_1k;
    for (const char* type : {"f16", "q8_0", "q4_0"}) {
        for (const std::size_t others : {0U, 3U, 7U}) {
            const auto line = measure(cases, others, type);
            ASSERT_TRUE(line) << type << ": " << line.error().message;
            std::size_t differ = 0;
            for (std::size_t i = 0; i < line->asked; ++i)
                differ += line->never_stopped.answers[i] == line->restored.answers[i] ? 0U : 1U;
            EXPECT_EQ(differ, 0U) << type;
            EXPECT_EQ(line->never_stopped.loss, line->restored.loss) << type << ", to the bit";
            if (others == 0) at_1k.push_back(line->never_stopped.perplexity());
            document += fmt::format("| {} | {} | {} | {:.4f} | {:.4f} | {} | {} | {} |\n", type, line->tokens,
                                    line->asked, line->never_stopped.perplexity(),
                                    line->restored.perplexity(), exact(line->never_stopped, line->expected),
                                    exact(line->restored, line->expected), differ);
            std::printf("%s", document.substr(document.rfind("\n", document.size() - 2) + 1).c_str());
        }
    }
    // The control: the measure moves when rows do.
    EXPECT_NE(at_1k[0], at_1k[2]);
    if (const char* path = std::getenv("KVASIR_WRITE_KV_TYPES")) std::ofstream(path) << document;
}

}  // namespace
}  // namespace kvasir::test
