// Random histories of agents, turns and references, compared after every step with a model of maps and
// vectors.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest-spi.h>

#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

const Digest256 kFingerprint = digest_of(500);
constexpr std::uint32_t kBlocks = 24;  // blocks that any agent may write or refer to

// Block n hangs below block n/2; every third is partial, every fourth a window.
StoredBlock universe_block(std::uint32_t n) {
    const Position begin = (n % 7) * kBlockTokens;
    const Position size = n % 3 == 0 ? 1 + n : kBlockTokens;
    const std::optional<BlockName> parent = n / 2 == 0 ? std::nullopt : std::optional(digest_of(n / 2));
    return n % 4 == 0 ? window_block(n, *parent, begin, size) : append_block(n, parent, begin, size);
}

bool stays_when_unused(std::uint32_t n) { return n % 4 != 0 && n % 3 != 0; }

struct ModelAgent {
    AgentId id{};
    std::optional<TurnId> head;
    std::vector<Token> tokens;
    std::uint32_t turns = 0;
    std::uint64_t tokens_ever = 0;
    std::uint32_t turns_ever = 0;  // those that were gone back from included
    std::int64_t last_used = 0;
    std::set<std::uint32_t> current;
    std::set<std::uint32_t> ever;                             // current and former
    std::vector<std::pair<TurnId, std::vector<Token>>> path;  // root to head, and the tokens up to there
    std::vector<std::uint32_t> turn_tokens;                   // that each of them added
};

class Model {
  public:
    std::map<std::string, ModelAgent> agents;
    std::set<std::uint32_t> rows;

    bool needed(std::uint32_t block, const ModelAgent* except = nullptr) const {
        return std::any_of(agents.begin(), agents.end(), [&](const auto& item) {
            return &item.second != except && item.second.current.contains(block);
        });
    }
    void drop(std::uint32_t block) {
        rows.erase(block);
        for (auto& [name, agent] : agents) {
            agent.current.erase(block);
            agent.ever.erase(block);
        }
    }
    std::set<std::uint32_t> refer(ModelAgent& agent, const std::set<std::uint32_t>& written,
                                  const std::set<std::uint32_t>& referred) {
        rows.insert(written.begin(), written.end());
        agent.ever.insert(written.begin(), written.end());
        agent.ever.insert(referred.begin(), referred.end());
        agent.current = referred;
        std::set<std::uint32_t> gone;
        for (const std::uint32_t block : agent.ever)
            if (!stays_when_unused(block) && !needed(block)) gone.insert(block);
        for (const std::uint32_t block : gone) drop(block);
        return gone;
    }
    std::set<std::uint32_t> erase(const std::string& name) {
        ModelAgent& agent = agents.at(name);
        std::set<std::uint32_t> gone;
        for (const std::uint32_t block : agent.ever)
            if (!needed(block, &agent)) gone.insert(block);
        for (bool grew = true; grew;) {  // and what hangs below
            grew = false;
            for (const std::uint32_t block : rows)
                if (gone.contains(block / 2) && !needed(block, &agent))
                    grew = gone.insert(block).second || grew;
        }
        for (const std::uint32_t block : gone) drop(block);
        agents.erase(name);
        return gone;
    }
};

std::set<BlockName> names_of_numbers(const std::set<std::uint32_t>& numbers) {
    std::set<BlockName> names;
    for (const std::uint32_t number : numbers) names.insert(digest_of(number));
    return names;
}

std::set<BlockName> name_set(const std::vector<StoredBlock>& blocks) {
    const std::vector<BlockName> names = names_of(blocks);
    return {names.begin(), names.end()};
}

void expect_same(Catalog& catalog, const Model& model) {
    const auto records = value_of(catalog.agents());
    ASSERT_EQ(records.size(), model.agents.size());
    auto expected = model.agents.begin();
    for (const AgentRecord& record : records) {
        const ModelAgent& agent = expected->second;
        ASSERT_EQ(record.name, expected->first);
        ASSERT_EQ(record.id, agent.id);
        ASSERT_EQ(record.head, agent.head);
        ASSERT_EQ(record.turn_count, agent.turns);
        ASSERT_EQ(record.last_used_unix_ms, agent.last_used);
        ASSERT_EQ(value_of(catalog.tokens(agent.id)), agent.tokens);
        ASSERT_EQ(value_of(catalog.turns(agent.id)).size(), agent.turns + 1u);
        ASSERT_EQ(name_set(value_of(catalog.referenced_blocks(agent.id))), names_of_numbers(agent.current));
        ++expected;
    }
    std::uint64_t bytes = 0;
    for (std::uint32_t n = 1; n <= kBlocks; ++n) {
        const StoredBlock block = universe_block(n);
        ASSERT_EQ(value_of(catalog.block(block.kind, block.name)).has_value(), model.rows.contains(n)) << n;
        if (model.rows.contains(n)) bytes += block.file_bytes;
    }
    const CatalogTotals totals = value_of(catalog.totals());
    ASSERT_EQ(totals.agents, model.agents.size());
    ASSERT_EQ(totals.blocks + totals.windows, model.rows.size());
    ASSERT_EQ(totals.block_bytes, bytes);
}

