// What is deleted is gone from every byte on disk: text, tokens, system prompt.
#include <random>

#include "store/catalog_fixture.h"
#include "store/catalog_sqlite.h"
#include "store/sqlite.h"

namespace kvasir::test {
namespace {

const Digest256 kFingerprint = digest_of(500);

std::string secret_of(const std::string& name, int turn) {
    return "secret-" + name + "-" + std::to_string(turn) + "-end";
}
std::vector<Token> secret_tokens(std::uint32_t agent, std::uint32_t turn, std::size_t count) {
    return tokens_of(100000 + agent * 1000 + turn, count);
}

void say(Catalog& catalog, const std::string& name, std::uint32_t number, std::uint32_t turn,
         std::size_t filler) {
    const AgentRecord agent = value_of(catalog.agent(name));
    NewTurn next = next_turn(agent, turn);
    next.user_text = secret_of(name, static_cast<int>(turn)) + std::string(filler, 'u');
    next.assistant_text = std::string(filler / 2, 'a') + secret_of(name, static_cast<int>(turn));
    next.tokens = secret_tokens(number, turn, 8 + filler / 4);
    value_of(catalog.commit_turn(next, turn));
    // A block of its own for every turn, which replaces the one before.
    StoredBlock block =
        append_block(number * 1000 + turn, {}, 0, static_cast<Position>(next.tokens.size() % 200 + 8));
    block.tokens = secret_tokens(number, turn, block.range.size());
    const std::vector<BlockName> names = {block.name};
    value_of(catalog.set_references(agent.id, BranchId{1}, std::span(&block, 1), kFingerprint, names, turn));
}

int traces(const std::string& directory, const std::string& name, std::uint32_t number, std::uint32_t turns) {
    int found = files_with(directory, "You are " + name + ".");
    for (std::uint32_t turn = 1; turn <= turns; ++turn) {
        found += files_with(directory, secret_of(name, static_cast<int>(turn)));
        found += files_with(directory, bytes_of_tokens(secret_tokens(number, turn, 8)));
    }
    return found;
}

TEST(CatalogErasureTest, NothingOfADeletedAgentIsFoundInAnyFile) {
    TemporaryDirectory directory;
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    value_of(catalog->create_agent(new_agent("anna"), 1));
    value_of(catalog->create_agent(new_agent("bert"), 1));
    for (std::uint32_t turn = 1; turn <= 5; ++turn) {
        say(*catalog, "anna", 1, turn, turn * 900);
        say(*catalog, "bert", 2, turn, turn * 900);
    }
    EXPECT_GE(traces(directory.path(), "anna", 1, 5), 11);  // the scan sees what is there
    const ErasedBlocks erased = value_of(catalog->erase_agent(value_of(catalog->agent("anna")).id));
    EXPECT_EQ(erased.turns, 5u);
    EXPECT_EQ(erased.removed.size(), 1u);
    EXPECT_EQ(traces(directory.path(), "anna", 1, 5), 0);
    EXPECT_GE(traces(directory.path(), "bert", 2, 5), 11);
    must(catalog->check());
}

// Many agents of all sizes in one file, erased in random order: pages split and merge, and moved rows must
// leave no copies.
TEST(CatalogErasureTest, NothingStaysInPagesThatWereReorganised) {
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        TemporaryDirectory directory;
        auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
        std::mt19937 random(seed);
        std::vector<std::uint32_t> order;
        for (std::uint32_t number = 1; number <= 20; ++number) {
            value_of(catalog->create_agent(new_agent("agent" + std::to_string(number) + "x"), 1));
            order.push_back(number);
        }
        for (std::uint32_t turn = 1; turn <= 6; ++turn)
            for (const std::uint32_t number : order)
                say(*catalog, "agent" + std::to_string(number) + "x", number, turn, random() % 700);
        std::shuffle(order.begin(), order.end(), random);
        order.resize(12);
        for (const std::uint32_t number : order) {
            const std::string name = "agent" + std::to_string(number) + "x";
            value_of(catalog->erase_agent(value_of(catalog->agent(name)).id));
            ASSERT_EQ(traces(directory.path(), name, number, 6), 0) << "seed " << seed << ' ' << name;
        }
        must(catalog->check());
    }
}

// The scan would see it: the same deletion without secure_delete leaves the text in the database, and without
// the checkpoint in the log.
TEST(CatalogErasureTest, ControlWithoutTheTwoMeasuresTheTextIsFound) {
    for (const char* weak :
         {"PRAGMA secure_delete = OFF", "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0"}) {
        TemporaryDirectory directory;
        const std::string path = directory.file("kvasir.db");
        {
            auto catalog = value_of(Catalog::open(path));
            value_of(catalog->create_agent(new_agent("anna"), 1));
            for (std::uint32_t turn = 1; turn <= 5; ++turn) say(*catalog, "anna", 1, turn, turn * 900);
        }
        const bool checkpointed = std::string_view(weak).find("OFF") != std::string_view::npos;
        auto raw = value_of(SqliteConnection::open(path, {}));
        must(raw->execute(weak));
        // As a turn just said would be: written once more, so that the log has it too.
        must(
            raw->execute("UPDATE turns SET created_unix_ms = 5; DELETE FROM blocks; UPDATE agents SET "
                         "head_turn_id = NULL; "
                         "DELETE FROM turns; DELETE FROM agents"));
        if (checkpointed) must(raw->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
        EXPECT_GT(traces(directory.path(), "anna", 1, 5), 0) << weak;
    }
}

}  // namespace
}  // namespace kvasir::test
