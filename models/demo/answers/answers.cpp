// Answers questions with a model, greedily, through llama.cpp: the measuring end of models/demo/evaluate.
//
// usage: answers MODEL.gguf KV_TYPE THREADS < cases > answers
//
// A case is one line of JSON, {"prompt": "...", "questions": ["...", ...]}: the text of a conversation and
// several texts to go on with. The conversation is read once; every question starts from it in a sequence of
// its own. One line of JSON comes out for each case: {"tokens": N, "answers": ["...", ...]}.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <llama.h>

namespace {

namespace json = boost::json;

constexpr std::uint32_t kPromptTokensMax = 8192;
constexpr std::uint32_t kQuestionTokensMax =
    512;  // with its answer; a question with a tool's result is the longest
constexpr std::uint32_t kSequencesMax = 16;
constexpr int kAnswerTokensMax = 160;
constexpr std::uint32_t kBatchTokens = 2048;

ggml_type kv_type(const std::string& name) {
    if (name == "f16") return GGML_TYPE_F16;
    if (name == "q8_0") return GGML_TYPE_Q8_0;
    if (name == "q4_0") return GGML_TYPE_Q4_0;
    throw std::runtime_error("no such KV type: " + name);
}

struct ModelFree {
    void operator()(llama_model* model) const { llama_model_free(model); }
};
struct ContextFree {
    void operator()(llama_context* context) const { llama_free(context); }
};

// What one sequence still has to do.
struct Answering {
    llama_seq_id sequence = 0;
    std::size_t question = 0;
    llama_pos position = 0;
    std::int32_t row = 0;  // of the batch, where its next logits are
    int tokens = 0;
    std::string text;
    bool done = false;
};

class Answerer {
  public:
    Answerer(const std::string& path, ggml_type type, int threads) {
        model_.reset(llama_model_load_from_file(path.c_str(), llama_model_default_params()));
        if (!model_) throw std::runtime_error("cannot load " + path);
        llama_context_params params = llama_context_default_params();
        params.n_ctx = kPromptTokensMax + kSequencesMax * kQuestionTokensMax;
        params.n_batch = kBatchTokens;
        params.n_ubatch = kBatchTokens / 4;
        params.n_seq_max = kSequencesMax + 1;
        params.n_threads = params.n_threads_batch = threads;
        params.type_k = params.type_v = type;
        params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;  // a quantised V needs it
        params.kv_unified = true;                                // sequences share the conversation's cells
        params.swa_full = true;
        context_.reset(llama_init_from_model(model_.get(), params));
        if (!context_) throw std::runtime_error("cannot make a context");
        vocab_ = llama_model_get_vocab(model_.get());
        batch_ = llama_batch_init(kBatchTokens, 0, 1);
    }
    ~Answerer() { llama_batch_free(batch_); }
    Answerer(const Answerer&) = delete;
    Answerer& operator=(const Answerer&) = delete;

    json::object answer(const std::string& prompt, const std::vector<std::string>& questions) {
        llama_memory_clear(memory(), true);
        const std::vector<llama_token> tokens = tokens_of(prompt);
        read(tokens);
        std::vector<std::string> answers(questions.size());
        for (std::size_t first = 0; first < questions.size(); first += kSequencesMax) {
            const std::size_t last = std::min(questions.size(), first + kSequencesMax);
            for (const Answering& one : answer_some(tokens.size(), questions, first, last))
                answers[one.question] = one.text;
        }
        return {{"tokens", tokens.size()}, {"answers", json::value_from(answers)}};
    }

  private:
    llama_memory_t memory() { return llama_get_memory(context_.get()); }

    std::vector<llama_token> tokens_of(const std::string& text) const {
        std::vector<llama_token> tokens(text.size() + 8);
        const int count = llama_tokenize(vocab_, text.data(), static_cast<int>(text.size()), tokens.data(),
                                         static_cast<int>(tokens.size()), false, true);
        if (count < 0) throw std::runtime_error("a text cannot be tokenised");
        tokens.resize(static_cast<std::size_t>(count));
        return tokens;
    }

    void add(llama_token token, llama_pos position, llama_seq_id sequence, bool logits) {
        const int row = batch_.n_tokens++;
        batch_.token[row] = token;
        batch_.pos[row] = position;
        batch_.n_seq_id[row] = 1;
        batch_.seq_id[row][0] = sequence;
        batch_.logits[row] = logits;
    }