class History {
  public:
    explicit History(std::uint32_t seed) : random_(seed) {}

    void step() {
        ++now_;
        switch (pick(12)) {
            case 10:
                fork();
                break;
            case 11:
                go_back();
                break;
            case 0:
                create();
                break;
            case 1:
                erase();
                break;
            case 2:
                must(check_and_reopen());
                break;
            case 3:
                add_block();
                break;
            case 4:
            case 5:
            case 6:
                refer();
                break;
            default:
                commit();
                break;
        }
        expect_same(*catalog_, model_);
    }

  private:
    std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
    std::string any_name() { return "agent" + std::to_string(pick(4)); }

    void create() {
        const std::string name = any_name();
        const auto made = catalog_->create_agent(new_agent(name, pick(20)), now_);
        ASSERT_EQ(made.has_value(), !model_.agents.contains(name));
        if (!made) return;
        ModelAgent& agent = model_.agents[name];
        agent.id = made->id;
        agent.head = made->head;
        agent.tokens = value_of(catalog_->tokens(made->id));
        agent.tokens_ever = agent.tokens.size();
        agent.last_used = now_;
        agent.path = {{*made->head, agent.tokens}};
        agent.turn_tokens = {static_cast<std::uint32_t>(agent.tokens.size())};
    }

    // Blocks of this model have made-up names, so a fork shares none: that is memory's test.
    void fork() {
        const std::string source = any_name();
        const std::string name = any_name();
        const auto found = model_.agents.find(source);
        const auto at = found == model_.agents.end() ? 0 : pick(found->second.turns + 2);
        const auto made = catalog_->fork_agent({source, name, at}, now_);
        const bool possible =
            found != model_.agents.end() && !model_.agents.contains(name) && at <= found->second.turns;
        ASSERT_EQ(made.has_value(), possible);
        if (!made) return;
        const ModelAgent from = found->second;
        ModelAgent& agent = model_.agents[name];
        agent.id = made->id;
        agent.head = made->head;
        agent.turns = agent.turns_ever = at;
        agent.tokens = from.path[at].second;
        agent.last_used = now_;
        const auto turns = value_of(catalog_->turns(made->id));
        ASSERT_EQ(turns.size(), at + 1u);
        for (std::uint32_t i = 0; i <= at; ++i) {
            ASSERT_EQ(turns[i].number, i);
            ASSERT_EQ(turns[i].branch, turns[0].branch);
            agent.path.emplace_back(turns[i].id, from.path[i].second);
            agent.turn_tokens.push_back(from.turn_tokens[i]);
            agent.tokens_ever += from.turn_tokens[i];
        }
    }

    void go_back() {
        const auto found = model_.agents.find(any_name());
        if (found == model_.agents.end()) return;
        ModelAgent& agent = found->second;
        const std::uint32_t to = pick(agent.turns + 2);
        const auto back = catalog_->go_back(found->first, to, now_);
        ASSERT_EQ(back.has_value(), to <= agent.turns);
        if (!back) return;
        agent.path.resize(to + 1);
        agent.turn_tokens.resize(to + 1);
        agent.turns = to;
        agent.head = agent.path.back().first;
        agent.tokens = agent.path.back().second;
        agent.last_used = now_;
    }

