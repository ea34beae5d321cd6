// Responses and conversations: durable with their turn, gone with their agent; stores of the format before
// them.
#include <filesystem>

#include <gmock/gmock.h>

#include "store/catalog_fixture.h"
#include "store/sqlite.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

NewTurn answered(const AgentRecord& agent, std::uint32_t seed, NewResponse response) {
    NewTurn turn = next_turn(agent, seed);
    turn.response = std::move(response);
    return turn;
}

std::vector<std::string> ids_of(const std::vector<ConversationItem>& items) {
    std::vector<std::string> ids;
    for (const ConversationItem& item : items) ids.push_back(item.id);
    return ids;
}

TEST(CatalogResponsesTest, AResponseNamesItsTurnAndIsThereAfterReopening) {
    TemporaryDirectory directory;
    TurnId turn{};
    {
        auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
        const AgentRecord agent = value_of(catalog->create_agent(new_agent("anna"), 1));
        turn = value_of(catalog->commit_turn(answered(agent, 1, {"resp_1", "record 1", "", {}}), 2)).id;
    }
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    const auto found = value_of(catalog->response("resp_1"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->turn, turn);
    EXPECT_EQ(found->agent, "anna");
    EXPECT_EQ(found->record, "record 1");
    EXPECT_FALSE(value_of(catalog->response("resp_2")));
    must(catalog->erase_response("resp_1"));
    EXPECT_FALSE(value_of(catalog->response("resp_1")));
    EXPECT_EQ(catalog->erase_response("resp_1").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(value_of(catalog->turns(value_of(catalog->agent("anna")).id)).size(), 2U) << "the turn stays";
    must(catalog->check());
}

TEST(CatalogResponsesTest, ItemsComeWithTheTurnAndStayInOrder) {
    TemporaryDirectory directory;
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    const AgentRecord agent = value_of(catalog->create_agent(new_agent("anna"), 1));
    must(catalog->add_conversation({"conv_1", "anna", "{}", 5}, {{"b", "B"}, {"a", "A"}}));
    EXPECT_EQ(catalog->add_conversation({"conv_1", "anna", "{}", 5}, {}).error().code, ErrorCode::kConflict);
    value_of(catalog->commit_turn(answered(agent, 1, {"", "", "conv_1", {{"z", "Z"}, {"a", "again"}}}), 2));
    EXPECT_EQ(ids_of(value_of(catalog->conversation_items("conv_1"))),
              (std::vector<std::string>{"b", "a", "z"}));
    must(catalog->erase_conversation_item("conv_1", "a"));
    EXPECT_EQ(catalog->erase_conversation_item("conv_1", "a").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(ids_of(value_of(catalog->conversation_items("conv_1"))), (std::vector<std::string>{"b", "z"}));
    must(catalog->set_conversation_record("conv_1", "{\"k\":1}"));
    EXPECT_EQ(value_of(catalog->conversation("conv_1"))->record, "{\"k\":1}");
    must(catalog->erase_conversation("conv_1"));
    EXPECT_FALSE(value_of(catalog->conversation("conv_1")));
    EXPECT_EQ(catalog->add_conversation_items("conv_1", {{"y", "Y"}}).error().code, ErrorCode::kNotFound);
    must(catalog->check());
}

TEST(CatalogResponsesTest, AConversationGoesWithItsAgentsName) {
    TemporaryDirectory directory;
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    value_of(catalog->create_agent(new_agent("anna"), 1));
    must(catalog->add_conversation({"conv_1", "anna", "{}", 5}, {}));
    AgentChange change;
    change.name = "berta";
    value_of(catalog->change_agent("anna", change));
    EXPECT_EQ(value_of(catalog->conversation("conv_1"))->agent, "berta");
}

TEST(CatalogResponsesTest, AConversationThatIsGoneCostsNoTurn) {
    TemporaryDirectory directory;
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    const AgentRecord agent = value_of(catalog->create_agent(new_agent("anna"), 1));
    value_of(catalog->commit_turn(answered(agent, 1, {"resp_1", "r", "conv_gone", {{"z", "Z"}}}), 2));
    EXPECT_TRUE(value_of(catalog->response("resp_1")));
    must(catalog->check());
}

TEST(CatalogResponsesTest, NothingIsLeftOfADeletedAgents) {
    TemporaryDirectory directory;
    auto catalog = value_of(Catalog::open(directory.file("kvasir.db")));
    const AgentRecord anna = value_of(catalog->create_agent(new_agent("anna"), 1));
    const AgentRecord bert = value_of(catalog->create_agent(new_agent("bert"), 1));
    must(catalog->add_conversation({"conv_a", "anna", "secret-metadata-end", 5}, {{"i", "secret-item-end"}}));
    must(catalog->add_conversation({"conv_b", "bert", "{}", 5}, {{"i", "kept-item-end"}}));
    value_of(catalog->commit_turn(answered(anna, 1, {"resp_a", "secret-record-end", "", {}}), 2));
    value_of(catalog->commit_turn(answered(bert, 1, {"resp_b", "kept-record-end", "", {}}), 2));
    EXPECT_GE(files_with(directory.path(), "secret-record-end"), 1) << "the scan sees what is there";
    value_of(catalog->erase_agent(anna.id));
    for (const char* secret : {"secret-metadata-end", "secret-item-end", "secret-record-end"})
        EXPECT_EQ(files_with(directory.path(), secret), 0) << secret;
    for (const char* kept : {"kept-item-end", "kept-record-end"})
        EXPECT_GE(files_with(directory.path(), kept), 1) << kept;
    EXPECT_FALSE(value_of(catalog->response("resp_a")));
    EXPECT_FALSE(value_of(catalog->conversation("conv_a")));
    EXPECT_TRUE(value_of(catalog->conversation("conv_b")));
    must(catalog->check());
}

// The store in format_1.sql was written by the program before responses: agents, turns and a block.
TEST(CatalogMigrationTest, AStoreOfFormat1IsTakenOverWithAllItHas) {
    TemporaryDirectory directory;
    const std::string path = directory.file("kvasir.db");
    {
        auto connection = value_of(SqliteConnection::open(path, {}));
        must(connection->execute(bytes_of_file(KVASIR_STORE_TESTS_DIR "/format_1.sql")));
    }
    auto catalog = value_of(Catalog::open(path));
    const AgentRecord agent = value_of(catalog->agent("veteran"));
    EXPECT_EQ(agent.turn_count, 2U);
    const auto turns = value_of(catalog->turns(agent.id));
    ASSERT_EQ(turns.size(), 3U);
    EXPECT_EQ(turns.back().assistant_text, "answer 2");
    EXPECT_EQ(value_of(catalog->tokens(agent.id)).size(), agent.token_count);
    value_of(catalog->commit_turn(answered(agent, 3, {"resp_1", "record", "", {}}), 9));
    EXPECT_TRUE(value_of(catalog->response("resp_1")));
    must(catalog->check());
    catalog.reset();
    auto again = value_of(Catalog::open(path));
    EXPECT_EQ(value_of(again->agent("veteran")).turn_count, 3U);
}

}  // namespace
}  // namespace kvasir::test
