// Owners of llama.cpp's objects, and the one place where its log output goes: nothing of it reaches stderr;
// the last error lines are kept, so that they can stand in our own messages. Only src/engine/llama includes
// this.
#pragma once

#include <memory>
#include <string>

#include <ggml-cpu.h>
#include <gguf.h>
#include <llama.h>

namespace kvasir {

struct LlamaModelDeleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
};
// A context and the threads that compute for it; without any it starts some for every graph.
struct LlamaContextDeleter {
    ggml_threadpool* threads = nullptr;

    void operator()(llama_context* context) const {
        llama_free(context);
        if (threads != nullptr) ggml_threadpool_free(threads);
    }
};
struct GgufDeleter {
    void operator()(gguf_context* context) const { gguf_free(context); }
};

using LlamaModelPtr = std::unique_ptr<llama_model, LlamaModelDeleter>;
using LlamaContextPtr = std::unique_ptr<llama_context, LlamaContextDeleter>;
using GgufPtr = std::unique_ptr<gguf_context, GgufDeleter>;

// Starts llama.cpp's backends once per process and takes over its log. Thread-safe.
void start_llama();

// The error lines that llama.cpp logged since the last call, joined by "; ". Thread-safe; per process, as its
// logger is.
std::string take_llama_errors();

}  // namespace kvasir
