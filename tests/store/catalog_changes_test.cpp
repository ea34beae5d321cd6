// What is known of agents besides their conversations: names, titles, pins, who made them, when they expire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/catalog.h"
#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CatalogChanges : public ::testing::Test {
  protected:
    void reopen() {
        catalog_.reset();
        catalog_ = value_of(Catalog::open(path_));
    }
    AgentRecord make(const std::string& name, MadeBy made_by = MadeBy::kUser, std::int64_t at = 1,
                     const std::string& parent = "") {
        NewAgent agent = new_agent(name);
        agent.made_by = made_by;
        agent.title = "title of " + name;
        agent.parent = parent;
        return value_of(catalog_->create_agent(agent, at));
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_.file("kvasir.db");
    std::unique_ptr<Catalog> catalog_ = value_of(Catalog::open(path_));
};

TEST_F(CatalogChanges, AreThereAfterReopening) {
    make("anna", MadeBy::kSession);
    AgentChange change;
    change.type = "helper";
    change.pinned = Pinned::kYes;
    const AgentRecord pinned = value_of(catalog_->change_agent("anna", change));
    EXPECT_EQ(pinned.made_by, MadeBy::kSession) << "a pin is no name";
    reopen();
    const AgentRecord found = value_of(catalog_->agent("anna"));
    EXPECT_EQ(found.type, "helper");
    EXPECT_EQ(found.pinned, Pinned::kYes);
    EXPECT_EQ(found.title, "title of anna");
    change = {};
    change.name = "berta";
    change.pinned = Pinned::kNo;
    const AgentRecord renamed = value_of(catalog_->change_agent("anna", change));
    EXPECT_EQ(renamed.id, found.id);
    EXPECT_EQ(renamed.made_by, MadeBy::kUser) << "who gives it a name wants it";
    reopen();
    EXPECT_EQ(catalog_->agent("anna").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(value_of(catalog_->agent("berta")).pinned, Pinned::kNo);
    EXPECT_EQ(value_of(catalog_->tokens(found.id)), new_agent("anna").prefix_tokens);
}

TEST_F(CatalogChanges, ATakenNameChangesNothing) {
    make("anna");
    make("berta");
    AgentChange change;
    change.name = "berta";
    change.title = "other";
    EXPECT_EQ(catalog_->change_agent("anna", change).error().code, ErrorCode::kConflict);
    EXPECT_EQ(value_of(catalog_->agent("anna")).title, "title of anna");
    change.name = "anna";  // its own
    EXPECT_EQ(value_of(catalog_->change_agent("anna", change)).title, "other");
    EXPECT_EQ(catalog_->change_agent("carla", change).error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogChanges, UnusedSessionsAreThoseThatNobodyUsesPinsOrNames) {
    make("user", MadeBy::kUser, 10);
    make("old", MadeBy::kSession, 20);
    make("older", MadeBy::kSession, 10);
    make("young", MadeBy::kSession, 100);
    for (const char* name : {"pinned", "named", "titled"}) make(name, MadeBy::kSession, 10);
    AgentChange change;
    change.pinned = Pinned::kYes;
    value_of(catalog_->change_agent("pinned", change));
    change = {};
    change.name = "mine";
    value_of(catalog_->change_agent("named", change));
    change = {};
    change.title = "Mine";
    value_of(catalog_->change_agent("titled", change));
    EXPECT_THAT(value_of(catalog_->unused_sessions(50)), ElementsAre("older", "old"));
    EXPECT_THAT(value_of(catalog_->unused_sessions(10)), IsEmpty());
    change = {};
    change.pinned = Pinned::kNo;
    value_of(catalog_->change_agent("pinned", change));
    EXPECT_THAT(value_of(catalog_->unused_sessions(11)), ElementsAre("older", "pinned"));
}

TEST_F(CatalogChanges, ATurnBesideTheConversationIsAUse) {
    const AgentRecord agent = make("session", MadeBy::kSession, 10);
    NewTurn aside = next_turn(agent, 1);
    aside.parent = agent.head;
    aside.head_move = HeadMove::kStays;
    value_of(catalog_->commit_turn(aside, 99));
    EXPECT_EQ(value_of(catalog_->agent("session")).last_used_unix_ms, 99);
    EXPECT_EQ(value_of(catalog_->agent("session")).turn_count, 0U);
    EXPECT_THAT(value_of(catalog_->unused_sessions(50)), IsEmpty());
}

TEST_F(CatalogChanges, AParentIsKnownByWhateverNameItHas) {
    make("main", MadeBy::kSession);
    make("child", MadeBy::kSession, 1, "main");
    EXPECT_EQ(make("orphan", MadeBy::kSession, 1, "nobody").parent, "");
    AgentChange change;
    change.name = "boss";
    value_of(catalog_->change_agent("main", change));
    reopen();
    EXPECT_EQ(value_of(catalog_->agent("child")).parent, "boss");
    value_of(catalog_->erase_agent(value_of(catalog_->agent("boss")).id));
    EXPECT_EQ(value_of(catalog_->agent("child")).parent, "");
    must(catalog_->check());
}

TEST_F(CatalogChanges, ATurnThatWasCutOffGivesUpItsKeyAndNoOther) {
    make("anna");
    NewTurn turn = next_turn(value_of(catalog_->agent("anna")), 1);
    turn.idempotency_key = "k";
    turn.finish_reason = kCutOff;
    const TurnRecord cut_off = value_of(catalog_->commit_turn(turn, 2));
    turn = next_turn(value_of(catalog_->agent("anna")), 2);
    turn.idempotency_key = "k";
    const TurnRecord whole = value_of(catalog_->commit_turn(turn, 3));
    const AgentId agent = value_of(catalog_->agent("anna")).id;
    EXPECT_EQ(value_of(catalog_->find_idempotent(agent, "k")), whole.id);
    turn = next_turn(value_of(catalog_->agent("anna")), 3);
    turn.idempotency_key = "k";
    EXPECT_EQ(catalog_->commit_turn(turn, 4).error().code, ErrorCode::kConflict);
    EXPECT_NE(cut_off.id, whole.id);
}

}  // namespace
}  // namespace kvasir::test
