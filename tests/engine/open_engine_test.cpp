// From a path to an engine: what cannot be used is refused in one sentence that says what to do, before
// anything is allocated; what can be used describes itself.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/live_engine.h"
#include "engine/llama/memory_check.h"
#include "engine/llama/model_file.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class OpenEngine : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = fs::path(testing::TempDir()) / ("kvasir-open-" + std::to_string(::getpid()));
        fs::remove_all(directory_);
        fs::create_directories(directory_);
    }
    void TearDown() override { fs::remove_all(directory_); }

    std::string path(const std::string& name) const { return directory_ / name; }
    std::string write(const std::string& name, const std::string& content) const {
        std::ofstream(path(name), std::ios::binary) << content;
        return path(name);
    }
    static std::string read(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static Error refused(const LlamaOptions& options) {
        auto engine = open_llama_engine(options);
        EXPECT_FALSE(engine);
        return engine ? Error{} : engine.error();
    }
    static Error refused(const std::string& model) { return refused(exact_options(model)); }

    fs::path directory_;
};

TEST_F(OpenEngine, FilesThatAreNoModelAreNamed) {
    EXPECT_THAT(refused(path("absent.gguf")).message,
                AllOf(HasSubstr("absent.gguf"), HasSubstr("is not there")));
    EXPECT_THAT(refused(directory_.string()).message, HasSubstr("no regular file"));
    EXPECT_THAT(refused(write("notes.txt", "Buy milk.\n")).message, HasSubstr("is no GGUF file"));
    EXPECT_THAT(refused(write("empty.gguf", "")).message, HasSubstr("is no GGUF file"));
    EXPECT_EQ(refused(path("absent.gguf")).code, ErrorCode::kModelUnusable);
}

TEST_F(OpenEngine, ATruncatedModelIsRefusedWhereverItEnds) {
    const std::string whole = read(kPlainModel);
    for (const std::size_t bytes :
         {std::size_t{8}, std::size_t{100}, std::size_t{5000}, whole.size() / 2, whole.size() - 64}) {
        const Error error = refused(write("cut.gguf", whole.substr(0, bytes)));
        EXPECT_EQ(error.code, ErrorCode::kModelUnusable) << bytes;
        EXPECT_THAT(error.message, HasSubstr("truncated")) << bytes;
    }
    EXPECT_TRUE(open_llama_engine(exact_options(write("whole.gguf", whole)))) << "the control";
}

TEST_F(OpenEngine, FamiliesThatDoNotAnswerTokenByTokenAreRefused) {
    const Error error = refused(KVASIR_TEST_MODELS_DIR "/dream-dense.gguf");
    EXPECT_EQ(error.code, ErrorCode::kModelUnusable);
    EXPECT_THAT(error.message, HasSubstr("dream models do not generate token by token"));
}

TEST_F(OpenEngine, OptionsThatCannotBeAreRefused) {
    LlamaOptions options = exact_options(kPlainModel);
    options.kv_type_k = "q7_9";
    EXPECT_EQ(refused(options).code, ErrorCode::kInvalidArgument);
    options = exact_options(kPlainModel);
    options.sequences = 0;
    EXPECT_EQ(refused(options).code, ErrorCode::kInvalidArgument);
    options.sequences = kAgentsResidentMax + 1;
    EXPECT_EQ(refused(options).code, ErrorCode::kInvalidArgument);
    options = exact_options(kPlainModel);
    options.kv_cells = 512;
    EXPECT_THAT(refused(options).message, HasSubstr("--kv-cells"));
}

TEST_F(OpenEngine, WhatDoesNotFitIsToldBeforeItIsAllocated) {
    LlamaOptions options = exact_options(kPlainModel);
    options.kv_cells = 1U << 20;
    options.memory_available_bytes = 1000 * 1000 * 1000;
    const Error error = refused(options);
    EXPECT_EQ(error.code, ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.message, AllOf(HasSubstr("needs"), HasSubstr("1.00 GB are available"),
                                     HasSubstr("KV cells"), HasSubstr("--ctx-size"), HasSubstr("-ctk q8_0")));
}

