// The book-keeping of append cells against a model of it: every sequence a list of row identities, cells used
// = distinct rows held by anyone.
#include "engine/llama/cell_ledger.h"

#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

TEST(CellLedger, AForkSharesItsCells) {
    CellLedger ledger(100);
    const SequenceId a{0};
    const SequenceId b{1};
    ledger.append(a, 40);
    ledger.share(a, b, 30);
    EXPECT_EQ(ledger.used(), 40U);
    ledger.append(b, 5);
    EXPECT_EQ(ledger.used(), 45U);
    ledger.truncate(a, 0);
    EXPECT_EQ(ledger.used(), 35U);
    EXPECT_EQ(ledger.length(b), 35U);
    ledger.truncate(b, 0);
    EXPECT_EQ(ledger.free(), 100U);
}

TEST(CellLedger, RandomHistoriesAgreeWithASetOfRows) {
    std::mt19937 random(7);
    CellLedger ledger(2000);
    std::map<std::uint32_t, std::vector<std::uint32_t>> rows;  // by sequence: identities
    std::uint32_t next_row = 0;
    for (int step = 0; step < 5000; ++step) {
        const auto who = static_cast<std::uint32_t>(random() % 5);
        const SequenceId sequence{static_cast<std::int32_t>(who)};
        switch (random() % 4) {
            case 0:
            case 1: {
                const auto count = std::min(static_cast<std::uint32_t>(random() % 20), ledger.free());
                ledger.append(sequence, count);
                for (std::uint32_t i = 0; i < count; ++i) rows[who].push_back(next_row++);
                break;
            }
            case 2: {
                const auto length = static_cast<Position>(random() % (rows[who].size() + 1));
                ledger.truncate(sequence, length);
                rows[who].resize(length);
                break;
            }
            default: {
                const auto to = static_cast<std::uint32_t>((who + 1) % 5);
                if (!rows[to].empty()) break;
                const auto length = static_cast<Position>(random() % (rows[who].size() + 1));
                ledger.share(sequence, SequenceId{static_cast<std::int32_t>(to)}, length);
                rows[to].assign(rows[who].begin(), rows[who].begin() + length);
            }
        }
        std::set<std::uint32_t> distinct;
        for (const auto& [id, held] : rows) {
            distinct.insert(held.begin(), held.end());
            ASSERT_EQ(ledger.length(SequenceId{static_cast<std::int32_t>(id)}), held.size());
        }
        ASSERT_EQ(ledger.used(), distinct.size()) << "step " << step;
    }
}

}  // namespace
}  // namespace kvasir::test
