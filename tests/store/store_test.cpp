// A store directory as a whole: opening, lock, reserve, budget, what a process that died left behind.
#include "store/store.h"

#include <csignal>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "store/catalog_fixture.h"
#include "store/disk_fixture.h"
#include "store/paths.h"
#include "store/sqlite.h"
#include "support/fault_vfs.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMega = 1000 * 1000;

class StoreTest : public ::testing::Test {
  protected:
    void SetUp() override {
        options_.root = directory_.file("home/store");
        options_.disk_reserve_bytes = kMega;
        options_.disk_free_bytes_min = 10 * kMega;
        set_log_level(LogLevel::kOff);
    }
    void TearDown() override { set_log_level(LogLevel::kWarning); }

    Result<std::unique_ptr<Store>> open() { return Store::open(options_, disk_, system_clock()); }

    TemporaryDirectory directory_;
    DiskOfSize disk_;
    StoreOptions options_;
};

TEST_F(StoreTest, MakesItsDirectoryForItsOwnerOnly) {
    const auto store = value_of(open());
    struct stat info {};
    ASSERT_EQ(stat(options_.root.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0700u);
    for (const auto& entry : std::filesystem::directory_iterator(options_.root)) {
        const auto expected = std::filesystem::perms(entry.is_directory() ? 0700 : 0600);
        EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(0777), expected) << entry.path();
    }
    EXPECT_TRUE(std::filesystem::exists(lock_path(options_.root)));
    EXPECT_TRUE(std::filesystem::exists(catalog_path(options_.root)));
    EXPECT_FALSE(std::filesystem::exists(write_probe_path(options_.root)));
    EXPECT_EQ(std::filesystem::file_size(reserve_path(options_.root)), kMega);
    EXPECT_EQ(store->root(), options_.root);
}

TEST_F(StoreTest, ASecondProcessIsRefusedInOneSentenceThatNamesTheFirst) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const auto store = open();
        const char yes = store ? 'y' : 'n';
        if (write(ready[1], &yes, 1) == 1) pause();
        _exit(0);
    }
    char answer = 0;
    ASSERT_EQ(read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, 'y');
    const std::string catalog_before = bytes_of_file(catalog_path(options_.root));
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kStoreInUse);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(child)));
    EXPECT_EQ(second.error().message.find('\n'), std::string::npos);
    EXPECT_EQ(bytes_of_file(catalog_path(options_.root)), catalog_before);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    EXPECT_TRUE(open());  // the lock went with its holder
}

// Root may write everywhere, so a child gives up that right before it tries.
TEST_F(StoreTest, AReadOnlyDirectoryIsNamedWithAdvice) {
    value_of(open());
    chmod(directory_.path().c_str(), 0755);
    chmod(directory_.file("home").c_str(), 0755);
    chmod(lock_path(options_.root).c_str(), 0666);
    chmod(options_.root.c_str(), 0555);
    int out[2];
    ASSERT_EQ(pipe(out), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && seteuid(65534) != 0) _exit(2);
        const auto store = open();
        const std::string said =
            store ? "opened" : to_string(store.error().code) + (": " + store.error().message);
        _exit(write(out[1], said.data(), said.size()) < 0 ? 1 : 0);
    }
    close(out[1]);
    std::string said(4000, '\0');
    const ssize_t size = read(out[0], said.data(), said.size());
    waitpid(child, nullptr, 0);
    close(out[0]);
    chmod(options_.root.c_str(), 0700);
    said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    EXPECT_THAT(said, ::testing::StartsWith("io: the store in " + options_.root + " cannot be written"));
    EXPECT_THAT(said, HasSubstr("make the directory writable, or choose another store with --home"));
}

TEST_F(StoreTest, ANewStoreNeedsSpaceForItsReserve) {
    disk_.free = kMega / 2;
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::kNoSpace);
    EXPECT_THAT(store.error().message, HasSubstr("needs 1.0 MB"));
    EXPECT_THAT(store.error().message, HasSubstr("500.0 KB are free"));
    disk_.free = 100 * kMega;
    EXPECT_TRUE(open());
}

