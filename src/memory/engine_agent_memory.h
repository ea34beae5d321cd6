// AgentMemory on one engine and one store: what AgentMemory::open() gives. See agent_memory.h for the
// contract.
//
// Nothing here is remembered that the catalog does not know, but what is resident: every call reads the agent
// anew.
//   agent_memory.cpp: opening, creating, listing, removing     turn.cpp: one message     residency of KV:
//   places.h
#pragma once

#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/places.h"
#include "memory/prompt.h"

namespace kvasir {

class EngineAgentMemory final : public AgentMemory {
  public:
    // fingerprint_changes: how the KV of the last run differs from this engine's, "" when it does not.
    EngineAgentMemory(KvContext context, const Clock& clock, const MemoryOptions& options,
                      std::string fingerprint_changes);

    Result<CreateResult> create(const std::string& name, const std::string& type,
                                const std::string& system_prompt) override;
    Result<TurnResult> message(const std::string& name, const std::string& text,
                               const MessageOptions& options) override;
    Result<SaveResult> save(const std::string& name) override;
    Result<SaveResult> save_all() override;
    Result<LoadResult> load(const std::string& name) override;
    Result<SaveResult> evict(const std::string& name) override;
    Result<EraseReceipt> remove(const std::string& name) override;
    Result<std::vector<AgentInfo>> list() override;
    Result<AgentInfo> show(const std::string& name) override;
    Result<std::vector<TurnRecord>> turns(const std::string& name) override;
    MemoryUsage memory_usage() const override;
    std::vector<std::string> resident() const override { return places_.residency().names(); }

  private:
    // Turn by turn: what one call of message() works on.
    struct Turn {
        const Conversation& conversation;
        const Prompt& prompt;
        const std::string& text;
        const MessageOptions& options;
        std::uint32_t answer_tokens_max = 0;
        std::int64_t begin_us = 0;
        TurnResult result;
    };

    Result<Conversation> open_conversation(const std::string& name);
    Result<AgentInfo> describe(const AgentRecord& record);
    std::uint64_t memory_bytes(const ResidentAgent& agent) const;
    Result<CreateResult> fill_new_agent(const AgentRecord& record, const std::vector<Token>& prefix);
    Result<LoadResult> bring_back(ResidentAgent& agent, const Conversation& conversation);
    SaveResult stored_durability(const AgentRecord& record);

    Result<std::uint32_t> answer_room(const Conversation& conversation, const Prompt& prompt,
                                      const MessageOptions& options) const;
    Status speak(ResidentAgent& agent, Turn& turn);
    Result<std::size_t> read_prompt(ResidentAgent& agent, Turn& turn);
    Status commit(const Turn& turn, const std::vector<Token>& answer);
    std::string not_reused_reason(const Turn& turn, const Reuse& reuse) const;
    std::string restore_warning(const std::string& reason, const Reuse& reuse, Position evaluated) const;
    double ms_since(std::int64_t begin_us) const {
        return static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    }

    KvContext context_;
    const Clock& clock_;
    std::string fingerprint_changes_;
    Places places_;
};

// "a; b" of what is not empty.
void add_warning(std::string& warning, const std::string& more);

}  // namespace kvasir
