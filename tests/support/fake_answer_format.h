// How FakeEngine's answers are read: `<think>...</think>` is reasoning,
// `<tool_call>{"name":"N","arguments":{...}}</tool_call>` (exactly so, no spaces between) is a call, all
// other text is content. Nothing is enforced while sampling. Immutable, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat.h"

namespace kvasir::test {

class FakeAnswerFormat : public AnswerFormat {
  public:
    explicit FakeAnswerFormat(ToolChoice tool_choice) : tool_choice_(tool_choice) {}

    Result<ChatMessage> parse(std::string_view text, AnswerEnd end) const override;
    const std::vector<std::string>& stops() const override { return stops_; }

  private:
    ToolChoice tool_choice_;
    std::vector<std::string> stops_;
};

// kInvalidArgument: a tool that does not exist, a schema that is no JSON.
Result<std::shared_ptr<const AnswerFormat>> plan_fake_answer(const ChatPrompt& prompt,
                                                             const AnswerConstraint& constraint);

}  // namespace kvasir::test
