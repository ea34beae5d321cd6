// Where the bytes of a tensor of the engine are. Free functions; any thread, while the tensor lives.
#pragma once

#include <ggml-backend.h>
#include <ggml.h>

namespace kvasir {

inline ggml_backend_buffer_t buffer_of(const ggml_tensor& tensor) {
    return tensor.view_src != nullptr ? tensor.view_src->buffer : tensor.buffer;
}

// In the memory of this process: several threads may read or write its parts. Of a device nothing is known
// about that.
inline bool in_memory(const ggml_tensor& tensor) { return ggml_backend_buffer_is_host(buffer_of(tensor)); }

// The kind of memory of this process that the tensor's device reads and writes at its full speed; null: there
// is none such, or the tensor is in memory anyway.
inline ggml_backend_buffer_type_t transfer_type_of(const ggml_tensor& tensor) {
    if (in_memory(tensor)) return nullptr;
    ggml_backend_dev_t device = ggml_backend_buft_get_device(ggml_backend_buffer_get_type(buffer_of(tensor)));
    return device == nullptr ? nullptr : ggml_backend_dev_host_buffer_type(device);
}

}  // namespace kvasir
