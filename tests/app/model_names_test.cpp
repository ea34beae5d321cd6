// What `--model` may be: a file, a pulled model, either under names of its own.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "app/config.h"
#include "base/file_system.h"

namespace kvasir::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ModelNames : public testing::Test {
  protected:
    ModelNames() : home_(testing::TempDir() + "kvasir-names-" + std::to_string(::getpid())) {
        config_.home = home_;
        std::filesystem::create_directories(home_ + "/models");
        write(home_ + "/models/pulled.gguf");
        write(home_ + "/a=b.gguf");
    }
    ~ModelNames() override { std::filesystem::remove_all(home_); }
    static void write(const std::string& path) {
        const std::span<const std::byte> nothing;
        ASSERT_TRUE(make_posix_file_system()->write_new_synced(path, std::span(&nothing, 1)));
    }
    Result<std::vector<ModelSpec>> models(std::vector<std::string> given) {
        config_.models = std::move(given);
        return models_of(config_);
    }

    std::string home_;
    Config config_;
};

TEST_F(ModelNames, AreGivenOrMadeOfTheFile) {
    const auto specs = models(
        {"first=/m/one.gguf", "second,small,tiny:1=/m/two.gguf", "/m/Three B.gguf", "pulled", "p2=pulled"});
    ASSERT_TRUE(specs) << specs.error().message;
    ASSERT_EQ(specs->size(), 5U);
    EXPECT_EQ((*specs)[0].name, "first");
    EXPECT_EQ((*specs)[0].path, "/m/one.gguf");
    EXPECT_THAT((*specs)[1].aliases, ElementsAre("small", "tiny:1"));
    EXPECT_EQ((*specs)[2].name, "Three-B");
    EXPECT_EQ((*specs)[2].path, "/m/Three B.gguf");
    EXPECT_EQ((*specs)[3].name, "pulled");
    EXPECT_EQ((*specs)[3].path, home_ + "/models/pulled.gguf");
    EXPECT_EQ((*specs)[4].path, home_ + "/models/pulled.gguf");
    EXPECT_EQ(model_of(config_), "/m/one.gguf");
}

TEST_F(ModelNames, AFileMayHaveAnEqualsSign) {
    const auto specs = models({home_ + "/a=b.gguf", "/x/c=d.gguf"});
    ASSERT_TRUE(specs) << specs.error().message;
    EXPECT_EQ((*specs)[0].path, home_ + "/a=b.gguf");
    EXPECT_EQ((*specs)[1].path, "/x/c=d.gguf");
}

TEST_F(ModelNames, AreEachOnesOwn) {
    for (const std::vector<std::string>& given : {std::vector<std::string>{"a=/x.gguf", "a=/y.gguf"},
                                                  {"a,b=/x.gguf", "b=/y.gguf"},
                                                  {"/d/m.gguf", "/e/m.gguf"}}) {
        const auto specs = models(given);
        ASSERT_FALSE(specs) << given.front();
        EXPECT_THAT(specs.error().message, HasSubstr("two models are called"));
    }
}

TEST_F(ModelNames, WithoutAnyItIsTheDemoModel) {
    const auto specs = models({});
    ASSERT_TRUE(specs);
    ASSERT_EQ(specs->size(), 1U);
    EXPECT_THAT(specs->front().path, HasSubstr("kvasir-demo.gguf"));
    EXPECT_EQ(specs->front().path, model_of(config_));
}

}  // namespace
}  // namespace kvasir::test
