// KV that something else made is never used: each field of a real engine's fingerprint changed alone, and
// what a user really changes: a KV type, a byte of the model's file. The tokens are read again, and the
// reason is told.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "oracle/stack.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/other_fingerprint_engine.h"

namespace kvasir::test {
namespace {

constexpr const char* kAgent = "norn";

MessageOptions short_answer() {
    MessageOptions options;
    options.answer_tokens_max = 4;
    return options;
}

// A store in which the agent has one turn, made by `options`' engine.
class Remembered {
  public:
    explicit Remembered(const std::string& model) {
        options_.model_path = model;
        auto stack = Stack::open(options_, home_.path());
        if (!stack) throw std::runtime_error(stack.error().message);
        const Fingerprint& fingerprint = (*stack)->engine().fingerprint();
        model_fields_ = fingerprint.model_fields().size();
        fields_ = model_fields_ + fingerprint.kv_fields().size();
        if (const auto made = (*stack)->memory().create(kAgent, "tester", "You remember."); !made)
            throw std::runtime_error(made.error().message);
        if (const auto said = say(**stack); !said) throw std::runtime_error(said.error().message);
    }

    static Result<TurnResult> say(Stack& stack) {
        return stack.memory().message(kAgent, "Who owns the mill?", short_answer());
    }
    Result<TurnResult> say_with(const StackOptions& options) {
        KVASIR_TRY_ASSIGN(const auto stack, Stack::open(options, home_.path()));
        return say(*stack);
    }

    const StackOptions& options() const { return options_; }
    std::size_t model_fields() const { return model_fields_; }
    std::size_t fields() const { return fields_; }

  private:
    ScratchDirectory home_;
    StackOptions options_;
    std::size_t model_fields_ = 0;
    std::size_t fields_ = 0;
};

void expect_read_again(const Result<TurnResult>& said, const std::string& what) {
    ASSERT_TRUE(said) << what << ": " << said.error().message;
    EXPECT_EQ(said->metrics.reused_tokens, 0U) << what;
    EXPECT_EQ(said->metrics.evaluated_tokens, said->metrics.prompt_tokens) << what;
    EXPECT_EQ(said->metrics.not_reused_reason, "fingerprint_changed") << what;
}

void expect_refused(const Result<TurnResult>& said, const std::string& what) {
    ASSERT_FALSE(said) << what;
    EXPECT_EQ(said.error().code, ErrorCode::kModelUnusable) << what;
}

class Identity : public testing::TestWithParam<const char*> {
  protected:
    static std::string model() { return std::string(KVASIR_TEST_MODELS_DIR "/") + GetParam() + ".gguf"; }
};

TEST_P(Identity, EachFieldChangedAloneIsSeen) {
    const Remembered original(model());
    for (std::size_t field = 0; field < original.fields(); ++field) {
        Remembered store(model());
        StackOptions options = store.options();
        options.decorate = [field](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
            return std::make_unique<OtherFingerprintEngine>(std::move(engine), field);
        };
        const std::string what = "field " + std::to_string(field);
        if (field < store.model_fields())
            expect_refused(store.say_with(options), what);
        else
            expect_read_again(store.say_with(options), what);
    }
    std::cout << "[ figure   ] identity, " << GetParam() << ": " << original.fields() << " of "
              << original.fields() << " fields of the fingerprint, changed alone, seen\n";
}

TEST_P(Identity, ControlNothingChangedIsUsed) {
    Remembered store(model());
    const auto said = store.say_with(store.options());
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_GT(said->metrics.reused_tokens, 0U);
    EXPECT_EQ(said->metrics.not_reused_reason, "");
}

INSTANTIATE_TEST_SUITE_P(Families, Identity, testing::Values("gemma3-dense", "qwen35-dense", "deepseek2-moe"),
                         [](const auto& tested) {
                             std::string name = tested.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(RealChanges, AKvTypeAloneMeansReadAgain) {
    for (const bool keys : {true, false}) {
        Remembered store(KVASIR_DEMO_MODEL);
        StackOptions options = store.options();
        options.kv_type = keys ? "q8_0" : "f16";
        options.kv_type_v = keys ? "f16" : "q8_0";
        expect_read_again(store.say_with(options), keys ? "keys" : "values");
    }
}

TEST(RealChanges, AByteOfTheModelsFileMeansAnotherModel) {
    Remembered store(KVASIR_DEMO_MODEL);
    const ScratchDirectory home;
    std::filesystem::create_directories(home.path());
    const std::string changed = home.path() + "/changed.gguf";
    std::filesystem::copy_file(KVASIR_DEMO_MODEL, changed);
    {
        std::fstream file(changed, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(-64, std::ios::end);
        const int byte = file.get();
        file.seekp(-64, std::ios::end);
        file.put(static_cast<char>(byte ^ 1));
        ASSERT_TRUE(file.good());
    }
    StackOptions options = store.options();
    options.model_path = changed;
    expect_refused(store.say_with(options), "a byte of the weights");
}

}  // namespace
}  // namespace kvasir::test
