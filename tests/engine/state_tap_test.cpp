// Rows that are copied out of tensors: they come out in the order of positions whatever cells they stand in,
// wherever the tensors are; and what does not fit is an error.
#include "engine/llama/state_tap.h"

#include <cstring>
#include <numeric>
#include <random>
#include <stdexcept>

#include <ggml-backend.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include "base/workers.h"
#include "engine/llama/row_copies.h"
#include "engine/test_tensors.h"
#include "support/rows_of_part.h"

namespace kvasir::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Position kRows = 251;
constexpr Position kPositionsMax = 1024;
constexpr TokenRange kRange{256, 256 + kRows};
constexpr std::size_t kCells = 4 * kRows;

struct CellRun {
    std::size_t first_cell = 0;
    std::vector<Position> positions;
};

// Keys and values differ in size; one layer has keys alone. More than several threads are started for.
StateGeometry uneven() {
    StateGeometry geometry(5, StateLayer{GGML_TYPE_F16, 3000, GGML_TYPE_F16, 1400});
    geometry.push_back({GGML_TYPE_Q8_0, 34, GGML_TYPE_Q8_0, 0});
    return geometry;
}

// A block that was evaluated at once.
std::vector<CellRun> in_one_run() {
    CellRun run{17, std::vector<Position>(kRows)};
    std::iota(run.positions.begin(), run.positions.end(), kRange.begin);
    return {run};
}

// Runs of one to nine cells, gaps between them, positions in any order within and across them.
std::vector<CellRun> scattered() {
    std::vector<Position> positions = in_one_run().front().positions;
    std::shuffle(positions.begin() + 60, positions.end(), std::mt19937(7));
    std::vector<CellRun> runs;
    std::size_t cell = 3;
    for (std::size_t at = 0, length = 1; at < positions.size(); length = length % 9 + 1) {
        const auto end =
            positions.begin() + static_cast<std::ptrdiff_t>(std::min(at + length, positions.size()));
        runs.push_back({cell, {positions.begin() + static_cast<std::ptrdiff_t>(at), end}});
        cell += runs.back().positions.size() + 1;
        at += length;
    }
    return runs;
}

class Tapping : public testing::TestWithParam<Where> {
  protected:
    void start(std::vector<CellRun> runs) {
        runs_ = std::move(runs);
        for (const StateLayer& layer : geometry_) {
            keys_.push_back(tensors_.add(kCells * layer.key_row_bytes));
            values_.push_back(layer.value_row_bytes == 0 ? nullptr
                                                         : tensors_.add(kCells * layer.value_row_bytes));
        }
        tensors_.allocate(GetParam());
        std::uint8_t seed = 1;
        for (const auto* plane : {&keys_, &values_}) {
            for (ggml_tensor* tensor : *plane) {
                if (tensor != nullptr) fill(tensor, seed++);
            }
        }
        places_.resize(row_image_bytes(geometry_, kRows));
    }
    static void fill(ggml_tensor* tensor, std::uint8_t seed) {
        Bytes bytes(ggml_nbytes(tensor));
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(i * seed * 131 >> 7U ^ i);
        ggml_backend_tensor_set(tensor, bytes.data(), 0, bytes.size());
    }

    template <class T>
    static void number(llama_io_write_i& io, T value) {
        io.write(&value, sizeof(value));
    }
    // As llama.cpp writes the state of a sequence.
    void write_state(llama_io_write_i& io) const {
        number(io, kStateMagic);
        number(io, std::int32_t{0});
        number(io, std::uint32_t{1});
        number(io, std::uint32_t{kRows});
        for (const CellRun& run : runs_) {
            for (const Position position : run.positions) {
                number(io, static_cast<std::int32_t>(position));
                number(io, std::uint32_t{1});
                number(io, std::int32_t{0});
            }
        }
        number(io, std::uint32_t{0});
        number(io, static_cast<std::uint32_t>(geometry_.size()));
        for (std::size_t i = 0; i < geometry_.size(); ++i)
            write_rows(io, keys_[i], geometry_[i].key_type, geometry_[i].key_row_bytes);
        for (std::size_t i = 0; i < geometry_.size(); ++i) {
            if (values_[i] != nullptr)
                write_rows(io, values_[i], geometry_[i].value_type, geometry_[i].value_row_bytes);
        }
    }
    void write_rows(llama_io_write_i& io, ggml_tensor* tensor, std::int32_t type,
                    std::uint64_t row_bytes) const {
        number(io, type);
        number(io, row_bytes);
        for (const CellRun& run : runs_)
            io.write_tensor(tensor, run.first_cell * row_bytes, run.positions.size() * row_bytes);
    }

    Status copy(TokenRange range, Bytes& rows) {
        StateTap tap(places_);
        write_state(tap);
        KVASIR_TRY_ASSIGN(const ParsedState state, parse_state(tap.finish(), {&geometry_}, kPositionsMax));
        return copy_rows(state.append, tap, geometry_, range, transfer_, rows);
    }
    // By the plain way: one image, row by row.
    Bytes expected() {
        StateTap tap(places_);
        write_state(tap);
        for (const TensorRead& read : tap.reads())
            ggml_backend_tensor_get(read.tensor, read.place.data(), read.offset, read.place.size());
        Bytes rows;
        const auto state = parse_state(tap.finish(), {&geometry_}, kPositionsMax);
        EXPECT_TRUE(state);
        EXPECT_TRUE(rows_of_part(state->append, geometry_, kRange, rows));
        std::fill(places_.begin(), places_.end(), std::byte{0});
        return rows;
    }

    const StateGeometry geometry_ = uneven();
    std::vector<CellRun> runs_;
    TestTensors tensors_;
    std::vector<ggml_tensor*> keys_;
    std::vector<ggml_tensor*> values_;
    Bytes places_;
    TransferMemory transfer_;
};

TEST_P(Tapping, RowsComeOutInTheOrderOfPositions) {
    start(in_one_run());
    ASSERT_GE(places_.size(), 2 * kWorkPartBytes);
    Bytes rows;
    ASSERT_TRUE(copy(kRange, rows));
    EXPECT_EQ(rows, expected());
}

TEST_P(Tapping, ScatteredCellsMakeNoDifference) {
    start(scattered());
    Bytes rows;
    ASSERT_TRUE(copy(kRange, rows));
    EXPECT_EQ(rows, expected());
}

TEST_P(Tapping, RowsOfOtherPositionsAreRefused) {
    start(in_one_run());
    Bytes rows;
    for (const TokenRange other :
         {TokenRange{kRange.begin + 1, kRange.end + 1}, TokenRange{kRange.begin, kRange.end - 1}}) {
        const Status copied = copy(other, rows);
        ASSERT_FALSE(copied);
        EXPECT_EQ(copied.error().code, ErrorCode::kDamaged);
    }
}

TEST_P(Tapping, MoreRowsThanPlacesAreRefused) {
    start(in_one_run());
    places_.pop_back();
    StateTap tap(places_);
    EXPECT_THROW(write_state(tap), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Tensors, Tapping, testing::Values(Where::kMemory, Where::kDevice),
                         [](const auto& tested) {
                             return std::string(tested.param == Where::kMemory ? "memory" : "device");
                         });

}  // namespace
}  // namespace kvasir::test
