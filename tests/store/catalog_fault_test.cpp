// Every write, sync and truncation of every changing operation fails once, and from then on. Never a crash,
// never a false acknowledgement, and the catalog that is opened afterwards is the one from before or the one
// from after.
#include <functional>

#include <gmock/gmock.h>

#include "base/log.h"
#include "store/catalog_fixture.h"
#include "support/fault_vfs.h"

namespace kvasir::test {
namespace {

const Digest256 kFingerprint = digest_of(500);

using Operation = std::function<Status(Catalog&)>;

struct Case {
    const char* name;
    Operation operation;
};

Status without_value(auto result) {
    if (!result) return fail(result.error());
    return {};
}

std::vector<Case> cases() {
    return {
        {"create_agent",
         [](Catalog& catalog) { return without_value(catalog.create_agent(new_agent("carl", 3000), 50)); }},
        {"commit_turn",
         [](Catalog& catalog) {
             const auto agent = catalog.agent("anna");
             if (!agent) return Status(fail(agent.error()));
             return without_value(catalog.commit_turn(next_turn(*agent, 9, 3000), 51));
         }},
        {"set_references",
         [](Catalog& catalog) {
             const auto agent = catalog.agent("anna");
             if (!agent) return Status(fail(agent.error()));
             const std::vector<StoredBlock> blocks = {append_block(20, {}, 0),
                                                      append_block(21, digest_of(20), 256, 9)};
             const std::vector<BlockName> names = {digest_of(20), digest_of(21)};
             return without_value(
                 catalog.set_references(agent->id, BranchId{1}, blocks, kFingerprint, names, 52));
         }},
        {"fork_agent",
         [](Catalog& catalog) {
             return without_value(catalog.fork_agent({"anna", "fork-of-anna", std::nullopt}, 53));
         }},
        {"go_back", [](Catalog& catalog) { return without_value(catalog.go_back("anna", 0, 54)); }},
        {"erase_agent",
         [](Catalog& catalog) {
             const auto agent = catalog.agent("anna");
             if (!agent) return Status(fail(agent.error()));
             return without_value(catalog.erase_agent(agent->id));
         }},
    };
}

void fill(const std::string& path) {
    auto catalog = value_of(Catalog::open(path));
    for (const char* name : {"anna", "bert"}) {
        const AgentId id = value_of(catalog->create_agent(new_agent(name), 1)).id;
        for (std::uint32_t turn = 1; turn <= 3; ++turn)
            value_of(catalog->commit_turn(next_turn(value_of(catalog->agent(name)), turn, 500), 2));
        const std::vector<StoredBlock> blocks = {append_block(1, {}, 0),
                                                 append_block(2, digest_of(1), 256, 7)};
        const std::vector<BlockName> names = names_of(blocks);
        value_of(catalog->set_references(id, BranchId{1}, blocks, kFingerprint, names, 3));
    }
}

class CatalogFaultTest : public ::testing::Test {
  protected:
    void SetUp() override {
        fill(template_);
        set_log_level(LogLevel::kOff);
    }
    void TearDown() override { set_log_level(LogLevel::kWarning); }

    std::string fresh_copy() {
        const std::string path = directory_.file("copy.db");
        std::filesystem::remove(path + "-wal");
        std::filesystem::copy_file(template_, path, std::filesystem::copy_options::overwrite_existing);
        return path;
    }
    std::string picture_after(const Operation& operation) {
        auto catalog = value_of(Catalog::open(fresh_copy()));
        must(operation(*catalog));
        return picture_of(*catalog);
    }
    // Returns whether a fault was given at all.
    bool run_once(const Case& it, std::uint64_t nth, VfsFault fault, VfsRepeat repeat);

