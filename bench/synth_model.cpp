// Writes a model of random weights with the true shape of a 1B model, for measuring: time depends on shapes, not on what
// the weights say. Llama architecture, 16 layers of 2,048, 32 heads, 8 KV heads, feed-forward 8,192, weights Q4_0; the
// tokenizer is the demo model's, filled up to 32,000 tokens with unused ones.
//
//   kvasir_synth_model DEMO.gguf OUT.gguf [LAYERS]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <ggml.h>
#include <gguf.h>

namespace {

constexpr std::int64_t kEmbedding = 2048;
constexpr std::int64_t kFeedForward = 8192;
constexpr std::int64_t kHeads = 32;
constexpr std::int64_t kKvHeads = 8;
constexpr std::int64_t kKvWidth = kEmbedding / kHeads * kKvHeads;
constexpr std::int64_t kVocabulary = 32'000;
constexpr std::int32_t kTokenUnused = 5;

struct GgufDeleter {
    void operator()(gguf_context* context) const { gguf_free(context); }
};
struct GgmlDeleter {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
using GgufPtr = std::unique_ptr<gguf_context, GgufDeleter>;
using GgmlPtr = std::unique_ptr<ggml_context, GgmlDeleter>;

void fill_vocabulary(const gguf_context& demo, gguf_context& model) {
    const std::int64_t tokens_id = gguf_find_key(&demo, "tokenizer.ggml.tokens");
    const std::int64_t types_id = gguf_find_key(&demo, "tokenizer.ggml.token_type");
    const std::size_t known = gguf_get_arr_n(&demo, tokens_id);
    const auto* known_types = static_cast<const std::int32_t*>(gguf_get_arr_data(&demo, types_id));
    std::vector<std::string> names;
    std::vector<std::int32_t> types(known_types, known_types + known);
    for (std::size_t i = 0; i < known; ++i) names.emplace_back(gguf_get_arr_str(&demo, tokens_id, i));
    while (names.size() < static_cast<std::size_t>(kVocabulary)) {
        names.push_back("<unused" + std::to_string(names.size()) + ">");
        types.push_back(kTokenUnused);
    }
    std::vector<const char*> pointers;
    for (const std::string& name : names) pointers.push_back(name.c_str());
    gguf_set_arr_str(&model, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    gguf_set_arr_data(&model, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
}

void describe(gguf_context& model, std::uint32_t layers) {
    gguf_set_val_str(&model, "general.architecture", "llama");
    gguf_set_val_str(&model, "general.name", "random 1B shape");
    gguf_set_val_u32(&model, "llama.block_count", layers);
    gguf_set_val_u32(&model, "llama.context_length", 8192);
    gguf_set_val_u32(&model, "llama.embedding_length", kEmbedding);
    gguf_set_val_u32(&model, "llama.feed_forward_length", kFeedForward);
    gguf_set_val_u32(&model, "llama.attention.head_count", kHeads);
    gguf_set_val_u32(&model, "llama.attention.head_count_kv", kKvHeads);
    gguf_set_val_f32(&model, "llama.attention.layer_norm_rms_epsilon", 1e-5F);
    gguf_set_val_u32(&model, "llama.rope.dimension_count", kEmbedding / kHeads);
    gguf_set_val_f32(&model, "llama.rope.freq_base", 500'000.0F);
}

class Weights {
  public:
    explicit Weights(gguf_context& model) : model_(model) {
        constexpr std::size_t kBytesMax = std::size_t{4} << 30;
        context_.reset(ggml_init({kBytesMax, nullptr, false}));
    }
    // A matrix that keeps the size of what goes through it about the same.
    void add_matrix(const std::string& name, std::int64_t from, std::int64_t to) {
        ggml_tensor* tensor = ggml_new_tensor_2d(context_.get(), GGML_TYPE_Q4_0, from, to);
        std::vector<float> row(static_cast<std::size_t>(from));
        std::normal_distribution<float> normal(0.0F, 1.0F / std::sqrt(static_cast<float>(from)));
        for (float& value : row) value = normal(random_);
        for (std::int64_t i = 0; i < to; ++i) {
            // Rows are one random row turned round: cheap, and no two are the same.
            std::rotate(row.begin(), row.begin() + 1 + static_cast<std::ptrdiff_t>(random_() % 64), row.end());
            if (i % 3 == 1) {
                for (float& value : row) value = -value;
            }
            ggml_quantize_chunk(GGML_TYPE_Q4_0, row.data(), static_cast<char*>(tensor->data) + i * static_cast<std::int64_t>(tensor->nb[1]), 0, 1,
                                from, nullptr);
        }
        add(tensor, name);
    }
    void add_ones(const std::string& name, std::int64_t size) {
        ggml_tensor* tensor = ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, size);
        for (std::int64_t i = 0; i < size; ++i) static_cast<float*>(tensor->data)[i] = 1.0F;
        add(tensor, name);
    }

  private:
    void add(ggml_tensor* tensor, const std::string& name) {
        ggml_set_name(tensor, name.c_str());
        gguf_add_tensor(&model_, tensor);
    }

    gguf_context& model_;
    GgmlPtr context_;
    std::mt19937 random_{1};
};

void add_weights(Weights& weights, std::uint32_t layers) {
    weights.add_matrix("token_embd.weight", kEmbedding, kVocabulary);
    weights.add_ones("output_norm.weight", kEmbedding);
    weights.add_matrix("output.weight", kEmbedding, kVocabulary);
    for (std::uint32_t layer = 0; layer < layers; ++layer) {
        const std::string prefix = "blk." + std::to_string(layer) + ".";
        weights.add_ones(prefix + "attn_norm.weight", kEmbedding);
        weights.add_matrix(prefix + "attn_q.weight", kEmbedding, kEmbedding);
        weights.add_matrix(prefix + "attn_k.weight", kEmbedding, kKvWidth);
        weights.add_matrix(prefix + "attn_v.weight", kEmbedding, kKvWidth);
        weights.add_matrix(prefix + "attn_output.weight", kEmbedding, kEmbedding);
        weights.add_ones(prefix + "ffn_norm.weight", kEmbedding);
        weights.add_matrix(prefix + "ffn_gate.weight", kEmbedding, kFeedForward);
        weights.add_matrix(prefix + "ffn_up.weight", kEmbedding, kFeedForward);
        weights.add_matrix(prefix + "ffn_down.weight", kFeedForward, kEmbedding);
        std::fprintf(stderr, "\rlayer %u of %u", layer + 1, layers);
    }
    std::fprintf(stderr, "\n");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s DEMO.gguf OUT.gguf [LAYERS]\n", argv[0]);
        return 2;
    }
    const auto layers = argc > 3 ? static_cast<std::uint32_t>(std::atoi(argv[3])) : 16U;
    const GgufPtr demo(gguf_init_from_file(argv[1], {true, nullptr}));
    if (!demo) {
        std::fprintf(stderr, "%s cannot be read\n", argv[1]);
        return 1;
    }
    const GgufPtr model(gguf_init_empty());
    gguf_set_kv(model.get(), demo.get());
    describe(*model, layers);
    fill_vocabulary(*demo, *model);
    Weights weights(*model);
    add_weights(weights, layers);
    if (!gguf_write_to_file(model.get(), argv[2], false)) {
        std::fprintf(stderr, "%s cannot be written\n", argv[2]);
        return 1;
    }
    return 0;
}
