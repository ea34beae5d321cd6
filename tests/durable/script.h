// What a process does to a store, as a list of operations; what the store must hold after any beginning of
// it, known without the store; and the comparison of both. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "durable/node.h"

namespace kvasir::test {

enum class OpKind { kCreate, kSay, kFork, kRemove, kCollect, kReconcile, kRepair };

struct Op {
    OpKind kind = OpKind::kSay;
    std::string agent;
    std::string text;  // of a message, a system prompt, or the name of a fork
};
using Script = std::vector<Op>;

std::string long_text(std::size_t bytes, char letter);

// Creation, turns over several blocks, a fork.
Script talking();
// On a store that talking() left.
Script collecting();
Script erasing();
Script recovering();

// Runs all operations; told of each how it ended. Goes on after failures.
void run_script(Node& node, const Script& script,
                const std::function<void(std::size_t op, bool good)>& ended);

// User messages of each agent.
using Conversations = std::map<std::string, std::vector<std::string>>;
void apply(const Op& op, Conversations& conversations);
Conversations conversations_of(Node& node);

// After a process that did `acknowledged` operations of the script and died in the next: the store must be as
// after those, or as after one more. Returns what is wrong.
std::vector<std::string> compare_after_kill(Node& node, const Conversations& before, const Script& script,
                                            std::size_t acknowledged);
// After one in which operations failed: all that was acknowledged is there, in order, and nothing that was
// never said.
std::vector<std::string> compare_after_faults(Node& node, const Conversations& before, const Script& script,
                                              const std::vector<bool>& good);

}  // namespace kvasir::test