    void decode() {
        if (llama_decode(context_.get(), batch_) != 0) throw std::runtime_error("decoding failed");
    }

    void read(const std::vector<llama_token>& tokens) {
        if (tokens.size() > kPromptTokensMax)
            throw std::runtime_error("a conversation is longer than the context");
        for (std::size_t first = 0; first < tokens.size(); first += kBatchTokens) {
            batch_.n_tokens = 0;
            const std::size_t last = std::min<std::size_t>(tokens.size(), first + kBatchTokens);
            for (std::size_t i = first; i < last; ++i) add(tokens[i], static_cast<llama_pos>(i), 0, false);
            decode();
        }
    }

    std::vector<Answering> answer_some(std::size_t prompt_tokens, const std::vector<std::string>& questions,
                                       std::size_t first, std::size_t last) {
        std::vector<Answering> all;
        for (std::size_t i = first; i < last; ++i) {
            Answering one;
            one.sequence = static_cast<llama_seq_id>(1 + i - first);
            one.question = i;
            one.position = static_cast<llama_pos>(prompt_tokens);
            llama_memory_seq_cp(memory(), 0, one.sequence, -1, -1);
            begin(one, questions[i]);
            all.push_back(one);
        }
        while (std::any_of(all.begin(), all.end(), [](const Answering& one) { return !one.done; }))
            go_on(all);
        for (const Answering& one : all) llama_memory_seq_rm(memory(), one.sequence, -1, -1);
        return all;
    }

    // Reads the question and takes the answer's first token.
    void begin(Answering& one, const std::string& question) {
        const std::vector<llama_token> tokens = tokens_of(question);
        batch_.n_tokens = 0;
        for (std::size_t i = 0; i < tokens.size(); ++i)
            add(tokens[i], one.position++, one.sequence, i + 1 == tokens.size());
        decode();
        one.row = batch_.n_tokens - 1;
        pending_[one.sequence] = likeliest(one.row);
    }

    llama_token likeliest(int row) const {
        const float* logits = llama_get_logits_ith(context_.get(), row);
        return static_cast<llama_token>(std::max_element(logits, logits + llama_vocab_n_tokens(vocab_)) -
                                        logits);
    }

    // One more token for each that is not done.
    void go_on(std::vector<Answering>& all) {
        batch_.n_tokens = 0;
        for (Answering& one : all) {
            if (one.done) continue;
            const llama_token token = pending_[one.sequence];
            if (llama_vocab_is_eog(vocab_, token) || ++one.tokens > kAnswerTokensMax) {
                one.done = true;
                continue;
            }
            append(one.text, token);
            one.row = batch_.n_tokens;
            add(token, one.position++, one.sequence, true);
        }
        if (batch_.n_tokens == 0) return;
        decode();
        for (const Answering& one : all)
            if (!one.done) pending_[one.sequence] = likeliest(one.row);
    }

    void append(std::string& text, llama_token token) const {
        char piece[256];
        const int size = llama_token_to_piece(vocab_, token, piece, sizeof piece, 0, false);
        if (size > 0) text.append(piece, static_cast<std::size_t>(size));
    }

    std::unique_ptr<llama_model, ModelFree> model_;
    std::unique_ptr<llama_context, ContextFree> context_;
    const llama_vocab* vocab_ = nullptr;
    llama_batch batch_{};
    llama_token pending_[kSequencesMax + 1] = {};
};

void quiet(ggml_log_level level, const char* text, void*) {
    if (level == GGML_LOG_LEVEL_ERROR) std::cerr << text;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: answers MODEL.gguf f16|q8_0|q4_0 THREADS < cases > answers\n";
        return 2;
    }
    try {
        llama_log_set(quiet, nullptr);
        llama_backend_init();
        Answerer answerer(argv[1], kv_type(argv[2]), std::atoi(argv[3]));
        std::string line;
        while (std::getline(std::cin, line)) {
            const json::value given = json::parse(line);
            const auto questions = json::value_to<std::vector<std::string>>(given.at("questions"));
            const auto prompt = json::value_to<std::string>(given.at("prompt"));
            std::cout << json::serialize(answerer.answer(prompt, questions)) << std::endl;
        }
    } catch (const std::exception& error) {
        std::cerr << "answers: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
