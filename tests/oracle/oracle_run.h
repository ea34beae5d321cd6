// One conversation of several agents, played on the real engine with or without interruptions.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"
#include "memory/agent_memory.h"
#include "oracle/witness_engine.h"

namespace kvasir::test {

struct OracleModel {
    std::string name;
    std::string path;
    std::string kv_type;
};

inline void PrintTo(const OracleModel& model, std::ostream* out) { *out << model.name << ' ' << model.kv_type; }

enum class StepKind { kCreate, kMessage, kEvict, kLoad, kSaveAll, kRestart };

struct Step {
    StepKind kind = StepKind::kMessage;
    std::string agent;
    std::string text;                     // message or system prompt
    std::uint32_t answer_tokens_max = 8;
};

enum class Interruptions { kIgnored, kPlayed };

struct OracleOptions {
    OracleModel model;
    std::uint32_t agents_resident_max = 3;
    std::uint32_t context_tokens = 2048;
    Interruptions interruptions = Interruptions::kIgnored;
    Sabotage sabotage = Sabotage::kNone;
};

struct OracleOutcome {
    std::vector<std::uint64_t> witness;   // checksum of every logits vector sampled from, in order
    std::vector<std::string> answers;
    std::vector<TurnMetrics> metrics;     // one per message
    std::vector<std::string> warnings;    // of turns and loads; must be empty in an honest run
    std::uint64_t restored_tokens = 0;    // reused from disk over all messages and loads
};

// A conversation of `agents` agents with `messages` messages and random interruptions, drawn from `seed`.
std::vector<Step> random_conversation(std::uint32_t seed, std::uint32_t agents, std::uint32_t messages);

// Plays the steps on a store of its own, which is removed afterwards.
Result<OracleOutcome> play(const std::vector<Step>& steps, const OracleOptions& options);

}  // namespace kvasir::test
