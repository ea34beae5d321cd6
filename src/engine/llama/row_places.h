// Stands for rows while the form of a state is walked: where rows are moved straight between a block and the
// tensors, it costs addresses, not memory. Rows on a device come and go through its bytes, which are memory
// that the device reaches without another copy, once it is known which device. Owned by KvTransfer; the
// engine's thread, whose helpers use the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <ggml-backend.h>
#include <ggml.h>

#include "engine/row_source.h"

namespace kvasir {

class RowPlaces {
  public:
    // Good until the next call of anything here.
    std::span<std::byte> of_bytes(std::uint64_t bytes);
    // For all parts of that source, each of full length.
    std::span<std::byte> of(const RowSource& source) { return of_bytes(source.parts() * kRowPartBytes); }

    // From the next call on they suit that tensor.
    void suit(const ggml_tensor& tensor);

  private:
    using DeviceBuffer = std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)>;

    void make(std::uint64_t bytes);

    ggml_backend_buffer_type_t type_ = nullptr;  // null: memory of this process
    std::unique_ptr<std::byte[]> plain_;
    DeviceBuffer pinned_{nullptr, &ggml_backend_buffer_free};
    std::byte* begin_ = nullptr;
    std::uint64_t size_ = 0;
};

}  // namespace kvasir
