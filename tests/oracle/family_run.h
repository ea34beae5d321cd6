// One model of a family with one pair of KV types, and what can be done with its agents: every answer is
// compared with a replay of the same evaluations that was never interrupted (replay.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oracle/replay.h"
#include "oracle/stack.h"
#include "oracle/witness_engine.h"

#include "memory/turn_run.h"

namespace kvasir::test {

struct FamilyModel {
    std::string name;  // of the file, without ".gguf"
    std::string what;  // what the family is, for the table
    std::string kv_type_k = "f16";
    std::string kv_type_v = "f16";
};

struct Outcome {
    Position reused = 0;
    Position evaluated = 0;
    bool exact = false;
    std::string reason;  // why not all was reused; why it could not be compared
    ReuseSource source = ReuseSource::kNone;
};

// A conversation that its client sends whole.
struct SentConversation {
    std::vector<ChatMessage> messages;
    Line line;
};

class FamilyRun {
  public:
    static Result<std::unique_ptr<FamilyRun>> open(const FamilyModel& model, Sabotage sabotage);

    Status create(const std::string& agent, const std::string& system_prompt);
    Result<Outcome> send(SentConversation& conversation, const std::string& text);
    // To an agent whose conversation is held by us; `line` is that of its head.
    Result<Outcome> say(const std::string& agent, Line& line, const std::string& text);
    Status restart();
    AgentMemory& memory() { return stack_->memory(); }
    const KvLayout& layout() { return stack_->engine().kv_layout(); }

  private:
    explicit FamilyRun(StackOptions options) : options_(std::move(options)) {}
    Result<Outcome> drive(TurnRequest request, Line& line, std::string* answer);
    // The chunks that made the reused rows: those of this line, or of another that begins with the same
    // tokens.
    Result<Line> made_rows(const std::string& agent, const Line& line, Position reused);
    Status compare(const Line& line, std::size_t first, Outcome& outcome);
    TurnRequest request(const std::string& agent) const;

    StackOptions options_;
    ScratchDirectory home_;
    Line chunks_;              // of the turn that runs
    std::vector<Line> lines_;  // of all turns so far
    std::vector<std::uint64_t> witness_;
    std::unique_ptr<Stack> stack_;
    std::unique_ptr<Engine> never_stopped_;
};

}  // namespace kvasir::test
