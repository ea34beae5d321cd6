// Several configured models and no server: an agent, or a file, finds the one that it belongs to, and what
// belongs to none is refused with the one to give.
#include <filesystem>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "app/program.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

const std::string kDemo = KVASIR_DEMO_MODEL;
const std::string kTiny = KVASIR_TEST_MODELS_DIR "/llama-dense.gguf";
const std::string kOther = KVASIR_TEST_MODELS_DIR "/qwen3-dense.gguf";

class SeveralModels : public testing::Test {
  protected:
    Outcome run(const std::vector<std::string>& models, std::vector<std::string> command) const {
        std::vector<std::string> arguments;
        for (const std::string& model : models) arguments.insert(arguments.end(), {"-m", model});
        arguments.insert(arguments.end(), {"-c", "512", "-n", "4"});
        arguments.insert(arguments.end(), command.begin(), command.end());
        return home_.run(arguments);
    }
    void create(const std::string& model, const std::string& agent) const {
        const Outcome made = run({model}, {"agents", "create", agent, "--system", "You are somebody."});
        ASSERT_EQ(made.exit_code, 0) << made.err;
    }
    std::string moved(const std::string& model) const {
        const std::string path = home_.path() + "/moved.gguf";
        std::filesystem::copy_file(model, path, std::filesystem::copy_options::overwrite_existing);
        return path;
    }

    Home home_;
};

TEST_F(SeveralModels, AnAgentFindsItsOwn) {
    create(kTiny, "tina");
    create(kDemo, "dora");
    for (const std::string& agent : {std::string("tina"), std::string("dora")}) {
        const Outcome told = run({kDemo, "tiny=" + kTiny}, {"chat", agent, "hello", "--json"});
        EXPECT_EQ(told.exit_code, 0) << agent << told.err;
        const Outcome good = run({kDemo, kTiny}, {"verify", agent});
        EXPECT_EQ(good.exit_code, 0) << agent << good.out << good.err;
    }
    const Outcome rewarmed = run({kDemo, kTiny}, {"rewarm"});
    EXPECT_EQ(rewarmed.exit_code, 0) << rewarmed.err;
    // The control: the first alone is not hers.
    expect_one_sentence(run({kDemo}, {"chat", "tina", "hello"}), 6, "belongs to the model");
}

TEST_F(SeveralModels, AlsoWhereItsFileHasMoved) {
    const std::string first = moved(kTiny);
    create(first, "tina");
    std::filesystem::rename(first, home_.path() + "/elsewhere.gguf");
    const Outcome told = run({kDemo, home_.path() + "/elsewhere.gguf"}, {"chat", "tina", "hello"});
    EXPECT_EQ(told.exit_code, 0) << told.err;
}

TEST_F(SeveralModels, WhoBelongsToNoneIsToldWhichToGive) {
    create(kTiny, "tina");
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"chat", "tina", "hello"}, {"verify", "tina"}, {"export", "tina"}})
        expect_one_sentence(run({kDemo, kOther}, command), 6, "-m " + kTiny);
}

TEST_F(SeveralModels, AFileFindsItsOwn) {
    create(kTiny, "tina");
    const std::string file = home_.path() + "/tina.safetensors";
    ASSERT_EQ(run({kDemo, kTiny}, {"export", "tina", "--out", file}).exit_code, 0);
    const Outcome imported = run({kDemo, kTiny}, {"import", file, "--name", "copy"});
    EXPECT_EQ(imported.exit_code, 0) << imported.err;
    EXPECT_EQ(run({kDemo, kTiny}, {"chat", "copy", "hello"}).exit_code, 0);
    expect_one_sentence(run({kDemo, kOther}, {"import", file, "--name", "third"}), 6, "belongs to the model");
}

}  // namespace
}  // namespace kvasir::test
