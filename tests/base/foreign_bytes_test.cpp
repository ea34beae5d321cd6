// Files of users: read at any place, and written so that they are there whole or not at all.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/byte_source.h"
#include "base/new_file.h"

namespace kvasir::test {
namespace {

class ForeignBytes : public testing::Test {
  protected:
    ForeignBytes() {
        path_ = testing::TempDir() + "kvasir-foreign-XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary directory");
    }
    ~ForeignBytes() override {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    static std::string read(ByteSource& source, std::uint64_t offset, std::size_t size) {
        std::string bytes(size, '?');
        const Status status = source.read_at(offset, std::as_writable_bytes(std::span(bytes)));
        return status ? bytes : "error";
    }
    static std::span<const std::byte> bytes_of(const std::string& text) {
        return std::as_bytes(std::span(text));
    }

    std::string path_;
};

TEST_F(ForeignBytes, AreReadWhereTheyLie) {
    std::ofstream(file("a")) << "0123456789";
    const auto source = open_byte_source(file("a"));
    ASSERT_TRUE(source);
    EXPECT_EQ((*source)->size(), 10U);
    EXPECT_EQ(read(**source, 3, 4), "3456");
    EXPECT_EQ(read(**source, 8, 3), "error") << "beyond the end";
    const auto memory = make_byte_source("0123456789");
    EXPECT_EQ(memory->size(), 10U);
    EXPECT_EQ(read(*memory, 3, 4), "3456");
    EXPECT_EQ(read(*memory, 8, 3), "error");
    EXPECT_EQ(read(*memory, UINT64_MAX, 1), "error");
    std::filesystem::resize_file(file("a"), 5);
    EXPECT_EQ(read(**source, 3, 4), "error") << "it became shorter";
}

TEST_F(ForeignBytes, WhatIsNoFileIsRefused) {
    EXPECT_EQ(open_byte_source(file("none")).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(open_byte_source(path_).error().code, ErrorCode::kIo);
    ASSERT_EQ(std::system(("mkfifo " + file("pipe")).c_str()), 0);
    EXPECT_EQ(open_byte_source(file("pipe")).error().code, ErrorCode::kIo) << "and is not waited for";
}

TEST_F(ForeignBytes, ANewFileIsThereWhenItIsFinished) {
    const std::string first = "hello ";
    const std::string rest = "world";
    {
        auto made = NewFile::create(file("new"));
        ASSERT_TRUE(made) << made.error().message;
        ASSERT_TRUE((*made)->append(bytes_of(first)));
        EXPECT_FALSE(std::filesystem::exists(file("new")));
        ASSERT_TRUE((*made)->append(bytes_of(rest)));
        ASSERT_TRUE((*made)->finish());
    }
    const auto source = open_byte_source(file("new"));
    ASSERT_TRUE(source);
    EXPECT_EQ(read(**source, 0, 11), "hello world");
    EXPECT_EQ(std::filesystem::status(file("new")).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_EQ(NewFile::create(file("new")).error().code, ErrorCode::kConflict);
}

TEST_F(ForeignBytes, WhatIsNotFinishedLeavesNothingAndReplacesNothing) {
    const std::string text = "mine";
    {
        auto made = NewFile::create(file("new"));
        ASSERT_TRUE(made);
        ASSERT_TRUE((*made)->append(bytes_of(text)));
    }
    EXPECT_TRUE(std::filesystem::is_empty(path_));
    auto made = NewFile::create(file("new"));
    ASSERT_TRUE(made);
    std::ofstream(file("new")) << "somebody else's";
    EXPECT_EQ((*made)->finish().error().code, ErrorCode::kConflict);
    made->reset();
    const auto source = open_byte_source(file("new"));
    EXPECT_EQ(read(**source, 0, 8), "somebody");
    EXPECT_EQ(NewFile::create(file("none/new")).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace kvasir::test
