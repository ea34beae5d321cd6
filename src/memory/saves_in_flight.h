// The saves that run, in the order in which they began. One agent's are done one after the other: a later one
// counts on what an earlier one wrote. Owned by Places; engine thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/save_run.h"

namespace kvasir {

inline constexpr std::size_t kSpareImagesMax = 4;  // kept between saves

class SavesInFlight {
  public:
    void add(SaveRun& run) { runs_.push_back(&run); }
    void remove(const SaveRun& run) {
        std::erase_if(runs_, [&](const SaveRun* other) { return other == &run; });
    }
    // Of the same agent, begun before. Null: none.
    SaveRun* before(const SaveRun& run) const {
        const auto end = std::find(runs_.begin(), runs_.end(), &run);
        const auto found = std::find_if(
            runs_.begin(), end, [&](const SaveRun* other) { return other->agent().id == run.agent().id; });
        return found == end ? nullptr : *found;
    }
    // The first of that agent's. Null: none.
    SaveRun* first_of(const std::string& name) const {
        const auto found = std::find_if(runs_.begin(), runs_.end(),
                                        [&](const SaveRun* run) { return run->agent().name == name; });
        return found == runs_.end() ? nullptr : *found;
    }
    // How much of `wanted` that agent's saves will have stored.
    Position shared(AgentId agent, std::span<const Token> wanted) const {
        Position most = 0;
        for (const SaveRun* run : runs_) {
            if (run->agent().id == agent) most = std::max(most, common_prefix(run->tokens(), wanted));
        }
        return most;
    }
    // Null: none has that file under way, or there and not referred to.
    const SaveRun* other_with_file(const SaveRun& run, const BlockName& name) const {
        const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const SaveRun* other) {
            return other != &run &&
                   (other->file_under_way(name) != nullptr || other->file_there(name) != nullptr);
        });
        return found == runs_.end() ? nullptr : *found;
    }
    bool empty() const { return runs_.empty(); }
    // Exported and not yet written: they take memory.
    std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const SaveRun* run : runs_) sum += run->bytes_in_flight();
        return sum;
    }

    // For the rows of a block, the most that there is: new memory costs more time to touch first than to
    // fill.
    std::shared_ptr<std::vector<std::byte>> take_memory() {
        if (spare_.empty()) return std::make_shared<std::vector<std::byte>>();
        auto memory = std::move(spare_.back());
        spare_.pop_back();
        return memory;
    }
    // Nobody else may have it.
    void give_memory(std::shared_ptr<std::vector<std::byte>> memory) {
        const auto smaller = [](const auto& a, const auto& b) { return a->capacity() < b->capacity(); };
        const auto place = std::upper_bound(spare_.begin(), spare_.end(), memory, smaller);
        spare_.insert(place, std::move(memory));
        if (spare_.size() > kSpareImagesMax) spare_.erase(spare_.begin());
    }

  private:
    std::vector<SaveRun*> runs_;
    std::vector<std::shared_ptr<std::vector<std::byte>>> spare_;
};

}  // namespace kvasir
