// A turn driven to its end by one caller, step by step, as the scheduler does it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "memory/turn_run.h"
#include "memory/world.h"

namespace kvasir::test {

inline ChatMessage said(Role role, const std::string& content) { return {role, content, {}, {}, {}, {}}; }

inline Result<TurnResult> drive(World& world, TurnRequest request, TurnSinks sinks = {}) {
    auto run = world.memory().begin_turn(std::move(request), std::move(sinks));
    if (!run) return fail(run.error());
    std::vector<BatchRow> rows;
    (*run)->restore();
    while ((*run)->stage() == TurnStage::kPrefill || (*run)->stage() == TurnStage::kDecode) {
        rows.clear();
        if ((*run)->add_rows(rows, world.engine().model().batch_tokens) == 0) continue;
        if (Status evaluated = world.memory().evaluate(rows); !evaluated)
            (*run)->abandon(evaluated.error());
        else
            (*run)->evaluated(0);
    }
    (*run)->save();
    return (*run)->result();
}

}  // namespace kvasir::test
