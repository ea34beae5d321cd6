// A client that keeps its conversation itself and sends it whole with every message. Answers are compared
// with what the fake model says from tokens alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "memory/driving.h"
#include "memory/world.h"

namespace kvasir::test {

// What it sends.
inline TurnRequest sent(const std::string& agent, std::vector<ChatMessage> messages) {
    TurnRequest request;
    request.agent = agent;
    request.create_missing = CreateMissing::kYes;
    request.history = History::kSent;
    request.messages = std::move(messages);
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = 12;
    return request;
}

// A client that keeps the conversation itself.
class Client {
  public:
    Client(World& world, std::string agent, const std::string& system_prompt)
        : world_(&world), agent_(std::move(agent)) {
        messages_.push_back(said(Role::kSystem, system_prompt));
        exact_.create("x", system_prompt);
    }
    TurnRequest request(const std::string& text) {
        messages_.push_back(said(Role::kUser, text));
        return sent(agent_, messages_);
    }
    // Sends everything, and expects the exact answer.
    TurnResult say(const std::string& text) {
        auto turn = drive(*world_, request(text));
        if (!turn) {
            ADD_FAILURE() << turn.error().message;
            return {};
        }
        EXPECT_EQ(turn->text, exact_.answer(world_->engine().fake(), "x", text, 12));
        messages_.push_back(said(Role::kAssistant, turn->text));
        return *turn;
    }
    std::vector<ChatMessage>& messages() { return messages_; }
    std::size_t tokens() const { return exact_.tokens("x").size(); }

  private:
    World* world_;
    std::string agent_;
    std::vector<ChatMessage> messages_;
    ExactAgents exact_;
};

}  // namespace kvasir::test
