// What of a conversation that a client sent was known, and if it broke off, where and why: the memory
// explains itself. Values, and functions that read the catalog (engine thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/conversation.h"

namespace kvasir {

// Where what was sent stops being what is stored: `sent` are all messages, the first `known` of them the
// conversation. Nothing when nothing that was said there went on from it.
Result<std::optional<MatchDifference>> find_difference(Catalog& catalog, const Conversation& conversation,
                                                       std::span<const ChatMessage> sent, std::size_t known);
// The same for a beginning that the agent never had: against the one that is most like it. Nothing when it is
// like none, which is a new conversation and no change of an old one.
Result<std::optional<MatchDifference>> find_opening_difference(Catalog& catalog, AgentId agent,
                                                               TurnId own_root, const Opening& opening);

// The last reports, newest first. Engine thread.
class MatchLog {
  public:
    void add(MatchReport report);
    std::vector<MatchReport> of(const std::string& agent) const;
    std::optional<MatchReport> find(const std::string& request_id) const;

  private:
    static constexpr std::size_t kReportsMax = 512;
    std::deque<MatchReport> reports_;
};

}  // namespace kvasir
