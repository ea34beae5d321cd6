// Random operations on agents of a fake engine against an exact model of what they must remember, and a
// shrinker that makes a failing sequence of operations short. Owned by a test; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/world.h"

namespace kvasir::test {

enum class OperationKind {
    kMessage,
    kSend,
    kEdit,
    kFork,
    kRollback,
    kEvict,
    kSave,
    kRestart,
    kRemove,
    kDamage,
    kExport,
    kImport
};

// Numbers are taken modulo what there is, so that any part of a sequence is a sequence.
struct Operation {
    OperationKind kind = OperationKind::kMessage;
    std::uint32_t agent = 0;
    std::uint32_t argument = 0;  // which turn, which file, how many words
};

std::string describe(const Operation& operation);
std::vector<Operation> random_operations(std::uint32_t seed, std::size_t count);

// Turns by where their reused tokens came from.
using TurnCounts = std::map<ReuseSource, std::size_t>;

// Plays them from an empty store on; what went wrong first, or nothing. Counts turns, if asked to.
std::optional<std::string> play_operations(const std::vector<Operation>& operations,
                                           const WorldOptions& options, TurnCounts* counts = nullptr);

// The shortest sequence that this finds of those that still fail.
std::vector<Operation> shrink(std::vector<Operation> operations,
                              const std::function<bool(const std::vector<Operation>&)>& fails);

}  // namespace kvasir::test