TEST_F(StoreTest, AnOldStoreOpensOnAFullDiskAndAdmitsNothingNew) {
    {
        const auto store = value_of(open());
        value_of(store->catalog().create_agent(new_agent("anna"), 1));
        disk_.free = 0;
        EXPECT_TRUE(store->admit_turn());  // gives up the reserve
    }
    const auto store = value_of(open());
    EXPECT_EQ(value_of(store->catalog().agents()).size(), 1u);
    EXPECT_EQ(store->admit_turn().error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(store->admit_kv(1).error().code, ErrorCode::kNoSpace);
    disk_.free = 100 * kMega;
    EXPECT_TRUE(store->admit_turn());
    EXPECT_EQ(value_of(store->usage()).reserve_bytes, kMega);
}

TEST_F(StoreTest, TheBudgetOfTheFirstStartIsRemembered) {
    disk_.free = 1000 * kMega;
    EXPECT_EQ(value_of(value_of(open())->usage()).budget_bytes, 200 * kMega);
    disk_.free = 50 * kMega;
    EXPECT_EQ(value_of(value_of(open())->usage()).budget_bytes, 200 * kMega);
    options_.disk_budget_bytes = 7 * kMega;
    EXPECT_EQ(value_of(value_of(open())->usage()).budget_bytes, 7 * kMega);
    options_.disk_budget_bytes = 0;
    EXPECT_EQ(value_of(value_of(open())->usage()).budget_bytes, 200 * kMega);
}

TEST_F(StoreTest, TheDefaultBudgetHasALimit) {
    disk_.free = 10'000'000 * kMega;
    EXPECT_EQ(value_of(value_of(open())->usage()).budget_bytes, 50'000 * kMega);
}

TEST_F(StoreTest, UsageAndAdmissionCountTheBlocks) {
    options_.disk_budget_bytes = 80 * kMega;
    const auto store = value_of(open());
    must(store->catalog().add_block(append_block(1, {}, 0), digest_of(5), 1));
    must(store->catalog().add_block(window_block(2, digest_of(1), 0, 256), digest_of(5), 1));
    const DiskUsage usage = value_of(store->usage());
    EXPECT_EQ(usage.kv_bytes, 2003u);
    EXPECT_GE(usage.catalog_bytes, std::filesystem::file_size(catalog_path(options_.root)) +
                                       std::filesystem::file_size(catalog_log_path(options_.root)));
    EXPECT_EQ(usage.free_bytes, disk_.free);
    EXPECT_EQ(usage.reserve_bytes, kMega);
    EXPECT_EQ(usage.quarantined_files, 0u);
    const std::uint64_t log_bytes = 8 * 1024 * 1024;  // what the WAL may come to take
    EXPECT_EQ(usage.counted_bytes, 2003u + log_bytes);
    EXPECT_TRUE(store->admit_kv(80 * kMega - 2003 - log_bytes));
    EXPECT_EQ(store->admit_kv(80 * kMega - 2002 - log_bytes).error().code, ErrorCode::kNoSpace);
}

TEST_F(StoreTest, WhatIsReservedIsUsed) {
    options_.disk_budget_bytes = 80 * kMega;
    const auto store = value_of(open());
    auto first = value_of(store->reserve_kv(50 * kMega));
    EXPECT_EQ(value_of(store->usage()).reserved_bytes, 50 * kMega);
    EXPECT_EQ(store->reserve_kv(50 * kMega).error().code, ErrorCode::kNoSpace);
    EXPECT_TRUE(store->reserve_kv(10 * kMega)) << "given back at once";
    first = {};
    EXPECT_EQ(value_of(store->usage()).reserved_bytes, 0u);
    EXPECT_TRUE(store->reserve_kv(50 * kMega));
}

TEST_F(StoreTest, QuarantineAndFilesThatNoRowKnowsCountAgainstTheBudget) {
    options_.disk_budget_bytes = 80 * kMega;
    const std::uint64_t empty = value_of(value_of(open())->usage()).counted_bytes;
    std::ofstream(options_.root + "/quarantine/x.safetensors") << std::string(3000, 'q');
    std::ofstream(options_.root + "/blocks/ab/left.safetensors") << std::string(500, 'x');
    auto store = value_of(open());
    EXPECT_EQ(value_of(store->usage()).counted_bytes, empty + 3500);
    must(store->remove_unknown_files());
    EXPECT_EQ(value_of(store->usage()).counted_bytes, empty + 3000);
    EXPECT_FALSE(std::filesystem::exists(options_.root + "/blocks/ab/left.safetensors"));
    const auto collection = store->begin_collection({});
    while (!collection->done()) must(collection->step());
    EXPECT_EQ(collection->result().quarantined_removed, 1u);
    EXPECT_EQ(value_of(store->usage()).counted_bytes, empty);
}

TEST_F(StoreTest, ADamagedCatalogIsReportedAndLeftAlone) {
    value_of(open());
    const std::string garbage(50000, 'x');
    std::ofstream(catalog_path(options_.root), std::ios::binary) << garbage;
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::kStoreUnusable);
    EXPECT_THAT(store.error().message, HasSubstr("kvasir doctor"));
    EXPECT_EQ(bytes_of_file(catalog_path(options_.root)), garbage);
}

// The rows of superseded blocks are dropped, then the process dies before it removes the files.
TEST_F(StoreTest, FilesThatAProcessDidNotComeToRemoveGoAtTheNextOpening) {
    std::string part_file;
    std::string kept_file;
    {
        const auto store = value_of(open());
        const AgentId id = value_of(store->catalog().create_agent(new_agent("anna"), 1)).id;
        const std::vector<StoredBlock> blocks = {append_block(1, {}, 0, 10), append_block(2, {}, 0, 20)};
        for (const StoredBlock& block : blocks) {
            const std::string path = store->blocks().path_of(block.kind, block.name);
            std::filesystem::create_directories(std::filesystem::path(path).parent_path());
            std::ofstream(path) << "rows";
        }
        part_file = store->blocks().path_of(blocks[0].kind, blocks[0].name);
        kept_file = store->blocks().path_of(blocks[1].kind, blocks[1].name);
        const std::vector<BlockName> both = names_of(blocks);
        value_of(store->catalog().set_references(id, BranchId{1}, blocks, digest_of(5), both, 1));
        value_of(
            store->catalog().set_references(id, BranchId{1}, {}, digest_of(5), std::span(both).last(1), 1));
        EXPECT_TRUE(std::filesystem::exists(part_file));
    }
    const auto store = value_of(open());
    EXPECT_FALSE(std::filesystem::exists(part_file));
    EXPECT_TRUE(std::filesystem::exists(kept_file));
}

TEST_F(StoreTest, ACatalogThatCannotBeWrittenRefusesTheTurnAndKeepsTheRest) {
    FaultVfs vfs;
    options_.sqlite_vfs = vfs.name();
    auto store = value_of(open());
    const AgentRecord agent = value_of(store->catalog().create_agent(new_agent("anna"), 1));
    vfs.fail_nth(1, VfsFault::kDiskFull, VfsRepeat::kForever);
    EXPECT_EQ(store->catalog().commit_turn(next_turn(agent, 1), 2).error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(value_of(store->catalog().agent("anna")).turn_count, 0u);
    vfs.heal();
    value_of(store->catalog().commit_turn(next_turn(agent, 1), 2));
    store.reset();
}

}  // namespace
}  // namespace kvasir::test
