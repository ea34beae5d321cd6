// Every family, every KV type, every operation: how much is reused, and is it the same as never stopped, to
// the bit. The table of it is docs/families.md; it is made by this test and compared by it.
//   KVASIR_WRITE_FAMILIES=docs/families.md build/release/tests/oracle/oracle_tests
//   --gtest_filter='FamilyMatrix*'
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "oracle/family_run.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "memory/transferring.h"

namespace kvasir::test {
namespace {

struct Family {
    const char* model;
    const char* what;
    bool mixed_types;      // keys and values may have different types
    bool quantised_types;  // rows can be quantised at all
};

constexpr Family kFamilies[] = {
    {"llama-dense", "full attention", true, true},
    {"qwen3-dense", "full attention, one KV head", true, true},
    {"qwen3moe-moe", "full attention, experts", true, true},
    {"qwen2vl-dense", "full attention, positions in a plane", true, true},
    {"deepseek2-moe", "compressed values (MLA), experts", false, true},
    {"gemma3-dense", "sliding window, every second layer", true, true},
    {"gpt-oss-moe", "sliding window, sinks, experts", true, true},
    {"cohere2-dense", "sliding window, no positions in full layers", true, true},
    {"llama4-moe", "chunked window of 8,192, experts", true, true},
    {"mamba-dense", "recurrent", false, false},
    {"mamba2-dense", "recurrent", false, false},
    {"qwen35-dense", "hybrid: delta net and attention", true, true},
    {"jamba-dense", "hybrid: Mamba and attention", true, true},
    {"falcon-h1-dense", "hybrid: both in every layer", true, true},
    {"lfm2-dense", "hybrid, every attention layer slides: not taken apart", false, false},
    {"minimax-m3-moe", "sparse attention with an index: not taken apart", false, false},
    {"qwen4exp-moe", "hybrid with an index: not taken apart", false, false},
};

struct Types {
    const char* k;
    const char* v;
};

std::vector<Types> types_of(const Family& family) {
    if (!family.quantised_types) return {{"f16", "f16"}};
    std::vector<Types> types = {{"f16", "f16"}, {"q8_0", "q8_0"}, {"q4_0", "q4_0"}};
    if (family.mixed_types) types.push_back({"q8_0", "q4_0"});
    return types;
}

std::string words(std::size_t count, const char* word) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += (i > 0 ? " " : "") + std::string(word) + std::to_string(i % 7);
    return text;
}

const std::vector<const char*> kOperations = {"extension after restart",
                                              "same prompt after restart",
                                              "regenerate",
                                              "edit of the last message after restart",
                                              "divergence in the middle after restart",
                                              "fork after restart",
                                              "four siblings",
                                              "rollback after restart",
                                              "export and import",
                                              "fork of a resident agent",
                                              "the fork goes on, its source gone"};

// Words of the first message: more than a block.
constexpr std::size_t kLongPrompt = 220;

// Two system prompts of so many words take all cells of a window that were used before and are free.
constexpr std::size_t kTakesCells = 700;

using Row = std::map<std::string, Outcome>;

// Three turns in an agent whose conversation the client sends, three in one that we hold; then each operation
// from there.
class Play {
  public:
    explicit Play(FamilyRun& run) : run_(run) {}

    Result<Row> all() {
        KVASIR_TRY(converse());
        KVASIR_TRY(fork_in_memory());
        KVASIR_TRY(operations_on_sent());
        KVASIR_TRY(operations_on_kept());
        return row_;
    }

