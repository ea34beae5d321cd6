// Room on the disk for one save: reserved before anything is written, after what is worth less has gone, a
// piece a step. Engine thread; the store outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "store/store.h"

namespace kvasir {

class SaveRoom {
  public:
    explicit SaveRoom(Store& store) : store_(store) {}

    // For that agent's save; the former room is given back.
    void want(std::uint64_t bytes, const std::string& agent);
    // True: the room is reserved, as long as this lives. kNoSpace: it can't be made.
    Result<bool> step();

  private:
    Result<bool> collect(const Error& refused);

    Store& store_;
    std::uint64_t bytes_ = 0;
    std::string agent_;
    std::uint32_t attempts_ = 0;
    std::unique_ptr<Collection> collection_;
    DiskReservation reservation_;
};

}  // namespace kvasir
