// Tensors without a model, in the memory of this process or on a device that is none: it has tensors of its
// own, which only ggml's functions reach, but no memory that suits it. Of one test.
#pragma once

#include <memory>

#include <ggml-alloc.h>
#include <ggml-backend-impl.h>  // internal header of the pinned engine
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>

namespace kvasir::test {

enum class Where { kMemory, kDevice };

class TestTensors {
  public:
    ggml_tensor* add(std::size_t bytes) {
        return ggml_new_tensor_1d(context_.get(), GGML_TYPE_I8, static_cast<std::int64_t>(bytes));
    }
    // All that were added; they hold zeros then.
    void allocate(Where where) {
        buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), type_of(where)));
        clear();
    }
    void clear() { ggml_backend_buffer_clear(buffer_.get(), 0); }

  private:
    static constexpr std::size_t kTensorsMax = 64;

    static ggml_backend_buffer_type_t type_of(Where where) {
        static ggml_backend_buffer_type device = [] {
            ggml_backend_buffer_type type = *ggml_backend_cpu_buffer_type();
            type.iface.is_host = nullptr;
            return type;
        }();
        return where == Where::kDevice ? &device : ggml_backend_cpu_buffer_type();
    }

    std::unique_ptr<ggml_context, decltype(&ggml_free)> context_{
        ggml_init({kTensorsMax * ggml_tensor_overhead(), nullptr, true}), &ggml_free};
    std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)> buffer_{
        nullptr, &ggml_backend_buffer_free};
};

}  // namespace kvasir::test