  private:
    Status converse() {
        then_.push_back({{{Role::kSystem, words(40, "system"), {}, {}, {}, {}}}, {}});
        KVASIR_TRY(run_.create("kept", words(30, "prompt")));
        for (const char* turn : {"one", "two", "three"}) {
            SentConversation next = then_.back();
            const std::size_t count = then_.size() == 1 ? kLongPrompt : 30;
            KVASIR_TRY(run_.send(next, words(count, turn)).map([](const Outcome&) {}));
            then_.push_back(next);
            Line line = kept_.empty() ? Line() : kept_.back();
            KVASIR_TRY(run_.say("kept", line, words(count, turn)).map([](const Outcome&) {}));
            kept_.push_back(line);
        }
        return {};
    }
    Status note(const char* operation, Result<Outcome> outcome) {
        if (!outcome)
            return fail(outcome.error().code, std::string(operation) + ": " + outcome.error().message);
        row_[operation] = *outcome;
        return {};
    }
    Status send_from(const char* operation, std::size_t turns, const std::string& text) {
        SentConversation conversation = then_.at(turns);
        return note(operation, run_.send(conversation, text));
    }
    // Nothing is read from disk for it, on no family.
    Status fork_in_memory() {
        KVASIR_TRY(run_.restart());
        KVASIR_TRY(run_.memory().load("kept").map([](const LoadResult&) {}));
        KVASIR_TRY(run_.memory().fork("kept", "near", std::nullopt).map([](const ForkResult&) {}));
        Line line = kept_[2];
        KVASIR_TRY_ASSIGN(Outcome outcome, run_.say("near", line, words(20, "near")));
        if (outcome.source != ReuseSource::kMemoryFork) outcome.reason += "not copied in memory";
        KVASIR_TRY(note(kOperations[9], outcome));
        KVASIR_TRY(run_.memory().evict("kept").map([](const SaveResult&) {}));
        // Cells of the source, of which none is the fork's, become others'. With holes left the fork's cells
        // would not lie in the order of its tokens, and sums differ in the last bit: see oracle_run.h.
        for (const char* name : {"next", "after"}) KVASIR_TRY(run_.create(name, words(kTakesCells, name)));
        return note(kOperations[10], run_.say("near", line, words(20, "alone")));
    }
    Status operations_on_sent() {
        KVASIR_TRY(run_.restart());
        KVASIR_TRY(send_from(kOperations[0], 3, words(20, "four")));
        KVASIR_TRY(run_.restart());
        KVASIR_TRY(send_from(kOperations[1], 2, words(30, "three")));
        KVASIR_TRY(send_from(kOperations[2], 2, words(30, "three")));
        KVASIR_TRY(run_.restart());
        KVASIR_TRY(send_from(kOperations[3], 2, words(25, "edited")));
        KVASIR_TRY(run_.restart());
        return send_from(kOperations[4], 1, words(25, "other"));
    }
    Status operations_on_kept() {
        KVASIR_TRY(run_.memory().fork("kept", "fork", std::nullopt).map([](const ForkResult&) {}));
        KVASIR_TRY(run_.restart());
        Line line = kept_[2];
        KVASIR_TRY(note(kOperations[5], run_.say("fork", line, words(20, "fork"))));
        Line exported = line;
        Outcome all{0, 0, true, ""};
        for (const char* name : {"first", "second", "third", "fourth"}) {
            KVASIR_TRY(run_.memory().fork("kept", name, std::nullopt).map([](const ForkResult&) {}));
            line = kept_[2];
            KVASIR_TRY_ASSIGN(const Outcome one, run_.say(name, line, words(20, name)));
            all = {one.reused, one.evaluated, all.exact && one.exact, one.reason};
        }
        row_[kOperations[6]] = all;
        KVASIR_TRY(run_.memory().roll_back("kept", 2).map([](const RollbackResult&) {}));
        KVASIR_TRY(run_.restart());
        line = kept_[1];
        KVASIR_TRY(note(kOperations[7], run_.say("kept", line, words(20, "back"))));
        return import_alone(exported);
    }
    // With everybody gone, all KV is the file's.
    Status import_alone(Line& exported) {
        KVASIR_TRY_ASSIGN(std::string file, export_bytes(run_.memory(), "fork"));
        KVASIR_TRY_ASSIGN(const auto agents, run_.memory().list());
        for (const AgentInfo& agent : agents)
            KVASIR_TRY(run_.memory().remove(agent.name).map([](const EraseReceipt&) {}));
        KVASIR_TRY(run_.restart());
        KVASIR_TRY_ASSIGN(const ImportReport report,
                          import_bytes(run_.memory(), std::move(file), {"imported"}));
        if (!report.kv_refused.empty()) return fail(ErrorCode::kDamaged, report.kv_refused);
        return note(kOperations[8], run_.say("imported", exported, words(20, "five")));
    }

