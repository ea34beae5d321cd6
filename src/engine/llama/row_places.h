// Stands for rows while the form of a state is walked: addresses that each row has, and nothing else. Only
// rows that cannot be looked at in parts are ever there. Owned by KvTransfer; the engine's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/row_source.h"

namespace kvasir {

class RowPlaces {
  public:
    // Good until the next call of anything here.
    std::span<std::byte> of_bytes(std::uint64_t bytes) {
        if (size_ < bytes) {
            bytes_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
            size_ = bytes;
        }
        return {bytes_.get(), bytes};
    }
    // For all parts of that source, each of full length.
    std::span<std::byte> of(const RowSource& source) { return of_bytes(source.parts() * kRowPartBytes); }

  private:
    std::unique_ptr<std::byte[]> bytes_;
    std::uint64_t size_ = 0;
};

}  // namespace kvasir