TEST_F(OpenEngine, APoolFarTooLargeIsRefusedByArithmeticAlone) {
    LlamaOptions options = exact_options(kPlainModel);
    options.kv_cells = 4'000'000'000U;  // the engine's notes about so many cells would be 640 GB
    options.memory_available_bytes = 100'000'000'000;
    const auto peak_kilobytes = [] {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    };
    const long before = peak_kilobytes();
    EXPECT_EQ(refused(options).code, ErrorCode::kOutOfMemory);
    EXPECT_LT(peak_kilobytes(), before + 200'000);
}

TEST_F(OpenEngine, APoolThatNobodyAskedForShrinksToWhatFits) {
    LlamaOptions options = exact_options(kPlainModel);
    options.context_tokens = 8192;
    options.sequences = 16;
    options.memory_available_bytes = 200 * 1000 * 1000;
    const auto engine = open_or_throw(options);
    EXPECT_GE(engine->cells().append_total, 8192U);
    EXPECT_LT(engine->cells().append_total, 16U * 8192U);
    const EngineMemory memory = engine->memory();
    EXPECT_LE(memory.weights_bytes + memory.kv_pool_bytes + memory.compute_bytes,
              options.memory_available_bytes);
    options.memory_available_bytes = 70 * 1000 * 1000;
    EXPECT_EQ(refused(options).code, ErrorCode::kOutOfMemory);
}

TEST_F(OpenEngine, ThePredictionIsWhatIsTaken) {
    for (const std::string& model : {kPlainModel, kWindowModel, kDemoModel}) {
        const auto engine = open_or_throw(exact_options(model));
        const EngineMemory memory = engine->memory();
        EXPECT_GT(memory.weights_bytes, 0U);
        EXPECT_GT(memory.compute_bytes, 0U);
        const CellUsage cells = engine->cells();
        EXPECT_EQ(cells.append_total, 3 * 1024U);
        EXPECT_EQ(memory.kv_pool_bytes,
                  std::uint64_t{cells.append_total} * engine->kv_layout().row_bytes(Plane::kAppend) +
                      std::uint64_t{cells.window_total} * engine->kv_layout().row_bytes(Plane::kWindow));
        LlamaOptions just_enough = exact_options(model);
        just_enough.kv_cells = cells.append_total;
        const std::uint64_t total =
            MemoryNeed{memory.weights_bytes, memory.kv_pool_bytes, memory.compute_bytes,
                       least_memory(cells.append_total, 0).bookkeeping_bytes}
                .total();
        // The dry run lays weights out in a buffer of its own, the real load maps the file: a few percent.
        const std::uint64_t slack = (memory.weights_bytes + memory.kv_pool_bytes + memory.compute_bytes) / 20;
        just_enough.memory_available_bytes = total + slack;
        EXPECT_TRUE(open_llama_engine(just_enough)) << model;
        just_enough.memory_available_bytes = total - slack;
        EXPECT_EQ(refused(just_enough).code, ErrorCode::kOutOfMemory) << model;
    }
}

TEST_F(OpenEngine, TheHashOfTheWeightsIsRememberedUntilTheFileChanges) {
    const std::string model = write("model.gguf", read(kPlainModel));
    const std::string cache = path("hashes");
    const auto hash = [&] { return hash_weights(*inspect_model_file(model), cache)->hex(); };
    const std::string first = hash();
    const std::string remembered = read(cache);
    EXPECT_FALSE(remembered.empty());
    // A wrong memory is believed: so it is really used.
    const std::size_t space = remembered.find(' ');
    write("hashes", remembered.substr(0, space + 1) + std::string(64, 'a') + "\n");
    EXPECT_NE(hash(), first);
    // One byte of the file changes and nothing else: it is read again.
    std::string content = read(model);
    content.back() = static_cast<char>(content.back() ^ 1);
    write("model.gguf", content);
    const std::string changed = hash();
    EXPECT_NE(changed, first);
    content.back() = static_cast<char>(content.back() ^ 1);
    write("model.gguf", content);
    EXPECT_EQ(hash(), first);
    write("hashes", "\xff\xfe nonsense \n\n zz");
    EXPECT_EQ(hash(), first) << "a damaged memory is no memory";
    EXPECT_EQ(hash_weights(*inspect_model_file(model), path("no/such/directory/hashes"))->hex(), first);
}

TEST_F(OpenEngine, AnEngineDescribesItsModel) {
    const auto plain = open_or_throw(exact_options(kPlainModel));
    EXPECT_EQ(plain->model().architecture, "llama");
    EXPECT_EQ(plain->model().context_tokens, 1024U);
    EXPECT_EQ(plain->kv_layout().window_tokens, 0U);
    EXPECT_TRUE(plain->kv_layout().window.empty());
    const auto window = open_or_throw(exact_options(kWindowModel));
    EXPECT_EQ(window->kv_layout().window_tokens, 31U) << "a token sees itself and 31 before it";
    const KvLayout& layout = window->kv_layout();
    ASSERT_FALSE(layout.append.empty());
    ASSERT_FALSE(layout.window.empty());
    for (const KvLayer& slides : layout.window) {
        for (const KvLayer& full : layout.append) EXPECT_NE(slides.index, full.index);
    }
    EXPECT_FALSE(open_or_throw(exact_options(kDemoModel))->model().template_missing);
    EXPECT_TRUE(plain->model().template_missing);
}

TEST_F(OpenEngine, TheFingerprintFollowsWhatARowMeans) {
    const auto fingerprint = [](const LlamaOptions& options) {
        return open_or_throw(options)->fingerprint();
    };
    LlamaOptions options = exact_options(kPlainModel);
    const Fingerprint reference = fingerprint(options);
    options.threads = 2;
    options.batch_tokens = 64;
    options.sequences = 1;
    EXPECT_EQ(fingerprint(options).digest(), reference.digest()) << "these change no meaning";
    options.kv_type_k = "q8_0";
    const Fingerprint quantised = fingerprint(options);
    EXPECT_NE(quantised.digest(), reference.digest());
    EXPECT_EQ(quantised.model_id(), reference.model_id());
    ASSERT_EQ(::setenv("LLAMA_ATTN_ROT_DISABLE", "1", 1), 0);
    const Fingerprint unrotated = fingerprint(options);
    ASSERT_EQ(::unsetenv("LLAMA_ATTN_ROT_DISABLE"), 0);
    EXPECT_THAT(fingerprint_differences(quantised.text(), unrotated.text()),
                testing::ElementsAre("kv_rotation: k on v off -> k off v off"));
    EXPECT_NE(fingerprint(exact_options(kWindowModel)).model_id(), reference.model_id());
}

TEST_F(OpenEngine, NothingIsPrinted) {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    {
        const auto engine = open_or_throw(exact_options(kPlainModel));
        const SequenceId sequence = open_sequence(*engine);
        EXPECT_TRUE(feed(*engine, sequence, random_tokens(*engine, 1, 30)));
        auto sampler = engine->make_sampler({});
        EXPECT_TRUE(sampler);
        EXPECT_TRUE(engine->render_chat({{{Role::kUser, "Hello"}}, GenerationPrompt::kYes, 0}));
        EXPECT_FALSE(open_llama_engine(exact_options(path("absent"))));
        EXPECT_FALSE(open_llama_engine(exact_options(KVASIR_TEST_MODELS_DIR "/dream-dense.gguf")));
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST_F(OpenEngine, ProgressGoesFromNothingToAll) {
    std::vector<float> shares;
    LlamaOptions options = exact_options(kPlainModel);
    options.on_progress = [&](float share) { shares.push_back(share); };
    ASSERT_TRUE(open_llama_engine(options));
    ASSERT_FALSE(shares.empty());
    EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
    EXPECT_FLOAT_EQ(shares.back(), 1.0F);
}

}  // namespace
}  // namespace kvasir::test
