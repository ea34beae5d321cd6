// A fingerprint changes with any field, and never when nothing changed.
#include "engine/fingerprint.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
const Fields kModel = {{"weights", "abc"}, {"tokenizer", "def"}};
const Fields kKv = {{"kv_type_k", "f16"}, {"rope", "base 10000"}};

TEST(Fingerprint, EveryFieldCounts) {
    std::set<std::string> digests = {Fingerprint::make(kModel, kKv)->digest().hex()};
    for (std::size_t i = 0; i < 2; ++i) {
        Fields model = kModel;
        model[i].second += "x";
        Fields kv = kKv;
        kv[i].second += "x";
        digests.insert(Fingerprint::make(model, kKv)->digest().hex());
        digests.insert(Fingerprint::make(kModel, kv)->digest().hex());
    }
    EXPECT_EQ(digests.size(), 5U);
    EXPECT_TRUE(digests.contains(Fingerprint::make(kModel, kKv)->digest().hex()));
}

TEST(Fingerprint, TheModelIdDependsOnTheModelFieldsOnly) {
    const auto one = Fingerprint::make(kModel, kKv);
    const auto other_kv = Fingerprint::make(kModel, {{"kv_type_k", "q8_0"}});
    const auto other_model = Fingerprint::make({{"weights", "x"}, {"tokenizer", "def"}}, kKv);
    EXPECT_EQ(one->model_id(), other_kv->model_id());
    EXPECT_NE(one->digest(), other_kv->digest());
    EXPECT_NE(one->model_id(), other_model->model_id());
}

TEST(Fingerprint, CharactersThatMoveBetweenFieldsMakeAnotherOne) {
    EXPECT_NE(Fingerprint::make({{"a", "bc"}, {"d", "e"}}, kKv)->digest(),
              Fingerprint::make({{"a", "b"}, {"cd", "e"}}, kKv)->digest());
    EXPECT_NE(Fingerprint::make({{"a", "b"}}, {{"c", "d"}})->digest(),
              Fingerprint::make({{"a", "b"}, {"c", "d"}}, {})->digest());
}

TEST(Fingerprint, AFieldThatIsNotKnownIsRefusedByName) {
    for (const Fields& bad : {Fields{{"rope", ""}}, Fields{{"rope", "a\nb"}}}) {
        const auto made = Fingerprint::make(kModel, bad);
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
        EXPECT_THAT(made.error().message, testing::HasSubstr("rope"));
    }
}

TEST(Fingerprint, DifferencesAreNamed) {
    const std::string stored = Fingerprint::make(kModel, kKv)->text();
    const std::string current = Fingerprint::make(kModel, {{"kv_type_k", "q8_0"}, {"new", "1"}})->text();
    EXPECT_THAT(fingerprint_differences(stored, current),
                testing::UnorderedElementsAre("kv_type_k: f16 -> q8_0", "rope: base 10000 -> (gone)",
                                              "new: (new) -> 1"));
    EXPECT_TRUE(fingerprint_differences(stored, stored).empty());
}

}  // namespace
}  // namespace kvasir::test
