#include "engine/synth_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <ggml.h>
#include <gguf.h>

#include "base/file_system.h"
#include "base/part_file.h"

namespace kvasir {

namespace {

constexpr std::int32_t kTokenUnused = 5;
constexpr std::int64_t kRandomRows =
    509;  // made once for a width, then repeated: a prime, so that tensors differ
constexpr std::size_t kTensorsMax = 4096;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

struct GgufDeleter {
    void operator()(gguf_context* context) const { gguf_free(context); }
};
struct GgmlDeleter {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
using GgufPtr = std::unique_ptr<gguf_context, GgufDeleter>;
using GgmlPtr = std::unique_ptr<ggml_context, GgmlDeleter>;

struct Tokenizer {
    GgufPtr file;
    std::vector<std::string> texts;
    std::vector<std::int32_t> types;
};

// A word with the space before it, as byte-level BPE writes it: text made of such is cut into the same tokens
// again.
bool is_word(const std::string& text) {
    constexpr std::string_view kSpace = "\xC4\xA0";
    if (!std::string_view(text).starts_with(kSpace) || text.size() < kSpace.size() + 2) return false;
    return std::all_of(text.begin() + kSpace.size(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

Result<Tokenizer> read_tokenizer(const std::string& path) {
    Tokenizer read;
    read.file.reset(gguf_init_from_file(path.c_str(), {true, nullptr}));
    if (!read.file) return fail(ErrorCode::kModelUnusable, path + " is no GGUF file: no tokenizer to take");
    const std::int64_t texts = gguf_find_key(read.file.get(), "tokenizer.ggml.tokens");
    const std::int64_t types = gguf_find_key(read.file.get(), "tokenizer.ggml.token_type");
    if (texts < 0 || types < 0) return fail(ErrorCode::kModelUnusable, path + " has no tokenizer to take");
    const std::size_t count = gguf_get_arr_n(read.file.get(), texts);
    const auto* known = static_cast<const std::int32_t*>(gguf_get_arr_data(read.file.get(), types));
    read.types.assign(known, known + gguf_get_arr_n(read.file.get(), types));
    read.types.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        read.texts.emplace_back(gguf_get_arr_str(read.file.get(), texts, i));
    if (std::none_of(read.texts.begin(), read.texts.end(), is_word))
        return fail(ErrorCode::kModelUnusable, path + " has no byte-level tokenizer: take another model's");
    return read;
}

void set_vocabulary(gguf_context& model, Tokenizer& tokenizer, std::size_t size) {
    while (tokenizer.texts.size() < size) {
        tokenizer.texts.push_back(fmt::format("<unused{}>", tokenizer.texts.size()));
        tokenizer.types.push_back(kTokenUnused);
    }
    std::vector<const char*> pointers;
    for (const std::string& text : tokenizer.texts) pointers.push_back(text.c_str());
    gguf_set_arr_str(&model, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    gguf_set_arr_data(&model, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, tokenizer.types.data(),
                      tokenizer.types.size());
}

void copy_text_keys(gguf_context& model, const gguf_context& from) {
    // gguf_set_kv copies all keys: those that describe the other model's body are taken out again.
    gguf_set_kv(&model, &from);
    for (std::int64_t i = gguf_get_n_kv(&model) - 1; i >= 0; --i) {
        const std::string key = gguf_get_key(&model, i);
        if (!key.starts_with("tokenizer.")) gguf_remove_key(&model, key.c_str());
    }
}

void describe(gguf_context& model, const ModelShape& shape) {
    const auto key = [&](const char* name) { return fmt::format("{}.{}", shape.architecture, name); };
    const auto number = [&](const char* name, std::uint32_t value) {
        gguf_set_val_u32(&model, key(name).c_str(), value);
    };
    gguf_set_val_str(&model, "general.architecture", std::string(shape.architecture).c_str());
    gguf_set_val_str(&model, "general.name", fmt::format("random {}", shape.name).c_str());
    number("block_count", shape.layers);
    number("context_length", shape.context_tokens);
    number("embedding_length", shape.width);
    number("feed_forward_length", shape.feed_forward_width);
    number("attention.head_count", shape.heads);
    number("attention.head_count_kv", shape.kv_heads);
    number("attention.key_length", shape.head_width);
    number("attention.value_length", shape.head_width);
    number("rope.dimension_count", shape.head_width);
    gguf_set_val_f32(&model, key("attention.layer_norm_rms_epsilon").c_str(), 1e-6F);
    gguf_set_val_f32(&model, key("rope.freq_base").c_str(), shape.rope_base);
    if (shape.window_tokens == 0) return;
    number("attention.sliding_window", shape.window_tokens);
    number("attention.sliding_window_pattern", shape.window_pattern);
    gguf_set_val_f32(&model, key("rope.freq_base_swa").c_str(), 10'000.0F);
}

// Declares the tensors, then writes the file: what they hold is made while it is written.
class Weights {
  public:
    Weights(gguf_context& model, ggml_type type)
        : model_(model),
          type_(type),
          context_(ggml_init({kTensorsMax * ggml_tensor_overhead(), nullptr, true})) {}

    void matrix(const std::string& name, std::int64_t from, std::int64_t to) {
        add(name, ggml_new_tensor_2d(context_.get(), type_, from, to));
    }
    void ones(const std::string& name, std::int64_t size) {
        add(name, ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, size));
    }
    // Of this matrix only the rows of words are not zero: nothing else is ever the likeliest token.
    void words_only(const std::string& name) { words_only_ = name; }

    Result<SynthReport> write(PartFile& out, const std::vector<std::string>& texts);

  private:
    void add(const std::string& name, ggml_tensor* tensor) {
        ggml_set_name(tensor, name.c_str());
        gguf_add_tensor(&model_, tensor);
        tensors_.push_back(tensor);
    }
    Status write_tensor(PartFile& out, const ggml_tensor& tensor, const std::vector<std::string>& texts);
    const std::vector<char>& random_rows(std::int64_t width, std::size_t row_bytes);

    gguf_context& model_;
    ggml_type type_;
    GgmlPtr context_;
    std::vector<ggml_tensor*> tensors_;
    std::string words_only_;
    std::vector<char> rows_;
    std::int64_t rows_width_ = 0;
    std::mt19937 random_{1};
};

// The size of what goes through them stays about the same.
const std::vector<char>& Weights::random_rows(std::int64_t width, std::size_t row_bytes) {
    if (rows_width_ == width) return rows_;
    std::normal_distribution<float> normal(0.0F, 1.0F / std::sqrt(static_cast<float>(width)));
    std::vector<float> values(static_cast<std::size_t>(width * kRandomRows));
    for (float& value : values) value = normal(random_);
    rows_.resize(row_bytes * static_cast<std::size_t>(kRandomRows));
    ggml_quantize_chunk(type_, values.data(), rows_.data(), 0, kRandomRows, width, nullptr);
    rows_width_ = width;
    return rows_;
}

template <class T>
Status append(PartFile& out, const std::vector<T>& values) {
    return out.append(std::as_bytes(std::span<const T>(values)));
}

Status Weights::write_tensor(PartFile& out, const ggml_tensor& tensor,
                             const std::vector<std::string>& texts) {
    if (tensor.type == GGML_TYPE_F32)
        return append(out, std::vector<float>(static_cast<std::size_t>(tensor.ne[0]), 1.0F));
    const std::size_t row_bytes = ggml_row_size(type_, tensor.ne[0]);
    const std::vector<char>& rows = random_rows(tensor.ne[0], row_bytes);
    const bool sparse = words_only_ == tensor.name;
    const auto first = static_cast<std::size_t>(random_() % kRandomRows);
    const auto count = static_cast<std::size_t>(tensor.ne[1]);
    std::vector<char> piece;
    for (std::size_t i = 0; i < count; ++i) {
        if (sparse && (i >= texts.size() || !is_word(texts[i]))) {
            piece.resize(piece.size() + row_bytes);  // zeros
        } else {
            const auto row =
                rows.begin() + static_cast<std::ptrdiff_t>((first + i) % kRandomRows * row_bytes);
            piece.insert(piece.end(), row, row + static_cast<std::ptrdiff_t>(row_bytes));
        }
        if (piece.size() < kPieceBytes && i + 1 < count) continue;
        KVASIR_TRY(append(out, piece));
        piece.clear();
    }
    return {};
}

Result<SynthReport> Weights::write(PartFile& out, const std::vector<std::string>& texts) {
    std::vector<char> header(gguf_get_meta_size(&model_));
    gguf_get_meta_data(&model_, header.data());
    KVASIR_TRY(append(out, header));
    SynthReport report;
    for (const ggml_tensor* tensor : tensors_) {
        KVASIR_TRY(write_tensor(out, *tensor, texts));
        const std::size_t bytes = ggml_nbytes(tensor);
        KVASIR_TRY(append(out, std::vector<char>(GGML_PAD(bytes, gguf_get_alignment(&model_)) - bytes)));
        report.bytes += bytes;
        report.parameters += static_cast<std::uint64_t>(ggml_nelements(tensor));
    }
    return report;
}

void declare(Weights& weights, const ModelShape& shape) {
    const std::int64_t width = shape.width;
    const std::int64_t attention = std::int64_t{shape.heads} * shape.head_width;
    const std::int64_t kv = std::int64_t{shape.kv_heads} * shape.head_width;
    const bool gemma = shape.architecture == "gemma3";
    weights.matrix("token_embd.weight", width, shape.vocabulary);
    weights.ones("output_norm.weight", width);
    if (shape.has_own_output) weights.matrix("output.weight", width, shape.vocabulary);
    weights.words_only(shape.has_own_output ? "output.weight" : "token_embd.weight");
    for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
        const auto name = [&](const char* part) { return fmt::format("blk.{}.{}.weight", layer, part); };
        weights.ones(name("attn_norm"), width);
        weights.matrix(name("attn_q"), width, attention);
        weights.matrix(name("attn_k"), width, kv);
        weights.matrix(name("attn_v"), width, kv);
        weights.matrix(name("attn_output"), attention, width);
        weights.ones(name("ffn_norm"), width);
        weights.matrix(name("ffn_gate"), width, shape.feed_forward_width);
        weights.matrix(name("ffn_up"), width, shape.feed_forward_width);
        weights.matrix(name("ffn_down"), shape.feed_forward_width, width);
        if (shape.architecture != "llama") {
            weights.ones(name("attn_q_norm"), shape.head_width);
            weights.ones(name("attn_k_norm"), shape.head_width);
        }
        if (!gemma) continue;
        weights.ones(name("post_attention_norm"), width);
        weights.ones(name("post_ffw_norm"), width);
    }
}

Result<ModelShape> find_shape(const SynthOptions& options) {
    std::string names;
    for (const ModelShape& shape : known_shapes()) {
        if (shape.name != options.shape) {
            names += fmt::format("{}{}", names.empty() ? "" : ", ", shape.name);
            continue;
        }
        ModelShape found = shape;
        if (options.layers > 0) found.layers = std::min(options.layers, shape.layers);
        if (options.vocabulary > 0) found.vocabulary = options.vocabulary;
        return found;
    }
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("there is no shape '{}': choose one of {}", options.shape, names));
}

Result<ggml_type> find_type(const std::string& name) {
    constexpr std::array<std::pair<std::string_view, ggml_type>, 3> kTypes = {
        {{"f16", GGML_TYPE_F16}, {"q8_0", GGML_TYPE_Q8_0}, {"q4_0", GGML_TYPE_Q4_0}}};
    for (const auto& [known, type] : kTypes) {
        if (known == name) return type;
    }
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("weights cannot be of type '{}': choose f16, q8_0 or q4_0", name));
}

}  // namespace

Result<SynthReport> write_synth_model(const SynthOptions& options) {
    KVASIR_TRY_ASSIGN(ModelShape shape, find_shape(options));
    KVASIR_TRY_ASSIGN(const ggml_type type, find_type(options.type));
    KVASIR_TRY_ASSIGN(Tokenizer tokenizer, read_tokenizer(options.tokenizer_path));
    if (make_posix_file_system()->file_size(options.output_path))
        return fail(ErrorCode::kConflict, options.output_path + " exists: it is not written over");
    shape.vocabulary = std::max(shape.vocabulary, static_cast<std::uint32_t>(tokenizer.texts.size()));
    const GgufPtr model(gguf_init_empty());
    copy_text_keys(*model, *tokenizer.file);
    describe(*model, shape);
    set_vocabulary(*model, tokenizer, shape.vocabulary);
    Weights weights(*model, type);
    declare(weights, shape);
    KVASIR_TRY_ASSIGN(const auto out, PartFile::open(options.output_path + ".part"));
    KVASIR_TRY(out->start_over());
    Result<SynthReport> report = weights.write(*out, tokenizer.texts);
    if (report) {
        KVASIR_TRY(out->put_in_place(options.output_path));
    } else {
        static_cast<void>(out->remove());
    }
    return report;
}

}  // namespace kvasir
