// What the last turns found of their prompts, for whoever asks how well an agent's memory works: the newest
// of this process, not durable. Engine thread; shared by the memories of its models.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "memory/agent_memory.h"

namespace kvasir {

class ReuseHistory {
  public:
    static constexpr std::size_t kTurnsMax = 1024;  // of all agents
    static constexpr std::size_t kTurnsOfAgentMax = 16;

    void add(const std::string& agent, TurnReuse turn);
    std::vector<TurnReuse> of(const std::string& agent) const;  // oldest first
    void rename(const std::string& agent, const std::string& name);
    void forget(const std::string& agent);

  private:
    struct Entry {
        std::string agent;
        TurnReuse turn;
    };
    std::deque<Entry> entries_;
};

}  // namespace kvasir