    FamilyRun& run_;
    std::vector<SentConversation> then_;  // after so many turns
    std::vector<Line> kept_;              // after turn 1, 2, 3
    Row row_;
};

std::string planes_of(const KvLayout& layout) {
    if (layout.snapshot_form == SnapshotForm::kOpaque) return "one piece";
    std::string planes = layout.has_rows() ? "append" : "";
    if (layout.has_window()) planes += ", window";
    if (layout.has_snapshot()) planes += planes.empty() ? "snapshot" : ", snapshot";
    return planes;
}

std::string cell(const Outcome& outcome) {
    std::string text = fmt::format("{} + {}", outcome.reused, outcome.evaluated);
    if (!outcome.exact) text += ", **not exact**";
    if (!outcome.reason.empty()) text += " (" + outcome.reason + ")";
    return text;
}

std::string cells(const Row& row) {
    std::string text;
    for (const char* operation : kOperations) text += " " + cell(row.at(operation)) + " |";
    return text;
}

std::string header() {
    std::string text =
        "# Families\n\n"
        "What is reused and what is evaluated, per family of models and operation, on tiny generated models. "
        "Made by the\n"
        "test `FamilyMatrix` (tests/oracle/family_matrix_test.cpp), which fails when it finds anything else; "
        "do not edit.\n\n"
        "A cell says `reused + evaluated` tokens of the prompt. Every answer was compared with one that was "
        "never interrupted:\n"
        "all logits that were sampled from are the same to the last bit, unless the cell says otherwise (one "
        "thread, the same\n"
        "chunks). Conversations have a system prompt and three turns, the first of them longer than a block; "
        "an edit changes\n"
        "the third, a divergence the second, a rollback goes back to the second. An import finds an empty "
        "store: its KV is\n"
        "the file's. KV types with the same numbers share a line.\n\n"
        "| model | family | planes | KV types |";
    std::string line = "|---|---|---|---|";
    for (const char* operation : kOperations) {
        text += fmt::format(" {} |", operation);
        line += "---|";
    }
    return text + "\n" + line + "\n";
}

std::string footer() {
    return "\nModels with a window or a state end a restore at a point: the end of the system prompt, of the "
           "last message, of a\n"
           "turn ([0018](decisions/0018-restore-points.md)). A fork of an agent that is resident is copied "
           "in "
           "memory and nothing is\n"
           "read from disk for it, on every family; once the source has gone on, models with a window or a "
           "state take the fork from\n"
           "the store instead ([0038](decisions/0038-what-is-resident-is-copied.md)). What a turn writes as "
           "state: [0039](decisions/0039-states-of-a-turn.md).\n"
           "Not supported, and refused with a sentence: models with an encoder, and those that do not "
           "generate "
           "token by token.\n";
}

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<Row> play(const Family& family, const Types& types, std::string& planes) {
    KVASIR_TRY_ASSIGN(const auto run,
                      FamilyRun::open({family.model, family.what, types.k, types.v}, Sabotage::kNone));
    planes = planes_of(run->layout());
    return Play(*run).all();
}

TEST(FamilyMatrix, EveryOperationIsExactAndTheTableSaysWhatIsReused) {
    std::string document = header();
    for (const Family& family : kFamilies) {
        // Lines of equal cells, in the order of the types.
        std::vector<std::pair<std::string, std::string>> lines;
        std::string planes;
        for (const Types& types : types_of(family)) {
            const std::string name =
                types.k == std::string(types.v) ? types.k : fmt::format("{}/{}", types.k, types.v);
            const auto row = play(family, types, planes);
            ASSERT_TRUE(row) << family.model << " " << name << ": " << row.error().message;
            for (const auto& [operation, outcome] : *row)
                EXPECT_TRUE(outcome.exact) << family.model << " " << name << ": " << operation;
            const std::string text = cells(*row);
            const auto same = std::find_if(lines.begin(), lines.end(),
                                           [&](const auto& line) { return line.second == text; });
            if (same == lines.end())
                lines.emplace_back(name, text);
            else
                same->first += ", " + name;
        }
        for (const auto& [names, text] : lines)
            document +=
                fmt::format("| {} | {} | {} | {} |{}\n", family.model, family.what, planes, names, text);
    }
    document += footer();
    if (const char* path = std::getenv("KVASIR_WRITE_FAMILIES")) std::ofstream(path) << document;
    EXPECT_EQ(document, read_file(KVASIR_SOURCE_DIR "/docs/families.md"))
        << "docs/families.md says something else: see the head of this file";
}

// The controls: behind all verification one row, one plane, one number is broken, and the comparison sees it.
struct Control {
    const char* model;
    Sabotage sabotage;
};

void PrintTo(const Control& control, std::ostream* out) {
    *out << control.model << " " << static_cast<int>(control.sabotage);
}

class FamilyControl : public testing::TestWithParam<Control> {};

TEST_P(FamilyControl, WhatIsLostIsSeen) {
    for (const Sabotage sabotage : {Sabotage::kNone, GetParam().sabotage}) {
        const auto run = FamilyRun::open({GetParam().model, "", "f16", "f16"}, sabotage);
        ASSERT_TRUE(run) << run.error().message;
        SentConversation conversation{{{Role::kSystem, words(40, "system"), {}, {}, {}, {}}}, {}};
        ASSERT_TRUE((*run)->send(conversation, words(30, "one")));
        ASSERT_TRUE((*run)->restart());
        const auto outcome = (*run)->send(conversation, words(20, "two"));
        // An engine that refuses what it is handed has seen it, too.
        if (!outcome) {
            EXPECT_NE(sabotage, Sabotage::kNone) << outcome.error().message;
            continue;
        }
        EXPECT_EQ(outcome->exact, sabotage == Sabotage::kNone);
        EXPECT_GT(outcome->reused, outcome->evaluated);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Families, FamilyControl,
    testing::Values(
        Control{"llama-dense", Sabotage::kAlterOneRow}, Control{"qwen2vl-dense", Sabotage::kShiftPositions},
        Control{"deepseek2-moe", Sabotage::kAlterOneRow}, Control{"gemma3-dense", Sabotage::kLoseWindowRow},
        Control{"gpt-oss-moe", Sabotage::kLoseWindowRow}, Control{"cohere2-dense", Sabotage::kLoseWindowRow},
        Control{"llama4-moe", Sabotage::kLoseWindowRow}, Control{"mamba-dense", Sabotage::kLoseState},
        Control{"mamba2-dense", Sabotage::kAlterState}, Control{"qwen35-dense", Sabotage::kLoseState},
        Control{"qwen35-dense", Sabotage::kAlterState}, Control{"qwen35-dense", Sabotage::kAlterOneRow},
        Control{"jamba-dense", Sabotage::kLoseState}, Control{"falcon-h1-dense", Sabotage::kShiftPositions},
        Control{"lfm2-dense", Sabotage::kAlterState},
        Control{"minimax-m3-moe", Sabotage::kAlterMiddleOfState},
        Control{"qwen4exp-moe", Sabotage::kAlterMiddleOfState}));

class ForkControl : public testing::TestWithParam<Control> {};

TEST_P(ForkControl, WhatAForkCopiesWronglyIsSeen) {
    for (const Sabotage sabotage : {Sabotage::kNone, GetParam().sabotage}) {
        const auto run = FamilyRun::open({GetParam().model, "", "f16", "f16"}, sabotage);
        ASSERT_TRUE(run) << run.error().message;
        ASSERT_TRUE((*run)->create("source", words(40, "system")));
        Line line;
        ASSERT_TRUE((*run)->say("source", line, words(30, "one")));
        ASSERT_TRUE((*run)->memory().fork("source", "fork", std::nullopt));
        const auto outcome = (*run)->say("fork", line, words(20, "two"));
        ASSERT_TRUE(outcome) << outcome.error().message;
        EXPECT_EQ(outcome->source, ReuseSource::kMemoryFork);
        EXPECT_EQ(outcome->exact, sabotage == Sabotage::kNone);
    }
}

INSTANTIATE_TEST_SUITE_P(Families, ForkControl,
                         testing::Values(Control{"llama-dense", Sabotage::kAlterForkedRow},
                                         Control{"deepseek2-moe", Sabotage::kAlterForkedRow},
                                         Control{"gemma3-dense", Sabotage::kAlterForkedRow},
                                         Control{"gemma3-dense", Sabotage::kLoseForkedWindowRow},
                                         Control{"llama4-moe", Sabotage::kLoseForkedWindowRow},
                                         Control{"mamba-dense", Sabotage::kAlterForkedState},
                                         Control{"qwen35-dense", Sabotage::kAlterForkedRow},
                                         Control{"qwen35-dense", Sabotage::kAlterForkedState},
                                         Control{"qwen4exp-moe", Sabotage::kAlterForkedState}));

}  // namespace
}  // namespace kvasir::test