    void commit() {
        const auto found = model_.agents.find(any_name());
        if (found == model_.agents.end()) return;
        ModelAgent& agent = found->second;
        NewTurn turn;
        turn.agent = agent.id;
        turn.expected_head = agent.head;
        if (pick(8) == 0) turn.expected_head = TurnId{1000000};
        turn.token_begin = pick(4) == 0 ? pick(static_cast<std::uint32_t>(agent.tokens.size()) + 1)
                                        : static_cast<Position>(agent.tokens.size());
        turn.tokens = tokens_of(static_cast<std::uint32_t>(now_), pick(600));
        turn.user_text = std::string(pick(3000), 'u');
        const auto committed = catalog_->commit_turn(turn, now_);
        ASSERT_EQ(committed.has_value(), turn.expected_head == agent.head);
        if (!committed) return;
        agent.head = committed->id;
        ++agent.turns;
        ++agent.turns_ever;
        agent.tokens.resize(turn.token_begin);
        agent.tokens.insert(agent.tokens.end(), turn.tokens.begin(), turn.tokens.end());
        agent.tokens_ever += turn.tokens.size();
        agent.last_used = now_;
        agent.path.emplace_back(*agent.head, agent.tokens);
        agent.turn_tokens.push_back(static_cast<std::uint32_t>(turn.tokens.size()));
    }

    void add_block() {
        const std::uint32_t n = 1 + pick(kBlocks);
        must(catalog_->add_block(universe_block(n), kFingerprint, now_));
        model_.rows.insert(n);
    }

    void refer() {
        const auto found = model_.agents.find(any_name());
        if (found == model_.agents.end()) return;
        std::set<std::uint32_t> written, referred;
        for (std::uint32_t i = pick(5); i > 0; --i) written.insert(1 + pick(kBlocks));
        for (std::uint32_t i = pick(8); i > 0; --i) referred.insert(1 + pick(kBlocks));
        std::vector<StoredBlock> blocks;
        for (const std::uint32_t n : written) blocks.push_back(universe_block(n));
        std::vector<BlockName> names;
        for (const std::uint32_t n : referred) names.push_back(digest_of(n));
        const auto dropped =
            catalog_->set_references(found->second.id, BranchId{1}, blocks, kFingerprint, names, now_);
        const bool known = std::all_of(referred.begin(), referred.end(), [&](std::uint32_t n) {
            return model_.rows.contains(n) || written.contains(n);
        });
        ASSERT_EQ(dropped.has_value(), known);
        if (known) {
            ASSERT_EQ(name_set(*dropped), names_of_numbers(model_.refer(found->second, written, referred)));
        }
    }

    void erase() {
        const auto found = model_.agents.find(any_name());
        if (found == model_.agents.end()) return;
        const ModelAgent agent = found->second;
        const ErasedBlocks erased = value_of(catalog_->erase_agent(agent.id));
        std::set<std::uint32_t> shared;
        for (const std::uint32_t block : agent.ever)
            if (model_.needed(block, &found->second)) shared.insert(block);
        ASSERT_EQ(name_set(erased.shared), names_of_numbers(shared));
        ASSERT_EQ(name_set(erased.removed), names_of_numbers(model_.erase(found->first)));
        ASSERT_EQ(erased.turns, agent.turns_ever);
        ASSERT_EQ(erased.tokens, agent.tokens_ever);
    }

    Status check_and_reopen() {
        KVASIR_TRY(catalog_->check());
        catalog_.reset();
        KVASIR_TRY_ASSIGN(catalog_, Catalog::open(directory_.file("kvasir.db")));
        return {};
    }

    std::mt19937 random_;
    std::int64_t now_ = 0;
    TemporaryDirectory directory_;
    std::unique_ptr<Catalog> catalog_ = value_of(Catalog::open(directory_.file("kvasir.db")));
    Model model_;
};

TEST(CatalogModelTest, RandomHistoriesGoAsTheModelSays) {
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
        History history(seed);
        for (int step = 0; step < 250; ++step) {
            history.step();
            ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << step;
        }
    }
}

// Control: one token off in the model is seen by the same comparison.
TEST(CatalogModelTest, ControlAModelThatIsWrongIsFoundOut) {
    TemporaryDirectory directory;
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    const AgentRecord record = value_of(catalog->create_agent(new_agent("agent0"), 1));
    const std::vector<Token> tokens = value_of(catalog->tokens(record.id));
    static Catalog* seen;
    static Model model;
    seen = catalog.get();
    model.agents["agent0"] =
        ModelAgent{record.id, record.head, tokens, 0, tokens.size(), 0, 1, {}, {}, {}, {}};
    expect_same(*catalog, model);
    model.agents["agent0"].tokens[2] += 1;
    EXPECT_FATAL_FAILURE(expect_same(*seen, model), "tokens");
}

}  // namespace
}  // namespace kvasir::test
