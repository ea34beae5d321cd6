// Files that are not what they were: flipped, zeroed, cut, extended, swapped, of another store or model,
// older. Every one of them must be detected, none attended to, and every agent must answer as if nothing had
// happened. And each field of a fingerprint, and the tenant's salt, changed alone.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>

#include "durable/node.h"
#include "durable/script.h"
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "support/fault_file_system.h"
#include "support/forwarding_engine.h"
#include "support/other_fingerprint_engine.h"

namespace kvasir::test {
namespace {

constexpr int kAgents = 6;

std::string name_of(int agent) { return "agent-" + std::to_string(agent); }

// Block files in memory, the catalog on the real file system.
class DamagedStore {
  public:
    explicit DamagedStore(const std::string& weights = "fake-weights-1") {
        options_.root = scratch_.fresh();
        options_.files = &files_;
        options_.engine = durable_engine(true);
        options_.engine.weights = weights;
        EXPECT_TRUE(files_.make_directories(options_.root));
        std::filesystem::create_directory(options_.root);
        open();
    }

    void open() {
        node_.reset();
        auto opened = Node::open(options_);
        if (!opened) throw std::runtime_error(opened.error().message);
        node_ = std::move(*opened);
    }
    void talk(int round) {
        for (int agent = 0; agent < kAgents; ++agent) {
            const char letter = static_cast<char>('a' + agent);
            if (!node_->memory().show(name_of(agent))) {
                ASSERT_TRUE(node_->memory().create(name_of(agent), "t", long_text(260, letter)));
            }
            const auto said =
                node_->say(name_of(agent), "round " + std::to_string(round) + long_text(40, letter));
            ASSERT_TRUE(said) << said.error().message;
        }
    }
    std::vector<std::string> block_paths() const {
        std::vector<std::string> paths;
        for (const std::string& path : files_.paths()) {
            if (path.find("/blocks/") != std::string::npos || path.find("/snapshots/") != std::string::npos)
                paths.push_back(path);
        }
        return paths;
    }
    Node& node() { return *node_; }
    FaultFileSystem& files() { return files_; }
    NodeOptions& options() { return options_; }
    void close() { node_.reset(); }

  private:
    Scratch scratch_;
    FaultFileSystem files_;
    NodeOptions options_;
    std::unique_ptr<Node> node_;
};

constexpr const char* kKinds[] = {"bit flipped", "4 KiB zeroed",     "run of noise",
                                  "truncated",   "extended",         "emptied",
                                  "swapped",     "of another store", "of another model"};

// Other bytes than `content`, of that kind. `foreign`: files of another store, then of another model.
std::string mutated(const std::string& content, std::size_t kind, const std::vector<std::string>& foreign,
                    std::mt19937& random) {
    std::string changed = content;
    const std::size_t at = random() % content.size();
    switch (kind) {
        case 0:
            changed[at] = static_cast<char>(changed[at] ^ (1 << random() % 8));
            break;
        case 1:
            std::fill_n(changed.begin() + static_cast<std::ptrdiff_t>(at),
                        std::min<std::size_t>(4096, content.size() - at), '\0');
            break;
        case 2:
            for (std::size_t i = at; i < std::min(content.size(), at + 700); ++i)
                changed[i] = static_cast<char>(random());
            break;
        case 3:
            changed.resize(at);
            break;
        case 4:
            changed.append(1 + random() % 5000, static_cast<char>(random()));
            break;
        case 5:
            changed.clear();
            break;
        default:
            changed = foreign[random() % foreign.size()];
    }
    return changed;
}

struct DamageFigures {
    std::uint64_t damaged = 0;
    std::uint64_t detected = 0;
    std::uint64_t wrong = 0;  // answers
    std::uint64_t rebuilt = 0;
    std::map<std::string, std::uint64_t> by_kind;
};

class Damaging {
  public:
    Damaging() : same_model_(), other_model_("fake-weights-2") {
        same_model_.talk(0);
        other_model_.talk(0);
        foreign_ = contents_of(same_model_);
        foreign_model_ = contents_of(other_model_);
    }

    DamageFigures run(std::uint64_t files) {
        for (int round = 1; figures_.damaged < files && !testing::Test::HasFatalFailure(); ++round) {
            store_.talk(round);
            damage_some();
            if (round % 12 == 0) start_over();
        }
        return figures_;
    }

  private:
    std::vector<std::string> contents_of(DamagedStore& store) const {
        std::vector<std::string> contents;
        for (const std::string& path : store.block_paths()) contents.push_back(store.files().content(path));
        return contents;
    }

