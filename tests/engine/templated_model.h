// A copy of a model file with another chat template. Owned by the test that includes it; one thread.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <ggml.h>
#include <gguf.h>

namespace kvasir::test {

// chat_template "": none.
inline void copy_with_template(const std::string& model, const std::string& chat_template,
                               const std::string& copy) {
    using GgufPtr = std::unique_ptr<gguf_context, void (*)(gguf_context*)>;
    ggml_context* loaded = nullptr;
    const GgufPtr source(gguf_init_from_file(model.c_str(), {false, &loaded}), gguf_free);
    const std::unique_ptr<ggml_context, void (*)(ggml_context*)> tensors(loaded, ggml_free);
    if (!source) throw std::runtime_error("cannot read " + model);
    const GgufPtr target(gguf_init_empty(), gguf_free);
    gguf_set_kv(target.get(), source.get());
    gguf_remove_key(target.get(), "tokenizer.chat_template");
    if (!chat_template.empty())
        gguf_set_val_str(target.get(), "tokenizer.chat_template", chat_template.c_str());
    for (std::int64_t i = 0; i < gguf_get_n_tensors(source.get()); ++i)
        gguf_add_tensor(target.get(), ggml_get_tensor(loaded, gguf_get_tensor_name(source.get(), i)));
    if (!gguf_write_to_file(target.get(), copy.c_str(), false))
        throw std::runtime_error("cannot write " + copy);
}

}  // namespace kvasir::test
