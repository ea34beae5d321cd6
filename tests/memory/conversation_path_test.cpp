// Conversations as they come out of a catalog that is damaged.
#include <gtest/gtest.h>

#include "memory/conversation.h"

namespace kvasir::test {
namespace {

TEST(ConversationPath, WithoutTurnsIsDamageAndNotAConversation) {
    AgentRecord agent;
    agent.name = "ada";
    const auto conversation = conversation_at(agent, {});
    ASSERT_FALSE(conversation);
    EXPECT_EQ(conversation.error().code, ErrorCode::kStoreUnusable);
    EXPECT_NE(conversation.error().message.find("'ada'"), std::string::npos);
}

TEST(ConversationPath, OfOneTurnEndsThere) {
    TurnRecord root;
    root.id = TurnId{7};
    root.tokens = {1, 2, 3};
    const auto conversation = conversation_at(AgentRecord{}, {root});
    ASSERT_TRUE(conversation);
    EXPECT_EQ(conversation->parent(), TurnId{7});
    EXPECT_EQ(conversation->prefix_end(), 3U);
}

}  // namespace
}  // namespace kvasir::test
