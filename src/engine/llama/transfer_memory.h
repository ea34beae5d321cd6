// Memory through which rows on a device come and go, a batch of parts at a time: of the kind that this device
// reads and writes without another copy (under CUDA: pinned), as soon as it is known which device that is.
// Small enough for the cache that cores share. Owned by KvTransfer; the engine's thread, whose helpers use
// the bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <ggml-backend.h>
#include <ggml.h>

#include "base/limits.h"

namespace kvasir {

inline constexpr std::size_t kTransferBatchParts = 16;
inline constexpr std::size_t kTransferBatchBytes = kTransferBatchParts * kRowPartBytes;

class TransferMemory {
  public:
    // Two batches: one is filled while the other is emptied. Good until the next call.
    struct Batches {
        std::span<std::byte> one;
        std::span<std::byte> other;
    };
    Batches suiting(const ggml_tensor& tensor);

  private:
    using DeviceBuffer = std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)>;

    void make(ggml_backend_buffer_type_t type);

    ggml_backend_buffer_type_t type_ = nullptr;
    std::unique_ptr<std::byte[]> plain_;
    DeviceBuffer pinned_{nullptr, &ggml_backend_buffer_free};
    std::byte* begin_ = nullptr;
};

}  // namespace kvasir