    TemporaryDirectory directory_;
    std::string template_ = directory_.file("template.db");
    std::string before_;
    std::string after_;
    int reported_ = 0;
};

bool CatalogFaultTest::run_once(const Case& it, std::uint64_t nth, VfsFault fault, VfsRepeat repeat) {
    const std::string path = fresh_copy();
    FaultVfs vfs;
    auto catalog = value_of(Catalog::open(path, vfs.name()));
    vfs.fail_nth(nth, fault, repeat);
    const Status result = it.operation(*catalog);
    const bool faulty = vfs.faults_given() > 0;
    vfs.heal();
    if (!result) {
        ++reported_;
        const ErrorCode code = result.error().code;
        EXPECT_TRUE(code == ErrorCode::kIo || code == ErrorCode::kNoSpace) << result.error().message;
    }
    // The disk is well again: the same object works on, without a restart.
    const std::string live = picture_of(*catalog);
    EXPECT_TRUE(live == before_ || live == after_) << live;
    if (result) {
        EXPECT_EQ(live, after_);
    }
    must(catalog->check());
    must(catalog->set_setting("still", "alive"));
    catalog.reset();
    auto reopened = value_of(Catalog::open(path));
    must(reopened->check());
    EXPECT_EQ(picture_of(*reopened), live);
    EXPECT_EQ(value_of(reopened->setting("still")), "alive");
    if (live == after_ && std::string_view(it.name) == "erase_agent") {
        EXPECT_EQ(bytes_of_file(path).find("You are anna."), std::string::npos);
    }
    return faulty;
}

TEST_F(CatalogFaultTest, EveryCallFailingLeavesTheStateBeforeOrAfter) {
    before_ = picture_of(*value_of(Catalog::open(template_)));
    for (const Case& it : cases()) {
        after_ = picture_after(it.operation);
        ASSERT_NE(before_, after_);
        for (const VfsFault fault : {VfsFault::kDiskFull, VfsFault::kIoError}) {
            for (const VfsRepeat repeat : {VfsRepeat::kOnce, VfsRepeat::kForever}) {
                std::uint64_t nth = 1;
                while (run_once(it, nth, fault, repeat)) {
                    ASSERT_FALSE(HasFailure()) << it.name << " call " << nth;
                    ++nth;
                }
                EXPECT_GT(nth, 4u) << it.name;  // frames of the log and a sync at least
            }
        }
    }
    EXPECT_GT(reported_, 40);
}

TEST_F(CatalogFaultTest, ADiskFullIsToldFromAFailingDisk) {
    FaultVfs vfs;
    auto catalog = value_of(Catalog::open(fresh_copy(), vfs.name()));
    vfs.fail_nth(1, VfsFault::kDiskFull, VfsRepeat::kForever);
    const auto full = catalog->create_agent(new_agent("carl"), 1);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(value_of(catalog->agents()).size(), 2u);  // reading goes on
    vfs.fail_nth(1, VfsFault::kIoError, VfsRepeat::kOnce, VfsCalls::kSyncs);
    const auto broken = catalog->create_agent(new_agent("carl"), 1);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, ErrorCode::kIo);
    value_of(catalog->create_agent(new_agent("carl"), 1));
}

// Control: a caller that takes a failed commit for a durable one would be found out by the same comparison.
TEST_F(CatalogFaultTest, ControlAnErrorThatIsIgnoredShows) {
    before_ = picture_of(*value_of(Catalog::open(template_)));
    const Operation operation = cases()[1].operation;
    after_ = picture_after(operation);
    const std::string path = fresh_copy();
    FaultVfs vfs;
    auto catalog = value_of(Catalog::open(path, vfs.name()));
    vfs.fail_nth(1, VfsFault::kDiskFull, VfsRepeat::kOnce);
    EXPECT_FALSE(operation(*catalog));
    EXPECT_NE(picture_of(*catalog), after_);
}

TEST_F(CatalogFaultTest, MakingACatalogMayFailAtEveryCall) {
    bool faulty = true;
    std::uint64_t nth = 0;
    while (faulty) {
        ++nth;
        TemporaryDirectory directory;
        const std::string path = directory.file("new.db");
        FaultVfs vfs;
        vfs.fail_nth(nth, VfsFault::kIoError, VfsRepeat::kOnce);
        {
            const auto catalog = Catalog::open(path, vfs.name());
            faulty = vfs.faults_given() > 0;
            if (!catalog) {
                EXPECT_EQ(catalog.error().code, ErrorCode::kIo);
            }
        }
        vfs.heal();
        auto again = value_of(Catalog::open(path));
        must(again->check());
        value_of(again->create_agent(new_agent("anna"), 1));
    }
    EXPECT_GT(nth, 10u);
}

// Many large commits, so that the log is written back into the database meanwhile, with a fault every now and
// then.
TEST_F(CatalogFaultTest, NoAcknowledgedTurnIsLostAmongManyFaults) {
    const std::string path = fresh_copy();
    FaultVfs vfs;
    auto catalog = value_of(Catalog::open(path, vfs.name()));
    std::vector<std::string> acknowledged;
    int refused = 0;
    for (std::uint32_t i = 1; i <= 300; ++i) {
        const AgentRecord agent = value_of(catalog->agent("bert"));
        NewTurn turn = next_turn(agent, i, 4000);
        if (i % 3 == 0)
            vfs.fail_nth(1 + (i * 7) % 40, i % 2 == 0 ? VfsFault::kIoError : VfsFault::kDiskFull,
                         VfsRepeat::kOnce);
        const bool committed = catalog->commit_turn(turn, i).has_value();
        vfs.heal();
        if (committed)
            acknowledged.push_back(turn.user_text);
        else
            ++refused;
    }
    EXPECT_GT(refused, 5);
    catalog.reset();
    auto reopened = value_of(Catalog::open(path));
    must(reopened->check());
    std::vector<std::string> found;
    for (const TurnRecord& turn : value_of(reopened->turns(value_of(reopened->agent("bert")).id)))
        found.push_back(turn.user_text);
    std::size_t next = 0;  // in order, with no gap; a refused turn may be there too
    for (const std::string& text : found)
        if (next < acknowledged.size() && text == acknowledged[next]) ++next;
    EXPECT_EQ(next, acknowledged.size());
}

}  // namespace
}  // namespace kvasir::test
