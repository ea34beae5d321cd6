// At which positions a restore may end on models with windows or states, and which of them stay when there
// are too many. Pure.
//
// Points of a turn: the end of the system prefix, the end of the last message before the generation prompt
// (templates that drop old reasoning diverge right after it), the prompt without its last token, the end of
// the turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kv_layout.h"
#include "memory/prompt.h"

namespace kvasir {

// Where inside a prompt that is evaluated points are taken, in order. state_bytes: of a snapshot, as far as
// known.
std::vector<Position> points_of_prompt(const KvLayout& layout, const Conversation& conversation,
                                       const Prompt& prompt, std::uint64_t state_bytes);

// So many points of one branch are kept.
std::size_t points_max(const KvLayout& layout, std::uint64_t state_bytes);

// Those of `points` (ascending) that stay: the first, the newest ones, and between them so that the gaps grow
// with the distance from the end.
std::vector<Position> thin_out(std::vector<Position> points, std::size_t count_max);

}  // namespace kvasir
