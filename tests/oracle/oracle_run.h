// One conversation of several agents, played on the real engine with or without interruptions.
//
// The exact setting, in which equal means equal to the last bit. Attention sums over cells in the order in
// which they lie, so two runs agree only if each agent's cells lie in the order of their positions in both.
// That is so with one thread; batches below 64 rows (larger ones are summed in tiles of 64 cells, whose
// borders depend on the place); a window pool so large that its ring does not wrap; and no holes that later
// tokens would fill: an agent leaves only when all leave.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "oracle/witness_engine.h"

#include "base/result.h"
#include "memory/agent_memory.h"

namespace kvasir::test {

struct OracleModel {
    std::string name;
    std::string path;
    std::string kv_type;
};

inline void PrintTo(const OracleModel& model, std::ostream* out) {
    *out << model.name << ' ' << model.kv_type;
}

enum class StepKind { kCreate, kMessage, kEvict, kLoad, kSaveAll, kRestart };

struct Step {
    StepKind kind = StepKind::kMessage;
    std::string agent;
    std::string text;  // message or system prompt
    std::uint32_t answer_tokens_max = 8;
};

enum class Interruptions { kIgnored, kPlayed };

struct OracleOptions {
    OracleModel model;
    std::uint32_t agents_resident_max = 3;
    std::uint32_t context_tokens = 2048;
    std::uint32_t batch_tokens = 60;
    std::uint32_t sequences = 58;  // for the size of the window pool
    std::uint32_t kv_cells = 16384;
    Interruptions interruptions = Interruptions::kIgnored;
    Sabotage sabotage = Sabotage::kNone;
};

struct OracleOutcome {
    std::vector<std::uint64_t> witness;  // checksum of every logits vector sampled from, in order
    std::vector<std::string> answers;
    std::vector<TurnMetrics> metrics;   // one per message
    std::vector<std::string> warnings;  // of turns and loads; must be empty in an honest run
    std::uint64_t restored_tokens = 0;  // reused from disk over all messages and loads
};

// A conversation of `agents` agents with `messages` messages and random interruptions, drawn from `seed`.
// Evictions of single agents are drawn only when there is but one.
std::vector<Step> random_conversation(std::uint32_t seed, std::uint32_t agents, std::uint32_t messages);

// Plays the steps on a store of its own, which is removed afterwards.
Result<OracleOutcome> play(const std::vector<Step>& steps, const OracleOptions& options);

}  // namespace kvasir::test