    void damage_some() {
        const std::vector<std::string> own = contents_of(store_);
        store_.close();
        std::uint64_t damaged = 0;
        for (const std::string& path : store_.block_paths()) {
            const std::size_t kind = next_kind_++ % std::size(kKinds);
            const std::string before = store_.files().content(path);
            const std::vector<std::string>& foreign =
                kind == 6 ? own : (kind == 7 ? foreign_ : foreign_model_);
            const std::string after = mutated(before, kind, foreign, random_);
            if (after == before) continue;
            store_.files().replace(path, after);
            ++damaged;
            ++figures_.by_kind[kKinds[kind]];
        }
        store_.open();
        const CheckReport report = check(store_.node(), Repair::kNo);
        figures_.damaged += damaged;
        figures_.detected += report.damaged;
        const std::uint64_t rebuilds = store_.node().store().health().counters.rebuilds;
        for (int agent = 0; agent < kAgents; ++agent) {
            const auto said = store_.node().say(name_of(agent), "are you well?");
            ASSERT_TRUE(said) << said.error().message;
        }
        figures_.rebuilt += store_.node().store().health().counters.rebuilds - rebuilds;
        figures_.wrong += wrong_answers(store_.node()).size();
        check(store_.node(), Repair::kYes);  // of the blocks that no restore came by
        ASSERT_TRUE(check(store_.node(), Repair::kNo).good());
    }

    // Conversations grow: begin again before they fill the context.
    void start_over() {
        for (int agent = 0; agent < kAgents; ++agent)
            ASSERT_TRUE(store_.node().memory().remove(name_of(agent)));
        ASSERT_TRUE(store_.block_paths().empty());
    }

    std::mt19937 random_{7};
    DamagedStore store_;
    DamagedStore same_model_;
    DamagedStore other_model_;
    std::vector<std::string> foreign_;
    std::vector<std::string> foreign_model_;
    std::size_t next_kind_ = 0;
    DamageFigures figures_;
};

void expect_all_detected(std::uint64_t files) {
    Damaging damaging;
    const DamageFigures figures = damaging.run(files);
    EXPECT_EQ(figures.detected, figures.damaged);
    EXPECT_EQ(figures.wrong, 0u);
    EXPECT_GT(figures.rebuilt, 0u);
    std::cout << "[ figure   ] damaged files: " << figures.detected << " of " << figures.damaged
              << " detected, " << figures.wrong << " attended to (wrong answers), " << figures.rebuilt
              << " agents rebuilt;";
    for (const auto& [kind, count] : figures.by_kind) std::cout << " " << kind << " " << count << ",";
    std::cout << "\n";
}

TEST(DamageTest, EveryFileIsDetected) { expect_all_detected(400); }
TEST(SoakDamageTest, EveryFileIsDetected) { expect_all_detected(10'000); }

// Behind all verification one byte is changed: the same check of answers sees it.
class FlippingEngine : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        std::vector<std::byte> changed(image.begin(), image.end());
        changed.back() ^= std::byte{1};
        return ForwardingEngine::import_rows(sequence, plane, range, changed);
    }
};

TEST(DamageTest, ControlAByteThatGetsThroughIsSeen) {
    DamagedStore store;
    store.talk(0);
    store.close();
    store.options().decorate = [](std::unique_ptr<Engine> engine) {
        return std::make_unique<FlippingEngine>(std::move(engine));
    };
    store.open();
    store.talk(1);
    EXPECT_GE(wrong_answers(store.node()).size(), static_cast<std::size_t>(kAgents));
}

TEST(IdentityTest, EachFieldOfTheFingerprintChangedAloneIsRefused) {
    const FakeModel model(durable_engine(true));
    const std::size_t model_fields = model.fingerprint().model_fields().size();
    const std::size_t fields = model_fields + model.fingerprint().kv_fields().size();
    std::size_t refused = 0;
    for (std::size_t field = 0; field < fields; ++field) {
        DamagedStore store;
        store.talk(0);
        store.close();
        store.options().decorate = [field](std::unique_ptr<Engine> engine) {
            return std::make_unique<OtherFingerprintEngine>(std::move(engine), field);
        };
        store.open();
        const auto said = store.node().say(name_of(0), "do you know me?");
        if (field < model_fields) {
            ASSERT_FALSE(said);
            EXPECT_EQ(said.error().code, ErrorCode::kModelUnusable);
        } else {
            ASSERT_TRUE(said) << said.error().message;
            EXPECT_EQ(said->metrics.reused_tokens, 0u) << "KV of another fingerprint, field " << field;
            EXPECT_EQ(said->metrics.not_reused_reason, "fingerprint_changed");
        }
        ++refused;
        EXPECT_TRUE(wrong_answers(store.node()).empty());
    }
    std::cout << "[ figure   ] identity: " << refused << " of " << fields
              << " fields of the fingerprint, changed alone, refused\n";
    // Control: nothing changed, all of it is used.
    DamagedStore store;
    store.talk(0);
    store.open();
    EXPECT_EQ(store.node().say(name_of(0), "do you know me?")->metrics.not_reused_reason, "");
}

TEST(IdentityTest, AnotherTenantsSaltFindsNothing) {
    DamagedStore store;
    store.talk(0);
    store.close();
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((store.options().root + "/kvasir.db").c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, "UPDATE tenants SET salt = randomblob(32)", nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(database);
    store.open();
    const CheckReport report = check(store.node(), Repair::kNo);
    EXPECT_EQ(report.damaged, store.node().store().catalog().totals()->blocks)
        << "no block is called what it means to this tenant (other kinds are named by blocks)";
    const auto said = store.node().say(name_of(0), "do you know me?");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->metrics.reused_tokens, 0u);
    EXPECT_TRUE(wrong_answers(store.node()).empty());
}

}  // namespace
}  // namespace kvasir::test
